"""Rules about tasks: what a person, the coordinator or the end of a run may do to a card. Those for moves and edits are
here, the others in the modules beside it, which are all to be had from here.

todo ──assign──▶ in-progress ──good run──▶ done (review: none)
 ▲ ▲                 │   │  └──good run──▶ review ──approve──▶ done
 │ └──recall/release─┘   └──failed run──▶ failed
 ├──reject (review)── again (failed)
 └──conflict (done, not landed)
another attempt: todo, review, failed, done without landing ──▶ todo; picking one ──▶ review
todo, done, failed ──▶ archived (final)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events.base import DomainEvent
from events.ids import TaskState
from events.task import (
    TaskApproved,
    TaskArchived,
    TaskEdited,
    TaskLabelled,
    TaskRecalled,
    TaskRejected,
    TaskReopened,
    TaskReordered,
    TaskRequeued,
)
from vapora.commands import EditTask, MoveTask, RequeueTask
from vapora.domain.dependencies import Ring, shown
from vapora.domain.project import Project
from vapora.domain.rank import ENDED
from vapora.domain.task_assignment import assign, assign_review, hand_over, wait
from vapora.domain.task_attempts import comment, pause, pick, resume, start_attempt
from vapora.domain.task_fold import FOLD_VERSION, evolve, fold, initial
from vapora.domain.task_landing import landed, lands_by_itself, may_land, may_push, pushed, refuse_landing, send_back
from vapora.domain.task_new import blockers, each_once, submit, type_for
from vapora.domain.task_outcome import after_review, after_run, to_person
from vapora.domain.task_review import approve, request_changes
from vapora.domain.task_state import Task, Wait, require, require_work
from vapora.errors import BadInputError, ConflictError, DependencyRingError

__all__ = [
    "FOLD_VERSION",
    "MOVES",
    "Task",
    "Wait",
    "after_review",
    "after_run",
    "approve",
    "assign",
    "assign_review",
    "comment",
    "edit",
    "evolve",
    "fold",
    "hand_over",
    "initial",
    "landed",
    "lands_by_itself",
    "may_land",
    "may_push",
    "move",
    "pause",
    "pick",
    "pushed",
    "refuse_landing",
    "request_changes",
    "requeue",
    "require",
    "resume",
    "send_back",
    "start_attempt",
    "submit",
    "to_person",
    "type_for",
    "wait",
]

Events = tuple[DomainEvent, ...]


def _archived(task: Task, comment: str) -> DomainEvent:
    return TaskArchived(task_id=task.id, from_state=task.state, comment=comment)


# A person's moves (interface.md, `POST /tasks/{id}/move`); every pair that is not here is refused.
MOVES: Mapping[tuple[TaskState, TaskState], Callable[[Task, str], DomainEvent]] = {
    # Of the commit that the board showed: the work is over while a card is in review, so its branch stands still.
    (TaskState.REVIEW, TaskState.DONE): lambda task, comment: TaskApproved(
        task_id=task.id, run_id=task.run_id, comment=comment, head=task.head
    ),
    (TaskState.REVIEW, TaskState.TODO): lambda task, comment: TaskRejected(
        task_id=task.id, run_id=task.run_id, comment=comment, head=task.head
    ),
    (TaskState.FAILED, TaskState.TODO): lambda task, comment: TaskReopened(task_id=task.id, comment=comment),
    (TaskState.IN_PROGRESS, TaskState.TODO): lambda task, comment: TaskRecalled(
        task_id=task.id, run_id=task.run_id, comment=comment
    ),
    (TaskState.TODO, TaskState.ARCHIVED): _archived,
    (TaskState.DONE, TaskState.ARCHIVED): _archived,
    (TaskState.FAILED, TaskState.ARCHIVED): _archived,
}

# Why a move into this state is not a person's to make, where the state left does not say it better.
_WHY_NOT_INTO: Mapping[TaskState, str] = {
    TaskState.TODO: "Finished work stays finished",
    TaskState.IN_PROGRESS: "Only the coordinator gives a task to an agent",
    TaskState.REVIEW: "Only a good run brings a task to review",
    TaskState.DONE: "Only a good run, or the approval of one, makes a task done",
    TaskState.FAILED: "Only a failed run makes a task fail",
    TaskState.ARCHIVED: "A task that is being worked on or reviewed cannot be archived",
}


def edit(state: Task | None, command: EditTask, task_id: str = "", ring: Ring | None = None) -> Events:
    """Only what differs is recorded. A done or archived task stays as it was judged (B1, ADR-010).

    `ring`: where the new `blocked_by` would lead back to the task.
    """
    task = require(state, task_id)
    if task.state in (TaskState.DONE, TaskState.ARCHIVED):
        raise ConflictError(
            f"The task is {task.state} and can no longer be edited.", remedy="Submit a new task.", task_id=task.id
        )
    wanted: dict[str, Any] = command.changes()
    if command.blocked_by is not None:
        wanted["blocked_by"] = blockers(task.id, command.blocked_by)
    if ring is not None:
        raise DependencyRingError(
            f"These tasks would wait for each other, and none could start: {shown(ring)}.",
            remedy="Leave one of them out of blocked_by.",
            ring=list(ring),
        )
    labels = each_once(wanted.pop("labels", task.labels))
    changed = {field: value for field, value in wanted.items() if value != getattr(task, field)}
    cleared = tuple(field for field, value in changed.items() if value is None)
    edited: Events = (TaskEdited(task_id=task.id, **changed, cleared=cleared),) if changed else ()
    return edited if labels == task.labels else (*edited, TaskLabelled(task_id=task.id, labels=labels))


def move(state: Task | None, command: MoveTask, task_id: str = "", project: Project | None = None) -> Events:
    """A person moves the card, or puts it elsewhere in its column.

    `before: null`, said explicitly, puts it at the end; without `before` the card's own state changes nothing. A failed
    task is not tried again once its `project` is archived.
    """
    task = require(state, task_id)
    if task.state is TaskState.FAILED and command.state is TaskState.TODO:
        require_work(project)
    reordered = _reordered(task, command)
    if command.state is task.state:
        return reordered
    decision = MOVES.get((task.state, command.state))
    if decision is None:
        raise _refused(task, command.state)
    return (decision(task, command.comment), *reordered)


def requeue(state: Task | None, command: RequeueTask, task_id: str = "", project: Project | None = None) -> Events:
    """A person puts back what the queue gave up; the shell knows that it did."""
    task = require(state, task_id)
    require_work(project)
    if task.state is not TaskState.TODO:
        raise ConflictError(
            f"The task is {task.state}: only one in todo can be put back into the queue.",
            remedy="Leave it, or move it back to todo: that offers it again.",
            task_id=task.id,
            state=task.state.value,
        )
    return (TaskRequeued(task_id=task.id, deliveries=command.deliveries),)


def _reordered(task: Task, command: MoveTask) -> Events:
    if "before" not in command.model_fields_set:
        return ()
    if command.before == task.id:
        raise BadInputError("A card cannot stand before itself.", remedy="Name another card.", field="before")
    if command.state in ENDED and command.state is not TaskState.ARCHIVED:
        if command.state is not task.state:
            return ()  # it stands where it ended, whatever a client names
        raise ConflictError(
            f"Cards in {task.state} stand in the order in which they ended.",
            remedy="Reorder cards in todo, in-progress or review.",
            task_id=task.id,
        )
    if command.state is TaskState.ARCHIVED:
        if command.before is None:
            return ()
        raise BadInputError(
            "Archived tasks stand in no column, so they have no order.", remedy="Leave out 'before'.", field="before"
        )
    if command.before is None and command.state is not task.state:
        return ()  # a card that comes into a column stands at its end anyway
    return (TaskReordered(task_id=task.id, before=command.before),)


def _refused(task: Task, target: TaskState) -> ConflictError:
    allowed = [into.value for left, into in MOVES if left is task.state]
    why = "An archived task stays archived" if task.state is TaskState.ARCHIVED else _WHY_NOT_INTO[target]
    remedy = f"From {task.state} it can be moved to: {', '.join(allowed)}." if allowed else "Submit a new task."
    return ConflictError(
        f"A task cannot be moved from {task.state} to {target}. {why}.",
        remedy=remedy,
        task_id=task.id,
        state=task.state.value,
        allowed=allowed,
    )
