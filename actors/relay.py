"""The relay: carries what the log says into NATS (M10.3, C10, C11).

Two followers with a checkpoint each, which the stream itself keeps: one offers tasks, one mirrors every event for
outsiders. Offers follow from the state and not from single events: whatever is on offer beyond the stream's checkpoint
is published. So a relay that was away publishes nothing that is over already, and a stream that was lost is filled
again with what is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from actors.follower import Follower, Ticker
from events import Recorded
from vapora.domain.cell import Rest
from vapora.domain.offers import TOPICS, OpenOffers
from vapora.errors import ConflictError, UnavailableError
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.observability import live
from vapora.queue.nats.outlet import NatsOutlet

_LOOK_S = 1.0
_MIRROR_BATCH = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _StreamEnd:
    """How far a stream is, as was read or written on this connection (0: on none)."""

    connection: int = 0
    position: int = 0


class Relay:
    """One a workspace, and only where NATS is configured. A second one does no harm: the streams take nothing twice."""

    def __init__(
        self, log: LogClient, workspace: str, outlet: NatsOutlet, saved: SavedFold[OpenOffers] | None = None
    ) -> None:
        self._saved = saved
        self._log = log
        self._outlet = outlet
        self._offering = asyncio.Lock()
        self._open_offers = OpenOffers(workspace)
        self._offered = _StreamEnd()
        self._mirrored = _StreamEnd()
        self._sequence = 0  # of the mirror's last message
        self._offers = Follower(f"relay/{workspace}", log, self._fold, topics=TOPICS)
        self._mirroring = asyncio.Lock()
        self._events = Follower(f"mirror/{workspace}", log, self._mirror, limit=_MIRROR_BATCH)
        self._ticker = Ticker(f"relay/{workspace}", self._tick, _LOOK_S)
        self._following = False
        # Of what is to be offered, by position; only with a collector of traces.
        self._traces: dict[int, str] = {}

    async def start(self) -> None:
        # What is over need not be offered, so all of the log is folded before anything is published.
        resumed = await self._saved.load(self._log) if self._saved is not None else None
        if resumed is not None:
            self._open_offers, self._offers.position = resumed.state, resumed.position
        await self._offers.catch_up()
        await self._outlet.start()
        self._following = True
        self._offers.start()
        self._events.start()
        # Beside the follower: a stream may be lost while the log is silent.
        self._ticker.start()

    async def stop(self) -> None:
        await self._ticker.stop()
        await self._offers.stop()
        await self._events.stop()
        await self._outlet.stop()
        if self._saved is not None and self._following:
            await self._saved.close(self._log, self._open_offers, self._open_offers.position)

    async def health(self) -> dict[str, Any]:
        return {
            "problem": self._outlet.problem or self._ticker.problem or self._events.problem,
            "offered": self._offered.position,
            "mirrored": self._mirrored.position,
        }

    async def rest(self) -> Rest:
        if problem := self._outlet.problem or self._ticker.problem or self._offers.problem or self._events.problem:
            return Rest(f"its relay: {problem}")
        behind = self._open_offers.after(self._offered.position) or not self._offered.connection
        if behind or await self._offers.is_behind() or await self._events.is_behind():
            return Rest("NATS does not have all of it yet")
        return Rest()

    async def _fold(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            self._open_offers.evolve(recorded)
            offer = self._open_offers.offers.get(recorded.stream.removeprefix("task:"))
            if live.is_on() and offer is not None and offer.position == recorded.position:
                self._traces[offer.position] = live.traceparent_of(recorded.correlation, recorded.request_id) or ""
        if self._following:
            await self._offer()

    async def _tick(self) -> None:
        if self._saved is not None and self._saved.due(self._open_offers.position):
            self._saved.save_soon(self._log, self._open_offers, self._open_offers.position)
        await self._offer()
        await self._review_mirror()

    async def _offer(self) -> None:
        """Publish what is on offer and not in the stream yet. Where NATS is away nothing is lost: the ticker is back
        soon."""
        async with self._offering:
            if not self._outlet.connection:
                return
            if self._offered.connection != self._outlet.connection:
                self._offered = _StreamEnd(self._outlet.connection, await self._offered_before())
            upto = self._open_offers.position
            if new := self._open_offers.after(self._offered.position):
                await self._or_anew(self._outlet.offer(new, upto, self._traces))
            self._traces.clear()
            self._offered = _StreamEnd(self._offered.connection, upto)

    async def _offered_before(self) -> int:
        position = await self._outlet.offered()
        # Beyond our log: the stream served another one. What it knows is of no use here.
        return position if position <= self._open_offers.position else 0

    async def _review_mirror(self) -> None:
        """On a new connection: the store may be behind the log now, which no news may come to tell."""
        connection = self._outlet.connection
        if self._mirroring.locked() or connection in (0, self._mirrored.connection):
            return  # whoever mirrors sees for himself
        async with self._mirroring:
            position, sequence = await self._outlet.mirrored()
            if position == self._events.position:
                self._mirrored, self._sequence = _StreamEnd(connection, position), sequence
        if position < self._events.position and not self._mirroring.locked():
            await self._events.stop()
            self._events.position = position
            self._events.start()

    async def _mirror(self, events: Sequence[Recorded]) -> None:
        async with self._mirroring:
            await self._mirror_on(events)

    async def _mirror_on(self, events: Sequence[Recorded]) -> None:
        if not self._mirrored.connection or self._mirrored.connection != self._outlet.connection:
            position, self._sequence = await self._outlet.mirrored()
            if position > events[-1].position and position > await self._log.head():
                raise ConflictError(
                    "The mirror in NATS is of another log: it goes further than this one.",
                    remedy=f"Delete the stream {self._outlet.mirror_name}, or give each installation its own NATS.",
                )
            self._mirrored = _StreamEnd(self._outlet.connection, position)
            if position != self._events.position:
                self._events.go_to(position)
                return
        self._sequence = await self._or_anew(self._outlet.mirror(events, self._sequence))
        self._mirrored = _StreamEnd(self._mirrored.connection, events[-1].position)

    async def _or_anew(self, writing: Awaitable[T]) -> T:
        """After a failure nobody knows what was stored: the next try asks the streams, on another connection."""
        try:
            return await writing
        except UnavailableError:
            self._offered, self._mirrored = (
                _StreamEnd(0, self._offered.position),
                _StreamEnd(0, self._mirrored.position),
            )
            self._outlet.forget()
            raise
