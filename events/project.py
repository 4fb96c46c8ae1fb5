"""Facts about projects."""

from __future__ import annotations

from typing import Any, ClassVar

from events.base import DomainEvent


class ProjectCreated(DomainEvent):
    """`repo` is the path of the git repository that the project's work is about, if any."""

    TOPIC: ClassVar[str] = "project.created"

    project_id: str
    name: str
    description: str = ""
    repo: str | None = None


class ProjectEdited(DomainEvent):
    """Fields that are None did not change; those named in `cleared` are empty from now on."""

    TOPIC: ClassVar[str] = "project.edited"
    VERSION: ClassVar[int] = 2

    project_id: str
    name: str | None = None
    description: str | None = None
    repo: str | None = None
    cleared: tuple[str, ...] = ()

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 could not empty a field."""
        return data if version == 1 else super().upcast(version, data)


class ProjectArchived(DomainEvent):
    TOPIC: ClassVar[str] = "project.archived"

    project_id: str
