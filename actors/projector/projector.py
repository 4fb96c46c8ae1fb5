"""The projector: keeps a workspace's read models up to date, builds new ones beside them, and offers what changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import structlog

from actors.follower import LogLoop, Ticker
from actors.indexer import Indexer
from actors.lanes import BEHIND, Lane
from actors.projector.feeder import WINDOW_S, Feeder
from actors.projector.frame_buffer import Frame, FrameBuffer
from actors.span_follower import SpanFollower
from projections.engine.base import LoggedEvent, Projection
from projections.engine.last_event import LastEvent
from projections.engine.rebuild import Rebuild
from projections.engine.runner import GapError, Runner
from projections.engine.store import ReadStore
from projections.uses import uses
from vapora.domain.cell import Rest
from vapora.log.client import LogClient
from vapora.ports import QuestionVector

# Further behind than this nobody is sent each change any more: they get each changed row's latest state.
_FAR_BEHIND = 10_000
# A rebuild shares the thread with what is live, which must not wait long for it.
_REBUILD_BATCH = 2_000
_REBUILD_LOOK_S = 2.0
# Who follows the changes asks again at once.
_GONE_S = 1.0

T = TypeVar("T")


class Projector:
    """`open_store` opens the read models' store; everything that touches it runs in one thread. `indexer`: keeps the
    search index beside it; None where nothing is searched, as in the log of people. `spans`: sends to a collector what
    the log tells; None where there is none."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        open_store: Callable[[], ReadStore],
        projections: Sequence[Projection],
        *,
        indexer: Indexer | None = None,
        spans: SpanFollower | None = None,
        look_s: float = _REBUILD_LOOK_S,
        window_s: float = WINDOW_S,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._open_store = open_store
        self._indexer = indexer
        self._spans = spans
        self._projections = projections
        self._thread = Lane(BEHIND)
        self._ring = FrameBuffer()
        self._changed = asyncio.Event()
        # Who waits for changes now, and when somebody last did: between two waits a live socket is there as well.
        self._waiting = 0
        self._waited_at = -_GONE_S
        self._store: ReadStore | None = None
        self._runner: Runner | None = None
        self._follower: Feeder | None = None
        self._window_s = window_s
        # How far each rebuild was when it was looked at last.
        self._seen: dict[str, int] = {}
        self._rebuilding = Ticker(f"rebuild/{workspace}", self._rebuild, look_s)

    async def start(self) -> None:
        try:
            self._store = store = await self._in_thread(self._open_store)
            runner = await self._in_thread(lambda: Runner(store, self._projections))
            if await self._is_of_another_past(runner.mark):
                await self._in_thread(lambda: _clear(store))
                runner = await self._in_thread(lambda: Runner(store, self._projections))
            self._runner = runner
            # What stands still at a start is ours to build.
            self._seen = runner.rebuilding
        except BaseException:
            # Not started, so nobody will stop it.
            if self._store is not None:
                await self._in_thread(self._store.close)
            self._thread.shutdown()
            raise
        self._ring = FrameBuffer(runner.position)
        self._follower = Feeder(f"projector/{self._workspace}", self._log, self._feed, runner.position, self._window_s)
        self._follower.start()
        self._rebuilding.start()
        if self._indexer is not None:
            await self._indexer.start()
        if self._spans is not None:
            await self._spans.start()

    async def stop(self) -> None:
        if self._spans is not None:
            await self._spans.stop()
        if self._indexer is not None:
            await self._indexer.stop()
        await self._rebuilding.stop()
        if self._follower is not None:
            await self._follower.stop()
        if self._store is not None:
            await self._in_thread(self._store.close)
        self._thread.shutdown()

    async def health(self) -> dict[str, Any]:
        follower = self._following()
        problem = follower.problem or self._rebuilding.problem
        used, status = await self._in_thread(self._uses_and_status)
        if problem is None and self._indexer is not None and self._indexer.problem:
            problem = f"search: {self._indexer.problem}"
        return {"position": follower.position, "problem": problem, "uses": used, **self._with_followers(status)}

    async def rest(self) -> Rest:
        follower = self._following()
        if problem := follower.problem or self._rebuilding.problem:
            return Rest(f"its read models: {problem}")
        if self._is_followed():
            return Rest("somebody follows its changes")
        store = self._opened()
        if await self._in_thread(lambda: _positions(store, self._projections)):
            return Rest("a read model is being built")
        if await follower.is_behind():
            return Rest("its read models are behind")
        if self._indexer is not None and (self._indexer.problem or await self._indexer.is_behind()):
            return Rest("its search index is behind")
        # A collector that is away keeps nobody awake: what it is to be sent stands in the log.
        if self._spans is not None and not self._spans.problem and await self._spans.is_behind():
            return Rest("its spans are not sent yet")
        return Rest("")

    def _is_followed(self) -> bool:
        """Else nobody makes frames: who comes later is told from the tables."""
        return self._waiting > 0 or asyncio.get_running_loop().time() - self._waited_at < _GONE_S

    async def status(self) -> dict[str, Any]:
        """`{"position", "failed": {projection: what stopped it}, "rebuilding": {projection: how far}, "followers":
        {who else goes along the log here: how far}}`."""
        return self._with_followers(await self._in_thread(lambda: self._open().status()))

    def _with_followers(self, status: dict[str, Any]) -> dict[str, Any]:
        followers = {"indexer": self._indexer, "spans": self._spans}
        return {**status, "followers": {name: one.position for name, one in followers.items() if one is not None}}

    async def wait_for(self, position: int, timeout_s: float) -> int:
        return await self._following().wait_for(position, timeout_s)

    async def search_wait_for(self, position: int, timeout_s: float) -> int:
        """As `wait_for`, for the search index."""
        return position if self._indexer is None else await self._indexer.wait_for(position, timeout_s)

    async def vector_of(self, question: str) -> QuestionVector:
        return QuestionVector() if self._indexer is None else await self._indexer.vector_of(question)

    async def frames(self, after: int, limit: int = 1_000, timeout_s: float = 10) -> list[Frame]:
        """Changed rows with position > `after`, a frame a position; waits for the first."""
        self._waiting += 1
        try:
            if timeout_s <= 0:
                return await self._frames_after(after, limit)
            return await self._next_frames(after, limit, min(timeout_s, 60))
        finally:
            self._waiting -= 1
            self._waited_at = asyncio.get_running_loop().time()

    async def _next_frames(self, after: int, limit: int, timeout_s: float) -> list[Frame]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            changed = self._changed  # taken before looking: a change in between is not missed
            found = await self._frames_after(after, limit)
            left = deadline - loop.time()
            if found or left <= 0:
                return found
            try:
                async with asyncio.timeout(left):
                    await changed.wait()
            except TimeoutError:
                return []

    async def _frames_after(self, after: int, limit: int) -> list[Frame]:
        kept = self._ring.after(after, limit)
        if kept is None:
            return await self._in_thread(lambda: self._open().frames_after(after, limit))
        return kept

    async def _feed(self, events: Sequence[LoggedEvent], head: int) -> int:
        """How far the read models are then: below these events where they were put back."""
        runner = self._open()
        wanted = self._is_followed() and head - events[0].position <= _FAR_BEHIND
        try:
            frames = await self._in_thread(lambda: runner.apply(events, frames_wanted=wanted))
        except GapError:
            return runner.position
        if wanted:
            self._ring.add(frames)
        else:
            self._ring.skip(events[-1].position)
        if frames or not wanted:
            self._changed.set()
            self._changed = asyncio.Event()
        return events[-1].position

    async def _is_of_another_past(self, mark: LastEvent | None) -> bool:
        """Rows of a log that was since replaced, as by a backup that was put back, tell of what did not happen."""
        if mark is None:
            return False
        polled = await self._log.poll_sealed(mark.position - 1, 1, 0)
        if mark.is_of(next(iter(polled.events), None)):
            return False
        structlog.get_logger("projector").warning(
            "the read models are of another past of this log and are built again", position=mark.position
        )
        return True

    async def _rebuild(self) -> None:
        """Those that nobody builds: `vapora rebuild` may be at it in a process of its own."""
        store = self._opened()
        now = await self._in_thread(lambda: _positions(store, self._projections))
        alone = [name for name, position in now.items() if self._seen.get(name) == position]
        self._seen = now
        for projection in self._projections:
            if projection.NAME in alone:
                await self._build(Rebuild(store, projection))

    async def _build(self, rebuild: Rebuild) -> None:
        topics = tuple(sorted(rebuild.projection.TOPICS or ()))
        checkpoint = await self._in_thread(rebuild.checkpoint)
        while checkpoint is not None:
            before = checkpoint.position
            polled = await self._log.poll_sealed(checkpoint.position, _REBUILD_BATCH, 0, topics)
            events, until = polled.events, polled.position
            checkpoint = await self._in_thread(lambda: rebuild.feed(events, until))  # noqa: B023  # awaited at once
            if checkpoint is None or checkpoint.failure is not None:
                return
            if until < polled.head:
                continue
            # Without progress it is not for more events that it waits: the next tick looks again.
            if await self._in_thread(rebuild.switch) or until == before:
                return

    def _uses_and_status(self) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Of one moment: two looks would be two transactions, each time somebody asks how it is."""
        with self._opened().snapshot() as rows:
            return uses(rows, self._projections), self._open().status_in(rows)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> Runner:
        if self._runner is None:
            raise RuntimeError("the projector has not started")
        return self._runner

    def _opened(self) -> ReadStore:
        if self._store is None:
            raise RuntimeError("the projector has not started")
        return self._store

    def _following(self) -> LogLoop:
        if self._follower is None:
            raise RuntimeError("the projector has not started")
        return self._follower


def _clear(store: ReadStore) -> None:
    with store.transaction() as transaction:
        transaction.clear()


def _positions(store: ReadStore, projections: Sequence[Projection]) -> dict[str, int]:
    """Rebuilds under way, and how far each is."""
    found = ((rebuild.projection.NAME, rebuild.checkpoint()) for rebuild in Rebuild.pending(store, projections))
    return {name: checkpoint.position for name, checkpoint in found if checkpoint is not None}
