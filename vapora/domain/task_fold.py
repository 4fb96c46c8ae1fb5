"""How each event changes a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from events.base import DomainEvent, changes
from events.ids import Review, TaskState
from events.task import (
    AttachmentAdded,
    AttachmentRemoved,
    AttemptPicked,
    AttemptRequested,
    LandingRefused,
    RevertRequested,
    ReviewAssigned,
    TaskApproved,
    TaskArchived,
    TaskAssigned,
    TaskCommented,
    TaskCompleted,
    TaskEdited,
    TaskFailed,
    TaskHandedOver,
    TaskLabelled,
    TaskLanded,
    TaskPaused,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskRequeued,
    TaskResumed,
    TaskSentToReview,
    TaskSubmitted,
    TaskWaiting,
)
from events.work import LineComment
from vapora.domain.task_state import Landed, Refusal, ReviewRun, Task, TaskComment, Wait

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
    AttemptRequested: TaskState.TODO,
    AttemptPicked: TaskState.REVIEW,
    TaskArchived: TaskState.ARCHIVED,
}

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 8
# What the next run is told at most; older ones give way.
MOST_COMMENTS = 500


def initial() -> Task | None:
    """Before its first event a task does not exist."""
    return None


def evolve(state: Task | None, event: DomainEvent) -> Task | None:
    """The state after `event`; events of other kinds change nothing."""
    if isinstance(event, TaskSubmitted):
        return _submitted(event)
    if state is None:
        return None
    after = _beside(state, event)
    if after is not None:
        return after
    target = _LEADS_TO.get(type(event))
    return state if target is None else _moved(state, event, target)


def fold(events: Iterable[DomainEvent]) -> Task | None:
    """The task that these events of its stream make."""
    state = initial()
    for event in events:
        state = evolve(state, event)
    return state


def _beside(state: Task, event: DomainEvent) -> Task | None:
    """After an event that moves no card to another column by its own kind alone; None for others."""
    match event:
        case TaskAssigned():
            return _assigned(state, event)
        case TaskEdited():
            return replace(state, **changes(event, "task_id"))
        case TaskLabelled():
            return replace(state, labels=event.labels)
        case RevertRequested():
            return replace(state, reverts=event.of)
        case TaskWaiting():
            return replace(state, waiting=Wait(event.reason, event.remedy))
        case TaskCommented() if event.agent_id is None and event.answers is None:
            said = TaskComment(event.text, event.path, event.line, event.side)
            return replace(state, comments=_most(state.comments, said))
        case AttachmentAdded():
            return replace(state, attachments=(*state.attachments, event.attachment))
        case AttachmentRemoved():
            return replace(state, attachments=tuple(one for one in state.attachments if one.name != event.name))
        case TaskPaused():
            return replace(state, paused=True)
        case TaskResumed():
            return replace(state, paused=False)
        case ReviewAssigned():
            run = ReviewRun(event.run_id, event.agent_id, event.head)
            return replace(state, review_run=run, runs=state.runs + 1)
        case TaskHandedOver():
            if state.review_run is not None and state.review_run.run_id == event.run_id:
                return replace(state, review_run=replace(state.review_run, agent_id=event.agent_id))
            return replace(state, agent_id=event.agent_id) if state.run_id == event.run_id else state
        case TaskLanded():
            return replace(state, landed=Landed(event.oid, event.head, event.branch), refused=None)
        case LandingRefused():
            return replace(state, refused=Refusal(event.head, event.kind, event.message, event.paths))
        case _:
            return None


def _assigned(state: Task, event: TaskAssigned) -> Task:
    return replace(
        state,
        state=TaskState.IN_PROGRESS,
        run_id=event.run_id,
        agent_id=event.agent_id,
        runs=state.runs + 1,
        waiting=None,
        comments=(),
        fork=None,
        sent_back=False,
    )


def _moved(state: Task, event: DomainEvent, target: TaskState) -> Task:
    agent_id = None if target is TaskState.TODO else state.agent_id
    if isinstance(event, AttemptPicked):
        agent_id = agent_id or state.author
    if target is not TaskState.ARCHIVED:
        # Whatever was said of it before does not hold for where it stands now.
        state = replace(state, reviewer=None, review_run=None, refused=None)
    if target in (TaskState.TODO, TaskState.REVIEW):
        state = replace(state, approved_head=None)
    state = _with_work(state, event)
    match event:
        case TaskRejected():
            state = _rejected(state, event)
        case TaskReopened() | TaskRecalled():
            state = replace(state, comment=event.comment)
        case TaskApproved():
            of_work = state.work.head if state.work is not None else None
            state = replace(state, approved_head=event.head or of_work)
        case AttemptRequested():
            state = replace(
                state,
                attempt=event.number,
                attempts=max(state.attempts, event.number),
                work=None,
                wanted_agent=event.agent_id,
                model=event.model,
                fork=event.fork,
                sent_back=False,
                review_rounds=0,
                conflict_rounds=0,
            )
        case AttemptPicked():
            state = replace(state, attempt=event.number, work=event.work, reviewer=Review.HUMAN)
        case _:
            pass
    return replace(state, state=target, agent_id=agent_id, waiting=None)


def _with_work(state: Task, event: DomainEvent) -> Task:
    """After a good run, or a review that goes to somebody else, which leaves the work as it is."""
    if not isinstance(event, TaskSentToReview | TaskCompleted):
        return state
    if isinstance(event, TaskSentToReview):
        state = replace(state, reviewer=event.reviewer)
    if state.state is TaskState.IN_PROGRESS:
        state = replace(state, author=state.agent_id)
    if event.work is None:
        return state
    works = {**state.works, event.work.attempt: event.work}
    approved = event.work.head if isinstance(event, TaskCompleted) else None
    return replace(state, work=event.work, works=works, attempt=event.work.attempt, approved_head=approved)


def _rejected(state: Task, event: TaskRejected) -> Task:
    said = tuple(_comment(one) for one in event.comments)
    return replace(
        state,
        comment=event.comment,
        comments=_most(state.comments, *said),
        sent_back=True,
        review_rounds=state.review_rounds + (event.by_agent is not None),
        conflict_rounds=state.conflict_rounds + (event.cause == "conflict"),
    )


def _comment(one: LineComment) -> TaskComment:
    return TaskComment(one.text, one.path, one.line, one.side)


def _most(comments: tuple[TaskComment, ...], *more: TaskComment) -> tuple[TaskComment, ...]:
    return (*comments, *more)[-MOST_COMMENTS:]


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
        wanted_agent=event.agent,
        priority=event.priority,
        review=event.review,
        deadline=event.deadline,
        context=event.context,
        blocked_by=event.blocked_by,
        assignee=event.assignee,
    )
