"""Facts about money. All of a workspace's stand in one stream, the ledger, so that they are checked in one place.

For every scope, window and kind of money (real or simulated), at every `SpendReserved`:
spent + held <= limit + overflow.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from events.base import DomainEvent, Value
from events.ids import Provider, Scope, WhenExceeded
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
    """Who and what a call is for: the scopes that it counts against, and the keys of the cost report."""

    project_id: str
    task_id: str
    run_id: str
    agent_id: str
    role: str
    task_type: str


class Windows(Value):
    """The calendar month and ISO week (UTC) that a reservation belongs to: `2026-11`, `2026-W47`."""

    month: str
    week: str


class SpendReserved(DomainEvent):
    """The worst case of a call is held before it is made. After `expires_at` it is booked, never released."""

    TOPIC: ClassVar[str] = "budget.spend-reserved"

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


class SpendSettled(DomainEvent):
    """What the call cost. `overcharge`: how much more than its worst case the provider billed. `estimated`: the answer
    came without a usage that can be true, so the cost is the worst case."""

    TOPIC: ClassVar[str] = "budget.spend-settled"
    VERSION: ClassVar[int] = 2

    call_id: str
    attempt: int
    cost_microusd: Amount
    tokens_in: int = 0
    tokens_out: int = 0
    overcharge_microusd: Amount = MicroUsd(0)
    estimated: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        if version < 2:
            data["estimated"] = False
        return data


class SpendReleased(DomainEvent):
    """The call provably cost nothing."""

    TOPIC: ClassVar[str] = "budget.spend-released"

    call_id: str
    attempt: int
    reason: str


class SpendUnknown(DomainEvent):
    """Nobody can tell whether the call was billed: it is booked at its worst case."""

    TOPIC: ClassVar[str] = "budget.spend-unknown"

    call_id: str
    attempt: int
    amount_microusd: Amount
    reason: str


class SpendRefused(DomainEvent):
    """A priced call found no room in this scope: its tier is exceeded until the window turns or the limit
    is raised (R8). Recorded once a scope and window, not for every refusal."""

    TOPIC: ClassVar[str] = "budget.spend-refused"

    scope: Scope
    scope_id: str
    window: str
    call_id: str
    amount_microusd: Amount
    room_microusd: int
    simulated: bool = False


class WindowsCorrected(DomainEvent):
    """The ledger's windows were named after a clock that was ahead. The month and the week that stood go on under their
    true names until they end: what was spent in them still counts, and no limit is to be had again."""

    TOPIC: ClassVar[str] = "budget.windows-corrected"

    before: Windows
    windows: Windows
