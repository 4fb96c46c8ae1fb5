"""What came of a card, and how one is called off: told by its own stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from events import task
from events.base import DomainEvent
from events.ids import ChecksVerdict, TaskState
from events.workflow import CardOutcome, StageCardEnded, StageCardReopened
from vapora.domain import task as tasks
from vapora.domain.workflow.state import Run

# After each of these a card may have ended, or be open again.
TOPICS = tuple(
    kind.TOPIC
    for kind in (
        task.TaskCompleted,
        task.TaskApproved,
        task.TaskFailed,
        task.TaskArchived,
        task.TaskReopened,
        task.AttemptRequested,
        task.AttemptPicked,
        task.TaskLanded,
    )
)


@dataclass(frozen=True, slots=True)
class Result:
    outcome: CardOutcome | None
    run_id: str | None = None
    head: str | None = None
    checks: ChecksVerdict | None = None
    reason: str = ""


def result(events: Iterable[DomainEvent]) -> Result:
    """Of a task's stream. A card that was done stays so when it is put away; one that takes back what landed is done
    only once that has landed too."""
    told = tuple(events)
    state = tasks.fold(told)
    if state is None:
        return Result(None)
    outcome: CardOutcome | None = None
    reason = ""
    match state.state:
        case TaskState.DONE if state.reverts and state.to_land:
            return Result(None)
        case TaskState.DONE:
            outcome = "done"
        case TaskState.FAILED:
            outcome, reason = (
                "failed",
                next((one.reason for one in reversed(told) if isinstance(one, task.TaskFailed)), ""),
            )
        case TaskState.ARCHIVED:
            left = next((one.from_state for one in reversed(told) if isinstance(one, task.TaskArchived)), None)
            kept = state.reverts and state.work is not None and not state.is_landed and state.work.changes_something
            outcome = "done" if left is TaskState.DONE and not kept else "archived"
            reason = "" if outcome == "done" else "its card was put away"
        case _:
            return Result(None)
    work = state.work
    return Result(outcome, state.run_id, state.head, None if work is None else work.checks, reason[:2_000])


def news(run: Run, task_id: str, found: Result) -> tuple[DomainEvent, ...]:
    """What the run has to record of a card; nothing where it knows."""
    stage, card = run.cards[task_id]
    if found.outcome is None:
        # What a stage did that is over is not undone by somebody who has it done once more.
        if card.outcome is None or run.stages[stage].is_settled or run.ending is not None:
            return ()
        return (StageCardReopened(workflow_run_id=run.id, stage=stage, task_id=task_id),)
    if (card.outcome, card.run_id, card.head) == (found.outcome, found.run_id, found.head):
        return ()
    return (
        StageCardEnded(
            workflow_run_id=run.id,
            stage=stage,
            task_id=task_id,
            outcome=found.outcome,
            run_id=found.run_id,
            head=found.head,
            checks=found.checks,
            reason=found.reason,
        ),
    )


def call_off(events: Iterable[DomainEvent]) -> tuple[DomainEvent, ...]:
    """Of a task that is open: its run is cancelled, and its card put away. Nothing where it has ended."""
    state = tasks.fold(events)
    if state is None or state.state in (TaskState.DONE, TaskState.FAILED, TaskState.ARCHIVED):
        return ()
    comment = "The workflow does not need it any more."
    archived = task.TaskArchived(task_id=state.id, from_state=state.state, comment=comment)
    if state.state is not TaskState.IN_PROGRESS:
        return (archived,)
    recalled = task.TaskRecalled(task_id=state.id, run_id=state.run_id, comment=comment)
    return (recalled, task.TaskArchived(task_id=state.id, from_state=TaskState.TODO, comment=comment))
