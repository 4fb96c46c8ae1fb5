"""The projector: keeps a workspace's read models up to date, and offers what changed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from actors.follower import Follower
from events import Recorded
from projections.base import Projection
from projections.runner import Runner
from projections.store import ReadStore
from vapora.log.client import LogClient

# Live sockets that lag further behind get each changed row's latest state from the tables.
_KEPT_FRAMES = 10_000

Frame = dict[str, Any]
T = TypeVar("T")


class Projector:
    """`open_store` opens the read models' store; everything that touches it runs in one thread."""

    def __init__(
        self, log: LogClient, workspace: str, open_store: Callable[[], ReadStore], projections: Sequence[Projection]
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._open_store = open_store
        self._projections = projections
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"projector-{workspace}")
        self._frames: deque[Frame] = deque(maxlen=_KEPT_FRAMES)
        self._kept_after = 0
        self._changed = asyncio.Event()
        self._store: ReadStore | None = None
        self._runner: Runner | None = None
        self._follower: Follower | None = None

    async def start(self) -> None:
        try:
            self._store = store = await self._in_thread(self._open_store)
            self._runner = runner = await self._in_thread(lambda: Runner(store, self._projections))
        except BaseException:
            # Not started, so nobody will stop it.
            if self._store is not None:
                await self._in_thread(self._store.close)
            self._thread.shutdown()
            raise
        position = runner.position
        self._kept_after = position
        self._follower = Follower(f"projector/{self._workspace}", self._log, self._handle, after=position)
        self._follower.start()

    async def stop(self) -> None:
        if self._follower is not None:
            await self._follower.stop()
        if self._store is not None:
            await self._in_thread(self._store.close)
        self._thread.shutdown()

    async def health(self) -> dict[str, Any]:
        follower = self._following()
        return {"position": follower.position, "problem": follower.problem, **await self.status()}

    async def status(self) -> dict[str, Any]:
        """`{"position", "failed": {projection: what stopped it}}`."""
        return await self._in_thread(lambda: self._open().status())

    async def wait_for(self, position: int, timeout_s: float) -> int:
        return await self._following().wait_for(position, timeout_s)

    async def frames(self, after: int, limit: int = 1_000, timeout_s: float = 10) -> list[Frame]:
        """Changed rows with position > `after`, a frame a position; waits for the first."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(timeout_s, 60)
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
        if after < self._kept_after:
            return await self._in_thread(lambda: self._open().frames_after(after, limit))
        # Newest last: a reader that keeps up needs only the tail.
        found: list[Frame] = []
        for frame in reversed(self._frames):
            if frame["position"] <= after:
                break
            found.append(frame)
        return found[::-1][:limit]

    async def _handle(self, events: Sequence[Recorded]) -> None:
        frames = await self._in_thread(lambda: self._open().apply(events))
        dropped = len(self._frames) + len(frames) - _KEPT_FRAMES
        if dropped > 0:
            kept = [*self._frames, *frames]
            self._kept_after = kept[dropped - 1]["position"]
        self._frames.extend(frames)
        if frames:
            self._changed.set()
            self._changed = asyncio.Event()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> Runner:
        if self._runner is None:
            raise RuntimeError("the projector has not started")
        return self._runner

    def _following(self) -> Follower:
        if self._follower is None:
            raise RuntimeError("the projector has not started")
        return self._follower
