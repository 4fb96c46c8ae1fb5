"""What a task is: its state, and how each event changes it. The decisions are in `vapora.domain.task`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import JsonValue

from events.base import DomainEvent, changes
from events.ids import BoardType, Review, TaskState, WaitReason
from events.task import (
    TaskApproved,
    TaskArchived,
    TaskAssigned,
    TaskCompleted,
    TaskEdited,
    TaskFailed,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskRequeued,
    TaskSentToReview,
    TaskSubmitted,
    TaskWaiting,
)

# Where each of these leaves the task, whatever else they say.
_LEADS_TO: Mapping[type[DomainEvent], TaskState] = {
    TaskCompleted: TaskState.DONE,
    TaskSentToReview: TaskState.REVIEW,
    TaskFailed: TaskState.FAILED,
    TaskReleased: TaskState.TODO,
    TaskApproved: TaskState.DONE,
    TaskRejected: TaskState.TODO,
    TaskReopened: TaskState.TODO,
    TaskRequeued: TaskState.TODO,
    TaskRecalled: TaskState.TODO,
    TaskArchived: TaskState.ARCHIVED,
}

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 2


@dataclass(frozen=True, slots=True)
class Wait:
    """Why nobody can take a task, and what helps."""

    reason: WaitReason
    remedy: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task as its stream tells it.

    `run_id` is the current or last run, `runs` how many there were. `agent_id` is who has it or ended it:
    None while it is to be done. `waiting` is set in `todo` only. `comment` is what was last said when it was
    sent back to `todo`.
    """

    id: str
    project_id: str
    title: str
    description: str
    type: BoardType
    task_type: str
    task_type_reason: str
    role: str | None
    priority: int
    review: Review
    deadline: datetime | None
    context: Mapping[str, JsonValue]
    blocked_by: tuple[str, ...]
    state: TaskState = TaskState.TODO
    run_id: str | None = None
    agent_id: str | None = None
    runs: int = 0
    waiting: Wait | None = field(default=None)
    comment: str = ""
    assignee: str | None = None


def initial() -> Task | None:
    """Before its first event a task does not exist."""
    return None


def evolve(state: Task | None, event: DomainEvent) -> Task | None:
    """The state after `event`; events of other kinds change nothing."""
    if isinstance(event, TaskSubmitted):
        return _submitted(event)
    if state is None:
        return None
    if isinstance(event, TaskAssigned):
        return replace(
            state,
            state=TaskState.IN_PROGRESS,
            run_id=event.run_id,
            agent_id=event.agent_id,
            runs=state.runs + 1,
            waiting=None,
        )
    if isinstance(event, TaskEdited):
        return replace(state, **changes(event, "task_id"))
    if isinstance(event, TaskWaiting):
        return replace(state, waiting=Wait(event.reason, event.remedy))
    target = _LEADS_TO.get(type(event))
    if target is None:
        return state
    agent_id = None if target is TaskState.TODO else state.agent_id
    if isinstance(event, TaskRejected | TaskReopened | TaskRecalled):
        state = replace(state, comment=event.comment)
    return replace(state, state=target, agent_id=agent_id, waiting=None)


def fold(events: Iterable[DomainEvent]) -> Task | None:
    """The task that these events of its stream make."""
    state = initial()
    for event in events:
        state = evolve(state, event)
    return state


def _submitted(event: TaskSubmitted) -> Task:
    return Task(
        id=event.task_id,
        project_id=event.project_id,
        title=event.title,
        description=event.description,
        type=event.type,
        task_type=event.task_type,
        task_type_reason=event.task_type_reason,
        role=event.role,
        priority=event.priority,
        review=event.review,
        deadline=event.deadline,
        context=event.context,
        blocked_by=event.blocked_by,
        assignee=event.assignee,
    )
