"""What both clients know about tasks and projects without asking anybody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, TypedDict

from pydantic import JsonValue

from events.ids import BoardType, Review, TaskState
from vapora import views
from vapora.backoff import Backoff
from vapora.errors import ConflictError, NotFoundError, VaporaError
from vapora.views import BoardCard, Execution, Project, TaskCard

# A state, or its name.
State = TaskState | Literal["todo", "in-progress", "review", "done", "failed", "archived"]
# Nothing moves such a task any further without a person.
SETTLED = frozenset({TaskState.REVIEW, TaskState.DONE, TaskState.FAILED, TaskState.ARCHIVED})
BACKOFF = Backoff(0.1, longest_s=1.0, factor=1.5)


class TaskDetails(TypedDict, total=False):
    """The fields of `commands.SubmitTask` beside project and title."""

    description: str
    type: BoardType | Literal["feature", "bugfix", "enhancement", "tech-debt"]
    task_type: str | None
    role: str | None
    agent: str | None
    priority: int
    review: Review | Literal["none", "agent", "human"]
    deadline: datetime | str | None
    context: dict[str, JsonValue]
    blocked_by: tuple[str, ...]
    assignee: str | None
    labels: tuple[str, ...]


class WaitTimeoutError(VaporaError, TimeoutError):
    """The task was not there in time. `details["card"]`: how it stood then."""


class AmbiguousError(ConflictError):
    """Several things have the name. `details["candidates"]`: their ids."""


def settled(card: BoardCard, until: Collection[TaskState]) -> bool:
    if card.state is TaskState.REVIEW and card.review is Review.AGENT and until is SETTLED:
        return False
    return card.state in until


def still(card: TaskCard, seconds: float) -> WaitTimeoutError:
    said = f"The task '{card.id}' is still {card.state.value} after {seconds:g} s"
    if card.waiting is None:
        return WaitTimeoutError(f"{said}.", remedy="Wait longer, or look at its runs.", card=card)
    return WaitTimeoutError(f"{said}: it waits for {card.waiting.reason.value}.", remedy=card.waiting.remedy, card=card)


def named(name_or_id: str, projects: Sequence[Project]) -> Project | None:
    """The project of this id, else the one of this name; None where there is neither."""
    for one in projects:
        if one.id == name_or_id:
            return one
    found = [one for one in projects if one.name == name_or_id] or [
        one for one in projects if one.name.casefold() == name_or_id.casefold()
    ]
    if len(found) > 1:
        ids = [one.id for one in found]
        raise AmbiguousError(
            f"{len(found)} projects are called {found[0].name!r}.",
            remedy=f"Say which: {', '.join(ids)}.",
            candidates=ids,
        )
    return found[0] if found else None


def without_work(task_id: str, runs: Sequence[Execution]) -> NotFoundError:
    if not runs:
        return NotFoundError(
            f"The task '{task_id}' has no run yet.", remedy="Wait for it; its card says what it needs."
        )
    last = runs[-1]
    reason = f": {last.reason}" if last.reason else ""
    return NotFoundError(
        f"No run of the task '{task_id}' has left anything yet; the last, {last.run_id}, is {last.state}{reason}.",
        remedy="Wait for it to end, or look at the card.",
    )


def about(change: views.Change) -> str | None:
    """The task that a change is about; None: it is about something else."""
    match change:
        case views.TaskChange():
            return change.row.id
        case views.RunChange() | views.StepChange() | views.CommentChange() | views.AttemptChange():
            return change.row.task_id
    return None
