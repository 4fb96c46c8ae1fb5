"""What single streams fold to, for whoever decides on them: a long one is folded once, then only what is new of it.

A command reads its stream, and most streams hold a few events. But nothing keeps one from growing: at 20 µs an event,
one of 100,000 would cost each command 2 s. So a state is kept in memory where its stream is longer than is read in a
moment, and saved where it is much longer, for the first command after a start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

from events.base import DomainEvent
from events.ids import StreamName
from events.recorded import Recorded
from vapora.log.client import LogClient
from vapora.log.folds.saved_fold import EVERY, LoadedFold, SavedFold
from vapora.log.folds.snapshots import SnapshotStore
from vapora.objects import Where

State = TypeVar("State")

# Some 2 ms to read; below that nothing is worth keeping.
_KEPT_FROM = 100
_KEPT = 200
# Some 40 ms: then a look at the disk is worth it.
_SAVED_FROM = 2_000


@dataclass(frozen=True, slots=True)
class Fold(Generic[State]):
    """How the streams of one kind fold. Before its first event a thing is None. `version`: as other `FOLD_VERSION`s.
    `kept_from`: how many events make a stream worth keeping in memory; fewer for what is asked for time and again."""

    name: str
    version: int
    kind: type[State]
    evolve: Callable[[State | None, DomainEvent], State | None]
    kept_from: int = _KEPT_FROM


class StreamFolds(Generic[State]):
    """`where`: states are saved; None: nowhere. What it gives out must not be changed."""

    def __init__(self, log: LogClient, fold: Fold[State], where: Where | None, every: int = EVERY) -> None:
        self._log = log
        self._fold = fold
        self._where = where
        self._every = every
        # Those used last stand last.
        self._kept: dict[StreamName, LoadedFold[State | None]] = {}
        self._saved: dict[StreamName, SavedFold[State]] = {}

    async def load(self, stream: StreamName) -> LoadedFold[State | None]:
        """The stream's state, with the position and the version of its last event; 0 and 0 where it has none."""
        known = self._kept.get(stream)
        found = await self._advance(stream, known or LoadedFold(None, 0, 0))
        if known is None and found.version >= _SAVED_FROM:
            found = await self._advance(stream, await self._resumed(stream) or found)
        if found.version >= self._fold.kept_from:
            self._keep(stream, found)
        return found

    async def as_of(self, stream: StreamName, position: int) -> State | None:
        """The state as it was after the event at `position` of the log."""
        found = await self.load(stream)
        if found.position <= position:
            return found.state
        state = None
        async for page in self._log.pages(stream):
            for one in page:
                if one.position > position:
                    return state
                state = self._fold.evolve(state, one.event)
        return state

    async def settled(self) -> None:
        """Until nothing is being written."""
        for saved in list(self._saved.values()):
            await saved.settled()

    async def _advance(self, stream: StreamName, found: LoadedFold[State | None]) -> LoadedFold[State | None]:
        """With what came after it: all of that, or, from the beginning, no more than tells that the stream is long."""
        whole = found.version > 0
        async for page in self._log.pages(stream, found.version):
            found = self._with(found, page)
            if not whole and found.version >= _SAVED_FROM:
                break
        return found

    def _with(self, found: LoadedFold[State | None], page: list[Recorded]) -> LoadedFold[State | None]:
        state = found.state
        for one in page:
            state = self._fold.evolve(state, one.event)
        return LoadedFold(state, page[-1].position, page[-1].version)

    async def _resumed(self, stream: StreamName) -> LoadedFold[State | None] | None:
        saved = self._saved_fold(stream)
        resumed = None if saved is None else await saved.load(self._log)
        return None if resumed is None else LoadedFold(resumed.state, resumed.position, resumed.version)

    def _keep(self, stream: StreamName, found: LoadedFold[State | None]) -> None:
        before = self._kept.pop(stream, None)
        # Two may have read at once: the log only grows, so the longer fold is the newer one.
        self._kept[stream] = newest = found if before is None or before.version <= found.version else before
        saved = self._saved_fold(stream) if newest.version >= _SAVED_FROM else None
        if saved is not None and newest.state is not None and saved.due(newest.position):
            saved.save_soon(self._log, newest.state, newest.position, newest.version)
        if len(self._kept) > _KEPT:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._saved.pop(oldest, None)

    def _saved_fold(self, stream: StreamName) -> SavedFold[State] | None:
        if self._where is None:
            return None
        if stream not in self._saved:
            name = f"{self._fold.name}-{sha256(stream.encode()).hexdigest()[:40]}"
            store = SnapshotStore(self._where, name, f"{self._fold.name}-{self._fold.version}", self._fold.kind)
            self._saved[stream] = SavedFold(store, lambda state: state, lambda state: state, self._every)
        return self._saved[stream]
