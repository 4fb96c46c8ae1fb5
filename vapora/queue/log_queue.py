"""The queue that is in the log already: what the log says is to be done, and nobody has answered for, is on offer.

Leases and counts live in memory. After a restart everything that is still to be done is offered again: the queue is
at-least-once because the log is (R23).
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from vapora.domain.offers import TOPICS, Offer, OpenOffers
from vapora.log.client import LogClient
from vapora.queue.base import DeadLetter, QueueStatus, TaskOffer, offered, urgency

_PAGE = 2_000


@dataclass(slots=True)
class _Place:
    """An offer's place in the line. `stamp` tells its present entry in a heap from those that it left behind."""

    offer: Offer
    stamp: int
    deliveries: int = 0
    answered: bool = False
    dead: bool = False


class LogQueue:
    """Takers that are to share the offers share the object: it has no other process to share them through.

    `open_offers`: what was on offer at some position, from which on the log is followed; absent: from its beginning.
    """

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        *,
        ack_wait_s: float = 30,
        max_deliver: int = 5,
        open_offers: OpenOffers | None = None,
    ) -> None:
        self._log = log
        self._ack_wait_s = ack_wait_s
        self._max_deliver = max_deliver
        self._open_offers = open_offers or OpenOffers(workspace)
        self._seen = (
            self._open_offers.position
        )  # how far the log was read, which may be beyond the last event of a task
        self._places: dict[str, _Place] = {}
        self._stamps = count(1)
        self._ready: list[tuple[int, int, int, str]] = []  # urgency, position, stamp, task
        self._later: list[tuple[float, int, str]] = []  # due at, stamp, task
        for offer in self._open_offers.offers.values():
            self._enter(offer)

    @property
    def connected(self) -> bool:
        return True

    @property
    def problem(self) -> str | None:
        return None

    async def start(self) -> None:
        await self._catch_up()

    async def stop(self) -> None:
        return None

    async def fetch(self, limit: int, timeout_s: float) -> list[TaskOffer]:
        deadline = _now() + timeout_s
        await self._catch_up()
        while True:
            self._wake()
            found = list(self._take(limit))
            left = deadline - _now()
            if found or left <= 0:
                return found
            await self._read(max(min(left, self._sleeps_s()), 0))

    async def ack(self, offer: TaskOffer) -> None:
        if place := self._held(offer):
            place.answered, place.stamp = True, next(self._stamps)

    async def nak(self, offer: TaskOffer, delay_s: float) -> None:
        if place := self._held(offer):
            place.deliveries = 0
            self._put_off(place, delay_s)

    async def heartbeat(self, offer: TaskOffer) -> None:
        if place := self._held(offer):
            self._put_off(place, self._ack_wait_s)

    async def dead_letters(self) -> list[DeadLetter]:
        await self._catch_up()
        self._wake()
        dead = [_letter(place) for place in self._places.values() if place.dead and not place.answered]
        return sorted(dead, key=lambda letter: letter.position)

    async def discard(self, id: str) -> None:
        if any(letter.id == id for letter in await self.dead_letters()):
            self._places[id].answered = True

    async def status(self) -> QueueStatus:
        dead = tuple(await self.dead_letters())
        waiting = (place for place in self._places.values() if not place.dead and not place.answered)
        depth = Counter(place.offer.subject for place in waiting)
        return QueueStatus("log", depth=dict(sorted(depth.items())), dead_letters=dead)

    # --- the line ---

    def _enter(self, offer: Offer) -> None:
        place = self._places[offer.task_id] = _Place(offer, next(self._stamps))
        self._make_ready(place)

    def _make_ready(self, place: _Place) -> None:
        offer = place.offer
        heapq.heappush(self._ready, (urgency(offer.subject), offer.position, place.stamp, offer.task_id))

    def _put_off(self, place: _Place, delay_s: float) -> None:
        place.stamp = next(self._stamps)
        heapq.heappush(self._later, (_now() + delay_s, place.stamp, place.offer.task_id))

    def _wake(self) -> None:
        """What has come due is ready again, or dead if nobody ever answers."""
        while self._later and self._later[0][0] <= _now():
            _, stamp, task_id = heapq.heappop(self._later)
            place = self._valid(task_id, stamp)
            if place is not None and place.deliveries >= self._max_deliver:
                place.dead = True
            elif place is not None:
                self._make_ready(place)

    def _take(self, limit: int) -> Iterator[TaskOffer]:
        while limit and self._ready:
            _, _, stamp, task_id = heapq.heappop(self._ready)
            place = self._valid(task_id, stamp)
            if place is not None:
                limit -= 1
                place.deliveries += 1
                self._put_off(place, self._ack_wait_s)
                yield offered(place.offer, place.deliveries)

    def _valid(self, task_id: str, stamp: int) -> _Place | None:
        place = self._places.get(task_id)
        return place if place is not None and place.stamp == stamp else None

    def _sleeps_s(self) -> float:
        return self._later[0][0] - _now() if self._later else float("inf")

    def _held(self, offer: TaskOffer) -> _Place | None:
        place = self._places.get(offer.task_id)
        same = place is not None and place.offer.position == offer.position
        return place if same and place is not None and not place.dead and not place.answered else None

    # --- the log ---

    async def _catch_up(self) -> None:
        while await self._read(0):
            pass

    async def _read(self, timeout_s: float) -> bool:
        """Take in what the log holds beyond what was seen; whether there may be more at once."""
        polled = await self._log.poll(self._seen, _PAGE, timeout_s, TOPICS)
        for recorded in polled.events:
            self._open_offers.evolve(recorded)
        # Two that read at once may come back in any order; the fold passes over what it has seen.
        self._seen = max(self._seen, polled.position)
        for recorded in polled.events:
            self._follow(getattr(recorded.event, "task_id", ""))
        return polled.position < polled.head

    def _follow(self, task_id: str) -> None:
        """A task's place is that of its offer: what is over goes, and what is to be done again starts anew."""
        offer, place = self._open_offers.offers.get(task_id), self._places.get(task_id)
        if offer is None:
            self._places.pop(task_id, None)
        elif place is None or place.offer.position != offer.position:
            self._enter(offer)


def _letter(place: _Place) -> DeadLetter:
    return DeadLetter(place.offer.task_id, place.offer.subject, place.offer.position, place.deliveries)


def _now() -> float:
    return asyncio.get_running_loop().time()
