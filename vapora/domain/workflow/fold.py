"""How each event changes a run of a workflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from events import workflow as told
from events.base import DomainEvent
from vapora.domain.workflow.definition import read
from vapora.domain.workflow.state import Asked, Card, Run, StageRun

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1


def evolve(run: Run | None, event: DomainEvent, at: datetime) -> Run | None:
    """`at`: when it was recorded. Events of other kinds change nothing."""
    if isinstance(event, told.WorkflowRunStarted):
        return _started(event, at)
    if run is None:
        return None
    stage_name = getattr(event, "stage", None)
    if stage_name is not None:
        return _of_stage(run, run.stages[stage_name], event, at)
    match event:
        case told.WorkflowRunPaused():
            return replace(run, paused=True, reason=event.reason)
        case told.WorkflowRunResumed():
            return replace(run, paused=False, reason="")
        case told.WorkflowRunEnding():
            # What is to be undone is undone, also of a run that was paused.
            return replace(run, ending=event.state, reason=event.reason, paused=False)
        case told.WorkflowRunCompleted():
            return replace(run, ended="completed", ended_at=at)
        case told.WorkflowRunFailed():
            return replace(run, ended="failed", reason=event.reason, ended_at=at)
        case told.WorkflowRunCancelled():
            return replace(run, ended="cancelled", reason=event.reason, ended_at=at)
        case _:
            return run


def _started(event: told.WorkflowRunStarted, at: datetime) -> Run:
    definition = read(event.definition)
    return Run(
        id=event.workflow_run_id,
        workflow_id=event.workflow_id,
        number=event.number,
        definition=definition,
        correlation=event.correlation,
        project_id=event.project_id,
        inputs=event.inputs,
        schedule_id=event.schedule_id,
        started_at=at,
        stages={one.name: StageRun(one.name) for one in definition.stages},
    )


def _of_stage(run: Run, stage: StageRun, event: DomainEvent, at: datetime) -> Run:
    changed = _STAGE[type(event)](stage, event, at) if type(event) in _STAGE else stage
    run = replace(run, begun=True)
    match event:
        case told.StageCompleted() | told.StageFailed() | told.StageSkipped():
            run = replace(run, settled=run.settled + 1)
            changed = replace(changed, order=run.settled, ended_at=at)
        case told.StageRetried():
            run = replace(run, ending=None, ended=None, ended_at=None, reason="")
    return replace(run, stages={**run.stages, stage.name: changed})


def _cards_made(stage: StageRun, event: told.StageCardsMade, at: datetime) -> StageRun:
    cards = tuple(
        Card(one.task_id, one.role, one.slot, one.attempt, event.purpose, at, one.limit_cents) for one in event.cards
    )
    if event.purpose == "undo":
        return replace(stage, cards=(*stage.cards, *cards))
    made = {one.slot for one in cards}
    return replace(
        stage,
        state="running",
        cards=(*stage.cards, *cards),
        retries={slot: due for slot, due in stage.retries.items() if slot not in made},
        started_at=stage.started_at or at,
    )


def _card_ended(stage: StageRun, event: told.StageCardEnded, at: datetime) -> StageRun:
    ended: dict[str, Any] = {
        "outcome": event.outcome,
        "run_id": event.run_id,
        "head": event.head,
        "checks": event.checks,
        "reason": event.reason,
        "ended_at": at,
    }
    return _card(stage, event.task_id, ended)


def _card_reopened(stage: StageRun, event: told.StageCardReopened, _: datetime) -> StageRun:
    stage = _card(stage, event.task_id, {"outcome": None, "ended_at": None})
    slots = {one.slot for one in stage.cards if one.task_id == event.task_id}
    waiting = {slot: due for slot, due in stage.retries.items() if slot not in slots}
    return replace(stage, retries=waiting)


def _card(stage: StageRun, task_id: str, changes: dict[str, Any]) -> StageRun:
    return replace(
        stage, cards=tuple(replace(one, **changes) if one.task_id == task_id else one for one in stage.cards)
    )


def _retry_planned(stage: StageRun, event: told.StageRetryPlanned, _: datetime) -> StageRun:
    return replace(stage, retries={**stage.retries, event.slot: event.at})


def _completed(stage: StageRun, event: told.StageCompleted, _: datetime) -> StageRun:
    return replace(stage, state="completed", outcome=event.outcome, reason="", verdict=None)


def _failed(stage: StageRun, event: told.StageFailed, _: datetime) -> StageRun:
    return replace(stage, state="failed", outcome=event.outcome, reason=event.reason, verdict=None, retries={})


def _skipped(stage: StageRun, event: told.StageSkipped, _: datetime) -> StageRun:
    return replace(stage, state="skipped", outcome="skipped", reason=event.reason, verdict=None, retries={})


def _retried(stage: StageRun, _: told.StageRetried, at: datetime) -> StageRun:
    """Its failed cards are made anew, at once."""
    failed = {slot: at for slot, card in stage.latest().items() if card.outcome != "done"}
    return replace(
        stage,
        state="running" if stage.cards else "pending",
        outcome="",
        reason="",
        retries=failed,
        tries=stage.tries + 1,
        started_at=at if stage.cards else None,
        ended_at=None,
        order=0,
        cleared=stage.cleared and bool(stage.cards),
    )


def _requested(stage: StageRun, event: told.ApprovalRequested, at: datetime) -> StageRun:
    asked = Asked(
        event.approval_id,
        event.number,
        event.seen,
        event.shown,
        event.roles,
        event.people,
        event.expires_at,
        event.remind_at,
    )
    return replace(
        stage, state="waiting-approval", asked=asked, asked_times=event.number, started_at=stage.started_at or at
    )


def _reminded(stage: StageRun, event: told.ApprovalReminded, _: datetime) -> StageRun:
    return replace(stage, asked=replace(stage.asked, remind_at=None)) if stage.asked else stage


def _escalated(stage: StageRun, event: told.ApprovalEscalated, _: datetime) -> StageRun:
    if stage.asked is None:
        return stage
    roles = tuple(dict.fromkeys((*stage.asked.roles, *event.roles)))
    return replace(stage, asked=replace(stage.asked, roles=roles, expires_at=None, remind_at=None, escalated=True))


def _withdrawn(stage: StageRun, event: told.ApprovalWithdrawn, _: datetime) -> StageRun:
    """What was asked before the work is asked anew before it; what the work showed, once it is there again."""
    if stage.is_settled:
        return replace(stage, asked=None)
    return replace(stage, asked=None, state="running" if stage.latest() else "pending")


def _decided(stage: StageRun, event: told.ApprovalDecided, _: datetime) -> StageRun:
    approved = event.decision == "approve"
    before = not stage.latest()
    return replace(
        stage,
        asked=None,
        state="pending" if before else "running",
        verdict=event.decision,
        cleared=stage.cleared or (approved and before),
        comment=event.comment,
    )


_STAGE: dict[type[DomainEvent], Callable[..., StageRun]] = {
    told.StageCardsMade: _cards_made,
    told.StageCardEnded: _card_ended,
    told.StageCardReopened: _card_reopened,
    told.StageRetryPlanned: _retry_planned,
    told.StageCompleted: _completed,
    told.StageFailed: _failed,
    told.StageSkipped: _skipped,
    told.StageRetried: _retried,
    told.ApprovalRequested: _requested,
    told.ApprovalReminded: _reminded,
    told.ApprovalEscalated: _escalated,
    told.ApprovalWithdrawn: _withdrawn,
    told.ApprovalDecided: _decided,
    told.StageUndone: lambda stage, event, _: replace(stage, undone=event.outcome),
}
