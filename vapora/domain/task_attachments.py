"""The files on a card."""

from __future__ import annotations

from events.base import DomainEvent
from events.content import Attachment, Content
from events.ids import TaskState
from events.task import AttachmentAdded, AttachmentRemoved
from vapora.commands import AttachFile, DetachFile
from vapora.domain.task_state import Task, require
from vapora.errors import ConflictError, NotFoundError

Events = tuple[DomainEvent, ...]

MOST_ATTACHMENTS = 20


def attach(state: Task | None, command: AttachFile, task_id: str = "") -> Events:
    """The same file under the same name again changes nothing. Raises `ConflictError` for a name that is taken, for
    more than `MOST_ATTACHMENTS`, and for a card that is done or archived: it stays as it was judged."""
    task = _open(state, task_id)
    attachment = Attachment(
        name=command.name,
        content=Content(digest=command.digest, size=command.size),
        media_type=command.media_type,
        width=command.width,
        height=command.height,
    )
    if attachment in task.attachments:
        return ()
    if any(one.name == command.name for one in task.attachments):
        raise ConflictError(
            f"The card has another file called '{command.name}'.",
            remedy="Give this one another name, or remove that one first.",
            task_id=task.id,
        )
    if len(task.attachments) >= MOST_ATTACHMENTS:
        raise ConflictError(
            f"The card has {MOST_ATTACHMENTS} files, and no more fit.",
            remedy="Remove one of them first.",
            task_id=task.id,
        )
    return (AttachmentAdded(task_id=task.id, attachment=attachment),)


def detach(state: Task | None, command: DetachFile, task_id: str = "") -> Events:
    task = _open(state, task_id)
    if all(one.name != command.name for one in task.attachments):
        raise NotFoundError(
            f"The card has no file called '{command.name}'.", remedy="List its attachments.", task_id=task.id
        )
    return (AttachmentRemoved(task_id=task.id, name=command.name),)


def _open(state: Task | None, task_id: str) -> Task:
    task = require(state, task_id)
    if task.state in (TaskState.DONE, TaskState.ARCHIVED):
        raise ConflictError(
            f"The task is {task.state}, and its files stay as they are.", remedy="Submit a new task.", task_id=task.id
        )
    return task
