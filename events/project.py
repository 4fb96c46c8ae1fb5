"""Facts about projects."""

from __future__ import annotations

from typing import Any, ClassVar

from events.base import DomainEvent
from events.content import Content
from events.ids import MergePolicy
from events.work import Check


class ProjectCreated(DomainEvent):
    """`repo` is the path or URL of the git repository that the project's work is about, if any.

    `setup` and `checks` are commands; None: what the accepted file of the repository says. `copies`: ignored files of
    the source that each worktree gets. `read_only`: further folders that commands may read. `sandbox` None: as the
    installation says. `providers`: who may see the project; empty: all.
    """

    TOPIC: ClassVar[str] = "project.created"
    VERSION: ClassVar[int] = 2

    project_id: str
    name: str
    description: str = ""
    repo: str | None = None
    base_branch: str | None = None
    setup: tuple[str, ...] | None = None
    checks: tuple[Check, ...] | None = None
    copies: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    merge_policy: MergePolicy = MergePolicy.MANUAL
    sandbox: str | None = None
    providers: tuple[str, ...] = ()

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew only the path, and nothing was done there."""
        return data if version == 1 else super().upcast(version, data)


class ProjectEdited(DomainEvent):
    """Fields that are None did not change; those named in `cleared` are empty from now on."""

    TOPIC: ClassVar[str] = "project.edited"
    VERSION: ClassVar[int] = 3

    project_id: str
    name: str | None = None
    description: str | None = None
    repo: str | None = None
    base_branch: str | None = None
    setup: tuple[str, ...] | None = None
    checks: tuple[Check, ...] | None = None
    copies: tuple[str, ...] | None = None
    read_only: tuple[str, ...] | None = None
    merge_policy: MergePolicy | None = None
    sandbox: str | None = None
    providers: tuple[str, ...] | None = None
    cleared: tuple[str, ...] = ()

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 could not empty a field, version 2 not set up work in the repository."""
        return data if version in (1, 2) else super().upcast(version, data)


class ProjectFileAccepted(DomainEvent):
    """A person read `.vapora/project.toml` of the repository, and agreed that its commands run. `text` is all of it."""

    TOPIC: ClassVar[str] = "project.file-accepted"

    project_id: str
    sha256: str
    text: Content


class ProjectPaused(DomainEvent):
    """Nothing of it starts, and no new model call goes out."""

    TOPIC: ClassVar[str] = "project.paused"

    project_id: str
    reason: str = ""


class ProjectResumed(DomainEvent):
    TOPIC: ClassVar[str] = "project.resumed"

    project_id: str


class ProjectArchived(DomainEvent):
    TOPIC: ClassVar[str] = "project.archived"

    project_id: str
