"""What a person says of work that is in review, bound to the commit that they looked at."""

from __future__ import annotations

from events.base import DomainEvent
from events.ids import TaskState
from events.task import TaskApproved, TaskRejected
from vapora.commands import ApproveTask, RequestChanges
from vapora.domain.task_state import Task, require
from vapora.errors import ConflictError, ReviewOutdatedError

Events = tuple[DomainEvent, ...]


def approve(state: Task | None, command: ApproveTask, task_id: str = "") -> Events:
    """Raises `ReviewOutdatedError` where the branch is at another commit, `ConflictError` for a card that is not in
    review."""
    task = require(state, task_id)
    _require_head(task, command.head)
    if task.state is TaskState.DONE and task.approved_head == command.head:
        return ()
    if task.state is not TaskState.REVIEW:
        raise _not_in_review(task)
    return (TaskApproved(task_id=task.id, run_id=task.run_id, comment=command.comment, head=command.head),)


def request_changes(state: Task | None, command: RequestChanges, task_id: str = "") -> Events:
    """Also of approved work that has not landed, since the base branch may have moved under it."""
    task = require(state, task_id)
    _require_head(task, command.head)
    if task.state is not TaskState.REVIEW and not task.to_land:
        raise _not_in_review(task)
    return (
        TaskRejected(
            task_id=task.id,
            run_id=task.run_id,
            comment=command.comment,
            head=command.head,
            comments=tuple(one.value() for one in command.comments),
        ),
    )


def _require_head(task: Task, head: str) -> None:
    if task.head is None:
        raise ConflictError(
            "The card has no branch, so there is no commit to approve or to send back.",
            remedy="Move it on the board: to done, or back to todo.",
            task_id=task.id,
            state=task.state.value,
        )
    if task.head != head:
        raise ReviewOutdatedError(
            f"The branch is at {task.head[:12]}, not at {head[:12]}, which you looked at.",
            remedy="Look at the changes again, and decide anew.",
            task_id=task.id,
            head=task.head,
        )


def _not_in_review(task: Task) -> ConflictError:
    return ConflictError(
        f"The task is {task.state}, not in review.",
        remedy="Read it again.",
        task_id=task.id,
        state=task.state.value,
    )
