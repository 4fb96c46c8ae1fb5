"""How a run ends that is not completed: what is asked is asked no more, what is open is called off, and what its stages
did is undone in reverse order, each once."""

from __future__ import annotations

from collections.abc import Iterator

from events import workflow as told
from events.base import DomainEvent
from events.workflow import CardPurpose
from vapora.domain.workflow.definition import Stage
from vapora.domain.workflow.state import Card, Run, StageRun, task_id_of


def next_events(run: Run) -> Iterator[DomainEvent]:
    """The next ones; none while cards are open."""
    asked = next((one for one in run.stages.values() if one.asked is not None), None)
    if asked is not None and asked.asked is not None:
        yield told.ApprovalWithdrawn(
            workflow_run_id=run.id, approval_id=asked.asked.id, stage=asked.name, cause="ended"
        )
        return
    if any(one.purpose == "work" for stage in run.stages.values() for one in stage.open_cards):
        return
    stage = next(iter(to_undo(run)), None)
    if stage is not None:
        yield from _undo(run, stage)
    elif run.ending == "cancelled":
        yield told.WorkflowRunCancelled(workflow_run_id=run.id, reason=run.reason)
    else:
        yield told.WorkflowRunFailed(workflow_run_id=run.id, reason=run.reason)


def to_undo(run: Run) -> list[StageRun]:
    """Those whose work was done and is not undone yet, the last one first."""
    found = [one for one in run.stages.values() if one.undone is None and _wants_undoing(run, one)]
    places = {name: place for place, name in enumerate(run.stages)}
    return sorted(found, key=lambda one: (one.order or len(run.stages) + 1, places[one.name]), reverse=True)


def did_all(run: Run, stage: StageRun) -> bool:
    """Whether all of its cards were done, whatever was decided about it afterwards."""
    latest = stage.latest().values()
    wanted = len(run.definition.stage(stage.name).roles)
    return wanted > 0 and len(latest) == wanted and all(one.outcome == "done" for one in latest)


def finished(stage: StageRun) -> list[Card]:
    """Its cards that were done: what they made may have landed."""
    return [one for one in stage.cards if one.purpose == "work" and one.outcome == "done"]


def reverts(stage: Stage, purpose: CardPurpose) -> bool:
    """Whether such a card of the stage is done by VAPORA itself."""
    return purpose == "undo" and stage.compensate is not None and stage.compensate.revert


def cards_left(run: Run) -> int:
    """How many cards of agents are still to be made to undo all of it."""
    wanted = 0
    for stage in to_undo(run):
        rule = run.definition.stage(stage.name).compensate
        wanted += 0 if rule is None else len(rule.agents) - len(stage.latest("undo"))
    return wanted


def _wants_undoing(run: Run, stage: StageRun) -> bool:
    """An agent undoes a stage as a whole. What landed is taken back card by card, also of a stage that failed."""
    rule = run.definition.stage(stage.name).compensate
    return rule is not None and (bool(finished(stage)) if rule.revert else did_all(run, stage))


def _undo(run: Run, stage: StageRun) -> Iterator[DomainEvent]:
    """A card for each agent that undoes it, one after the other."""
    rule = run.definition.stage(stage.name).compensate
    if rule is None:
        return
    latest = stage.latest("undo")
    if any(one.outcome is None for one in latest.values()):
        return
    lost = next((one for one in latest.values() if one.outcome != "done"), None)
    if lost is not None:
        reason = lost.reason or f"its card was {lost.outcome}"
        yield told.StageUndone(workflow_run_id=run.id, stage=stage.name, outcome="failed", reason=reason)
    elif len(latest) == (1 if rule.revert else len(rule.agents)):
        yield told.StageUndone(workflow_run_id=run.id, stage=stage.name, outcome="done")
    else:
        slot = len(latest)
        task_id = task_id_of(run.id, stage.name, "undo", slot, 1)
        role = None if rule.revert else rule.agents[slot]
        card = told.StageCard(task_id=task_id, role=role, slot=slot, attempt=1)
        yield told.StageCardsMade(workflow_run_id=run.id, stage=stage.name, cards=(card,), purpose="undo")
