"""What is handed on by reference: what a stage leaves behind, what its cards are told, what an approval shows."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from vapora.domain.workflow.definition import Stage
from vapora.domain.workflow.state import Card, Run


def artifacts(run: Run, stage: Stage) -> list[dict[str, Any]]:
    """Of its cards that are done: each output that it names, or where it names none one under its own name."""
    outputs = stage.outputs or ()
    named = [(one.name, one.kind) for one in outputs] or [(stage.name, "text")]
    return [
        {"name": name, "kind": kind, "task_id": card.task_id, "run_id": card.run_id, "head": card.head}
        for card in done(run, stage.name)
        for name, kind in named
    ]


def done(run: Run, stage: str) -> list[Card]:
    return [card for _, card in sorted(run.stages[stage].latest().items()) if card.outcome == "done"]


def told(run: Run, stage: Stage, purpose: str) -> dict[str, Any]:
    """What stands under `workflow` in the context of a stage's card: ids, and what the run was given."""
    needs = run.definition.needs()[stage.name]
    before: dict[str, Any] = {}
    for name in needs if purpose == "work" else (stage.name,):
        known = run.stages[name]
        before[name] = {
            "outcome": known.outcome,
            **({"comment": known.comment} if known.comment else {}),
            "artifacts": artifacts(run, run.definition.stage(name)),
        }
    # What it asks for by name may come from further up.
    wanted = {
        one: [found for stage_ in run.definition.stages for found in artifacts(run, stage_) if found["name"] == one]
        for one in stage.inputs
        if one not in run.inputs
    }
    return {
        "run_id": run.id,
        "workflow": run.definition.name,
        "stage": stage.name,
        **({"undo": True} if purpose == "undo" else {}),
        "inputs": dict(run.inputs),
        "needs": before,
        **({"artifacts": wanted} if wanted else {}),
    }


def shown(run: Run, stage: Stage) -> dict[str, Any]:
    """Exactly what a person decides on."""
    needs = run.definition.needs()[stage.name]
    return {
        "workflow": run.definition.name,
        "workflow_id": run.workflow_id,
        "version": run.number,
        "workflow_run_id": run.id,
        "stage": stage.name,
        "inputs": dict(run.inputs),
        "needs": {
            name: {
                "state": run.stages[name].state,
                "outcome": run.stages[name].outcome,
                "artifacts": artifacts(run, run.definition.stage(name)),
            }
            for name in needs
        },
        "artifacts": artifacts(run, stage),
    }


def digest(what: dict[str, Any]) -> str:
    return sha256(to_json(_sorted(what))).hexdigest()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list | tuple) else value


def cards_shown(run: Run, stage: Stage) -> dict[str, Card]:
    """The cards whose state an approval of the stage depends on."""
    names = (*run.definition.needs()[stage.name], stage.name)
    return {card.task_id: card for name in names for card in done(run, name)}


def values(run: Run) -> dict[str, Any]:
    """What conditions may look at."""
    return {"inputs": run.inputs, "stages": {one.name: _facts(run, one.name) for one in run.definition.stages}}


def _facts(run: Run, name: str) -> dict[str, Any]:
    stage = run.stages[name]
    checks = [str(card.checks) for card in done(run, name) if card.checks is not None]
    worst = next((one for one in ("red", "unchecked", "green") if one in checks), None)
    attempts = max((card.attempt for card in stage.cards if card.purpose == "work"), default=0)
    return {"state": stage.state, "outcome": stage.outcome, "checks": worst, "attempts": attempts}
