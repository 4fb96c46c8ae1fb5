"""The ledger of one workspace: what was spent and what is held, for every scope and window (R6, R8, B5).

`Ledger` is a mutable fold and `evolve` works in place: a copy of its tables for each event would make a
replay quadratic. Whoever wants the state before an event has to fold again.

A reservation counts against five scopes. It belongs to the windows in which it was made and is settled
there, whenever that happens. Spending is counted for scopes without a limit too, so that a limit set in
the middle of a month knows what that month has cost. Real and simulated money have separate accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from events import DomainEvent
from events.budget import (
    BudgetSet,
    Charge,
    SpendRefused,
    SpendReleased,
    SpendReserved,
    SpendSettled,
    SpendUnknown,
    Windows,
    WindowsCorrected,
)
from events.ids import Scope
from vapora.errors import CorruptLogError

# The one window of a task's own limit.
LIFE = "life"

ScopeKey = tuple[Scope, str]
CallKey = tuple[str, int]
# Scope, its id, the window, simulated.
AccountKey = tuple[Scope, str, str, bool]
SettlementOutcome = Literal["open", "settled", "released", "unknown"]


@dataclass(slots=True)
class Account:
    """Micro-dollars of one scope in one window."""

    spent: int = 0
    held: int = 0


@dataclass(slots=True)
class Ledger:
    """`open`: reservations without an outcome. `closed`: outcomes by month, so that a redelivery is known.

    `refused`: where a priced call found no room. `newest`: the windows that the ledger has reached.
    """

    limits: dict[ScopeKey, BudgetSet] = field(default_factory=dict)
    accounts: dict[AccountKey, Account] = field(default_factory=dict)
    open: dict[CallKey, SpendReserved] = field(default_factory=dict)
    closed: dict[str, dict[CallKey, SettlementOutcome]] = field(default_factory=dict)
    refused: set[AccountKey] = field(default_factory=set)
    newest: Windows | None = None


def initial() -> Ledger:
    return Ledger()


def windows(now: datetime) -> Windows:
    """The calendar month and the ISO week of an instant, in UTC."""
    return _windows_of(now.astimezone(UTC).date())


@lru_cache(maxsize=8)
def _windows_of(day: date) -> Windows:
    return Windows(month=f"{day.year:04d}-{day.month:02d}", week=_week(day))


def current(ledger: Ledger, now: datetime) -> Windows:
    """The windows that `now` belongs to; never older ones than the ledger has reached.

    A clock that steps back over midnight would otherwise open a window again that was pruned: its
    spending forgotten, its limit to be had twice. The log's own clock does not go backwards either,
    but at a recorded correction (`_correct`).
    """
    here, newest = windows(now), ledger.newest
    if newest is None or newest == here:
        return here
    return Windows(month=max(here.month, newest.month), week=max(here.week, newest.week))


def window_turns_at(now: datetime) -> datetime:
    """The next instant at which a month or a week begins."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return min(month, midnight + timedelta(days=7 - midnight.weekday()))


def scopes(charge: Charge, workspace_id: str) -> tuple[ScopeKey, ...]:
    """The five scopes that a call counts against, the widest first."""
    return ((Scope.WORKSPACE, workspace_id), *_inner_scopes(charge))


def windows_of(scope: Scope, at: Windows) -> tuple[str, ...]:
    return (at.month, at.week, LIFE) if scope is Scope.TASK else (at.month, at.week)


def limit_in(budget: BudgetSet, window: str) -> int | None:
    if window == LIFE:
        return budget.lifetime_limit_microusd
    return budget.weekly_limit_microusd if "W" in window else budget.monthly_limit_microusd


def account(ledger: Ledger, scope: Scope, scope_id: str, window: str, simulated: bool) -> Account:
    """Its numbers; an empty account where nothing was ever charged."""
    return ledger.accounts.get(_account_key(scope, scope_id, window, simulated)) or Account()


def outcome(ledger: Ledger, call_id: str, attempt: int) -> SettlementOutcome | None:
    """What became of a reservation; None where there was none, or before the previous month."""
    key = (call_id, attempt)
    if key in ledger.open:
        return "open"
    return next((calls[key] for calls in ledger.closed.values() if key in calls), None)


def open_reservations(ledger: Ledger) -> tuple[SpendReserved, ...]:
    return tuple(ledger.open.values())


