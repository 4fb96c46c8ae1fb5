"""What is told of budgets: each tier once in a window, whoever tells it."""

from __future__ import annotations

import asyncio

from actors.budget_manager.alerts import Alerts
from events.budget import TierChanged
from events.ids import Scope, Tier
from tests.actors.kit import ORIGIN, WORKSPACE, of_kind, wish
from tests.actors.test_budget_manager import CENT, Cell, cost, open_cell, riding
from tests.waiting import DEADLINE_S


async def spend(cell: Cell, call_id: str, cents: int) -> None:
    await cell.money.reserve(ORIGIN, wish(call_id, cents * CENT), (riding(await cell.versions("run:t0.1")),))
    await cell.money.settle(ORIGIN, cost(call_id, cents * CENT), riding(await cell.versions("run:t0.1")))


async def told(cell: Cell, count: int) -> list[TierChanged]:
    """As the manager itself tells it, within a second or so."""
    async with asyncio.timeout(DEADLINE_S):
        while len(found := await of_kind(cell.log, TierChanged)) < count:
            await asyncio.sleep(0.01)
    return found


async def test_each_tier_is_told_once_and_again_when_a_limit_is_raised_or_the_window_turns() -> None:
    async with open_cell() as cell:
        await cell.limit(100)
        await spend(cell, "a", 50)
        await spend(cell, "b", 35)
        (near,) = await told(cell, 1)
        assert (near.scope, near.scope_id, near.tier) == (Scope.WORKSPACE, WORKSPACE, Tier.NEAR)
        assert (near.spent_microusd, near.limit_microusd) == (85 * CENT, 100 * CENT)
        await spend(cell, "c", 15)
        assert [one.tier for one in await told(cell, 2)] == [Tier.NEAR, Tier.EXCEEDED]
        # Another manager that knows only the log tells nothing twice.
        again = Alerts(cell.log, WORKSPACE, cell.clock, lambda: cell.money.ledger)
        await again.look()
        await again.look()
        assert len(await of_kind(cell.log, TierChanged)) == 2
        await cell.limit(1_000)
        assert (await told(cell, 3))[-1].tier is Tier.NORMAL
        await cell.limit(100)
        assert (await told(cell, 4))[-1].tier is Tier.EXCEEDED
        rest = await cell.money.rest()
        assert not rest.busy
        cell.clock.move(40 * 86_400)
        await spend(cell, "d", 90)
        newest = (await told(cell, 5))[-1]
        assert newest.tier is Tier.NEAR and newest.window != near.window


async def test_two_managers_at_once_tell_it_once() -> None:
    async with open_cell() as cell:
        await cell.limit(100)
        await spend(cell, "a", 99)
        both = [Alerts(cell.log, WORKSPACE, cell.clock, lambda: cell.money.ledger) for _ in range(5)]
        await asyncio.gather(*(one.look() for one in both))
        await asyncio.gather(*(one.look() for one in both))
        assert [one.tier for one in await told(cell, 1)] == [Tier.NEAR]
