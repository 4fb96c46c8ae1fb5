"""How much of each budget is spent and held, for every scope, real and simulated money apart.

Spending is counted without a limit too, so that one set in the middle of a month knows what the month has cost.
The same numbers as the ledger's own (`vapora.domain.ledger`), kept as rows; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget
from events.ids import Scope, Tier
from events.money import MICROUSD_PER_CENT
from projections.engine.base import Handler, Projection, PublicView, Reader, Row, Rows, Table, format_instant
from projections.old_reservations import OldReservations
from vapora import views
from vapora.domain.budget_status import tier_of
from vapora.domain.ledger import LIFE, limit_in, renamed, scopes, windows

LIMITS = ("monthly_limit_microusd", "weekly_limit_microusd", "lifetime_limit_microusd")

ACCOUNTS = Table(
    "budget_accounts",
    key=("scope", "scope_id", "simulated"),
    columns={
        "scope": "text",
        "scope_id": "text",
        "simulated": "int",
        **dict.fromkeys(LIMITS, "int"),
        "overflow_microusd": "int",
        "when_exceeded": "text",
        "limited": "int",
        # The windows that the numbers beside them belong to: in a later one they read as 0.
        "month": "text",
        "month_spent": "int",
        "month_held": "int",
        "week": "text",
        "week_spent": "int",
        "week_held": "int",
        "life_spent": "int",
        "life_held": "int",
        # Windows in which a priced call found no room.
        "refused": "json",
        "as_of": "text",
    },
    indexes=(("limited",),),
)
OLD = OldReservations("budget")


def _set(recorded: Recorded, event: budget.BudgetSet, rows: Rows) -> None:
    """Both kinds of money have the same limits; simulated money has a row from its first use on."""
    limits = event.model_dump(mode="json", exclude={"scope", "scope_id"})
    limits["limited"] = int(any(limits[name] is not None for name in LIMITS))
    for simulated in (0, 1):
        row = rows.get(ACCOUNTS, (event.scope.value, event.scope_id, simulated))
        if row is None and simulated:
            continue
        row = row or _account(rows, event.scope.value, event.scope_id, simulated)
        refused = [window for window in row["refused"] if not _reopens(event, row, window)]
        _put(recorded, rows, {**row, **limits, "refused": refused})


def _reopens(event: budget.BudgetSet, row: Row, window: str) -> bool:
    """A limit that was raised or removed lets priced calls in again (R8)."""
    new = limit_in(event, window)
    name = LIMITS[2 if window == LIFE else 1 if "W" in window else 0]
    return new is None or (row[name] is not None and new > row[name])


def _reserved(recorded: Recorded, event: budget.SpendReserved, rows: Rows) -> None:
    OLD.keep(recorded, event, rows)
    at = event.windows
    for scope, scope_id in scopes(event.charge, recorded.workspace):
        row = _account(rows, scope.value, scope_id, int(event.simulated))
        if at.month > row["month"]:
            row |= {"month": at.month, "month_spent": 0, "month_held": 0}
        if at.week > row["week"]:
            row |= {"week": at.week, "week_spent": 0, "week_held": 0}
        _put(recorded, rows, _changed(row, at, held=event.amount_microusd, spent=0))


def _settled(recorded: Recorded, event: budget.SpendSettled, rows: Rows) -> None:
    _close(recorded, rows, event, event.cost_microusd)


def _booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    _close(recorded, rows, event, event.amount_microusd)


def _released(recorded: Recorded, event: budget.SpendReleased, rows: Rows) -> None:
    _close(recorded, rows, event, 0)


def _close(recorded: Recorded, rows: Rows, event: budget.ReservationClosed, cost: int) -> None:
    of = OLD.closed_by(event, rows)
    if of is None:
        return
    for scope, scope_id in scopes(of.charge, recorded.workspace):
        row = _account(rows, scope.value, scope_id, int(of.simulated))
        _put(recorded, rows, _changed(row, of.windows, held=-of.reserved_microusd, spent=cost))


def _refused(recorded: Recorded, event: budget.SpendRefused, rows: Rows) -> None:
    row = _account(rows, event.scope.value, event.scope_id, int(event.simulated))
    if event.window not in row["refused"]:
        # Only the present windows matter: three at most.
        kept = [window for window in row["refused"] if window in (row["month"], row["week"], LIFE)]
        _put(recorded, rows, {**row, "refused": [*kept, event.window]})


def _corrected(recorded: Recorded, event: budget.WindowsCorrected, rows: Rows) -> None:
    """The windows that stood go on under their true names; those before them are over."""
    names = renamed(event)
    for row in rows.select(ACCOUNTS):
        changed = {**row, "refused": [names[window] for window in row["refused"] if window in names]}
        for kind in ("month", "week"):
            if row[kind] in names:
                changed[kind] = names[row[kind]]
            else:
                changed |= {kind: "", f"{kind}_spent": 0, f"{kind}_held": 0}
        _put(recorded, rows, changed)


def _changed(row: Row, at: budget.Windows, held: int, spent: int) -> Row:
    """What belongs to a window that has passed changes the present one no more (R8). `row` is the caller's own."""
    row["life_held"] += held
    row["life_spent"] += spent
    if row["month"] == at.month:
        row["month_held"] += held
        row["month_spent"] += spent
    if row["week"] == at.week:
        row["week_held"] += held
        row["week_spent"] += spent
    return row


