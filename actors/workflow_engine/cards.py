"""The cards that stages make: ordinary tasks, which bear what the definition says of them unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from events.base import DomainEvent
from events.ids import StreamName, task_stream
from events.task import RevertRequested, TaskSubmitted
from events.workflow import CardPurpose, StageCard, StageCardsMade
from vapora.commands import SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.revert import ASSIGNEE as REVERTER
from vapora.domain.workflow.definition import Stage
from vapora.domain.workflow.shown import done, told
from vapora.domain.workflow.state import Run
from vapora.domain.workflow.undo import finished, reverts
from vapora.errors import BadInputError

# As many as a task may name.
_MOST_BLOCKERS = 200

TaskChange = tuple[StreamName, int, tuple[DomainEvent, ...]]


async def submissions(
    dispatcher: Dispatcher, run: Run, made: StageCardsMade
) -> tuple[list[TaskChange], dict[StreamName, int]]:
    """The streams of these cards, and the versions of others that they were decided on. `run`: as it is before."""
    changes: list[TaskChange] = []
    expected: dict[StreamName, int] = {}
    for card in made.cards:
        stage = run.definition.stage(made.stage)
        command = _command(run, stage, card, made.purpose)
        events, decided_on = await dispatcher.submission(command, card.task_id)
        if reverts(stage, made.purpose):
            of = tuple(one.task_id for one in finished(run.stages[stage.name]))
            events = (*events, RevertRequested(task_id=card.task_id, of=of))
        changes.append((task_stream(card.task_id), 0, _marked(events, run.id, made.stage)))
        expected |= decided_on
    return changes, expected


def _marked(events: Sequence[DomainEvent], run_id: str, stage: str) -> tuple[DomainEvent, ...]:
    said = {"workflow_run_id": run_id, "stage": stage}
    return tuple(one.model_copy(update=said) if isinstance(one, TaskSubmitted) else one for one in events)


def _command(run: Run, stage: Stage, card: StageCard, purpose: CardPurpose) -> SubmitTask:
    undo = stage.compensate
    task: Mapping[str, Any] = undo.task if purpose == "undo" and undo is not None else stage.task
    of_task = task.get("context")
    context = of_task if isinstance(of_task, Mapping) else {}
    filled = {
        "title": _title(run, stage, card, purpose),
        "project_id": run.project_id or stage.task.get("project_id"),
        **task,
        "role": card.role or task.get("role"),
        "context": {**context, "workflow": told(run, stage, purpose)},
        "blocked_by": _blockers(run, stage, task) if purpose == "work" else [],
        **(_taking_back(run, stage, task) if reverts(stage, purpose) else {}),
    }
    try:
        return SubmitTask.model_validate({name: value for name, value in filled.items() if value is not None})
    except ValidationError as error:
        raise BadInputError(f"Its card cannot be made: {error.errors(include_url=False)[0]['msg']}.") from None


def _taking_back(run: Run, stage: Stage, task: Mapping[str, Any]) -> dict[str, Any]:
    """Of a card that VAPORA itself does: reviewed as the stage's own work was, unless it says otherwise."""
    return {
        "title": task.get("title") or f"{run.definition.name}: Revert {stage.name}",
        "description": task.get("description")
        or f"The stage {stage.name} is undone: VAPORA takes back what its cards landed, and nothing else.",
        "project_id": stage.task.get("project_id") or run.project_id,
        "review": task.get("review") or stage.task.get("review"),
        "assignee": REVERTER,
    }


def _title(run: Run, stage: Stage, card: StageCard, purpose: CardPurpose) -> str:
    what = f"Undo {stage.name}" if purpose == "undo" else stage.name
    several = f" ({card.role})" if len(stage.roles) > 1 and purpose == "work" else ""
    return f"{run.definition.name}: {what}{several}"


def _blockers(run: Run, stage: Stage, task: Mapping[str, Any]) -> list[str]:
    """What the stages before did has to have landed before this begins."""
    own = task.get("blocked_by")
    named = [str(one) for one in own] if isinstance(own, list | tuple) else []
    before = [card.task_id for name in run.definition.needs()[stage.name] for card in done(run, name)]
    return list(dict.fromkeys((*named, *before)))[:_MOST_BLOCKERS]
