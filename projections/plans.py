"""Plans: what was asked for, and what became of it. The proposals stand with the runs of the planning cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, plan
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, format_instant

PLANS = Table(
    "plans",
    key=("id",),
    columns={
        "id": "text",
        "project_id": "text",
        "goal": "text",
        "rounds": "json",
        "task_id": "text",
        "accepted": "json",
        "dismissed": "int",
        "created_at": "text",
        "created_position": "int",
    },
    indexes=(("created_position",),),
)


def _requested(recorded: Recorded, event: plan.PlanRequested, rows: Rows) -> None:
    at = format_instant(recorded.recorded_at)
    one = {"text": event.text, "by": recorded.actor, "at": at, "task_id": event.task_id}
    before = rows.get(PLANS, (event.plan_id,)) or {
        "id": event.plan_id,
        "project_id": event.project_id,
        "goal": event.text,
        "rounds": [],
        "accepted": None,
        "dismissed": 0,
        "created_at": at,
        "created_position": recorded.position,
    }
    told = {"rounds": [*before["rounds"], one], "task_id": event.task_id}
    rows.put(PLANS, before | told)


def _accepted(recorded: Recorded, event: plan.PlanAccepted, rows: Rows) -> None:
    _change(rows, event.plan_id, accepted=list(event.task_ids))


def _dismissed(recorded: Recorded, event: plan.PlanDismissed, rows: Rows) -> None:
    _change(rows, event.plan_id, dismissed=1)


def _change(rows: Rows, plan_id: str, **changes: Any) -> None:
    row = rows.get(PLANS, (plan_id,))
    if row is not None:
        rows.put(PLANS, {**row, **changes})


class Plans(Projection):
    NAME = "plans"
    VERSION = 1
    TABLES = (PLANS,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        plan.PlanRequested: _requested,
        plan.PlanAccepted: _accepted,
        plan.PlanDismissed: _dismissed,
    }


def rows_of(rows: Reader, project_id: str | None = None) -> list[Row]:
    """The newest first."""
    where = {} if project_id is None else {"project_id": project_id}
    return rows.select(PLANS, where, order=("-created_position",))


def row_of(rows: Reader, plan_id: str) -> Row | None:
    return rows.get(PLANS, (plan_id,))
