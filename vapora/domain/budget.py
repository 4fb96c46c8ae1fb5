"""What may be spent (R6-R8): every priced call reserves its worst case first, or is not made.

For each scope and window with a limit: spent + held <= limit, and past it, for the cheap chain alone,
<= limit + overflow. A reservation is closed exactly once: settled at its cost, released where the call
provably cost nothing, or booked at its worst case where nobody can tell. All decisions are pure: they
look at the ledger and return events, which take effect when they are folded (`evolve`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.budget import (
    BudgetSet,
    Charge,
    SpendRefused,
    SpendReleased,
    SpendReserved,
    SpendSettled,
    SpendUnknown,
    WindowsCorrected,
    whose,
)
from events.ids import Provider, Scope, Tier, WhenExceeded
from events.money import MicroUsd, cents
from vapora.commands import SetBudget, SetTaskBudget
from vapora.domain.budget_status import BudgetStatus, Level, levels, standing, tier_of
from vapora.domain.ledger import (
    Account,
    Ledger,
    SettlementOutcome,
    current,
    evolve,
    initial,
    open_reservations,
    outcome,
    scopes,
    window_turns_at,
    windows,
)
from vapora.errors import BadInputError, ConflictError

# A command's limits, and the fields of the event that hold them.
_LIMITS = {
    "monthly_limit_cents": "monthly_limit_microusd",
    "weekly_limit_cents": "weekly_limit_microusd",
    "limit_cents": "lifetime_limit_microusd",
}

EXPIRED = "no outcome was recorded before the reservation expired"


@dataclass(frozen=True, slots=True)
class ReserveSpend:
    """Hold the worst case of one attempt at a call. `cheap_chain`: the call goes down the chain of an exceeded
    budget, so it may use the overflow."""

    call_id: str
    attempt: int
    charge: Charge
    provider: Provider
    model: str
    amount_microusd: int
    cheap_chain: bool
    simulated: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """No events: it was reserved before."""

    events: tuple[SpendReserved, ...]


@dataclass(frozen=True, slots=True)
class Contended:
    """Calls in flight hold the room and will most likely give some back: wait. The tier does not change."""

    scope: Scope
    scope_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Even if all that is held came back, there would be no room. `room_microusd` is what is free now."""

    scope: Scope
    scope_id: str
    window: str
    when_exceeded: WhenExceeded
    room_microusd: int
    events: tuple[SpendRefused, ...]


@dataclass(frozen=True, slots=True)
class _Finding:
    """A window in which a wish does not fit. `final`: waiting for calls in flight would not help."""

    level: Level
    room: int
    final: bool


def reserve(ledger: Ledger, wish: ReserveSpend, workspace_id: str, now: datetime) -> Granted | Contended | Refused:
    """Raises `ConflictError` where the attempt was released or booked already: it needs a number of its own."""
    before = outcome(ledger, wish.call_id, wish.attempt)
    if before in ("open", "settled"):
        return Granted(())
    if before is not None:
        raise ConflictError(
            f"Attempt {wish.attempt} of call {wish.call_id} was closed as {before}.", remedy="Reserve a new attempt."
        )
    at = current(ledger, now)
    found = [
        finding
        for scope, scope_id in scopes(wish.charge, workspace_id)
        for level in levels(ledger, scope, scope_id, at, wish.simulated)
        if (finding := _judge(level, wish))
    ]
    final = [finding for finding in found if finding.final]
    if final:
        return _refused(final, wish)
    if found:
        tightest = min(found, key=lambda finding: finding.room)
        budget = tightest.level.budget
        return Contended(budget.scope, budget.scope_id)
    return Granted(
        (
            SpendReserved(
                call_id=wish.call_id,
                attempt=wish.attempt,
                charge=wish.charge,
                provider=wish.provider,
                model=wish.model,
                amount_microusd=MicroUsd(wish.amount_microusd),
                windows=at,
                cheap_chain=wish.cheap_chain,
                expires_at=wish.expires_at,
                simulated=wish.simulated,
            ),
        )
    )


def settle(
    ledger: Ledger,
    call_id: str,
    attempt: int,
    cost_microusd: int,
    tokens_in: int,
    tokens_out: int,
    *,
    estimated: bool = False,
) -> tuple[SpendSettled, ...]:
    """Book what the call cost; `estimated`: its worst case, for want of a usage that can be true.

    A call that was booked at its worst case stays there, even if its answer comes late: the money may have been given
    out again by the time that one would correct it.
    """
    reservation = _open(ledger, call_id, attempt)
    if reservation is None:
        return ()
    return (
        SpendSettled(
            **whose(reservation),
            cost_microusd=MicroUsd(cost_microusd),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            overcharge_microusd=MicroUsd(max(0, cost_microusd - reservation.amount_microusd)),
            estimated=estimated,
        ),
    )


def release(ledger: Ledger, call_id: str, attempt: int, reason: str) -> tuple[SpendReleased, ...]:
    """Give back what provably was not billed."""
    reservation = _open(ledger, call_id, attempt)
    return () if reservation is None else (SpendReleased(**whose(reservation), reason=reason),)


def book_unknown(ledger: Ledger, call_id: str, attempt: int, reason: str) -> tuple[SpendUnknown, ...]:
    """Book the worst case, since nobody can tell what was billed."""
    reservation = _open(ledger, call_id, attempt)
    return () if reservation is None else (_unknown(reservation, reason),)


