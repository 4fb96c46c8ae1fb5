"""The coordinator's consumer: what a task queue has delivered to it, and what it answers (M8.3, C11).

A task may be given out once it was delivered. The log stays the truth: what the queue does not deliver within
`patience_s`, or cannot because it is away, is taken from the log, so that a broken queue delays work and never stops
it. Whatever way a task comes by, it is given out once: the append expects the task's version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog

from events import Recorded
from vapora.domain.offers import TOPICS, OpenOffers
from vapora.errors import VaporaError
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.queue import DeadLetter, QueueStatus, TaskOffer, TaskQueue

_FETCH = 500
_FETCH_S = 0.5
_PAGE = 2_000
_PAUSE_S = 0.2
# What nobody is free for comes again after half the time that it has waited, but not before `first_delay_s` and after
# sixty times that at the latest.
_LONGEST_DELAY = 60


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """What the consumer has in mind, each as a position by task: the event that made the task to do."""

    offers: dict[str, int]
    delivered: dict[str, int]
    aside: dict[str, int]
    dead: dict[str, int]
    put_off: dict[str, int]


class QueueConsumer:
    """`patience_s`: see above. `heartbeat_s`: how often the queue hears that offers are in hand. `saved`: what was on
    offer, as the relay saves it now and then, for a quick start."""

    def __init__(
        self,
        queue: TaskQueue,
        workspace: str,
        *,
        patience_s: float = 2,
        heartbeat_s: float = 10,
        first_delay_s: float = 5,
        saved: SavedFold[OpenOffers] | None = None,
    ) -> None:
        self.queue = queue
        self._saved = saved
        self._patience_s = patience_s
        self._heartbeat_s = heartbeat_s
        self._first_delay_s = first_delay_s
        self._open_offers = OpenOffers(workspace)
        self._seen_at: dict[str, float] = {}
        self._delivered: dict[str, int] = {}
        self._aside: dict[str, int] = {}
        self._dead: dict[str, DeadLetter] = {}
        self._in_hand: dict[str, TaskOffer] = {}
        # Told "not now"; they can still be acknowledged, which spares the queue to deliver what is over.
        self._put_off: dict[str, TaskOffer] = {}
        self._over: list[TaskOffer] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._journal = structlog.get_logger(f"consumer/{workspace}")

    async def catch_up(self, log: LogClient) -> None:
        """Learn what is on offer; later events come by `evolve`. To be called before the coordinator's own fold, whose
        saved state may lie anywhere."""
        resumed = await self._saved.load(log) if self._saved is not None else None
        if resumed is not None:
            self._open_offers = resumed.state
        position, head = self._open_offers.position, 1
        while position < head:
            polled = await log.poll(position, _PAGE, 0, TOPICS)
            for recorded in polled.events:
                self._open_offers.evolve(recorded)
            position, head = polled.position, polled.head
        self._seen_at = dict.fromkeys(self._open_offers.offers, _now())

    async def start(self, act: Callable[[], Awaitable[None]]) -> None:
        """`act` has the coordinator give out what may start."""
        await self.queue.start()
        with suppress(VaporaError):  # away: the coordinator asks again with each tick
            await self.refresh_dead_letters()
        self._tasks = [
            asyncio.create_task(self._take_in(act), name="consumer: take in"),
            asyncio.create_task(self._heartbeat(), name="consumer: beat"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.queue.stop()

    def health(self) -> dict[str, Any]:
        """`from_log`: tasks that may start though the queue has not delivered them."""
        return {
            "connected": self.queue.connected,
            "problem": self.queue.problem,
            "in_hand": len(self._in_hand),
            "from_log": sum(self._overdue(task_id) for task_id in self._open_offers.offers),
        }

    @property
    def busy(self) -> str:
        """Why its cell must not be stopped now; empty where it may be."""
        if not self.queue.connected:
            return f"its queue: {self.queue.problem}"
        return "offers wait to be answered" if self._in_hand or self._over else ""

    # --- what the coordinator asks and tells ---

    def evolve(self, recorded: Recorded) -> None:
        self._open_offers.evolve(recorded)
        task_id = getattr(recorded.event, "task_id", None)
        if task_id is None:
            return
        if task_id in self._open_offers.offers:
            self._seen_at.setdefault(task_id, _now())
        else:
            for known in (self._seen_at, self._delivered, self._aside):
                known.pop(task_id, None)
            if put_off := self._put_off.pop(task_id, None):
                self._over.append(put_off)

    def may_start(self, task_id: str) -> bool:
        offer = self._open_offers.offers.get(task_id)
        if offer is None or offer.position == self._aside.get(task_id) or self.is_dead(task_id):
            return False
        return self._delivered.get(task_id) == offer.position or self._overdue(task_id)

    def is_dead(self, task_id: str) -> bool:
        """Whether the queue gave up the offer that it has now."""
        offer = self._open_offers.offers.get(task_id)
        return offer is not None and self._is_dead(task_id, offer.position)

    def park(self, task_id: str) -> None:
        """It could not be handled: not answered, so the queue delivers it again, and gives it up in the end."""
        if offer := self._open_offers.offers.get(task_id):
            self._aside[task_id] = offer.position
            for token in [token for token, one in self._in_hand.items() if one.task_id == task_id]:
                del self._in_hand[token]

    async def settle(self, under_way: Container[str]) -> None:
        """Answer what is in hand: what is over is acknowledged, what nobody is free for is to come again.

        `under_way`: tasks that were given out, but whose event has not come by yet.
        """
        for token, offer in list(self._in_hand.items()):
            # Or the queue was quicker than the log's follower.
            if offer.task_id in under_way or offer.position > self._open_offers.position:
                continue
            del self._in_hand[token]
            if self._is_current(offer.task_id, offer.position):
                self._put_off[offer.task_id] = offer
                await self._answer(self.queue.nak(offer, self._delay_s(offer)))
            else:
                self._over.append(offer)
                if self._delivered.get(offer.task_id) == offer.position:
                    del self._delivered[offer.task_id]
        while self._over:
            await self._answer(self.queue.ack(self._over.pop()))

    async def _answer(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except VaporaError as error:
            # It is delivered again, and answered then.
            self._journal.info("not answered", why=str(error))

    async def refresh_dead_letters(self) -> list[DeadLetter]:
        """Dead letters of tasks that are to be done still; those of others are forgotten."""
        if not self.queue.connected:
            return []
        found = await self.queue.dead_letters()
        self._dead = {letter.id: letter for letter in found if self._is_current(letter.id, letter.position)}
        for letter in found:
            if letter.id not in self._dead and letter.position <= self._open_offers.position:
                await self.queue.discard(letter.id)
        return [self._dead[id_] for id_ in sorted(self._dead)]

    # --- what is shown ---

    async def status(self) -> QueueStatus:
        """The queue's own, with the dead letters that were seen last where it cannot be asked."""
        status = await self.queue.status()
        dead = status.dead_letters if status.dead_letters_known else self._dead.values()
        return replace(status, dead_letters=tuple(one for one in dead if self._is_current(one.id, one.position)))

    @property
    def state(self) -> ConsumerState:
        return ConsumerState(
            offers={id_: one.position for id_, one in self._open_offers.offers.items()},
            delivered=dict(self._delivered),
            aside=dict(self._aside),
            dead={id_: one.position for id_, one in self._dead.items()},
            put_off={id_: one.position for id_, one in self._put_off.items()},
        )

    # --- inside ---

    async def _take_in(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                for offer in await self.queue.fetch(_FETCH, _FETCH_S):
                    self._receive(offer)
                await act()
            except Exception as error:  # away, or the log is: told, and tried again
                self._journal.info("nothing taken in", why=str(error))
                await asyncio.sleep(_PAUSE_S)
                await self._act_alone(act)

    async def _act_alone(self, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except Exception as error:  # as above
            self._journal.warning("could not act", why=repr(error))

    def _receive(self, offer: TaskOffer) -> None:
        self._in_hand[offer.token or f"{offer.task_id}@{offer.position}"] = offer
        # An older offer of the same task may come late: it is over, and takes nothing from the present one.
        self._delivered[offer.task_id] = max(offer.position, self._delivered.get(offer.task_id, 0))
        # Delivered again, it is tried again.
        if self._aside.get(offer.task_id) == offer.position:
            del self._aside[offer.task_id]
        if self._is_dead(offer.task_id, offer.position):
            del self._dead[offer.task_id]

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            for offer in list(self._in_hand.values()):
                try:
                    await self.queue.heartbeat(offer)
                except VaporaError:
                    break  # away: all of them come again

    def _overdue(self, task_id: str) -> bool:
        """Not delivered though it should have been."""
        offer = self._open_offers.offers[task_id]
        if self._delivered.get(task_id) == offer.position:
            return False
        return not self.queue.connected or _now() - self._seen_at[task_id] > self._patience_s

    def _delay_s(self, offer: TaskOffer) -> float:
        waited = _now() - self._seen_at.get(offer.task_id, _now())
        return min(max(waited / 2, self._first_delay_s), self._first_delay_s * _LONGEST_DELAY)

    def _is_dead(self, task_id: str, position: int) -> bool:
        dead = self._dead.get(task_id)
        return dead is not None and dead.position == position

    def _is_current(self, task_id: str, position: int) -> bool:
        current = self._open_offers.offers.get(task_id)
        return current is not None and current.position == position


def _now() -> float:
    return asyncio.get_running_loop().time()
