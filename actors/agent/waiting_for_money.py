"""A run waits for money: for a model's call, or for the price of a tool."""

from __future__ import annotations

from datetime import datetime

from actors.agent.run_under_way import RunUnderWay
from actors.messages import OutOfBudget
from events.budget import BudgetSet
from events.ids import WaitReason
from vapora.domain import run as rules
from vapora.domain.run import Run
from vapora.ports import NoMoneyYet

FIRST_RETRY_S = 0.5
# Clocks may be set, and budgets turn by the calendar: no sleep is longer than this.
LONGEST_SLEEP_S = 60.0
_POLL_S = 10.0


async def wait_for_money(one: RunUnderWay, run: Run, lacking: OutOfBudget | NoMoneyYet, seen: int | None) -> Run:
    """Show what it waits for, and wait until it is worth asking again. `seen`: where the log ended before it asked,
    once the card says that it waits; until then it asks again at once, so that no raised limit is missed."""
    run = await one.append(run, rules.wait(run, WaitReason.BUDGET, lacking.remedy))
    if lacking.contended:
        await one.unless_called_off(one.means.sleep(FIRST_RETRY_S))
    elif seen is not None:
        await _until(one, lacking.until, seen)
    return run


async def _until(one: RunUnderWay, instant: datetime | None, seen: int) -> None:
    """Until `instant`, the run is called off, or a limit was set after the position `seen`."""
    with one.at_rest(instant):
        while one.called_off is None:
            left = LONGEST_SLEEP_S if instant is None else (instant - one.means.clock()).total_seconds()
            if left <= 0:
                return
            polling = one.means.log.poll(seen, 1, min(left, _POLL_S), (BudgetSet.TOPIC,))
            polled = await one.unless_called_off(polling)
            if polled is None or polled.events:
                return
            seen = polled.position
