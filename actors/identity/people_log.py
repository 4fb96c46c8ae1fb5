"""Changes of the people log, one at a time: each is decided on all that stands there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from events.base import DomainEvent
from vapora.clock import Clock
from vapora.dispatch import answer_to, position_of_effect
from vapora.dispatch.people_fold import PeopleFold
from vapora.domain.people import Directory
from vapora.domain.people.streams import by_stream
from vapora.errors import ConflictError, VersionConflictError
from vapora.log.client import Change, LogClient
from vapora.ports import Origin, RequestKey
from vapora.views import Accepted

_MOST_TRIES = 5

# The events, and the id that a request is answered with.
Decided = tuple[tuple[DomainEvent, ...], str]


class Changes(Protocol):
    """Where changes are made: the people log, or a turn at it."""

    async def change(
        self, origin: Origin, decide: Callable[[Directory], Decided], key: RequestKey | None = None
    ) -> Accepted:
        """Append what `decide` makes of the directory; it is asked again where somebody else was quicker. A request
        whose key came before is answered as it was then. Raises what `decide` raises; then nothing is appended."""
        ...


class PeopleLog:
    """Its one writer. Another may still linger where this one was started again: its append makes a conflict, and the
    decision is made anew."""

    def __init__(self, log: LogClient, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._fold = PeopleFold(log)
        self._lock = asyncio.Lock()
        # Whether an append may have taken effect that nobody answered for.
        self._is_stale = True

    @property
    def directory(self) -> Directory:
        return self._fold.directory

    async def catch_up(self) -> None:
        async with self._lock:
            await self._look()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """For as long as the block lasts nobody else changes anything."""
        async with self._lock:
            if self._is_stale:
                await self._look()
            yield Turn(self)

    async def change(
        self, origin: Origin, decide: Callable[[Directory], Decided], key: RequestKey | None = None
    ) -> Accepted:
        async with self.turn() as turn:
            return await turn.change(origin, decide, key)

    async def _change(self, origin: Origin, decide: Callable[[Directory], Decided], key: RequestKey | None) -> Accepted:
        for _ in range(_MOST_TRIES):
            if self._is_stale:
                await self._look()
            marker: tuple[Change, ...] = ()
            version = 0
            if key is not None:
                answered, version = await answer_to(key, self._log, self._clock())
                if answered is not None:
                    return answered.accepted
            events, id_ = decide(self.directory)
            if not events:
                return Accepted(id=id_, position=self.directory.position)
            if key is not None:
                marker = ((key.stream, version, (key.accepted(id_),)),)
            changes = [(one, self.directory.version(one), added) for one, added in by_stream(events).items()]
            self._is_stale = True
            try:
                appended = await self._log.append(origin, *changes, *marker)
            except VersionConflictError:
                continue
            await self._look()
            return Accepted(id=id_, position=position_of_effect(appended.position, marker))
        raise ConflictError("People change faster than the request can be decided.", remedy="Try again.")

    async def _answered(self, key: RequestKey) -> Accepted | None:
        answered, _ = await answer_to(key, self._log, self._clock())
        return None if answered is None else answered.accepted

    async def _look(self) -> None:
        await self._fold.catch_up()
        self._is_stale = False


class Turn:
    """Somebody's turn at the people log."""

    def __init__(self, people: PeopleLog) -> None:
        self._people = people
        self.directory = people.directory

    async def change(
        self, origin: Origin, decide: Callable[[Directory], Decided], key: RequestKey | None = None
    ) -> Accepted:
        return await self._people._change(origin, decide, key)

    async def answered(self, key: RequestKey | None) -> Accepted | None:
        """What this very request was answered before: for who must do something beside the log first."""
        return None if key is None else await self._people._answered(key)
