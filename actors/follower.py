"""The one form of all background work: follow the log, hand on each batch, remember how far.

A batch that fails is tried again, later and later, with the reason on show in `problem`: nothing is skipped and
nothing is swallowed. An actor that has no log to follow but a clock uses `Ticker`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from events import Recorded
from vapora.backoff import Backoff
from vapora.log.client import LogClient

_BACKOFF = Backoff(0.05, longest_s=5.0)
_POLL_S = 10.0

Handle = Callable[[Sequence[Recorded]], Awaitable[None]]


class LogLoop(ABC):
    """Goes along the log from `after` on, step by step, and is always to be found at `position`."""

    def __init__(self, name: str, after: int) -> None:
        self.name = name
        self.position = after
        self.problem: str | None = None
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger(name)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"follow:{self.name}")

    async def stop(self) -> None:
        await cancel(self._task)
        self._task = None

    async def catch_up(self) -> None:
        """Go through all that the log holds now, before the loop starts."""
        while await self._step(timeout_s=0):
            pass

    @abstractmethod
    async def is_behind(self) -> bool:
        """Whether the log holds events for it that it has not gone through, now."""

    async def wait_for(self, position: int, timeout_s: float) -> int:
        """Until `position` is behind us or the time is over; the position reached."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.position < position:
                    self._moved.clear()
                    await self._moved.wait()
        return self.position

    async def _run(self) -> None:
        pauses = iter(_BACKOFF)
        while True:
            try:
                # After a failure without waiting, so that what is well again is not shown as ill until news come.
                await self._step(timeout_s=0 if self.problem else _POLL_S)
            except Exception as error:  # told below and in health; the batch comes again
                self.problem = f"{type(error).__name__}: {error}"
                self._journal.warning("batch failed, trying again", error=self.problem, after=self.position)
                await asyncio.sleep(next(pauses))
            else:
                self.problem, pauses = None, iter(_BACKOFF)

    @abstractmethod
    async def _step(self, timeout_s: float) -> bool:
        """One poll, and `_reached`; whether there may be more at once."""

    def _reached(self, position: int) -> None:
        self.position = position
        self._moved.set()


class Follower(LogLoop):
    """Calls `handle` with every event after `after` (of `topics`, if any are named), in order, at least once."""

    def __init__(
        self,
        name: str,
        log: LogClient,
        handle: Handle,
        *,
        after: int = 0,
        limit: int = 1_000,
        topics: Sequence[str] = (),
    ) -> None:
        super().__init__(name, after)
        self._sent_to: int | None = None
        self._log = log
        self._handle = handle
        self._limit = limit
        self._topics = topics

    async def is_behind(self) -> bool:
        return bool((await self._log.poll(self.position, 1, 0, self._topics, lenient=True)).events)

    def go_to(self, position: int) -> None:
        """From within `handle`: the next batch begins after `position`, wherever this one ends."""
        self._sent_to = position

    async def _step(self, timeout_s: float) -> bool:
        polled = await self._log.poll(self.position, self._limit, timeout_s, self._topics)
        self._sent_to = None
        if polled.events:
            await self._handle(polled.events)
        self._reached(polled.position if self._sent_to is None else self._sent_to)
        return self.position < polled.head


class Ticker:
    """Calls `work` every `interval_s` seconds, or as many as that says each time; a failure is shown in `problem` and
    does not end it."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], interval_s: float | Callable[[], float]) -> None:
        self.name = name
        self.problem: str | None = None
        self._work = work
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger(name)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"tick:{self.name}")

    async def stop(self) -> None:
        await cancel(self._task)
        self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s() if callable(self._interval_s) else self._interval_s)
            try:
                await self._work()
                self.problem = None
            except Exception as error:  # told here and in health; the next tick tries again
                self.problem = f"{type(error).__name__}: {error}"
                self._journal.warning("tick failed", error=self.problem)


async def cancel(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait until it is gone, whatever it ends with."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            structlog.get_logger("follower").error("had died before", task=task.get_name(), error=repr(error))
