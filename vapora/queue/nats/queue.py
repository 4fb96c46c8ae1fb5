"""The queue in NATS JetStream: one work-queue stream a workspace, one durable consumer a subject (M0.9, M8.2).

A consumer is pulled all the time, so that new offers and those that come again arrive by themselves. "Not now" is a
delayed negative answer. The server counts it as a delivery too; long before that could make a dead letter of an offer
with which nothing is wrong, a copy takes its place and counts anew.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api
from nats.js.errors import NotFoundError

from vapora.errors import UnavailableError
from vapora.queue.base import DeadLetter, QueueStatus, TaskOffer, urgency
from vapora.queue.nats.dead import DeadLetters
from vapora.queue.nats.link import NatsLink
from vapora.queue.nats.messages import answer_to, letter_of, offer_of, publish, store_of
from vapora.queue.nats.names import Names, make_queue
from vapora.queue.nats.options import NatsOptions

_BATCH = 256
# How long one pull waits at the server; it is repeated for as long as the subject is known.
_PULL_S = 20.0
_PAUSE_S = 0.5


class NatsQueue:
    """Any number of them, in any processes, share one workspace's offers. `offer` and the relay put them in."""

    def __init__(self, options: NatsOptions, workspace: str, *, ack_wait_s: float = 30, max_deliver: int = 5) -> None:
        self._names = Names(workspace)
        self._ack_wait_s = ack_wait_s
        self._max_deliver = max_deliver
        self._link = NatsLink(options, f"vapora queue {workspace}", self._begin)
        self._dead = DeadLetters(self._link, self._names)
        self._pullers: dict[str, asyncio.Task[None]] = {}
        # Urgency, position, number of arrival, when it goes stale, offer.
        self._waiting: list[tuple[int, int, int, float, TaskOffer]] = []
        self._numbers = count()
        self._store = ""  # when the stream was made: another one than last time is another stream
        self._arrived = asyncio.Event()
        self._wanted = 1
        self._asked = asyncio.Event()
        self._journal = structlog.get_logger(f"queue/{workspace}")

    @property
    def connected(self) -> bool:
        return self._link.connected

    @property
    def problem(self) -> str | None:
        return self._link.problem

    async def start(self) -> None:
        await self._link.start()

    async def stop(self) -> None:
        self._end_pulling()
        await self._link.stop()

    async def fetch(self, limit: int, timeout_s: float) -> list[TaskOffer]:
        deadline = _now() + timeout_s
        while True:
            if found := self._take(limit):
                return found
            left = deadline - _now()
            if left <= 0:
                return []
            _ = self._link.client  # raises where there is none
            # No more than was asked for is pulled: the rest is for other takers.
            self._wanted = max(limit, 1)
            self._arrived.clear()
            self._asked.set()
            # Not for longer than a moment: a connection that is lost meanwhile is to be told. (`wait_for` would swallow
            # a cancellation that comes together with an offer.)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, _PAUSE_S)):
                    await self._arrived.wait()

    async def ack(self, offer: TaskOffer) -> None:
        await self._answer(offer, lambda message: message.ack())

    async def nak(self, offer: TaskOffer, delay_s: float) -> None:
        """After half of its deliveries it is replaced by a copy, which comes at once instead of after the delay. The
        other half is for takers that die: one death is to make no dead letter of what was merely put off."""
        if offer.deliveries * 2 <= self._max_deliver:
            await self._answer(offer, lambda message: message.nak(delay_s))
        else:
            await self._renew(offer)

    async def heartbeat(self, offer: TaskOffer) -> None:
        await self._answer(offer, lambda message: message.in_progress())

    async def offer(self, offers: Sequence[TaskOffer]) -> None:
        """Put offers in. One that was put in before, within the last ten minutes, is not put in again."""
        await publish(self._link, [letter_of(one) for one in offers])

    async def dead_letters(self) -> list[DeadLetter]:
        return await self._dead.all()

    async def discard(self, id: str) -> None:
        await self._dead.discard(id)

    async def status(self) -> QueueStatus:
        """Also while NATS is away: then without depth."""
        try:
            dead = await self._dead.all()
            info = await self._link.call(
                lambda js: js.stream_info(self._names.tasks, subjects_filter=self._names.offers)
            )
        except (UnavailableError, NotFoundError) as error:
            problem = self.problem or str(error)
            return QueueStatus("nats", connected=False, problem=problem, dead_letters_known=False)
        depth = Counter(info.state.subjects or {})
        depth.subtract(letter.subject for letter in dead)
        alive = {subject: number for subject, number in sorted(depth.items()) if number > 0}
        return QueueStatus("nats", problem=self.problem, depth=alive, dead_letters=tuple(dead))

    # --- what a connection begins with ---

    async def _begin(self, client: Client) -> None:
        js = client.jetstream()
        self._end_pulling()
        self._store = await make_queue(js, self._names)

        # Told of each new offer by the server, we know of its subject without asking.
        async def hear(message: Msg) -> None:
            self._pull(client, message.subject)

        await client.subscribe(self._names.offers, cb=hear)
        state = (await js.stream_info(self._names.tasks, subjects_filter=self._names.offers)).state
        for subject in state.subjects or ():
            self._pull(client, subject)

    def _pull(self, client: Client, subject: str) -> None:
        if subject not in self._pullers:
            self._pullers[subject] = asyncio.create_task(self._pulling(client, subject), name=f"pull:{subject}")

    def _end_pulling(self) -> None:
        for puller in self._pullers.values():
            puller.cancel()
        self._pullers.clear()
        # What waits here was not delivered to anybody: it comes again.
        self._waiting.clear()

    async def _pulling(self, client: Client, subject: str) -> None:
        try:
            await self._pull_on(client, subject)
        except (nats.errors.Error, OSError) as error:
            if not client.is_connected:
                return  # the next connection pulls again
            self._journal.warning("a consumer of the queue is gone", subject=subject, why=repr(error))
            await asyncio.sleep(_PAUSE_S)
            # Somebody deleted it, or its stream: a new connection makes both again.
            self._link.drop(client)

    async def _pull_on(self, client: Client, subject: str) -> None:
        js, durable, store = client.jetstream(), self._names.durable(subject), self._store
        config = api.ConsumerConfig(
            durable_name=durable,
            filter_subject=subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait_s,
            max_deliver=self._max_deliver,
            # What nobody is free for counts as not answered: a long line must not stop the delivery behind it.
            max_ack_pending=-1,
        )
        await js.add_consumer(self._names.tasks, config)
        subscription = await js.pull_subscribe_bind(durable=durable, stream=self._names.tasks)
        while client.is_connected:
            await self._asked.wait()
            with suppress(TimeoutError):
                self._arrive(await subscription.fetch(min(self._wanted, _BATCH), timeout=_PULL_S), store)

    def _arrive(self, messages: Sequence[Msg], store: str) -> None:
        stale_at = _now() + self._ack_wait_s
        for message in messages:
            offer = offer_of(message, store)
            place = (urgency(offer.subject), offer.position, next(self._numbers), stale_at, offer)
            heapq.heappush(self._waiting, place)
        if len(self._waiting) >= self._wanted:
            self._asked.clear()
        self._arrived.set()

    def _take(self, limit: int) -> list[TaskOffer]:
        found: list[TaskOffer] = []
        while self._waiting and len(found) < limit:
            *_, stale_at, offer = heapq.heappop(self._waiting)
            # What lay here for too long is being delivered to somebody else.
            if stale_at > _now():
                found.append(offer)
        return found

    # --- answers ---

    async def _answer(self, offer: TaskOffer, say: Callable[[Msg], Awaitable[None]]) -> None:
        # The store that it came from is lost: where its answer would go to, another offer may stand by now.
        if store_of(offer) == self._store:
            await self._link.call(lambda _: say(answer_to(self._link.client, offer)))

    async def _renew(self, offer: TaskOffer) -> None:
        if store_of(offer) == self._store:
            sequence = answer_to(self._link.client, offer).metadata.sequence.stream
            await publish(self._link, [letter_of(offer, again=str(sequence))])
            await self.ack(offer)


def _now() -> float:
    return asyncio.get_running_loop().time()
