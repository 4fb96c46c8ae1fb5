"""Waiting for a condition, for as long as there is hope."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

DEADLINE_S = 240


def wait_for(what: str, condition: Callable[[], Any]) -> Any:
    """Poll until `condition` gives something true."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {DEADLINE_S} s: {what}")
        time.sleep(0.1)
    return found


async def until(condition: Callable[[], Any]) -> None:
    """The same in an event loop, which goes on meanwhile."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)
