"""The indexer: follows the log and writes the search index. It stands beside the projector, in the same process, with a
position and a thread of its own, so that neither waits for the other. What texts are about is learned in another
thread, now and then, or made by a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from actors.follower import Follower, Ticker
from actors.indexer.code import Code, Repositories
from actors.indexer.vectors import TOPICS, EmbeddingModel, IndexVectors, Router
from actors.lanes import BEHIND, Lane
from events import Recorded
from events.content import Content
from vapora.clock import Clock, now
from vapora.log.client import LogClient
from vapora.ports import QuestionVector
from vapora.search import Batch, IndexWriter, LiveModel, mark_of, take_in, topics

_BATCH = 1_000
_VECTORS_S = 20.0
_CODE_S = 20.0

T = TypeVar("T")


class Indexer:
    """`open_writer` opens the index; `texts` reads what an event names, also from the blob store. `repositories`:
    where code is looked at, every `code_s`; None: it is not. `vectors`: where a workspace has them from that does not
    say; `router` and `models`: who makes them, where that is a provider's model; `vectors_s`: how long it
    waits at most until it looks whether some are to be made or learned."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        open_writer: Callable[[], IndexWriter],
        texts: Callable[[Content], str],
        *,
        repositories: Repositories | None = None,
        clock: Clock = now,
        vectors: str = "built-in",
        router: Router | None = None,
        models: Callable[[str, str], EmbeddingModel | None] = lambda provider, model: None,
        vectors_s: float = _VECTORS_S,
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
        self._model = LiveModel()
        self._beside = Lane(BEHIND)
        self._vectors = IndexVectors(
            log, workspace, open_writer, self._in_other_thread, default=vectors, router=router, models=models
        )
        self._vectors_s = vectors_s
        self._making = Ticker(f"vectors/{workspace}", self._look_at_vectors, 0)

    async def start(self) -> None:
        try:
            self._writer = writer = await self.in_thread(self._open_writer)
            position = await self._of_this_log(writer)
        except BaseException:
            await self._shut()
            raise
        self._follower = Follower(
            f"indexer/{self._workspace}",
            self._log,
            self._feed,
            after=position,
            limit=_BATCH,
            topics=(*topics(), *TOPICS),
        )
        self._follower.start()
        if self._code is not None:
            self._coding.start()
        self._making.start()

    async def stop(self) -> None:
        self._vectors.stop_learning()
        await self._making.stop()
        await self._vectors.stop()
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
        return following or self._making.problem or self._coding.problem

    async def is_behind(self) -> bool:
        return self._follower is not None and await self._follower.is_behind()

    async def wait_for(self, position: int, timeout_s: float) -> int:
        """Until the index has passed `position`, or the time is over; the position reached."""
        return 0 if self._follower is None else await self._follower.wait_for(position, timeout_s)

    async def vector_of(self, question: str) -> QuestionVector:
        """Where a provider's model makes the index's vectors."""
        return await self._vectors.of_question(question)

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
        written = await self.in_thread(lambda: self._take_in(events))
        self._vectors.heard(events)
        self._vectors.written(written)

    def _take_in(self, events: Sequence[Recorded]) -> int:
        if self._writer is None:
            raise RuntimeError("the indexer has not started")
        with self._writer.batch(self._texts) as batch:
            take_in(batch, events)
        self._model.embed(self._writer, batch.written)
        return len(batch.written)

    async def _look_at_vectors(self) -> None:
        await self._vectors.until_due(self._vectors_s)
        await self._vectors.look()

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

    async def _in_other_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._beside, work)

    async def _shut(self) -> None:
        if self._writer is not None:
            await self.in_thread(self._writer.close)
        self._thread.shutdown()
        self._beside.shutdown()
