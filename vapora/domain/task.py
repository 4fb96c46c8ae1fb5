"""Rules about tasks: what a person, the coordinator or the end of a run may do to a card.

todo ──assign──▶ in-progress ──good run──▶ done (review: none)
 ▲ ▲                 │   │  └──good run──▶ review ──approve──▶ done
 │ └──recall/release─┘   └──failed run──▶ failed
 └──reject (review)── again (failed)
todo, done, failed ──▶ archived (final)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from events.base import DomainEvent
from events.ids import Review, TaskState, WaitReason
from events.run import RunCancelled, RunFailed, RunSucceeded
from events.task import (
    Candidate,
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
    TaskReordered,
    TaskRequeued,
    TaskSentToReview,
    TaskSubmitted,
    TaskWaiting,
)
from vapora.commands import EditTask, MoveTask, RequeueTask, SubmitTask
from vapora.domain.dependencies import Ring, shown
from vapora.domain.project import Project, require_open
from vapora.domain.rank import ENDED
from vapora.domain.task_fold import FOLD_VERSION, evolve, fold, initial
from vapora.domain.task_state import Task, Wait
from vapora.errors import BadInputError, ConflictError, DependencyRingError, NotFoundError

__all__ = [
    "FOLD_VERSION",
    "MOVES",
    "Task",
    "Wait",
    "after_run",
    "assign",
    "edit",
    "evolve",
    "fold",
    "initial",
    "move",
    "requeue",
    "require",
    "submit",
    "wait",
]

Events = tuple[DomainEvent, ...]


def _archived(task: Task, comment: str) -> DomainEvent:
    return TaskArchived(task_id=task.id, from_state=task.state, comment=comment)


# A person's moves (interface.md, `POST /tasks/{id}/move`); every pair that is not here is refused.
MOVES: Mapping[tuple[TaskState, TaskState], Callable[[Task, str], DomainEvent]] = {
    (TaskState.REVIEW, TaskState.DONE): lambda task, comment: TaskApproved(
        task_id=task.id, run_id=task.run_id, comment=comment
    ),
    (TaskState.REVIEW, TaskState.TODO): lambda task, comment: TaskRejected(
        task_id=task.id, run_id=task.run_id, comment=comment
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


def submit(
    task_id: str,
    command: SubmitTask,
    project: Project | None,
    task_type: str,
    task_type_reason: str,
    known_roles: Collection[str],
    known_task_types: Collection[str],
    roles_for_type: Collection[str],
) -> Events:
    """A new task under an id that the shell made.

    `task_type` is the person's, or inferred by the shell with its `task_type_reason` (empty: the person set
    it). `roles_for_type`: the roles that can do it. Raises `NotFoundError`, `ConflictError`, `BadInputError`.
    """
    require_open(project, command.project_id)
    _check_type(command.role, task_type, known_roles, known_task_types, roles_for_type)
    _check_review(command.review)
    fields = command.model_dump(exclude={"task_type", "blocked_by"})
    return (
        TaskSubmitted(
            task_id=task_id,
            task_type=task_type,
            task_type_reason=task_type_reason,
            blocked_by=_blockers(task_id, command.blocked_by),
            **fields,
        ),
    )


def edit(state: Task | None, command: EditTask, task_id: str = "", ring: Ring | None = None) -> Events:
    """Only what differs is recorded. A done or archived task stays as it was judged (B1, ADR-010).

    `ring`: where the new `blocked_by` would lead back to the task.
    """
    task = require(state, task_id)
    if task.state in (TaskState.DONE, TaskState.ARCHIVED):
        raise ConflictError(
            f"The task is {task.state} and can no longer be edited.", remedy="Submit a new task.", task_id=task.id
        )
    if command.review is not None:
        _check_review(command.review)
    wanted: dict[str, Any] = command.changes()
    if command.blocked_by is not None:
        wanted["blocked_by"] = _blockers(task.id, command.blocked_by)
    if ring is not None:
        raise DependencyRingError(
            f"These tasks would wait for each other, and none could start: {shown(ring)}.",
            remedy="Leave one of them out of blocked_by.",
            ring=list(ring),
        )
    changed = {field: value for field, value in wanted.items() if value != getattr(task, field)}
    cleared = tuple(field for field, value in changed.items() if value is None)
    return (TaskEdited(task_id=task.id, **changed, cleared=cleared),) if changed else ()


def move(state: Task | None, command: MoveTask, task_id: str = "", project: Project | None = None) -> Events:
    """A person moves the card, or puts it elsewhere in its column.

    `before: null`, said explicitly, puts it at the end; without `before` the card's own state changes nothing. A failed
    task is not tried again once its `project` is archived.
    """
    task = require(state, task_id)
    if task.state is TaskState.FAILED and command.state is TaskState.TODO:
        _require_work(project)
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
    _require_work(project)
    if task.state is not TaskState.TODO:
        raise ConflictError(
            f"The task is {task.state}: only one in todo can be put back into the queue.",
            remedy="Leave it, or move it back to todo: that offers it again.",
            task_id=task.id,
            state=task.state.value,
        )
    return (TaskRequeued(task_id=task.id, deliveries=command.deliveries),)


def assign(
    state: Task | None,
    *,
    run_id: str,
    agent_id: str,
    role: str,
    subject: str,
    candidates: tuple[Candidate, ...],
    reason: str,
    policy: str,
    propensity: float,
    task_id: str = "",
) -> Events:
    """The coordinator gives a task that is to be done to an agent, whose run `run_id` begins."""
    task = require(state, task_id)
    if task.run_id == run_id:
        return ()
    if task.state is not TaskState.TODO:
        raise ConflictError(
            f"The task is {task.state}: only one in todo can be assigned.",
            remedy="Leave it, or move it back to todo first.",
            task_id=task.id,
            state=task.state.value,
        )
    return (
        TaskAssigned(
            task_id=task.id,
            run_id=run_id,
            agent_id=agent_id,
            role=role,
            subject=subject,
            candidates=candidates,
            reason=reason,
            policy=policy,
            propensity=propensity,
        ),
    )


def after_run(state: Task | None, run_event: DomainEvent) -> Events:
    """The move that follows the end of a run; nothing for other events, and for a run that the task no longer has."""
    if not isinstance(run_event, RunSucceeded | RunFailed | RunCancelled):
        return ()
    if state is None or state.state is not TaskState.IN_PROGRESS or state.run_id != run_event.run_id:
        return ()
    if isinstance(run_event, RunFailed):
        return (TaskFailed(task_id=state.id, run_id=run_event.run_id, reason=run_event.reason),)
    if isinstance(run_event, RunCancelled):
        return (TaskReleased(task_id=state.id, run_id=run_event.run_id, reason=run_event.reason),)
    if state.review is Review.NONE:
        return (TaskCompleted(task_id=state.id, run_id=run_event.run_id),)
    return (TaskSentToReview(task_id=state.id, run_id=run_event.run_id, reviewer=state.review),)


def wait(state: Task | None, reason: WaitReason, remedy: str) -> Events:
    """Let the card say why nobody takes it; once for each reason, and only while it is to be done."""
    if state is None or state.state is not TaskState.TODO or state.waiting == Wait(reason, remedy):
        return ()
    return (TaskWaiting(task_id=state.id, reason=reason, remedy=remedy),)


def require(state: Task | None, task_id: str) -> Task:
    """The task, or `NotFoundError`."""
    if state is None:
        raise NotFoundError(f"There is no task '{task_id}'.", remedy="Check the id.", task_id=task_id)
    return state


def _require_work(project: Project | None) -> None:
    if project is not None and project.archived:
        raise ConflictError(
            f"The project '{project.name}' is archived: nothing of it starts any more.",
            remedy="Submit the task in another project.",
            project_id=project.id,
        )


def _check_type(
    role: str | None,
    task_type: str,
    known_roles: Collection[str],
    known_task_types: Collection[str],
    roles_for_type: Collection[str],
) -> None:
    if role is not None and role not in known_roles:
        raise BadInputError(
            f"There is no role '{role}'.", remedy=f"The roles are: {', '.join(known_roles)}.", field="role"
        )
    if task_type not in known_task_types:
        raise BadInputError(
            f"There is no task type '{task_type}'.",
            remedy=f"The task types are: {', '.join(known_task_types)}.",
            field="task_type",
        )
    if role is not None and role not in roles_for_type:
        raise BadInputError(
            f"The role {role} does no '{task_type}' work.",
            remedy=f"Roles that do: {', '.join(roles_for_type)}. Name one of them, or none.",
            field="role",
        )


def _check_review(review: Review) -> None:
    if review is Review.AGENT:
        raise BadInputError(
            "Review by an agent is not available yet.", remedy="Use review: none or human.", field="review"
        )


def _blockers(task_id: str, blocked_by: tuple[str, ...]) -> tuple[str, ...]:
    if task_id in blocked_by:
        raise BadInputError(
            "A task cannot wait for itself.", remedy="Take its own id out of blocked_by.", field="blocked_by"
        )
    return tuple(dict.fromkeys(blocked_by))


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
