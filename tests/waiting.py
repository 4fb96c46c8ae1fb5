"""Waiting for a condition, for as long as there is hope."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

DEADLINE_S = 240
_T = TypeVar("_T")


def wait_for(what: str, condition: Callable[[], Any]) -> Any:
    """Poll until `condition` gives something true."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_S} s: {what}")
        time.sleep(0.1)
    return found


def caught_up(client: Any) -> None:
    """Until the read models that a client of the SDK asks have all that was written, by whomever."""
    client.progress(after=client.progress().head)


async def settled(measure: Callable[[], Awaitable[_T]], fits: Callable[[_T], bool]) -> _T:
    """The first measure that fits, or the last one that there was time for: what comes and goes is no cost of what
    stays."""
    deadline = time.monotonic() + DEADLINE_S / 4
    while not fits(found := await measure()) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    return found


async def until(condition: Callable[[], Any]) -> None:
    """The same in an event loop, which goes on meanwhile."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)
