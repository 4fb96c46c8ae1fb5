"""Documents: texts with versions, of people, of landings, and of decisions in the log."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, status
from pydantic import Field

from events.content import Content
from events.document import DocumentKind
from events.ids import document_stream
from projections import documents as model
from projections.engine.base import Row
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, Versioned, versioned
from vapora.api.forms import WHOLE, PositionCursor
from vapora.api.pages import page_of
from vapora.commands.documents import (
    ArchiveDocument,
    CreateDocument,
    DraftDocument,
    EditDocument,
    MergeDocument,
    MergeInto,
    PublishDocument,
    RemoveDocument,
    RestoreDocument,
    ReviseDocument,
)
from vapora.domain.document_diff import Difference, difference
from vapora.domain.document_kind import classify
from vapora.errors import BadInputError, ConflictError, NotFoundError
from vapora.views import (
    Accepted,
    DocumentDifference,
    DocumentMerged,
    DocumentState,
    DocumentSummary,
    DocumentVersion,
    DocumentView,
    Page,
)

router = APIRouter(prefix="/documents", tags=["documents"])

OfProject = Annotated[str | None, Query(max_length=200, description="Of this project only.")]
Few = Annotated[int, Field(ge=1, le=100), WHOLE, Query(description="How many items at most.")]
Version = Annotated[int, Field(ge=1, le=10**9), WHOLE]


@router.get("", summary="List the documents")
async def list_documents(
    cell: FreshCell,
    project_id: OfProject = None,
    kind: Annotated[DocumentKind | None, Query(description="Of this kind only.")] = None,
    state: Annotated[DocumentState | None, Query(description="In this state only.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[DocumentSummary]:
    """Without their texts, the last changed first."""
    found = await cell.read(lambda rows: model.documents(rows, project_id, kind, state))
    return page_of(found, lambda one: one.id, limit, cursor)


@router.post("", status_code=status.HTTP_201_CREATED, summary="Write a document")
async def create_document(body: CreateDocument, writing: Writing, key: PostKey) -> DocumentView:
    """A draft. Without `kind`, it is inferred from path, title and text."""
    accepted = await writing.answered(key)
    if accepted is None:
        await _require_free(writing.cell, body.project_id, body.path, "")
        kind, reason = (body.kind, "") if body.kind else classify(body.title, body.path, body.text)
        text = await _content(writing.cell, body.text)
        fields = body.model_dump(exclude={"text", "kind"})
        command = DraftDocument(text=text, kind=kind, kind_reason=reason, **fields)
        accepted = await writing.dispatch(command, key=key)
    return await _as_written(writing.cell, accepted)


@router.get("/{document_id}", summary="Show a document")
async def get_document(
    document_id: str,
    cell: FreshCell,
    reading: Reading,
    version: Annotated[Version | None, Query(description="Its text in this version; else the newest.")] = None,
) -> DocumentView:
    return reading.tagged(await _find(cell, document_id, version))


@router.put("/{document_id}", summary="Edit a document")
async def edit_document(document_id: str, body: EditDocument, writing: Editing) -> DocumentView:
    """Another version of it. `version`: the one that it was made from; 409 `document-outdated` names the newest where
    somebody was quicker."""
    accepted = await writing.answered()
    if accepted is None:
        found = await _find(writing.cell, document_id)
        await _require_free(writing.cell, found.view.project_id, body.path, document_id)
        text = None if body.text is None else await _content(writing.cell, body.text)
        cleared = "path" in body.model_fields_set and body.path is None
        fields = body.model_dump(exclude={"text"})
        accepted = await writing.dispatch(ReviseDocument(text=text, cleared=cleared, **fields), document_id)
    return await _as_written(writing.cell, accepted)


@router.delete("/{document_id}", summary="Remove a document")
async def remove_document(document_id: str, writing: Editing) -> Accepted:
    """It is shown no more. Its versions stay in the log."""
    return await writing.dispatch(RemoveDocument(), document_id)


@router.get("/{document_id}/history", summary="List the versions of a document")
async def list_document_versions(
    document_id: str, cell: FreshCell, limit: Few = 50, cursor: PositionCursor = None
) -> Page[DocumentVersion]:
    """The newest first, each with what changed since the one before."""
    await _find(cell, document_id)
    before = None if cursor is None else int(cursor)
    found = await cell.read(lambda rows: model.versions(rows, document_id, before, limit + 1))
    items = await to_thread.run_sync(_compared, cell, found, limit)
    return Page[DocumentVersion](
        items=tuple(items), next=str(found[limit - 1]["version"]) if len(found) > limit else None
    )


@router.get("/{document_id}/difference", summary="Compare two versions of a document")
async def get_document_difference(
    document_id: str,
    cell: FreshCell,
    base: Annotated[Version | None, Query(description="Compared with this one; else with the one before.")] = None,
    version: Annotated[Version | None, Query(description="Else the newest.")] = None,
) -> DocumentDifference:
    newest = (await _find(cell, document_id)).view
    shown = version or newest.version
    before = base or shown - 1

    def question(rows: ReadSnapshot) -> tuple[Row | None, Row]:
        old = _version_row(rows, document_id, before) if before else None
        return old, _version_row(rows, document_id, shown)

    compared = await to_thread.run_sync(_difference, cell, *await cell.read(question))
    return DocumentDifference(id=document_id, base=before, version=shown, **_fields(compared))


@router.post("/{document_id}/publish", summary="Publish a document")
async def publish_document(document_id: str, body: PublishDocument, writing: Writing, key: PostKey) -> DocumentView:
    """Its newest version, or the one that is named, holds from now on."""
    return await _as_written(writing.cell, await writing.dispatch(body, document_id, key))


@router.post("/{document_id}/archive", summary="Archive a document")
async def archive_document(document_id: str, body: ArchiveDocument, writing: Writing, key: PostKey) -> DocumentView:
    """It is kept, can be read and found, and is edited no more."""
    return await _as_written(writing.cell, await writing.dispatch(body, document_id, key))


@router.post("/{document_id}/restore", summary="Restore a document")
async def restore_document(document_id: str, writing: Writing, key: PostKey) -> DocumentView:
    """It is again what it was before it was archived or merged."""
    return await _as_written(writing.cell, await writing.dispatch(RestoreDocument(), document_id, key))


@router.post("/{document_id}/merge", summary="Merge two documents")
async def merge_document(document_id: str, body: MergeDocument, writing: Writing, key: PostKey) -> DocumentMerged:
    """`into`: this one is archived, and the other stands for both; `from`: the other way round. The archived one keeps
    its history and points at the other."""
    if (body.into is None) == (body.from_ is None):
        raise BadInputError("Name one of 'into' and 'from'.", field="into")
    gone, into = (document_id, body.into) if body.into is not None else (str(body.from_), document_id)
    accepted = await writing.answered(key)
    if accepted is None:
        text = None if body.text is None else await _content(writing.cell, body.text)
        command = MergeInto(into=into, text=text, version=body.version, reason=body.reason)
        accepted = await writing.dispatch(command, gone, key)
    return DocumentMerged(id=gone, into=into, position=accepted.position)


async def _content(cell: Cell, text: str) -> Content:
    """Stored before the event that names it."""
    return await to_thread.run_sync(cell.blobs.content, text)


async def _require_free(cell: Cell, project_id: str | None, path: str | None, document_id: str) -> None:
    """One document a file. Raises `ConflictError`, and `BadInputError` for a path without a project."""
    if path is None:
        return
    if project_id is None:
        raise BadInputError("A path is one in a project's repository.", remedy="Name a project_id too.", field="path")
    other = await cell.read(lambda rows: model.at_path(rows, project_id, path))
    if other is not None and other["id"] != document_id:
        raise ConflictError(
            f"The document '{other['id']}' is kept at {path} already.", remedy="Edit that one, or take another path."
        )


async def _find(cell: Cell, document_id: str, version: int | None = None) -> Versioned[DocumentView]:
    """Raises `NotFoundError`."""
    stream = document_stream(document_id)

    def question(rows: ReadSnapshot) -> tuple[Row, Row, Versioned[DocumentSummary]] | None:
        row = model.row_of(rows, document_id)
        if row is None:
            return None
        shown = _version_row(rows, document_id, version or row["version"])
        return row, shown, versioned(rows, model.summary(row), model.Documents.NAME, stream)

    found = await cell.find(stream, question)
    if found is None:
        raise NotFoundError(f"There is no document '{document_id}'.", remedy="List the documents.")
    _, shown, told = found
    text = await to_thread.run_sync(cell.blobs.text, model.content_of(shown))
    view = DocumentView(**told.view.model_dump(), shown_version=shown["version"], text=text)
    return Versioned(view, told.version)


def _version_row(rows: ReadSnapshot, document_id: str, version: int) -> Row:
    found = model.version_of(rows, document_id, version)
    if found is None:
        raise NotFoundError(f"There is no version {version} of it.", remedy="See its history.")
    return found


def _compared(cell: Cell, found: list[Row], limit: int) -> list[DocumentVersion]:
    """Each with the one behind it in the list; the first version with nothing."""
    items: list[DocumentVersion] = []
    for at, row in enumerate(found[:limit]):
        compared = _difference(cell, found[at + 1] if at + 1 < len(found) else None, row)
        fields = {name: value for name, value in row.items() if name not in ("document_id", "content", "position")}
        items.append(DocumentVersion.model_validate({**fields, **_fields(compared)}))
    return items


def _difference(cell: Cell, old: Row | None, new: Row) -> Difference:
    before = "" if old is None else cell.blobs.text(model.content_of(old))
    return difference(before, cell.blobs.text(model.content_of(new)), new["path"] or "document")


def _fields(found: Difference) -> dict[str, str | int | bool]:
    names = ("patch", "additions", "deletions", "truncated")
    return {name: getattr(found, name) for name in names}


async def _as_written(cell: Cell, accepted: Accepted) -> DocumentView:
    await cell.wait_for(accepted.position)
    return (await _find(cell, accepted.id)).view.model_copy(update={"position": accepted.position})
