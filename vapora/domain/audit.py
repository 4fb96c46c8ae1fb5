"""The proof by replay that no priced call crossed a limit, for `vapora audit budget`.

It shares nothing with the ledger that took the decisions: its own tables, its own arithmetic, no pruning
and no tiers. Two programs would have to be wrong in the same way for a breach to go unseen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from events import DomainEvent, Recorded
from events.budget import (
    BudgetSet,
    ReservationClosed,
    SpendReleased,
    SpendReserved,
    SpendSettled,
    SpendUnknown,
    WindowsCorrected,
    whose,
)

_Limit = tuple[str, str, str]  # scope, its id, month | week | life
_Pot = tuple[str, str, str, bool]  # scope, its id, window, simulated


@dataclass(frozen=True, slots=True)
class Violation:
    """What stands in the log at `position` and should not. `scope` is empty where the order of events is wrong."""

    position: int
    call_id: str
    message: str
    scope: str = ""
    scope_id: str = ""
    window: str = ""
    total_microusd: int = 0
    allowed_microusd: int = 0


@dataclass(slots=True)
class _Books:
    workspace_id: str
    limits: dict[_Limit, int] = field(default_factory=dict)
    overflow: dict[tuple[str, str], int] = field(default_factory=dict)
    spent: defaultdict[_Pot, int] = field(default_factory=lambda: defaultdict(int))
    held: defaultdict[_Pot, int] = field(default_factory=lambda: defaultdict(int))
    promised: dict[tuple[str, int], SpendReserved] = field(default_factory=dict)
    closed: set[tuple[str, int]] = field(default_factory=set)


def violations(events: Iterable[Recorded], workspace_id: str) -> list[Violation]:
    """In the order of the log; empty where spent + held <= limit + overflow held at every priced reservation.

    `events` in order: a whole log, or its ledger stream. Only the cheap chain may use an overflow.
    """
    books, found = _Books(workspace_id), list[Violation]()
    for recorded in events:
        found += _take(books, recorded.position, recorded.event)
    return found


def _take(books: _Books, position: int, event: DomainEvent) -> list[Violation]:
    match event:
        case BudgetSet():
            _limit(books, event)
        case SpendReserved():
            return _reserve(books, position, event)
        case SpendSettled():
            return _close(books, position, event, event.cost_microusd)
        case SpendReleased():
            return _close(books, position, event, 0)
        case SpendUnknown():
            return _close(books, position, event, event.amount_microusd)
        case WindowsCorrected():
            books.spent = _renamed(books.spent, event)
            books.held = _renamed(books.held, event)
    return []


def _renamed(pots: Mapping[_Pot, int], event: WindowsCorrected) -> defaultdict[_Pot, int]:
    """The windows that stood at a correction of the clock go on under their true names; earlier ones are over."""
    names = {event.before.month: event.windows.month, event.before.week: event.windows.week, "life": "life"}
    kept = defaultdict[_Pot, int](int)
    for (scope, scope_id, window, simulated), amount in pots.items():
        if window in names:
            kept[scope, scope_id, names[window], simulated] = amount
    return kept


def _limit(books: _Books, event: BudgetSet) -> None:
    scope, scope_id = event.scope.value, event.scope_id
    books.overflow[scope, scope_id] = event.overflow_microusd
    given = {
        "month": event.monthly_limit_microusd,
        "week": event.weekly_limit_microusd,
        "life": event.lifetime_limit_microusd,
    }
    for kind, limit in given.items():
        books.limits.pop((scope, scope_id, kind), None)
        if limit is not None:
            books.limits[scope, scope_id, kind] = limit


def _reserve(books: _Books, position: int, event: SpendReserved) -> list[Violation]:
    call = (event.call_id, event.attempt)
    if call in books.promised or call in books.closed:
        return [Violation(position, event.call_id, f"attempt {event.attempt} was reserved twice")]
    books.promised[call] = event
    found = []
    for kind, pot in _pots(books, event):
        books.held[pot] += event.amount_microusd
        scope, scope_id, window, _ = pot
        limit = books.limits.get((scope, scope_id, kind))
        if limit is None or event.amount_microusd == 0:
            continue
        allowed = limit + (books.overflow[scope, scope_id] if event.cheap_chain else 0)
        total = books.spent[pot] + books.held[pot]
        if total > allowed:
            message = f"{scope} {scope_id} in {window}: spent + held is {total}, allowed are {allowed} micro-dollars"
            found.append(Violation(position, event.call_id, message, scope, scope_id, window, total, allowed))
    return found


def _close(books: _Books, position: int, event: ReservationClosed, cost: int) -> list[Violation]:
    call_id, attempt = event.call_id, event.attempt
    promise = books.promised.pop((call_id, attempt), None)
    if promise is None:
        closed = (call_id, attempt) in books.closed
        how = "was closed twice" if closed else "was closed without a reservation"
        return [Violation(position, call_id, f"attempt {attempt} {how}")]
    books.closed.add((call_id, attempt))
    for _, pot in _pots(books, promise):
        books.held[pot] -= promise.amount_microusd
        books.spent[pot] += cost
    # The read models take it at its word. Of an older version it says nothing of this.
    wrong = (
        []
        if event.windows is None
        else [name for name, value in whose(promise).items() if getattr(event, name) != value]
    )
    message = f"attempt {attempt} was closed with another {', '.join(wrong)} than it was reserved with"
    return [Violation(position, call_id, message)] if wrong else []


def _pots(books: _Books, event: SpendReserved) -> list[tuple[str, _Pot]]:
    charge, simulated = event.charge, event.simulated
    scopes = {
        "workspace": books.workspace_id,
        "project": charge.project_id,
        "role": charge.role,
        "agent": charge.agent_id,
        "task": charge.task_id,
    }
    spans = {"month": event.windows.month, "week": event.windows.week}
    pots = [(kind, (scope, one, span, simulated)) for scope, one in scopes.items() for kind, span in spans.items()]
    return [*pots, ("life", ("task", charge.task_id, "life", simulated))]
