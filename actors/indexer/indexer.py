"""The indexer: follows the log and writes the search index. It stands beside the projector, in the same process, with a
position and a thread of its own, so that neither waits for the other. What texts are about is learned in another
thread, now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from typing import TypeVar

import structlog

from actors.follower import Follower, Ticker
from actors.indexer.code import Code, Repositories
from actors.lanes import BEHIND, Lane
from events import Recorded
from events.content import Content
from vapora.clock import Clock, now
from vapora.log.client import LogClient
from vapora.search import Batch, IndexWriter, LiveModel, learn_if_due, mark_of, take_in, topics

_BATCH = 1_000
_LEARN_S = 20.0
_CODE_S = 20.0

T = TypeVar("T")


class Indexer:
    """`open_writer` opens the index; `texts` reads what an event names, also from the blob store. `learns`: whether it
    has vectors of its own; `learn_s`: how often it looks whether it is time to learn them anew. `repositories`: where
    code is looked at, every `code_s`; None: it is not."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        open_writer: Callable[[], IndexWriter],
        texts: Callable[[Content], str],
        *,
        repositories: Repositories | None = None,
        clock: Clock = now,
        learns: bool = True,
        learn_s: float = _LEARN_S,
        code_s: float = _CODE_S,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._open_writer = open_writer
        self._texts = texts
        self._thread = Lane(BEHIND)
        self._writer: IndexWriter | None = None
        self._follower: Follower | None = None
        self._code = None if repositories is None else Code(log, repositories, self._on_index, clock)
        self._coding = Ticker(f"code/{workspace}", self._look_at_code, code_s)
        self._learns = learns
        self._model = LiveModel()
        self._learner = Lane(BEHIND)
        self._stopped = Event()
        self._learning = Ticker(f"learn/{workspace}", self._learn, learn_s)

    async def start(self) -> None:
        try:
            self._writer = writer = await self.in_thread(self._open_writer)
            position = await self._of_this_log(writer)
        except BaseException:
            await self._shut()
            raise
        self._follower = Follower(
            f"indexer/{self._workspace}", self._log, self._feed, after=position, limit=_BATCH, topics=topics()
        )
        self._follower.start()
        if self._code is not None:
            self._coding.start()
        if self._learns:
            self._learning.start()

    async def stop(self) -> None:
        self._stopped.set()
        await self._learning.stop()
        await self._coding.stop()
        if self._follower is not None:
            await self._follower.stop()
        await self._shut()

    @property
    def position(self) -> int:
        return 0 if self._follower is None else self._follower.position

    @property
    def problem(self) -> str | None:
        following = None if self._follower is None else self._follower.problem
        return following or self._learning.problem or self._coding.problem

    async def is_behind(self) -> bool:
        return self._follower is not None and await self._follower.is_behind()

    async def wait_for(self, position: int, timeout_s: float) -> int:
        """Until the index has passed `position`, or the time is over; the position reached."""
        return 0 if self._follower is None else await self._follower.wait_for(position, timeout_s)

    async def in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _of_this_log(self, writer: IndexWriter) -> int:
        """What stands there of a log that was since replaced, as by a backup, is left aside."""
        position, mark = writer.found
        if not position:
            return 0
        polled = await self._log.poll(position - 1, 1, 0, lenient=True)
        if polled.events and mark == mark_of(polled.events[0]):
            return position
        structlog.get_logger("indexer").warning(
            "the search index is of another past of this log and is built again", position=position
        )
        await self.in_thread(writer.begin_anew)
        return 0

    async def _feed(self, events: Sequence[Recorded]) -> None:
        await self.in_thread(lambda: self._take_in(events))

    def _take_in(self, events: Sequence[Recorded]) -> None:
        if self._writer is None:
            raise RuntimeError("the indexer has not started")
        with self._writer.batch(self._texts) as batch:
            take_in(batch, events)
        self._model.embed(self._writer, batch.written)

    async def _look_at_code(self) -> None:
        if self._code is not None:
            await self._code.look()

    async def _on_index(self, work: Callable[[Batch], T]) -> T:
        return await self.in_thread(lambda: self._batched(work))

    def _batched(self, work: Callable[[Batch], T]) -> T:
        if self._writer is None:
            raise RuntimeError("the indexer has not started")
        with self._writer.batch(self._texts) as batch:
            found = work(batch)
        self._model.embed(self._writer, batch.written)
        return found

    async def _learn(self) -> None:
        work = partial(learn_if_due, self._open_writer, self._stopped)
        await asyncio.get_running_loop().run_in_executor(self._learner, work)

    async def _shut(self) -> None:
        if self._writer is not None:
            await self.in_thread(self._writer.close)
        self._thread.shutdown()
        self._learner.shutdown()
