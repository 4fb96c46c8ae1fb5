"""What was spent, by everything that a cost report can be grouped by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from events import DomainEvent, Recorded, budget
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, day
from projections.old_reservations import OldReservations
from vapora import views
from vapora.errors import BadInputError

GROUPS = ("provider", "model", "role", "task_type", "agent", "project", "task", "day")
SUMS = ("cost_microusd", "tokens_in", "tokens_out", "calls", "unknown_calls", "unknown_microusd")

COSTS = Table(
    "costs",
    key=(*GROUPS, "simulated"),
    columns={**dict.fromkeys(GROUPS, "text"), "simulated": "int", **dict.fromkeys(SUMS, "int")},
)
OLD = OldReservations("cost")


def _settled(recorded: Recorded, event: budget.SpendSettled, rows: Rows) -> None:
    more = {"cost_microusd": event.cost_microusd, "tokens_in": event.tokens_in, "tokens_out": event.tokens_out}
    if event.estimated:
        more |= {"unknown_microusd": event.cost_microusd, "unknown_calls": 1}
    _book(recorded, event, rows, more)


def _booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    """A call that may have been billed is one that cost its worst case."""
    amount = event.amount_microusd
    more = {"cost_microusd": amount, "unknown_microusd": amount, "unknown_calls": 1}
    _book(recorded, event, rows, more)


def _released(recorded: Recorded, event: budget.SpendReleased, rows: Rows) -> None:
    OLD.closed_by(event, rows)


def _book(recorded: Recorded, event: budget.ReservationClosed, rows: Rows, more: dict[str, int]) -> None:
    of = OLD.closed_by(event, rows)
    if of is None:
        return
    key: dict[str, str | int] = {
        "provider": str(of.provider),
        "model": of.model,
        "role": of.charge.role,
        "task_type": of.charge.task_type,
        "agent": of.charge.agent_id,
        "project": of.charge.project_id,
        "task": of.charge.task_id,
        "day": day(recorded.recorded_at),
        "simulated": int(of.simulated),
    }
    row = rows.get(COSTS, tuple(key.values())) or {**key, **dict.fromkeys(SUMS, 0)}
    rows.put(COSTS, {**row, **{name: row[name] + value for name, value in {**more, "calls": 1}.items()}})


class Costs(Projection):
    NAME = "costs"
    VERSION = 3
    TABLES = (COSTS, OLD.table)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        budget.SpendReserved: OLD.keep,
        budget.SpendSettled: _settled,
        budget.SpendUnknown: _booked,
        budget.SpendReleased: _released,
    }


def costs(rows: Reader, group_by: Sequence[str], project_id: str | None = None) -> tuple[views.Cost, ...]:
    """Sums by these keys, in their order; real and simulated money are never added up. `calls` includes those whose
    bill is unknown. No key at all: one sum of each kind. `project_id`: of this project only."""
    unknown = sorted(set(group_by) - set(GROUPS))
    if unknown:
        raise BadInputError(
            f"Costs cannot be grouped by {', '.join(unknown)}.", remedy=f"Use some of {', '.join(GROUPS)}."
        )
    keys = tuple(dict.fromkeys(group_by))
    where = {} if project_id is None else {"project": project_id}
    return tuple(_cost(row, keys) for row in rows.group(COSTS, (*keys, "simulated"), SUMS, where))


def _cost(row: Row, keys: tuple[str, ...]) -> views.Cost:
    return views.Cost(
        key={name: row[name] for name in keys},
        simulated=bool(row["simulated"]),
        **{name: row[name] for name in SUMS},
    )
