"""What every payer asks of a workspace's budget manager: to hold the worst case of a call, and to close it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from actors.messages import CoAppend, NoRoom, Reserved, Settlement
from vapora.domain.budget import ReserveSpend
from vapora.ports import Origin


class MoneyPort(Protocol):
    """As `actors.budget_manager.BudgetManager` says it."""

    async def window_turns_at(self) -> datetime: ...
    async def reserve(
        self, origin: Origin, wish: ReserveSpend, along: tuple[CoAppend, ...], before: tuple[CoAppend, ...] = ()
    ) -> Reserved | NoRoom: ...
    async def settle_money(self, origin: Origin, settlement: Settlement) -> int: ...
    async def release(
        self, origin: Origin, call_id: str, attempt: int, reason: str, along: tuple[CoAppend, ...] = ()
    ) -> int: ...
    async def book_unknown(
        self, origin: Origin, call_id: str, attempt: int, reason: str, along: tuple[CoAppend, ...] = ()
    ) -> int: ...


def turn_comes(room: NoRoom) -> str:
    """What is told of a wait that ends by itself."""
    return f"Other calls hold what is left of the budget of {room.scope} {room.scope_id}; this one waits its turn."
