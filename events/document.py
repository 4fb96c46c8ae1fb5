"""Facts about documents: texts with versions, which people write, landings bring, or decisions in the log give."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from events.base import DomainEvent, Value
from events.content import Content

DocumentKind = Literal["readme", "changelog", "adr", "roadmap", "guide", "reference", "runbook", "presentation", "note"]


class DocumentSource(Value):
    """Where a version comes from. `written`: somebody wrote it. `commit`: the file at the document's path, as the
    landing of `task_id` left it in the commit `oid`. `decision`: drawn from the log at `position`, which the run
    `run_id` of `task_id`, or the run `workflow_run_id` of a workflow, led to. `merge`: taken over from
    `document_id`."""

    kind: Literal["written", "commit", "decision", "merge"] = "written"
    task_id: str | None = None
    run_id: str | None = None
    workflow_run_id: str | None = None
    oid: str | None = None
    document_id: str | None = None
    position: int | None = None


class DocumentCreated(DomainEvent):
    """Version 1, a draft. `project_id` None: of the whole workspace. `path`: where it is kept in the project's
    repository. `kind_reason`: empty where a person said the kind, else the rule that inferred it."""

    TOPIC: ClassVar[str] = "document.created"

    document_id: str
    project_id: str | None = None
    kind: DocumentKind
    kind_reason: str = ""
    title: str
    path: str | None = None
    text: Content
    source: DocumentSource = DocumentSource()


class DocumentEdited(DomainEvent):
    """Version `version`: all of it as it is from now on. `note`: what changed, in the words of who changed it."""

    TOPIC: ClassVar[str] = "document.edited"

    document_id: str
    version: int = Field(gt=1)
    kind: DocumentKind
    title: str
    path: str | None = None
    text: Content
    note: str = ""
    source: DocumentSource = DocumentSource()


class DocumentPublished(DomainEvent):
    """This version is the one that holds. A later one is a draft until it is published too."""

    TOPIC: ClassVar[str] = "document.published"

    document_id: str
    version: int = Field(gt=0)


class DocumentArchived(DomainEvent):
    """It is kept, and edited no more."""

    TOPIC: ClassVar[str] = "document.archived"

    document_id: str
    reason: str = ""


class DocumentRestored(DomainEvent):
    """It was archived, and is again what it was before."""

    TOPIC: ClassVar[str] = "document.restored"

    document_id: str


class DocumentMerged(DomainEvent):
    """A person said that it says the same as `into`, which stands for both from now on; this one is archived."""

    TOPIC: ClassVar[str] = "document.merged"

    document_id: str
    into: str
    reason: str = ""


class DocumentRemoved(DomainEvent):
    """It is shown no more. Its versions stay in the log."""

    TOPIC: ClassVar[str] = "document.removed"

    document_id: str
    reason: str = ""
