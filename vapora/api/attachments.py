"""The files on a card."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Path, Request, status
from pydantic import ValidationError
from starlette.responses import Response

from projections import attachments as model
from vapora.api.cells import Cell
from vapora.api.context import Cursor, FileKey, FreshCell, Limit, Writing
from vapora.api.pages import page_of
from vapora.api.tasks import require_task
from vapora.api.uploads import FORM, the_file
from vapora.blobs import Blobs
from vapora.commands import AttachFile, DetachFile
from vapora.domain.media import TEXT, media_of
from vapora.errors import BadInputError, FileTooLargeError, NotFoundError
from vapora.views import Accepted, Attachment, AttachmentMade, Page

router = APIRouter(prefix="/tasks", tags=["work"])

AttachmentName = Annotated[str, Path(description="The attachment's name.")]
# It is somebody's file: nothing of it may run in a browser, or be taken for a page of ours.
_INERT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post(
    "/{task_id}/attachments",
    status_code=status.HTTP_201_CREATED,
    summary="Put a file on a card",
    openapi_extra=FORM,
)
async def attach_file(task_id: str, request: Request, writing: Writing, key: FileKey) -> AttachmentMade:
    """Its next run is told of it: models that can see are shown an image, and every model reads a text. What it is,
    its first bytes say. The same file under the same name again changes nothing."""
    await require_task(writing.cell, task_id)
    most = request.app.state.max_attachment_bytes
    async with the_file(request) as (name, file):
        if (file.size or 0) > most:
            raise FileTooLargeError(f"A file may have {most:,} bytes, this one has {file.size:,}.", field="file")
        # Until here it stood in a file of the system's. In memory there are a few at once, however many arrive.
        async with request.app.state.storing:
            command = await to_thread.run_sync(_stored, name, await file.read(), writing.cell.blobs)
    accepted = await writing.dispatch(command, task_id, key.of(command.name, command.digest))
    return AttachmentMade(
        task_id=task_id,
        name=command.name,
        sha256=command.digest,
        bytes=command.size,
        media_type=command.media_type,
        width=command.width,
        height=command.height,
        position=accepted.position,
    )


@router.get("/{task_id}/attachments", summary="List a card's attachments")
async def list_attachments(
    task_id: str, cell: FreshCell, limit: Limit = 500, cursor: Cursor = None
) -> Page[Attachment]:
    """In the order in which they were added."""
    await require_task(cell, task_id)
    found = await cell.read(lambda rows: model.attachments(rows, task_id))
    return page_of(found, lambda one: one.name, limit, cursor)


@router.get(
    "/{task_id}/attachments/{name}", response_class=Response, responses=_BYTES, summary="Download an attachment"
)
async def get_attachment(task_id: str, name: AttachmentName, cell: FreshCell) -> Response:
    """Its bytes as they came. To be kept or looked at by whoever asked, never shown as a page."""
    await require_task(cell, task_id)
    found = await _require(cell, task_id, name)
    data = await to_thread.run_sync(cell.blobs.get, found.sha256)
    media_type = f"{TEXT}; charset=utf-8" if found.media_type == TEXT else found.media_type
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "ETag": f'"{found.sha256}"',
    }
    return Response(data, media_type=media_type, headers=_INERT | headers)


@router.delete("/{task_id}/attachments/{name}", summary="Take an attachment off a card")
async def detach_file(task_id: str, name: AttachmentName, writing: Writing) -> Accepted:
    """Runs that began before go on with it. The log keeps what it was."""
    return await writing.dispatch(DetachFile(name=name), task_id)


async def _require(cell: Cell, task_id: str, name: str) -> Attachment:
    found = await cell.read(lambda rows: model.attachment(rows, task_id, name))
    if found is None:
        raise NotFoundError(f"The task '{task_id}' has no attachment '{name}'.", remedy="List its attachments.")
    return found


def _stored(name: str, data: bytes, blobs: Blobs) -> AttachFile:
    """Stored before the event that names it. A file that is refused all the same is named by nobody, and swept."""
    media = media_of(data)
    said = {"size": len(data), "media_type": media.type, "width": media.width, "height": media.height}
    try:
        # Looked at before anything is stored.
        AttachFile(name=name, digest="0" * 64, **said)
        return AttachFile(name=name, digest=blobs.put(data), **said)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise BadInputError(f"The file's name: {message}.", remedy="Give it another name.", field="file") from None
