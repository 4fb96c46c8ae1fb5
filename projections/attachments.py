"""The files on cards. A card counts its own, so that a change of them is a change of the card (`projections.board`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from events import DomainEvent, Recorded, task
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, format_instant
from vapora import views

ATTACHMENTS = Table(
    "attachments",
    key=("task_id", "name"),
    columns={
        "task_id": "text",
        "name": "text",
        "sha256": "text",
        "bytes": "int",
        "media_type": "text",
        "width": "int",
        "height": "int",
        "added_by": "text",
        "added_at": "text",
        "added_position": "int",
    },
)


def _added(recorded: Recorded, event: task.AttachmentAdded, rows: Rows) -> None:
    file = event.attachment
    row = {
        "task_id": event.task_id,
        "name": file.name,
        "sha256": file.content.digest,
        "bytes": file.content.size,
        "media_type": file.media_type,
        "width": file.width,
        "height": file.height,
        "added_by": recorded.actor,
        "added_at": format_instant(recorded.recorded_at),
        "added_position": recorded.position,
    }
    rows.put(ATTACHMENTS, row)


def _removed(recorded: Recorded, event: task.AttachmentRemoved, rows: Rows) -> None:
    rows.delete(ATTACHMENTS, (event.task_id, event.name))


def _view(row: Row) -> views.Attachment:
    return views.Attachment.model_validate({name: row[name] for name in views.Attachment.model_fields})


class Attachments(Projection):
    NAME = "attachments"
    VERSION = 1
    TABLES = (ATTACHMENTS,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        task.AttachmentAdded: _added,
        task.AttachmentRemoved: _removed,
    }


def attachments(rows: Reader, task_id: str) -> tuple[views.Attachment, ...]:
    """In the order in which they were added."""
    return tuple(map(_view, rows.select(ATTACHMENTS, {"task_id": task_id}, order=("added_position",))))


def attachment(rows: Reader, task_id: str, name: str) -> views.Attachment | None:
    row = rows.get(ATTACHMENTS, (task_id, name))
    return None if row is None else _view(row)
