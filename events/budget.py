"""Facts about money. All of a workspace's stand in one stream, the ledger, so that they are checked in one place.

For every scope, window and kind of money (real or simulated), at every `SpendReserved`:
spent + held <= limit + overflow.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from events.base import DomainEvent, Value
from events.ids import Provider, Scope, Tier, WhenExceeded
from events.money import Amount, MicroUsd


class BudgetSet(DomainEvent):
    """Limits of one scope; None: no limit. `lifetime` is for tasks, the two windows for everything else."""

    TOPIC: ClassVar[str] = "budget.set"

    scope: Scope
    scope_id: str
    monthly_limit_microusd: Amount | None = None
    weekly_limit_microusd: Amount | None = None
    lifetime_limit_microusd: Amount | None = None
    overflow_microusd: Amount = MicroUsd(0)
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK


class Charge(Value):
    """Who and what a call is for: the scopes that it counts against, and the keys of the cost report. An empty text:
    there is none.

    The last four are scopes that no budget limits yet. They stand here as fields, not in an open mapping, so that a
    misspelt one is an error and every event holds the same names; and they stand here already, since each new field is
    a new version of every event below. Whoever does not know a scope may ignore it: a budget for it needs a `BudgetSet`
    with a member of `Scope` that the same reader does not know either, and there a ledger stops.
    """

    project_id: str
    task_id: str
    run_id: str
    agent_id: str
    role: str
    task_type: str
    team: str = ""
    workflow: str = ""
    tool: str = ""
    token: str = ""


class Windows(Value):
    """The calendar month and ISO week (UTC) that a reservation belongs to: `2026-11`, `2026-W47`."""

    month: str
    week: str


class SpendReserved(DomainEvent):
    """The worst case of a call is held before it is made. After `expires_at` it is booked, never released."""

    TOPIC: ClassVar[str] = "budget.spend-reserved"
    VERSION: ClassVar[int] = 2

    call_id: str
    attempt: int
    charge: Charge
    provider: Provider
    model: str
    amount_microusd: Amount
    windows: Windows
    cheap_chain: bool = False
    expires_at: datetime
    simulated: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew fewer scopes. What closes its reservation may be of a version that does not say whose it is
        (`ReservationClosed`)."""
        if version < 2:
            data["charge"] |= _NO_FURTHER_SCOPES
        return data


class ReservationClosed(DomainEvent):
    """What became of a reservation, and whose it was: no reader has to look for the `SpendReserved`.

    Events from before that (settled: version 3, the others: 2) name the call alone. Their `charge` holds the run and
    the task, which stood in the call's id, and the fields that may be None are: nobody can know them from this event.
    `projections.old_reservations` finds them for who needs them.
    """

    IS_STORED: ClassVar[bool] = False

    call_id: str
    attempt: int
    charge: Charge
    provider: Provider | None
    model: str
    reserved_microusd: Amount | None
    windows: Windows | None
    simulated: bool | None


def whose(reserved: SpendReserved) -> dict[str, Any]:
    """What a `ReservationClosed` says of the reservation that it closes."""
    return {
        "call_id": reserved.call_id,
        "attempt": reserved.attempt,
        "charge": reserved.charge,
        "provider": reserved.provider,
        "model": reserved.model,
        "reserved_microusd": reserved.amount_microusd,
        "windows": reserved.windows,
        "simulated": reserved.simulated,
    }


class SpendSettled(ReservationClosed):
    """What the call cost. `overcharge`: how much more than its worst case the provider billed. `estimated`: the answer
    came without a usage that can be true, so the cost is the worst case."""

    TOPIC: ClassVar[str] = "budget.spend-settled"
    VERSION: ClassVar[int] = 3

    cost_microusd: Amount
    tokens_in: int = 0
    tokens_out: int = 0
    overcharge_microusd: Amount = MicroUsd(0)
    estimated: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        if version < 2:
            data["estimated"] = False
        if version < 3:
            data |= _NOBODYS | {"charge": _charge_of(data["call_id"])}
        return data


class SpendReleased(ReservationClosed):
    """The call provably cost nothing."""

    TOPIC: ClassVar[str] = "budget.spend-released"
    VERSION: ClassVar[int] = 2

    reason: str

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        if version < 2:
            data |= _NOBODYS | {"charge": _charge_of(data["call_id"])}
        return data


class SpendUnknown(ReservationClosed):
    """Nobody can tell whether the call was billed: it is booked at its worst case."""

    TOPIC: ClassVar[str] = "budget.spend-unknown"
    VERSION: ClassVar[int] = 2

    amount_microusd: Amount
    reason: str

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        if version < 2:
            data |= _NOBODYS | {"charge": _charge_of(data["call_id"])}
        return data


class SpendRefused(DomainEvent):
    """A priced call found no room in this scope: its tier is exceeded until the window turns or the limit
    is raised (R8). Recorded once a scope and window, not for every refusal."""

    TOPIC: ClassVar[str] = "budget.spend-refused"
    VERSION: ClassVar[int] = 2

    scope: Scope
    scope_id: str
    window: str
    call_id: str
    charge: Charge
    amount_microusd: Amount
    room_microusd: int
    simulated: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 named the call alone."""
        if version < 2:
            data["charge"] = _charge_of(data["call_id"])
        return data


class TierChanged(DomainEvent):
    """How a limited scope stands in a window, told once for each tier that it comes to there. Only a window that leaves
    the tier normal is spoken of at all. In a stream of its own, `budget-alerts`."""

    TOPIC: ClassVar[str] = "budget.tier-changed"

    scope: Scope
    scope_id: str
    window: str
    tier: Tier
    spent_microusd: Amount
    limit_microusd: Amount
    simulated: bool = False


_NO_FURTHER_SCOPES = {"team": "", "workflow": "", "tool": "", "token": ""}
_NOBODYS = {"provider": None, "model": "", "reserved_microusd": None, "windows": None, "simulated": None}


def _charge_of(call_id: str) -> dict[str, str]:
    """What an event says that names the call alone: all of that age have ids of the form `{task}.{n}/{step}`, where
    `{task}.{n}` is the run's. Today's ids mean nothing but themselves."""
    run_id = call_id.rpartition("/")[0]
    of = {"project_id": "", "task_id": run_id.rpartition(".")[0], "run_id": run_id}
    return {**of, "agent_id": "", "role": "", "task_type": "", **_NO_FURTHER_SCOPES}


class WindowsCorrected(DomainEvent):
    """The ledger's windows were named after a clock that was ahead. The month and the week that stood go on under their
    true names until they end: what was spent in them still counts, and no limit is to be had again."""

    TOPIC: ClassVar[str] = "budget.windows-corrected"

    before: Windows
    windows: Windows
