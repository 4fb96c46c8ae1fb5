"""What a run of a workflow does next. Pure: a state and an instant give events, cards to make and cards to call off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from events import workflow as told
from events.base import DomainEvent
from events.ids import MemberRole
from vapora.backoff import Backoff
from vapora.domain.workflow import undo
from vapora.domain.workflow.condition import parse
from vapora.domain.workflow.definition import Stage
from vapora.domain.workflow.fold import evolve
from vapora.domain.workflow.shown import digest, shown, values
from vapora.domain.workflow.state import Card, Run, StageRun, approval_id_of, task_id_of

_LONGEST_PAUSE_S = 6 * 3_600
# Nobody waits for ever for what cannot be: each round settles something, or makes cards.
_MOST_ROUNDS = 2_000
ESCALATED_TO = (MemberRole.OWNER.value, MemberRole.ADMIN.value)


@dataclass(frozen=True, slots=True)
class Plan:
    """`events`: of the run's stream. The cards that they make are submitted in the same append; `call_off`: cards that
    are open and wanted no more, which the shell moves out of the way."""

    run: Run
    events: tuple[DomainEvent, ...]
    call_off: tuple[str, ...]


def plan(run: Run, now: datetime) -> Plan:
    """All that is to be done now. The same state and instant give the same plan."""
    events: list[DomainEvent] = []
    for _ in range(_MOST_ROUNDS):
        found = tuple(_next(run, now))
        if not found:
            break
        for event in found:
            run = evolve(run, event, now) or run
        events += found
    return Plan(run, tuple(events), tuple(_unwanted(run)))


def due_at(run: Run) -> datetime | None:
    """When time alone moves something of it."""
    if run.ended is not None or run.paused or run.ending is not None:
        return None
    dues: list[datetime] = []
    for stage in run.stages.values():
        if stage.is_settled:
            continue
        dues += stage.retries.values()
        if stage.asked is not None:
            dues += [at for at in (stage.asked.expires_at, stage.asked.remind_at) if at is not None]
        elif (at := _times_out_at(run, stage)) is not None:
            dues.append(at)
    return min(dues, default=None)


def _unwanted(run: Run) -> Iterator[str]:
    """Open cards of stages that are over, and of a run that is being undone."""
    for stage in run.stages.values():
        if stage.is_settled or run.ending is not None:
            yield from (one.task_id for one in stage.open_cards if one.purpose == "work")


def _next(run: Run, now: datetime) -> Iterator[DomainEvent]:
    """The events of the first thing that is to be done; none where everything waits."""
    if run.ended is not None or run.paused:
        return
    if run.ending is not None:
        yield from undo.next_events(run)
        return
    failed = next((one for one in run.stages.values() if _breaks(run, one)), None)
    if failed is not None:
        yield told.WorkflowRunEnding(
            workflow_run_id=run.id, state="failed", reason=f"The stage {failed.name} failed: {failed.reason}"
        )
        return
    if all(one.is_settled for one in run.stages.values()):
        yield told.WorkflowRunCompleted(workflow_run_id=run.id)
        return
    needs = run.definition.needs()
    for stage in run.definition.stages:
        of_run = run.stages[stage.name]
        if of_run.is_settled:
            continue
        if of_run.state == "pending" and not all(run.stages[one].is_settled for one in needs[stage.name]):
            continue
        found = tuple(_of_stage(run, stage, of_run, now))
        if found:
            yield from found
            return


def _breaks(run: Run, stage: StageRun) -> bool:
    return stage.state == "failed" and not run.definition.stage(stage.name).may_fail


def _of_stage(run: Run, stage: Stage, known: StageRun, now: datetime) -> Iterator[DomainEvent]:
    if known.asked is not None:
        yield from _asked(run, stage, known, now)
    elif known.verdict == "reject":
        yield _failure(run, known, "rejected", f"it was rejected{f': {known.comment}' if known.comment else ''}")
    elif known.state == "pending":
        yield from _begin(run, stage, known, now)
    else:
        yield from _under_way(run, stage, known, now)


def _begin(run: Run, stage: Stage, known: StageRun, now: datetime) -> Iterator[DomainEvent]:
    if stage.when and not parse(stage.when).holds(values(run)):
        yield told.StageSkipped(
            workflow_run_id=run.id, stage=stage.name, reason=f"its condition does not hold: {stage.when}"
        )
    elif stage.approval is not None and not known.cleared and (stage.approval.when == "before" or not stage.roles):
        yield _request(run, stage, known, now)
    elif not stage.roles:
        yield told.StageCompleted(workflow_run_id=run.id, stage=stage.name, outcome="approved")
    else:
        yield from _cards(run, stage, known, now)


def _under_way(run: Run, stage: Stage, known: StageRun, now: datetime) -> Iterator[DomainEvent]:
    latest = known.latest()
    all_done = len(latest) == len(stage.roles) and all(one.outcome == "done" for one in latest.values())
    overdue = _times_out_at(run, known)
    lost = next((one for one in latest.values() if _is_lost(stage, known, one)), None)
    if all_done:
        if stage.approval is not None and known.verdict is None and stage.approval.when == "after":
            yield _request(run, stage, known, now)
        else:
            outcome = "approved" if stage.approval is not None else "done"
            yield told.StageCompleted(workflow_run_id=run.id, stage=stage.name, outcome=outcome)
    elif lost is not None:
        yield _failure(run, known, "failed", lost.reason or f"its card was {lost.outcome}")
    elif overdue is not None and overdue <= now:
        yield _failure(run, known, "timed-out", f"it was not done within {stage.timeout_s} seconds")
    else:
        planned = tuple(_retries(run, stage, known, now))
        yield from planned or _cards(run, stage, known, now)


def _failure(run: Run, known: StageRun, outcome: told.FailureKind, reason: str) -> told.StageFailed:
    return told.StageFailed(workflow_run_id=run.id, stage=known.name, outcome=outcome, reason=reason)


def _is_lost(stage: Stage, known: StageRun, card: Card) -> bool:
    """Whether its slot will not be done any more: it failed too often, or a person took the card away."""
    if card.outcome == "archived":
        return card.slot not in known.retries
    return card.outcome == "failed" and card.slot not in known.retries and card.attempt > stage.retries + known.tries


def _retries(run: Run, stage: Stage, known: StageRun, now: datetime) -> Iterator[DomainEvent]:
    for slot, card in known.latest().items():
        if card.outcome == "failed" and slot not in known.retries:
            pause = Backoff(max(stage.backoff_s, 0.001), longest_s=_LONGEST_PAUSE_S).after(card.attempt)
            at = now + timedelta(seconds=pause if stage.backoff_s else 0)
            yield told.StageRetryPlanned(
                workflow_run_id=run.id, stage=stage.name, slot=slot, attempt=card.attempt + 1, at=at
            )


def _cards(run: Run, stage: Stage, known: StageRun, now: datetime) -> Iterator[DomainEvent]:
    """As many as may be worked on now: again in the place of those that failed, then the next ones."""
    latest = known.latest()
    again = {slot: latest[slot].attempt + 1 for slot, at in known.retries.items() if at <= now}
    slots = [*again, *(slot for slot in range(len(stage.roles)) if slot not in latest)]
    # One that waits for its retry holds its place, so that serial cards keep their order.
    held = len([one for one in latest.values() if one.outcome is None]) + len(known.retries) - len(again)
    room = stage.at_once - held
    if run.definition.max_parallel is not None:
        under_way = sum(len(one.open_cards) for one in run.stages.values())
        room = min(room, run.definition.max_parallel - under_way)
    cards = [
        told.StageCard(
            task_id=task_id_of(run.id, stage.name, "work", slot, again.get(slot, 1)),
            role=stage.roles[slot],
            slot=slot,
            attempt=again.get(slot, 1),
        )
        for slot in slots[: max(room, 0)]
    ]
    if cards:
        yield told.StageCardsMade(workflow_run_id=run.id, stage=stage.name, cards=tuple(cards))


def _times_out_at(run: Run, known: StageRun) -> datetime | None:
    """Waiting for an approval has a time of its own."""
    limit = run.definition.stage(known.name).timeout_s
    if limit is None or known.started_at is None or known.state != "running" or not known.cards:
        return None
    return known.started_at + timedelta(seconds=limit)


def _request(run: Run, stage: Stage, known: StageRun, now: datetime) -> told.ApprovalRequested:
    rule = stage.approval
    assert rule is not None  # only stages that have one ask
    number = known.asked_times + 1
    what = shown(run, stage)
    left = None if rule.timeout_s is None else timedelta(seconds=rule.timeout_s)
    return told.ApprovalRequested(
        workflow_run_id=run.id,
        approval_id=approval_id_of(run.id, stage.name, number),
        stage=stage.name,
        number=number,
        title=rule.title or f"{run.definition.name}: {stage.name}",
        seen=digest(what),
        shown=what,
        roles=rule.roles,
        people=rule.people,
        expires_at=None if left is None else now + left,
        remind_at=None if left is None else now + left / 2,
    )


def _asked(run: Run, stage: Stage, known: StageRun, now: datetime) -> Iterator[DomainEvent]:
    asked = known.asked
    if asked is None or stage.approval is None:
        return
    about = {"workflow_run_id": run.id, "approval_id": asked.id, "stage": stage.name}
    if digest(shown(run, stage)) != asked.seen or any(one.purpose == "work" for one in known.open_cards):
        yield told.ApprovalWithdrawn(**about, cause="outdated")
    elif asked.expires_at is not None and asked.expires_at <= now:
        if stage.approval.on_timeout == "escalate":
            yield told.ApprovalEscalated(**about, roles=ESCALATED_TO)
        else:
            yield told.ApprovalWithdrawn(**about, cause="expired")
            yield _failure(run, known, "rejected", "nobody approved it in time")
    elif asked.remind_at is not None and asked.remind_at <= now:
        yield told.ApprovalReminded(**about)
