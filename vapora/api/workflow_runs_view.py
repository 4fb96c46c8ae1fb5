"""A run of a workflow as it is shown: what its stream says, with what the board knows of its cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from events import Recorded
from vapora.domain.workflow import live_runs, shown
from vapora.domain.workflow.critical_path import critical_path
from vapora.domain.workflow.definition import Stage, stored
from vapora.domain.workflow.state import Card, Run, StageRun
from vapora.views import ArtifactRef, BoardCard, StageTask, StageView, WorkflowRunView

_MICROUSD_PER_CENT = 10_000


def run_view(told: Sequence[Recorded], cards: Mapping[str, BoardCard], now: datetime) -> WorkflowRunView | None:
    """None for a stream that begins no run. `cards`: those of the run that the board knows, by id."""
    live = live_runs.fold(told)
    if live is None:
        return None
    run = live.run
    needs = run.definition.needs()
    until = run.ended_at or now
    took = {
        one.name: ((one.ended_at or until) - one.started_at).total_seconds()
        for one in run.stages.values()
        if one.started_at is not None
    }
    path, path_s = critical_path(needs, took)
    stages = tuple(
        _stage(run, stage, needs, cards, took.get(stage.name), stage.name in path) for stage in run.definition.stages
    )
    of_run = [cards[task_id] for task_id in run.cards if task_id in cards]
    budget = run.definition.budget_cents
    return WorkflowRunView(
        id=run.id,
        workflow_id=run.workflow_id,
        name=run.definition.name,
        version=run.number,
        project_id=run.project_id,
        state=run.state,
        ending=run.ending,
        reason=run.reason,
        stages=stages,
        approvals=tuple(one.asked.id for one in run.stages.values() if one.asked is not None),
        inputs=dict(run.inputs),
        definition=stored(run.definition),
        schedule_id=run.schedule_id,
        started_by=told[0].actor,
        correlation=run.correlation,
        started_at=run.started_at,
        ended_at=run.ended_at,
        duration_s=(until - run.started_at).total_seconds(),
        critical_path=path,
        critical_path_s=path_s,
        cost_microusd=sum(one.cost_microusd for one in of_run),
        budget_microusd=None if budget is None else budget * _MICROUSD_PER_CENT,
        agents=len({done.agent_id for one in of_run for done in one.runs}),
        simulated=any(one.simulated for one in of_run),
        position=told[-1].position,
    )


def _stage(
    run: Run,
    stage: Stage,
    needs: Mapping[str, tuple[str, ...]],
    cards: Mapping[str, BoardCard],
    took_s: float | None,
    critical: bool,
) -> StageView:
    known = run.stages[stage.name]
    ahead = () if known.state != "pending" else needs[stage.name]
    tasks = tuple(_task(one, cards.get(one.task_id)) for one in known.cards)
    return StageView(
        name=stage.name,
        state=_state(known),
        outcome=known.outcome,
        reason=known.reason,
        needs=needs[stage.name],
        blocked_by=tuple(one for one in ahead if not run.stages[one].is_settled),
        roles=tuple(one or "" for one in stage.roles),
        parallel=stage.parallel,
        tasks=tasks,
        outputs=tuple(ArtifactRef.model_validate(one) for one in shown.artifacts(run, stage)),
        approval_id=None if known.asked is None else known.asked.id,
        retry_at=min(known.retries.values(), default=None),
        started_at=known.started_at,
        ended_at=known.ended_at,
        duration_s=took_s,
        cost_microusd=sum(one.cost_microusd for one in tasks),
        critical=critical,
    )


def _state(known: StageRun) -> str:
    if known.undone == "done":
        return "undone"
    if any(one.purpose == "undo" for one in known.cards) and known.undone is None:
        return "undoing"
    return known.state


def _task(card: Card, on_board: BoardCard | None) -> StageTask:
    seen: dict[str, Any] = {}
    if on_board is not None:
        seen = {
            "title": on_board.title,
            "state": on_board.state.value,
            "assigned_agent": on_board.assigned_agent,
            "cost_microusd": on_board.cost_microusd,
        }
    return StageTask(
        task_id=card.task_id,
        role=card.role,
        slot=card.slot,
        attempt=card.attempt,
        purpose=card.purpose,
        outcome=card.outcome,
        **seen,
    )