def evolve(ledger: Ledger, event: DomainEvent) -> Ledger:
    """The same ledger, changed in place. Events that are not about money change nothing."""
    match event:
        case SpendReserved():
            _hold(ledger, event)
        case SpendSettled(call_id=call_id, attempt=attempt, cost_microusd=cost):
            _close(ledger, (call_id, attempt), cost, "settled")
        case SpendReleased(call_id=call_id, attempt=attempt):
            _close(ledger, (call_id, attempt), 0, "released")
        case SpendUnknown(call_id=call_id, attempt=attempt, amount_microusd=amount):
            _close(ledger, (call_id, attempt), amount, "unknown")
        case SpendRefused(scope=scope, scope_id=scope_id, window=window, simulated=simulated):
            ledger.refused.add((scope, scope_id, window, simulated))
        case WindowsCorrected():
            _correct(ledger, event)
        case BudgetSet():
            _clear_refusals(ledger, event)
            ledger.limits[event.scope, event.scope_id] = event
    return ledger


def _inner_scopes(charge: Charge) -> tuple[ScopeKey, ...]:
    return (
        (Scope.PROJECT, charge.project_id),
        (Scope.ROLE, charge.role),
        (Scope.AGENT, charge.agent_id),
        (Scope.TASK, charge.task_id),
    )


def _account_key(scope: Scope, scope_id: str, window: str, simulated: bool) -> AccountKey:
    # Events do not repeat the workspace's name: the ledger has but one, so its account needs none.
    return scope, "" if scope is Scope.WORKSPACE else scope_id, window, simulated


def _keys_of(reservation: SpendReserved) -> list[AccountKey]:
    return [
        _account_key(scope, scope_id, window, reservation.simulated)
        for scope, scope_id in scopes(reservation.charge, "")
        for window in windows_of(scope, reservation.windows)
    ]


def _hold(ledger: Ledger, event: SpendReserved) -> None:
    _turn(ledger, event.windows)
    for key in _keys_of(event):
        ledger.accounts.setdefault(key, Account()).held += event.amount_microusd
    ledger.open[event.call_id, event.attempt] = event


def _close(ledger: Ledger, key: CallKey, cost: int, how: SettlementOutcome) -> None:
    reservation = ledger.open.pop(key, None)
    if reservation is None:
        raise CorruptLogError(f"The ledger closes attempt {key[1]} of call {key[0]} as {how}, but it is not open.")
    for account_key in _keys_of(reservation):
        found = ledger.accounts[account_key]
        found.held -= reservation.amount_microusd
        found.spent += cost
    ledger.closed.setdefault(reservation.windows.month, {})[key] = how


def _clear_refusals(ledger: Ledger, event: BudgetSet) -> None:
    """A limit that was raised or removed lets priced calls in again (R8); the scope's other windows stay shut."""
    before = ledger.limits.get((event.scope, event.scope_id))
    for key in [key for key in ledger.refused if key[:2] == (event.scope, event.scope_id)]:
        new = limit_in(event, key[2])
        old = limit_in(before, key[2]) if before else None
        if new is None or (old is not None and new > old):
            ledger.refused.discard(key)


def _correct(ledger: Ledger, event: WindowsCorrected) -> None:
    """The windows that stood go on under other names; those before them are over. Nothing is open, by the rule."""
    if ledger.open:
        raise CorruptLogError("The ledger's windows are corrected while reservations are open.")
    names = renamed(event)
    accounts, refused = ledger.accounts.items(), ledger.refused
    ledger.accounts = {(*key[:2], names[key[2]], key[3]): one for key, one in accounts if key[2] in names}
    ledger.refused = {(*key[:2], names[key[2]], key[3]) for key in refused if key[2] in names}
    calls = (found for month in ledger.closed.values() for found in month.items())
    ledger.closed = {event.windows.month: dict(calls)}
    ledger.newest = event.windows


def renamed(event: WindowsCorrected) -> dict[str, str]:
    """The windows that go on, each with its true name."""
    return {event.before.month: event.windows.month, event.before.week: event.windows.week, LIFE: LIFE}


def _turn(ledger: Ledger, at: Windows) -> None:
    """Forget what no decision looks at any more, once a new window begins."""
    newest = ledger.newest or Windows(month="", week="")
    if at.month <= newest.month and at.week <= newest.week:
        return
    ledger.newest = reached = Windows(month=max(newest.month, at.month), week=max(newest.week, at.week))
    month, week = _month_before(reached.month), _week_before(reached.week)
    in_use = {key for reservation in ledger.open.values() for key in _keys_of(reservation)}

    def lives(key: AccountKey) -> bool:
        return key[2] == LIFE or key[2] >= (week if "W" in key[2] else month)

    ledger.accounts = {key: found for key, found in ledger.accounts.items() if lives(key) or key in in_use}
    ledger.refused = {key for key in ledger.refused if lives(key)}
    ledger.closed = {begun: calls for begun, calls in ledger.closed.items() if begun >= month}


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def _month_before(month: str) -> str:
    last = date.fromisoformat(f"{month}-01") - timedelta(days=1)
    return f"{last.year:04d}-{last.month:02d}"


def _week_before(week: str) -> str:
    return _week(date.fromisocalendar(int(week[:4]), int(week[6:]), 1) - timedelta(days=7))
