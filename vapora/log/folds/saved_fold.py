"""A fold between two starts of who makes it: saved now and then, and taken up again where the log still agrees."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from vapora.errors import VaporaError
from vapora.log.client import LogClient
from vapora.log.folds.snapshots import EventRef, Snapshot, SnapshotStore

State = TypeVar("State")

# At most so many events are folded again at a start: some 0.3 s. Saving 10^5 closed calls takes 0.1 s of a thread.
EVERY = 10_000
# How long a log that is being stopped, or is gone, is waited for.
_PATIENCE_S = 2.0


class LoadedFold(NamedTuple, Generic[State]):
    """A state, and the place in the log and in the stream of the last event in it."""

    state: State
    position: int
    version: int


class SavedFold(Generic[State]):
    """`to_data` is called in the event loop, and must copy; encoding and writing happen in a thread."""

    def __init__(
        self,
        store: SnapshotStore[Any],
        to_data: Callable[[State], Any],
        from_data: Callable[[Any], State],
        every: int = EVERY,
    ) -> None:
        self._store = store
        self._to_data = to_data
        self._from_data = from_data
        self._every = every
        self._saved_at = 0
        self._saving: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger("snapshots")

    async def load(self, log: LogClient) -> LoadedFold[State] | None:
        """None: fold from the beginning. `UnavailableError` where the log cannot be asked."""
        found = await asyncio.to_thread(self._load)
        if found is None:
            return None
        polled = await log.poll(found.mark.position - 1, 1, 0)
        if [EventRef.of(one) for one in polled.events] != [found.mark]:
            self._store.ignore(f"the log has no such event at position {found.mark.position}")
            return None
        self._saved_at = found.mark.position
        return LoadedFold(found.data, found.mark.position, found.version)

    def due(self, position: int) -> bool:
        """Whether so much has happened since the last time that it is worth saving."""
        return position - self._saved_at >= self._every and (self._saving is None or self._saving.done())

    def save_soon(self, log: LogClient, state: State, position: int, version: int = 0) -> None:
        """Take a copy of the state now, and write it in the background."""
        self._saved_at = position
        data = self._to_data(state)
        self._saving = asyncio.create_task(self._save(log, data, position, version), name="snapshot")

    async def close(self, log: LogClient, state: State, position: int, version: int = 0) -> None:
        """At a clean stop: save what is new."""
        await self.settled()
        if position > self._saved_at:
            self._saved_at = position
            await self._save(log, self._to_data(state), position, version)

    async def settled(self) -> None:
        """Until nothing is being written."""
        if self._saving is not None:
            await asyncio.wait([self._saving])

    async def _save(self, log: LogClient, data: Any, position: int, version: int) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                polled = await log.poll(position - 1, 1, 0)
        except (VaporaError, TimeoutError) as error:
            self._journal.warning("snapshot not saved: the log does not answer", why=str(error))
            return
        mark = EventRef.of(polled.events[0])
        if mark.position == position:
            await asyncio.to_thread(self._store.save, Snapshot(mark, version, data))

    def _load(self) -> Snapshot[State] | None:
        found = self._store.load()
        if found is None:
            return None
        try:
            return Snapshot(found.mark, found.version, self._from_data(found.data))
        except Exception as error:  # whatever it is: the log is the truth, and is still there to be folded
            self._store.ignore(repr(error))
            return None
