"""When messages go out: some at once, the longest due first, and none twice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

import structlog

from actors.follower import cancel
from actors.webhooks.outbox import Due
from vapora.backoff import Backoff

# So many at once in all, and to one webhook: one that is slow leaves room for the others.
_AT_ONCE = 16
_AT_ONCE_EACH = 4
# It is ours, as a log that does not answer, and no attempt.
_AFTER_A_FAULT_S = 1.0


class Messages(Protocol):
    async def look(self, each: int) -> tuple[list[Due], float]:
        """What is to be sent now, at most so many for each webhook; and in how many seconds another one becomes due.
        Both as of one instant: what became due between two would be in neither, and lie until something else happens.
        """
        ...

    async def deliver(self, one: Due) -> None: ...


class Post:
    """Sends what is due, some at once, the longest due first."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._wake = asyncio.Event()
        self._under_way: dict[tuple[str, int], asyncio.Task[None]] = {}
        # What has ended since it was looked what is due: by that look it may be due still.
        self._ended: set[tuple[str, int]] = set()
        self._task: asyncio.Task[None] | None = None
        self.problem: str | None = None
        self._journal = structlog.get_logger("webhooks")

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="webhooks:post")

    async def stop(self) -> None:
        await cancel(self._task)
        self._task = None
        # What is cut off was perhaps sent: it is sent again after the next start.
        for task in list(self._under_way.values()):
            await cancel(task)

    def wake(self) -> None:
        self._wake.set()

    @property
    def is_busy(self) -> bool:
        return bool(self._under_way) or self._wake.is_set()

    async def _run(self) -> None:
        pauses = iter(Backoff(0.05, longest_s=5.0))
        while True:
            try:
                self._wake.clear()
                self._ended.clear()
                due, nap = await self._messages.look(2 * _AT_ONCE_EACH)
                self._send(due)
                self.problem, pauses = None, iter(Backoff(0.05, longest_s=5.0))
            except Exception as error:  # told in health; tried again
                self.problem = f"{type(error).__name__}: {error}"
                self._journal.warning("webhooks cannot be sent", error=self.problem)
                nap = next(pauses)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(nap, 0.01)):
                    await self._wake.wait()

    def _send(self, due: Sequence[Due]) -> None:
        for one in due:
            key = (one.webhook.id, one.position)
            each = sum(webhook_id == one.webhook.id for webhook_id, _ in self._under_way)
            if len(self._under_way) >= _AT_ONCE:
                return
            if key in self._under_way or key in self._ended or each >= _AT_ONCE_EACH:
                continue
            task = asyncio.create_task(self._messages.deliver(one), name=f"webhooks:{key[0]}:{key[1]}")
            self._under_way[key] = task
            task.add_done_callback(partial(self._done, key))

    def _done(self, key: tuple[str, int], task: asyncio.Task[None]) -> None:
        del self._under_way[key]
        self._ended.add(key)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.problem = f"{type(error).__name__}: {error}"
            self._journal.warning("webhook not sent", webhook=key[0], position=key[1], error=self.problem)
            asyncio.get_running_loop().call_later(_AFTER_A_FAULT_S, self.wake)
            return
        self.wake()
