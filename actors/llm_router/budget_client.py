"""What the router asks of the budget managers.

What it has reserved is closed with the run's own event where the run still waits for it, else the money alone; and it
does not give up while a budget manager is being restarted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol, TypeVar

from actors.llm_router.attempts import ChosenModel
from actors.messages import Closing, CoAppend, NoRoom, Reserved, Settled, Settlement
from actors.money import MoneyPort
from events.budget import Charge
from vapora.domain import budget
from vapora.errors import ConflictError, UnavailableError
from vapora.ports import Origin

_RETRY_S = 0.2
_UNSENT = "never sent"

T = TypeVar("T")


class SpendPort(MoneyPort, Protocol):
    """What the router asks beside that: a model's answer and its money stand in one append."""

    async def standing(self, charge: Charge, simulated: bool) -> budget.BudgetStatus: ...
    async def settle(
        self,
        origin: Origin,
        settlement: Settlement,
        along: CoAppend,
        following: Any = None,
        closing: Closing | None = None,
    ) -> Settled: ...


class BudgetClient:
    """`patience_s`: how long it goes on asking a budget manager that does not answer."""

    def __init__(self, money: Callable[[str], SpendPort], patience_s: float) -> None:
        self._money = money
        self._patience_s = patience_s

    async def standing(self, origin: Origin, charge: Charge, simulated: bool) -> budget.BudgetStatus:
        return await self._money(origin.workspace).standing(charge, simulated)

    async def window_turns_at(self, origin: Origin) -> datetime:
        return await self._money(origin.workspace).window_turns_at()

    async def reserve(
        self, origin: Origin, wish: budget.ReserveSpend, along: tuple[CoAppend, ...], before: tuple[CoAppend, ...] = ()
    ) -> Reserved | NoRoom:
        return await self._money(origin.workspace).reserve(origin, wish, along, before)

    async def settle(
        self,
        origin: Origin,
        settlement: Settlement,
        along: CoAppend,
        following: Any = None,
        closing: Closing | None = None,
    ) -> Settled:
        """Raises `ConflictError` where the run went on without this answer, or its worst case is booked already."""
        money = self._money(origin.workspace)
        try:
            return await self._insist(lambda: money.settle(origin, settlement, along, following, closing))
        except ConflictError:
            await self._insist(lambda: money.settle_money(origin, settlement))
            raise

    async def give_up(self, origin: Origin, choice: ChosenModel, reason: str, along: CoAppend, *, billed: bool) -> None:
        """The call failed. `billed`: perhaps, so its worst case is booked; else its money comes back.

        Raises `ConflictError` where the run went on without it.
        """
        money = self._money(origin.workspace)
        close = money.book_unknown if billed else money.release
        try:
            await self._insist(lambda: close(origin, choice.call_id, choice.attempt, reason, (along,)))
        except ConflictError:
            await self._insist(lambda: close(origin, choice.call_id, choice.attempt, reason))
            raise

    async def book(self, origin: Origin, settlement: Settlement) -> None:
        """What a call cost that belongs to no run."""
        money = self._money(origin.workspace)
        await self._insist(lambda: money.settle_money(origin, settlement))

    async def close(self, origin: Origin, call_id: str, reason: str, *, billed: bool) -> None:
        """A call failed that belongs to no run. `billed`: perhaps."""
        money = self._money(origin.workspace)
        close = money.book_unknown if billed else money.release
        await self._insist(lambda: close(origin, call_id, 1, reason))

    async def hand_back(self, origin: Origin, choice: ChosenModel, along: CoAppend | None = None) -> None:
        """Nothing was sent. `along`: the run's own event, which is left out where the run went on without it."""
        money = self._money(origin.workspace)
        if along is not None:
            with suppress(ConflictError):
                await self._insist(lambda: money.release(origin, choice.call_id, choice.attempt, _UNSENT, (along,)))
                return
        await self._insist(lambda: money.release(origin, choice.call_id, choice.attempt, _UNSENT))

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Asking again is safe: what took effect is recognised. In the end the reservation expires, and is booked."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return await ask()
            except UnavailableError:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_RETRY_S)
