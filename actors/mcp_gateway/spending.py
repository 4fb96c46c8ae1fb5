"""The money of calls that have a price: held before a call goes out, and closed by what came of it.

The price is the worst case as well. So a reservation that could not be closed, since the budget manager was away or
this process died, is booked at just the price when its time is over.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from actors.messages import NoRoom, Settlement
from actors.money import MoneyPort, turn_comes
from events.budget import Charge
from events.ids import Provider
from vapora.clock import Clock, new_id
from vapora.domain.budget import ReserveSpend
from vapora.errors import ConflictError, UnavailableError, VersionConflictError
from vapora.ports import NoMoneyYet, Origin, ServedCall

# What stands in the ledger and in reports where a model's provider would; the tool stands for the model.
TOOLS: Final = Provider("tools")
# A pure tool may be called again after a crash: then the money of the attempts before is booked when its time is over.
_MOST_ATTEMPTS = 8
# Beside its own limit a call may wait for its server to begin.
_WAITS_S = 60.0


class Held:
    """The price of one call, in micro-dollars, that is held. One of the three is called, once."""

    def __init__(self, money: MoneyPort, origin: Origin, wish: ReserveSpend) -> None:
        self._money, self._origin, self._wish = money, origin, wish
        self._journal = structlog.get_logger("mcp_gateway")

    async def settle(self) -> None:
        """It was answered, well or badly."""
        one = Settlement(self._wish.call_id, self._wish.attempt, self._wish.amount_microusd, 0, 0)
        try:
            await self._money.settle_money(self._origin, one)
        except UnavailableError as error:
            self._left(error)

    async def release(self, reason: str) -> None:
        """It provably did not go out."""
        try:
            await self._money.release(self._origin, self._wish.call_id, self._wish.attempt, reason)
        except UnavailableError as error:
            self._left(error)

    async def book(self, reason: str) -> None:
        """Nobody knows whether it took effect."""
        try:
            await self._money.book_unknown(self._origin, self._wish.call_id, self._wish.attempt, reason)
        except UnavailableError as error:
            self._left(error)

    def _left(self, error: UnavailableError) -> None:
        self._journal.warning("a tool's price stays held until it is booked", call=self._wish.call_id, why=str(error))


class Spending:
    """`money(workspace)`: its budget manager."""

    def __init__(self, money: Callable[[str], MoneyPort], clock: Clock) -> None:
        self._money, self._clock = money, clock

    async def hold(self, call: ServedCall, price_microusd: int, limit_s: float) -> Held | NoMoneyYet | str:
        """What is held for the call, in the append that its opening stands in; or, where a budget has no room for it,
        what would help; or a sentence for who made it. Raises `UnavailableError`, and `VersionConflictError` where the
        run of the call went on without it."""
        money, origin = self._money(call.workspace), call.origin or Origin(call.workspace, call.actor, new_id("cor"))
        along = (call.opening,) if call.opening is not None and call.opening[2] else ()
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            wish = self._wish(call, attempt, price_microusd, limit_s)
            try:
                found = await money.reserve(origin, wish, along)
            except VersionConflictError:
                raise
            except ConflictError:
                continue
            if isinstance(found, NoRoom):
                return await self._no_room(money, call, price_microusd, found)
            return Held(money, origin, wish)
        return f"{call.name} was not called: it was tried {_MOST_ATTEMPTS} times before."

    async def _no_room(self, money: MoneyPort, call: ServedCall, price_microusd: int, room: NoRoom) -> NoMoneyYet:
        lacks = f"the budget of {room.scope} {room.scope_id} has no room for it"
        why = f"{call.name} costs {price_microusd / 1_000_000:g} dollars, and {lacks}."
        if room.contended:
            return NoMoneyYet(why, f"{why} {turn_comes(room)}", contended=True)
        until = await money.window_turns_at()
        remedy = f"{why} Raise its limit, allow an overflow, or wait until {until:%Y-%m-%d %H:%M} UTC."
        return NoMoneyYet(why, remedy, contended=False, until=until)

    def _wish(self, call: ServedCall, attempt: int, price_microusd: int, limit_s: float) -> ReserveSpend:
        charge = Charge(
            project_id=call.project_id,
            task_id=call.task_id,
            run_id=call.run_id,
            agent_id=call.agent_id,
            role=call.role,
            task_type="",
            tool=call.name,
        )
        expires_at = self._clock() + timedelta(seconds=limit_s + _WAITS_S)
        return ReserveSpend(
            call_id=call.call_id,
            attempt=attempt,
            charge=charge,
            provider=TOOLS,
            model=call.name,
            amount_microusd=price_microusd,
            cheap_chain=False,
            # A rehearsal's model costs nothing; a tool that it calls is called all the same.
            simulated=False,
            expires_at=expires_at,
        )
