"""Why a task went to whom it went, by which model, and on whose money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget, routing, task
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table
from vapora import views

DECISIONS = Table(
    "decisions",
    # An append may hold several, each at a position of its own.
    key=("task_id", "at"),
    columns={
        "task_id": "text",
        "at": "int",
        "kind": "text",
        "chosen": "text",
        "reason": "text",
        "candidates": "json",
        "policy": "text",
        "propensity": "real",
        "budget": "text",
    },
)


def _assigned(recorded: Recorded, event: task.TaskAssigned | task.ReviewAssigned, rows: Rows) -> None:
    kind = "agent" if isinstance(event, task.TaskAssigned) else "reviewer"
    how = {
        "candidates": [_candidate(candidate) for candidate in event.candidates],
        "policy": event.policy,
        "propensity": event.propensity,
    }
    _put(recorded, rows, event.task_id, kind, event.agent_id, event.reason, **how)


def _handed_over(recorded: Recorded, event: task.TaskHandedOver, rows: Rows) -> None:
    kind = "agent" if event.purpose == "work" else "reviewer"
    how = {
        "candidates": [_candidate(candidate) for candidate in event.candidates],
        "policy": event.policy,
        "propensity": event.propensity,
    }
    _put(recorded, rows, event.task_id, kind, event.agent_id, f"{event.reason}: {event.choice}", **how)


def _selected(recorded: Recorded, event: routing.ProviderSelected, rows: Rows) -> None:
    reason = f"{event.reason} ({event.fallback_reason})" if event.fallback_reason else event.reason
    how = {"candidates": [_option(option) for option in event.candidates], "policy": event.policy}
    chosen = f"{event.provider}/{event.model}"
    _put(recorded, rows, event.task_id, "provider", chosen, reason, budget=f"{event.tier}: {event.budget}", **how)


def _reserved(recorded: Recorded, event: budget.SpendReserved, rows: Rows) -> None:
    chain = " on the cheap chain" if event.cheap_chain else ""
    reason = (
        f"{event.amount_microusd} micro-dollars, the worst case of {event.provider}/{event.model}{chain}, "
        f"are held for call {event.call_id} (attempt {event.attempt})"
    )
    _put(recorded, rows, event.charge.task_id, "budget", "reserved", reason)


def _refused(recorded: Recorded, event: budget.SpendRefused, rows: Rows) -> None:
    scope = f"{event.scope}/{event.scope_id} {event.window}"
    reason = f"{event.amount_microusd} micro-dollars do not fit into the {event.room_microusd} left of {scope}"
    _put(recorded, rows, event.charge.task_id, "budget", "refused", reason, budget=scope)


def _candidate(candidate: task.Candidate) -> dict[str, Any]:
    # By hand: pydantic's own dump of a dozen candidates takes longer than decoding the event that holds them.
    said = {name: value for name, value in candidate if name != "agent_id"}
    parts = (
        None
        if candidate.parts is None
        else {name: value for name, value in candidate.parts if value or name != "exploration"}
    )
    return {"id": candidate.agent_id, **said, "parts": parts}


def _option(option: routing.ModelOption) -> dict[str, Any]:
    learned = {} if option.baseline is None else {"baseline": option.baseline, "runs": round(option.runs, 2)}
    return {
        "id": f"{option.provider}/{option.model}",
        "score": option.quality,
        "parts": {"quality": option.quality, **learned, "worst_case_microusd": option.worst_case_microusd},
        "excluded": option.excluded,
    }


def _put(recorded: Recorded, rows: Rows, task_id: str, kind: str, chosen: str, reason: str, **how: Any) -> None:
    row = {"candidates": [], "policy": "", "propensity": None, "budget": "", **how}
    of = {"task_id": task_id, "at": recorded.position, "kind": kind, "chosen": chosen, "reason": reason}
    rows.add(DECISIONS, {**row, **of})


class Decisions(Projection):
    NAME = "decisions"
    VERSION = 4
    TABLES = (DECISIONS,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        task.TaskAssigned: _assigned,
        task.ReviewAssigned: _assigned,
        task.TaskHandedOver: _handed_over,
        routing.ProviderSelected: _selected,
        budget.SpendReserved: _reserved,
        budget.SpendRefused: _refused,
    }


def why(rows: Reader, task_id: str) -> views.Why:
    """The decisions in the order in which they were made."""
    return views.Why(decisions=tuple(map(_decision, rows.select(DECISIONS, {"task_id": task_id}))))


def _decision(row: Row) -> views.Decision:
    return views.Decision.model_validate({name: row[name] for name in views.Decision.model_fields})
