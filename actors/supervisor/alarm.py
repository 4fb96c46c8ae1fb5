"""Wakes those who sleep until a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from actors.follower import cancel
from vapora.clock import Clock
from vapora.domain.timers import Timers

# Clocks may be set: no sleep is longer than this.
_LONGEST_S = 60.0


class Alarm:
    """`ring(name)` is called when a name is due, once. It may set the same name again."""

    def __init__(self, clock: Clock, ring: Callable[[str], Awaitable[None]]) -> None:
        self._clock = clock
        self._ring = ring
        self._timers = Timers()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger("supervisor")

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="alarm")

    async def stop(self) -> None:
        await cancel(self._task)
        self._task = None

    def set(self, name: str, due: datetime | None) -> None:
        """None: nothing is due for it."""
        self._timers.set(name, due)
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            for timer in self._timers.due(self._clock()):
                self._timers.cancel(timer.key)
                try:
                    await self._ring(timer.key)
                except Exception:  # the others are due all the same
                    self._journal.exception("could not be woken", workspace=timer.key)
            first = self._timers.next()
            left = None if first is None else min(max((first - self._clock()).total_seconds(), 0), _LONGEST_S)
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                continue
