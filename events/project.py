"""Facts about projects."""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent


class ProjectCreated(DomainEvent):
    """`repo` is the path of the git repository that the project's work is about, if any."""

    TOPIC: ClassVar[str] = "project.created"

    project_id: str
    name: str
    description: str = ""
    repo: str | None = None


class ProjectEdited(DomainEvent):
    """Fields that are None did not change."""

    TOPIC: ClassVar[str] = "project.edited"

    project_id: str
    name: str | None = None
    description: str | None = None
    repo: str | None = None


class ProjectArchived(DomainEvent):
    TOPIC: ClassVar[str] = "project.archived"

    project_id: str
