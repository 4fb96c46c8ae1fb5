"""When a task's work may become part of the base branch, and what is recorded of it."""

from __future__ import annotations

from typing import Literal

from events.base import DomainEvent
from events.ids import ChecksVerdict, MergePolicy, TaskState
from events.task import LandingRefused, TaskLanded, TaskPushed, TaskRejected
from events.work import Work
from vapora.domain.project import Project
from vapora.domain.task_state import Refusal, Task
from vapora.errors import (
    ChecksFailedError,
    ConflictError,
    NotApprovedError,
    NothingToLandError,
    ReviewOutdatedError,
)

Events = tuple[DomainEvent, ...]
Strategy = Literal["squash", "merge", "rebase"]

# After so many times that the base branch moved under it, a person decides.
MOST_CONFLICT_ROUNDS = 3


def may_land(task: Task, *, force: bool = False) -> Work:
    """The work that is to land, if it has not yet.

    Raises `NotApprovedError`, `ReviewOutdatedError`, `ChecksFailedError` (not with `force`), `NothingToLandError`,
    and `ConflictError` for a card without a branch, or one that is archived.
    """
    work = _require_branch(task)
    if task.state is TaskState.ARCHIVED:
        raise ConflictError("The task is archived: its work does not land any more.", task_id=task.id)
    if task.state is not TaskState.DONE or task.approved_head is None:
        raise NotApprovedError(
            f"The task is {task.state}: nobody has approved its work.",
            remedy="Approve it, then merge." if task.state is TaskState.REVIEW else "Merge it once it is done.",
            task_id=task.id,
            state=task.state.value,
        )
    if task.approved_head != work.head:
        raise ReviewOutdatedError(
            f"The branch is at {work.head[:12]}, not at {task.approved_head[:12]}, which was approved.",
            remedy="Look at the changes again, and approve them.",
            task_id=task.id,
            head=work.head,
        )
    if not work.changes_something:
        raise NothingToLandError("The branch changes nothing.", remedy="There is nothing to do.")
    if work.checks is ChecksVerdict.RED and not force:
        raise ChecksFailedError(
            "A check of the project is red.",
            remedy="Send the card back to its agent, or merge with force: true.",
            task_id=task.id,
        )
    return work


def lands_by_itself(task: Task, project: Project) -> bool:
    """Whether it is approved, green, and the project says that such work lands without a further word."""
    return (
        project.merge_policy is MergePolicy.WHEN_APPROVED
        and not project.archived
        and not project.paused
        and not task.paused
        and task.to_land
        and task.work is not None
        and task.approved_head == task.work.head
        and task.work.checks is ChecksVerdict.GREEN
    )


def landed(task: Task, head: str, branch: str, oid: str, strategy: Strategy, *, forced: bool) -> Events:
    """Once: what is part of the base branch stays so."""
    if task.landed is not None and task.landed.head == head:
        return ()
    return (
        TaskLanded(
            task_id=task.id, run_id=task.run_id, head=head, branch=branch, oid=oid, strategy=strategy, forced=forced
        ),
    )


def refuse_landing(task: Task, head: str, kind: str, message: str, paths: tuple[str, ...] = ()) -> Events:
    """Told once for each reason, however often it is tried."""
    if task.is_landed or task.refused == Refusal(head, kind, message, paths):
        return ()
    return (LandingRefused(task_id=task.id, head=head, kind=kind, message=message, paths=paths),)


def send_back(task: Task, head: str, comment: str) -> Events:
    """To its author, since the base branch has moved under it; nothing where that was done often enough."""
    if not task.to_land or task.conflict_rounds >= MOST_CONFLICT_ROUNDS:
        return ()
    return (TaskRejected(task_id=task.id, run_id=task.run_id, comment=comment, head=head, cause="conflict"),)


def may_push(task: Task) -> Work:
    """The work whose branch is to be pushed. Raises `ConflictError` unless the card is in review or done."""
    work = _require_branch(task)
    if task.state not in (TaskState.REVIEW, TaskState.DONE):
        raise ConflictError(
            f"The task is {task.state}: its branch is not ready.",
            remedy="Push it once it is in review or done.",
            task_id=task.id,
            state=task.state.value,
        )
    return work


def pushed(task: Task, branch: str, head: str) -> Events:
    return (TaskPushed(task_id=task.id, branch=branch, head=head),)


def _require_branch(task: Task) -> Work:
    if task.work is None:
        raise ConflictError(
            "The card has no branch: no run of it has left work in a repository.",
            remedy="Look at its artifacts instead.",
            task_id=task.id,
            state=task.state.value,
        )
    return task.work