def _account(rows: Rows, scope: str, scope_id: str, simulated: int) -> Row:
    row = rows.get(ACCOUNTS, (scope, scope_id, simulated))
    if row is not None:
        return row
    real = rows.get(ACCOUNTS, (scope, scope_id, 0)) if simulated else None
    numbers = dict.fromkeys(f"{kind}_{what}" for kind in ("month", "week", "life") for what in ("spent", "held"))
    limits = {**dict.fromkeys(LIMITS), "overflow_microusd": 0, "when_exceeded": "fallback", "limited": 0}
    return {
        **{name: real[name] if real else value for name, value in limits.items()},
        **dict.fromkeys(numbers, 0),
        "scope": scope,
        "scope_id": scope_id,
        "simulated": simulated,
        "month": "",
        "week": "",
        "refused": [],
        "as_of": "",
    }


def _put(recorded: Recorded, rows: Rows, row: Row) -> None:
    row["as_of"] = format_instant(recorded.recorded_at)
    rows.put(ACCOUNTS, row)


def _view(row: Row, now: datetime) -> views.BudgetView:
    """As at `now`: where a window has passed, its numbers are 0."""
    at = windows(now)
    month, week = max(at.month, row["month"]), max(at.week, row["week"])
    spent = {"month": row["month_spent"] * (row["month"] == month), "week": row["week_spent"] * (row["week"] == week)}
    held = {"month": row["month_held"] * (row["month"] == month), "week": row["week_held"] * (row["week"] == week)}
    levels = [
        (spent_here, limit, window in row["refused"])
        for spent_here, limit, window in (
            (spent["month"], row[LIMITS[0]], month),
            (spent["week"], row[LIMITS[1]], week),
            (row["life_spent"], row[LIMITS[2]], LIFE),
        )
        if limit is not None
    ]
    return views.BudgetView(
        scope=row["scope"],
        id=row["scope_id"],
        tier=max((tier_of(*level) for level in levels), key=list(Tier).index, default=Tier.NORMAL),
        when_exceeded=row["when_exceeded"],
        monthly_limit_cents=_cents(row[LIMITS[0]]),
        weekly_limit_cents=_cents(row[LIMITS[1]]),
        limit_cents=_cents(row[LIMITS[2]]),
        overflow_cents=row["overflow_microusd"] // MICROUSD_PER_CENT,
        monthly_spent_microusd=spent["month"],
        weekly_spent_microusd=spent["week"],
        monthly_held_microusd=held["month"],
        weekly_held_microusd=held["week"],
        spent_microusd=row["life_spent"] if row["scope"] == Scope.TASK else None,
        held_microusd=row["life_held"] if row["scope"] == Scope.TASK else None,
        utilisation=max((spent_here / limit if limit else 1.0 for spent_here, limit, _ in levels), default=0.0),
        simulated=bool(row["simulated"]),
        position=row["position"],
    )


def _cents(amount: int | None) -> int | None:
    return None if amount is None else amount // MICROUSD_PER_CENT


def _live(row: Row) -> dict[str, Any] | None:
    """As at the event that changed it. Budgets without a limit are nobody's concern."""
    if not row["limited"]:
        return None
    return _view(row, datetime.fromisoformat(row["as_of"])).model_dump(mode="json")


class Budgets(Projection):
    NAME = "budgets"
    VERSION = 2
    TABLES = (ACCOUNTS, OLD.table)
    VIEWS = (PublicView("budget", ACCOUNTS, _live),)
    KEEPS_HISTORY = True
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        budget.BudgetSet: _set,
        budget.SpendReserved: _reserved,
        budget.SpendSettled: _settled,
        budget.SpendUnknown: _booked,
        budget.SpendReleased: _released,
        budget.SpendRefused: _refused,
        budget.WindowsCorrected: _corrected,
    }


def budget_of(
    rows: Reader, scope: Scope, scope_id: str, now: datetime, simulated: bool = False
) -> views.BudgetView | None:
    """Also of a scope without a limit; None for one that nothing was ever charged to."""
    row = rows.get(ACCOUNTS, (scope.value, scope_id, int(simulated)))
    return None if row is None else _view(row, now)


def budgets(rows: Reader, now: datetime) -> tuple[views.BudgetView, ...]:
    """Every scope that has a limit, from the workspace down to tasks; simulated money where there was any."""
    found = [_view(row, now) for row in rows.select(ACCOUNTS, {"limited": 1})]
    return tuple(sorted(found, key=lambda view: (list(Scope).index(view.scope), view.id, view.simulated)))
