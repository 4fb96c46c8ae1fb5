"""Rules about documents: versions, and what may be done to them.

An edit names the version that it was made from, so that nobody writes over what they have not seen. A document that is
kept at a path of a repository follows the file there: each landing that changes it is a version of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from events.base import DomainEvent
from events.content import Content
from events.document import (
    DocumentArchived,
    DocumentCreated,
    DocumentEdited,
    DocumentKind,
    DocumentMerged,
    DocumentPublished,
    DocumentRemoved,
    DocumentRestored,
    DocumentSource,
)
from vapora.commands.documents import (
    ArchiveDocument,
    DocumentCommand,
    DraftDocument,
    DraftDrawn,
    Drawn,
    FollowFile,
    MergeInto,
    PublishDocument,
    RemoveDocument,
    RestoreDocument,
    ReviseDocument,
)
from vapora.errors import BadInputError, ConflictError, DocumentOutdatedError, NotFoundError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1

DocumentState = Literal["draft", "published", "archived"]
Events = tuple[DomainEvent, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """As its newest version says. `published`: the version that holds, if any. `file`: the digest of what was last
    taken over from the repository, and `followed` the position of that landing."""

    id: str
    project_id: str | None
    kind: DocumentKind
    title: str
    path: str | None
    text: Content
    version: int = 1
    published: int | None = None
    archived: bool = False
    merged_into: str | None = None
    removed: bool = False
    file: str | None = None
    followed: int = 0

    @property
    def state(self) -> DocumentState:
        if self.archived:
            return "archived"
        return "draft" if self.published is None else "published"


def decide(state: Document | None, command: DocumentCommand, document_id: str) -> Events:
    """What `command` leads to; nothing where it is so already. Raises `NotFoundError`, `ConflictError`,
    `DocumentOutdatedError`, `BadInputError`."""
    match command:
        case DraftDocument():
            if state is not None:
                raise ConflictError(f"There is a document '{document_id}' already.", remedy="Edit it.")
            return (_created(document_id, command),)
        case FollowFile():
            return follow(state, command, document_id)
        case ReviseDocument():
            return _edit(require_open(state, document_id), command)
        case PublishDocument():
            return _publish(require_open(state, document_id), command.version)
        case ArchiveDocument():
            document = require(state, document_id)
            return () if document.archived else (DocumentArchived(document_id=document.id, reason=command.reason),)
        case RestoreDocument():
            document = require(state, document_id)
            return (DocumentRestored(document_id=document.id),) if document.archived else ()
        case RemoveDocument():
            return (DocumentRemoved(document_id=require(state, document_id).id),)
        case MergeInto() | DraftDrawn():
            raise BadInputError(f"{type(command).__name__} is decided on several documents.")


def follow(state: Document | None, command: FollowFile, document_id: str) -> Events:
    """What has landed holds: it is published at once. A person's version that is in no repository stays in the history.
    The same text again is nothing new, and neither is a landing that is looked at again, or late."""
    source = DocumentSource(kind="commit", task_id=command.task_id, oid=command.oid, position=command.position)
    if state is None:
        draft = DraftDocument(
            title=command.title,
            text=command.text,
            kind=command.kind,
            kind_reason=command.kind_reason,
            project_id=command.project_id,
            path=command.path,
            source=source,
        )
        return _created(document_id, draft), DocumentPublished(document_id=document_id, version=1)
    if state.removed or state.archived or state.path != command.path or command.position <= state.followed:
        return ()
    if state.file == digest(command.text):
        return ()
    edited = _version(state, text=command.text, source=source)
    return edited, DocumentPublished(document_id=state.id, version=edited.version)


def draw(state: Document | None, drawn: Drawn) -> Events:
    """Nothing where it was drawn before, also where a person removed it: they decided that once."""
    return () if state is not None else (_created(drawn.document_id, drawn.draft),)


def merge(own: Document | None, into: Document | None, command: MergeInto, document_id: str) -> tuple[Events, Events]:
    """The events of the one that goes, and of the one that remains. Raises as `decide` does."""
    if document_id == command.into:
        raise BadInputError("A document cannot be merged into itself.", field="into")
    gone, left = require(own, document_id), require_open(into, command.into)
    if gone.merged_into == left.id:
        return (), ()
    if gone.merged_into is not None:
        raise ConflictError(f"It was merged into '{gone.merged_into}' already.", remedy="Restore it first.")
    merged = DocumentMerged(document_id=gone.id, into=left.id, reason=command.reason)
    if command.text is None:
        return (merged,), ()
    if command.version is not None:
        _require_newest(left, command.version)
    source = DocumentSource(kind="merge", document_id=gone.id)
    note = f"With {gone.title}"
    return (merged,), (_version(left, text=command.text, source=source, note=note),)


def require(state: Document | None, document_id: str) -> Document:
    """Raises `NotFoundError`."""
    if state is None or state.removed:
        raise NotFoundError(f"There is no document '{document_id}'.", remedy="List the documents.")
    return state


def require_open(state: Document | None, document_id: str) -> Document:
    """Raises `NotFoundError`, and `ConflictError` for an archived one."""
    document = require(state, document_id)
    if document.merged_into is not None:
        raise ConflictError(f"It was merged into '{document.merged_into}'.", remedy="Edit that one, or restore this.")
    if document.archived:
        raise ConflictError("The document is archived.", remedy="Restore it first.")
    return document


def evolve(state: Document | None, event: DomainEvent) -> Document | None:
    match event:
        case DocumentCreated():
            made = Document(event.document_id, event.project_id, event.kind, event.title, event.path, event.text)
            return _followed(made, event)
        case DocumentEdited() if state is not None:
            edited = replace(
                state,
                version=event.version,
                kind=event.kind,
                title=event.title,
                path=event.path,
                text=event.text,
                # At another path there is another file.
                file=state.file if event.path == state.path else None,
            )
            return _followed(edited, event)
        case DocumentPublished() if state is not None:
            return replace(state, published=event.version)
        case DocumentArchived() if state is not None:
            return replace(state, archived=True)
        case DocumentMerged() if state is not None:
            return replace(state, archived=True, merged_into=event.into)
        case DocumentRestored() if state is not None:
            return replace(state, archived=False, merged_into=None)
        case DocumentRemoved() if state is not None:
            return replace(state, removed=True)
        case _:
            return state


def _followed(document: Document, event: DocumentCreated | DocumentEdited) -> Document:
    if event.source.kind != "commit":
        return document
    return replace(document, file=digest(event.text), followed=event.source.position or 0)


def digest(text: Content) -> str:
    """Of its UTF-8 bytes, wherever they stand."""
    return text.digest or sha256((text.text or "").encode()).hexdigest()


def require_path(path: str | None) -> str | None:
    """A path below a repository's root, and not in git's own folder. Raises `BadInputError`."""
    parts = () if path is None else path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise BadInputError(
            f"{path!r} is no path of a document.", remedy="Name it from the root, as docs/guide.md.", field="path"
        )
    return path


def _created(document_id: str, draft: DraftDocument) -> DocumentCreated:
    fields = {name: getattr(draft, name) for name in type(draft).model_fields}
    return DocumentCreated(document_id=document_id, **{**fields, "path": require_path(draft.path)})


def _edit(document: Document, command: ReviseDocument) -> Events:
    _require_newest(document, command.version)
    path = None if command.cleared else require_path(command.path) or document.path
    edited = _version(
        document,
        title=command.title,
        text=command.text,
        kind=command.kind,
        path=path,
        note=command.note,
    )
    same = (edited.title, edited.kind, edited.path) == (document.title, document.kind, document.path)
    return () if same and digest(edited.text) == digest(document.text) else (edited,)


def _require_newest(document: Document, version: int) -> None:
    if version != document.version:
        raise DocumentOutdatedError(
            f"The document is at version {document.version}, and this was made from version {version}.",
            remedy="Look at the newest version, and edit that one.",
            version=document.version,
        )


def _publish(document: Document, version: int | None) -> Events:
    wanted = document.version if version is None else version
    if wanted > document.version:
        raise NotFoundError(f"There is no version {wanted}.", remedy=f"The newest is {document.version}.")
    return () if document.published == wanted else (DocumentPublished(document_id=document.id, version=wanted),)


def _version(
    document: Document,
    *,
    title: str | None = None,
    text: Content | None = None,
    kind: DocumentKind | None = None,
    path: str | Literal[False] | None = False,
    note: str = "",
    source: DocumentSource | None = None,
) -> DocumentEdited:
    """The next one; what is not named stays."""
    return DocumentEdited(
        document_id=document.id,
        version=document.version + 1,
        kind=kind or document.kind,
        title=title or document.title,
        path=document.path if path is False else path,
        text=text or document.text,
        note=note,
        source=source or DocumentSource(),
    )
