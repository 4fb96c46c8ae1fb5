"""How the projector goes along the log: many events at once, and seldom where much happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from actors.follower import LogLoop
from projections.engine.base import LoggedEvent
from vapora.log.client import LogClient

# A transaction of so many takes some tenths of a second; with fewer, its own cost would show.
_BATCH = 5_000
# At most so often a batch is written: it has a cost of its own, and a row that changes in each of ten events is written
# once. What comes after a pause is written at once, and whoever waits for a position cuts the wait short.
WINDOW_S = 0.005
# It grows to so many times what the last batch took, so that a busy moment spends a third of its time on them at most;
# but to no more than a person would notice.
_TIMES = 2
_LONGEST_WINDOW_S = 0.05


class Feeder(LogLoop):
    """Follows with sealed events, many at once, and goes back where the read models were put back."""

    def __init__(
        self,
        name: str,
        log: LogClient,
        feed: Callable[[Sequence[LoggedEvent], int], Awaitable[int]],
        after: int,
        window_s: float,
    ) -> None:
        super().__init__(name, after)
        self._log = log
        self._feed = feed
        self._window_s = window_s
        self._fed_at = -window_s
        self._took_s = 0.0
        # Who waits for a position that is not reached, and whether somebody does.
        self._waiters = 0
        self._hurry = asyncio.Event()

    async def is_behind(self) -> bool:
        return bool((await self._log.poll_sealed(self.position, 1, 0)).events)

    async def wait_for(self, position: int, timeout_s: float) -> int:
        """A reader of its own write has to wait for the batch alone, not for the window."""
        if position <= self.position:
            return self.position
        self._waiters += 1
        self._hurry.set()
        try:
            return await super().wait_for(position, timeout_s)
        finally:
            self._waiters -= 1
            if not self._waiters:
                self._hurry.clear()

    async def _step(self, timeout_s: float) -> bool:
        polled = await self._log.poll_sealed(self.position, _BATCH, timeout_s)
        reached, head, events = polled.position, polled.head, polled.events
        if events and len(events) < _BATCH and await self._window():
            more = await self._log.poll_sealed(reached, _BATCH - len(events), 0)
            reached, head, events = more.position, more.head, (*events, *more.events)
        if events:
            began = asyncio.get_running_loop().time()
            reached = await self._feed(events, head)
            self._fed_at = asyncio.get_running_loop().time()
            self._took_s = self._fed_at - began
        self._reached(reached)
        return reached < head

    async def _window(self) -> bool:
        """Whether there was one, in which more may have come."""
        window_s = max(self._window_s, min(_TIMES * self._took_s, _LONGEST_WINDOW_S))
        left = self._fed_at + window_s - asyncio.get_running_loop().time()
        if self._hurry.is_set() or left <= 0:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._hurry.wait()
        return True
