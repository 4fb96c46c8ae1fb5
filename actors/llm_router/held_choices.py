"""What the router holds for steps to come: choices whose money was reserved together with the answer before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog

from actors.llm_router.attempts import ChosenModel, Held
from actors.llm_router.budget_client import BudgetClient
from actors.llm_router.sizes import CallSizes
from actors.messages import Call
from vapora.clock import Clock


class HeldChoices:
    """By call id. Each is asked for once: by its step, by the run that ends before it, or by the stop of the router."""

    def __init__(self, budget_client: BudgetClient, clock: Clock) -> None:
        self._budget_client = budget_client
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._journal = structlog.get_logger("router")

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._held

    def keep(self, held: Held) -> None:
        """Until it is asked for; what nobody came for is forgotten: its money is booked when it expires."""
        now = self._clock()
        self._held = {key: one for key, one in self._held.items() if one.choice.expires_at > now}
        self._held[held.choice.call_id] = held

    def sizes(self, call: Call) -> CallSizes:
        """Those that were measured when its money was held, where it came as it was expected."""
        held = self._held.get(call.call_id)
        return held.sizes if held is not None and held.sizes.is_of(call) else CallSizes(call)

    def take(self, call_id: str) -> ChosenModel | None:
        held = self._held.pop(call_id, None)
        return None if held is None else held.choice

    async def withdraw(self, call_id: str) -> bool:
        """Release its money, and mark in its run that nothing was sent; False where nothing is held."""
        held = self._held.pop(call_id, None)
        if held is not None:
            await self._budget_client.hand_back(held.origin, held.choice, held.withdrawn())
        return held is not None

    def discard(self, held: Held) -> None:
        """It was not reserved."""
        if self._held.get(held.choice.call_id) is held:
            del self._held[held.choice.call_id]

    async def give_back(self, wanted: Callable[[Held], bool], timeout_s: float) -> None:
        """Release the money of those that nobody will come for, and mark in their runs that nothing was sent."""
        giving: dict[asyncio.Task[None], str] = {}
        for held in [one for one in self._held.values() if wanted(one)]:
            call_id = held.choice.call_id
            del self._held[call_id]
            giving[asyncio.create_task(self._budget_client.hand_back(held.origin, held.choice, held.withdrawn()))] = (
                call_id
            )
        if giving:
            done, late = await asyncio.wait(giving, timeout=timeout_s)
            self._tell(giving, late | {one for one in done if one.exception() is not None})

    def _tell(self, giving: dict[asyncio.Task[None], str], failed: Collection[asyncio.Task[None]]) -> None:
        for task in failed:
            task.cancel()
            self._journal.warning("not given back, so it will be booked at its worst case", call=giving[task])