def expire(ledger: Ledger, now: datetime) -> tuple[SpendUnknown, ...]:
    """Book every reservation whose time is over. It is never released: its call may have been billed."""
    return tuple(_unknown(one, EXPIRED) for one in open_reservations(ledger) if one.expires_at <= now)


Corrected = SpendUnknown | WindowsCorrected


def correct_windows(ledger: Ledger, now: datetime) -> tuple[Corrected, ...]:
    """What it means to the ledger that the clock was ahead, and is right now.

    What is open is booked: it expires at an instant of the wrong clock. Windows that lie ahead get their true names.
    """
    booked = tuple(_unknown(one, EXPIRED) for one in open_reservations(ledger))
    true, reached = windows(now), ledger.newest
    if reached is None or (reached.month <= true.month and reached.week <= true.week):
        return booked
    return (*booked, WindowsCorrected(before=reached, windows=true))


def set_budget(
    ledger: Ledger, scope: Scope, scope_id: str, command: SetBudget | SetTaskBudget
) -> tuple[BudgetSet, ...]:
    """What the command does not name stays as it was, so that no limit is lifted by what somebody left out; None lifts
    it. An overflow that is not named is 0, which only tightens.

    A limit below what is spent is allowed: it stops new reservations. Raises `BadInputError`.
    """
    if isinstance(command, SetTaskBudget) != (scope is Scope.TASK):
        raise BadInputError("A task has one limit over its whole life, every other scope one a month and one a week.")
    before = ledger.limits.get((scope, scope_id)) or BudgetSet(scope=scope, scope_id=scope_id)
    sent = command.model_fields_set
    named: dict[str, object] = {of: _limit(getattr(command, name)) for name, of in _LIMITS.items() if name in sent}
    if "when_exceeded" in sent:
        named["when_exceeded"] = command.when_exceeded
    event = before.model_copy(update={**named, "overflow_microusd": cents(command.overflow_cents)})
    return () if event == before else (event,)


def default_cap(ledger: Ledger, workspace_id: str, monthly_cents: int) -> tuple[BudgetSet, ...]:
    """The workspace's monthly limit where nobody ever set one; one that a person lifted stays lifted."""
    if (Scope.WORKSPACE, workspace_id) in ledger.limits:
        return ()
    return set_budget(ledger, Scope.WORKSPACE, workspace_id, SetBudget(monthly_limit_cents=monthly_cents))


def _judge(level: Level, wish: ReserveSpend) -> _Finding | None:
    """None where the wish fits into this window."""
    amount, stops = wish.amount_microusd, level.budget.when_exceeded is WhenExceeded.STOP
    # A budget that stops has no chain to step down to, so its overflow is nobody's.
    cheap = wish.cheap_chain and not stops
    allowed = level.limit + (level.budget.overflow_microusd if cheap else 0)
    room = allowed - level.spent - level.held
    if level.tier is Tier.EXCEEDED and (stops or (amount and not cheap)):
        return _Finding(level, room, final=True)
    if amount == 0 or amount <= room:
        return None
    return _Finding(level, room, final=level.spent + amount > allowed)


def _refused(findings: list[_Finding], wish: ReserveSpend) -> Refused:
    """Every window that refuses is marked, once; the answer names one that stops, else the tightest."""
    # What is free was not refused for want of room, but because this budget says stop: that marks nothing.
    marked = [finding for finding in findings if wish.amount_microusd and not finding.level.refused]
    events = tuple(
        SpendRefused(
            scope=finding.level.budget.scope,
            scope_id=finding.level.budget.scope_id,
            window=finding.level.window,
            call_id=wish.call_id,
            charge=wish.charge,
            amount_microusd=MicroUsd(wish.amount_microusd),
            room_microusd=finding.room,
            simulated=wish.simulated,
        )
        for finding in marked
    )
    worst = min(findings, key=lambda one: (one.level.budget.when_exceeded is not WhenExceeded.STOP, one.room))
    budget = worst.level.budget
    return Refused(budget.scope, budget.scope_id, worst.level.window, budget.when_exceeded, worst.room, events)


def _open(ledger: Ledger, call_id: str, attempt: int) -> SpendReserved | None:
    """None where it is closed already: a redelivery changes nothing."""
    match outcome(ledger, call_id, attempt):
        case None:
            raise ConflictError(f"Nothing was ever reserved for attempt {attempt} of call {call_id}.")
        case "open":
            return ledger.open[call_id, attempt]
        case _:
            return None


def _unknown(reservation: SpendReserved, reason: str) -> SpendUnknown:
    return SpendUnknown(**whose(reservation), amount_microusd=reservation.amount_microusd, reason=reason)


def _limit(limit_cents: int | None) -> MicroUsd | None:
    return None if limit_cents is None else cents(limit_cents)


__all__ = [
    "Account",
    "BudgetStatus",
    "Contended",
    "Granted",
    "Ledger",
    "Refused",
    "ReserveSpend",
    "SettlementOutcome",
    "book_unknown",
    "default_cap",
    "evolve",
    "expire",
    "initial",
    "open_reservations",
    "outcome",
    "release",
    "reserve",
    "scopes",
    "set_budget",
    "settle",
    "standing",
    "tier_of",
    "window_turns_at",
    "windows",
]
