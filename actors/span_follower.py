"""Follows the log and sends the spans that it tells to a collector (OTLP). It stands beside the projector, in the same
process, with a position of its own, and only where there is a collector.

Each span is sent once. After a crash, those that were sent since the position was last saved are sent again, with the
same ids, so that they take their own place. While the collector is away nothing is skipped and nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Protocol

from actors.follower import Follower
from events import Recorded
from vapora.clock import Clock, now
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.observability.spans import TOPICS, LogSpans, Span

_BATCH = 500
# At most so often it is saved how far it has come: a save waits for the disk.
_SAVED_EVERY_S = 2.0
# What ended longer ago is not sent: so the first start with a collector does not send it a whole past.
_OLDEST = timedelta(hours=24)
# Of all workspaces in this process: while the collector is away each try takes seconds, for which nobody else may wait.
_SENDING = ThreadPoolExecutor(1, thread_name_prefix="spans")


class Sender(Protocol):
    def send(self, spans: Sequence[Span]) -> None:
        """All of them, or `UnavailableError`. Blocks."""
        ...

    def close(self) -> None:
        """Also while it sends, which then fails at once."""
        ...


class SpanFollower:
    def __init__(
        self,
        log: LogClient,
        workspace: str,
        sender: Sender,
        saved: SavedFold[LogSpans],
        ratio: float,
        *,
        clock: Clock = now,
        saved_every_s: float = _SAVED_EVERY_S,
    ) -> None:
        self._log = log
        self._sender = sender
        self._saved = saved
        self._fold = LogSpans(ratio)
        self._clock = clock
        self._saved_every_s = saved_every_s
        self._saved_at = -saved_every_s
        self._begun = False
        self._follower = Follower(f"spans/{workspace}", log, self._take, limit=_BATCH, topics=TOPICS)
        # What was folded and not sent yet: where the batch comes again it is not folded twice.
        self._unsent: list[Span] = []
        self._folded_to = 0

    async def start(self) -> None:
        loaded = await self._saved.load(self._log)
        if loaded is not None:
            self._fold, self._follower.position = loaded.state, loaded.position
            self._folded_to = loaded.position
        self._begun = True
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()
        if self._begun and self._folded_to and not self._unsent:
            await self._saved.close(self._log, self._fold, self._folded_to)
        await self._saved.settled()
        self._sender.close()

    @property
    def position(self) -> int:
        return self._follower.position

    @property
    def problem(self) -> str | None:
        return self._follower.problem

    async def is_behind(self) -> bool:
        return await self._follower.is_behind()

    async def wait_for(self, position: int, timeout_s: float) -> int:
        return await self._follower.wait_for(position, timeout_s)

    async def _take(self, events: Sequence[Recorded]) -> None:
        oldest = self._clock() - _OLDEST
        for recorded in events:
            if recorded.position > self._folded_to:
                self._unsent += [one for one in self._fold.evolve(recorded) if one.ended >= oldest]
                self._folded_to = recorded.position
        if self._unsent:
            await asyncio.get_running_loop().run_in_executor(_SENDING, self._sender.send, tuple(self._unsent))
            self._unsent.clear()
        at = asyncio.get_running_loop().time()
        if at - self._saved_at >= self._saved_every_s and self._saved.due(self._folded_to):
            self._saved_at = at
            self._saved.save_soon(self._log, self._fold, self._folded_to)
