"""Intents about documents, and about having them kept."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from events.content import Content
from events.document import DocumentKind, DocumentSource
from events.documentation import DocumentationRule
from vapora.commands.base import WHOLE, Command, Comment, Edit, Title

MOST_CHARACTERS = 400_000

DocumentText = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]
# Below the repository's root, as git writes it.
DocumentPath = Annotated[
    str,
    StringConstraints(pattern=r"^[^/\\\x00-\x1f\x7f]+(/[^/\\\x00-\x1f\x7f]+)*$", min_length=1, max_length=500),
]
DocumentId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Version = Annotated[int, Field(ge=1), WHOLE]


class CreateDocument(Command):
    """A draft. `kind` None: inferred from path, title and text. `path`: where it is kept in the project's
    repository."""

    title: Title
    text: DocumentText = ""
    kind: DocumentKind | None = None
    project_id: DocumentId | None = None
    path: DocumentPath | None = None


class DraftDocument(Command):
    """With its text as it stands in the event."""

    title: str
    text: Content
    kind: DocumentKind
    kind_reason: str = ""
    project_id: str | None = None
    path: str | None = None
    source: DocumentSource = DocumentSource()


class EditDocument(Edit):
    """Another version of it, made from `version`. What is left out stays; with a `path` of null it is kept in no
    repository any more."""

    NULLABLE: ClassVar[frozenset[str]] = frozenset({"path"})

    version: _Version
    title: Title | None = None
    text: DocumentText | None = None
    kind: DocumentKind | None = None
    path: DocumentPath | None = None
    note: Comment = ""


class ReviseDocument(Command):
    """`cleared`: it has no path any more."""

    version: int
    title: str | None = None
    text: Content | None = None
    kind: DocumentKind | None = None
    path: str | None = None
    cleared: bool = False
    note: str = ""


class FollowFile(Command):
    """The file at the document's path, as the landing of `task_id`, which the log has at `position`, left it in commit
    `oid` of the base branch. `title` and `kind` are for a document that is made of it."""

    project_id: str
    path: str
    title: str
    kind: DocumentKind
    kind_reason: str
    text: Content
    task_id: str
    oid: str
    position: int


class PublishDocument(Command):
    """`version` None: the newest."""

    version: _Version | None = None


class ArchiveDocument(Command):
    reason: Comment = ""


class RestoreDocument(Command):
    pass


class RemoveDocument(Command):
    pass


class MergeDocument(Command):
    """One of `into` and `from` names the other document. `text`: what the remaining one says then, made from its
    version `version`; absent: as it is."""

    model_config = ConfigDict(populate_by_name=True)

    into: DocumentId | None = None
    from_: DocumentId | None = Field(default=None, alias="from")
    text: DocumentText | None = None
    version: _Version | None = None
    reason: Comment = ""


class MergeInto(Command):
    """The document that is named goes into `into`."""

    into: str
    text: Content | None = None
    version: int | None = None
    reason: str = ""


class DrawDocuments(Command):
    """Drafts of what decisions or agents left in the log. `project_id` None: of the whole workspace."""

    of: Literal["decisions", "presentations"] = "decisions"
    project_id: DocumentId | None = None


class Drawn(Command):
    """A draft under the id that is made of what it was drawn from."""

    document_id: str
    draft: DraftDocument


class DraftDrawn(Command):
    """Each of them that was never there."""

    drawn: tuple[Drawn, ...]


class SetDocumentation(Command):
    """`project_id` None: for projects that say nothing. `rule` null: the project says nothing any more."""

    project_id: DocumentId | None = None
    rule: DocumentationRule | None


class RequestDocumentation(Command):
    """For the finished cards `of_tasks` of a project, those that nobody was asked to document yet. `paths`: where its
    documents are kept."""

    of_tasks: tuple[str, ...]
    paths: tuple[str, ...] = ()


DocumentCommand = (
    DraftDocument
    | ReviseDocument
    | FollowFile
    | PublishDocument
    | ArchiveDocument
    | RestoreDocument
    | RemoveDocument
    | MergeInto
    | DraftDrawn
)
DocumentationCommand = SetDocumentation | RequestDocumentation
