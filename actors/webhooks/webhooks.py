"""The webhooks of a workspace: sends what happens to addresses that people have named, at least once each.

It goes along the log by itself and stands in nobody's way: what it could not send yet waits in a file of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from actors.follower import LogLoop
from actors.webhooks.attempts import Attempts
from actors.webhooks.keys import SigningSecrets
from actors.webhooks.outbox import Due, Outbox, Resend, channel_key
from actors.webhooks.post import Post
from actors.webhooks.samples import Samples
from actors.webhooks.sending import Attempt, Sender
from actors.webhooks.telling import Teller
from events import Recorded, Unknown, topics
from events.channel import ChannelRemoved, ChannelResent, ChannelSet, ChannelTested
from events.ids import channel_stream, webhook_stream
from events.run import RunSucceeded
from events.webhook import WebhookRemoved, WebhookSet, WebhookTested
from vapora.clock import Clock
from vapora.dispatch.folds import CHANNEL, WEBHOOK
from vapora.domain import channel as channels
from vapora.domain import webhook as rules
from vapora.domain.cell import Rest
from vapora.domain.channel import Channel
from vapora.domain.webhook import Webhook
from vapora.errors import NewerEventError, UnavailableError
from vapora.log.client import LogClient, Polled
from vapora.log.folds import StreamFolds
from vapora.log.mapper import LazyRecord
from vapora.ports import Origin, RequestKey
from vapora.views import ChannelDelivery, ChannelOutcome, DeliveryState, Page, WebhookDelivery, WebhookOutcome

_BATCH = 500
_LONGEST_NAP_S = 60.0
_SETTINGS = (
    WebhookSet.TOPIC,
    WebhookRemoved.TOPIC,
    ChannelSet.TOPIC,
    ChannelRemoved.TOPIC,
    ChannelResent.TOPIC,
)

T = TypeVar("T")


class Webhooks:
    """`vapora.ports.WebhooksPort`. `open_outbox`: called at the start. `pause_s`: as in `vapora.domain.webhook`."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        clock: Clock,
        *,
        open_outbox: Callable[[], Outbox],
        secrets: SigningSecrets,
        sender: Sender,
        teller: Teller,
        pause_s: Callable[[int, float, float | None], float] = rules.pause_s,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._open_outbox = open_outbox
        self._secrets = secrets
        self._sender = sender
        self._teller = teller
        self._samples = Samples(log, clock)
        self._attempts = Attempts(workspace, clock, secrets=secrets, sender=sender, teller=teller)
        self._pause_s = pause_s
        self._folds = StreamFolds(log, WEBHOOK, None)
        self._channel_folds = StreamFolds(log, CHANNEL, None)
        self._hooks: dict[str, Webhook] = {}
        self._channels: dict[str, Channel] = {}
        self._outbox: Outbox | None = None
        self._following = _Following(f"webhooks/{workspace}", self._poll, self._look_on)
        self._post = Post(self)
        self._journal = structlog.get_logger("webhooks")

    async def start(self) -> None:
        await self._secrets.start()
        self._outbox = await asyncio.to_thread(self._open_outbox)
        head, reached = await self._log.head(), self._outbox.position
        if reached is None or reached > head:
            # Lost, or of another past, as after a backup was put back: nobody wants to be sent all of it once more.
            await self._begin(head)
            reached = head
        self._following.position = reached
        self._hooks = {one.id: one for one in await self.in_thread(Outbox.hooks)}
        self._channels = {one.channel_id: Channel(one) for one in await self.in_thread(Outbox.channels)}
        self._following.start()
        self._post.start()

    async def stop(self) -> None:
        await self._post.stop()
        await self._following.stop()
        await self._sender.close()
        await self._teller.close()
        await self._secrets.close()
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.close)

    async def _begin(self, head: int) -> None:
        """With the webhooks and channels as they are at the log's end."""
        hooks: dict[str, Webhook] = {}
        channels: dict[str, Channel] = {}
        after = 0
        while after < head:
            polled = await self._log.poll_sealed(after, _BATCH, 0, _SETTINGS)
            for record in polled.events:
                match _changed(hooks, channels, record.open()):
                    case Webhook() as hook:
                        hooks[hook.id] = hook
                    case Channel() as channel:
                        channels[channel.id] = channel
            after = polled.position
        standing = [one for one in hooks.values() if not one.removed]
        told = [one.set for one in channels.values() if not one.removed]
        await self.in_thread(lambda outbox: outbox.begin(head, standing, told))

    async def health(self) -> dict[str, Any]:
        waiting = await self.in_thread(Outbox.waiting)
        problem = self._following.problem or self._post.problem
        return {"position": self._following.position, "problem": problem, "waiting": waiting}

    async def rest(self) -> Rest:
        """Busy while something is on its way; what is tried again later is due then."""
        if problem := self._following.problem or self._post.problem:
            return Rest(f"its webhooks: {problem}")
        if self._post.is_busy or await self._following.is_behind():
            return Rest("messages are on their way to its webhooks")
        due, next_at = await self._as_of(self._clock(), 1)
        return Rest("messages are on their way to its webhooks") if due else Rest(due=next_at)

    # --- for people ---

    async def check(self, url: str) -> None:
        """See `WebhooksPort`."""
        await self._sender.check(url)

    async def secret(self, webhook_id: str) -> str:
        return await self._secrets.ensure(webhook_id)

    async def deliveries(
        self, webhook_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Page[WebhookDelivery]:
        found = await self.in_thread(lambda outbox: outbox.deliveries(webhook_id, state, before, limit + 1))
        more = str(found[limit - 1].position) if len(found) > limit else None
        return Page[WebhookDelivery](items=tuple(found[:limit]), next=more)

    async def check_channel(self, channel: ChannelSet) -> None:
        """See `WebhooksPort`."""
        await self._teller.check(channel)

    async def channel_deliveries(
        self, channel_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> Page[ChannelDelivery]:
        found = await self.deliveries(channel_key(channel_id), state, before, limit)
        shown = (one.model_dump(exclude={"id", "webhook_id"}) for one in found.items)
        items = tuple(ChannelDelivery(channel_id=channel_id, **one) for one in shown)
        return Page[ChannelDelivery](items=items, next=found.next)

    async def test_channel(self, origin: Origin, channel_id: str, key: RequestKey | None = None) -> ChannelOutcome:
        """Send a sample now; once, and recorded with what came of it."""
        stream = channel_stream(channel_id)
        channel = channels.require((await self._channel_folds.load(stream)).state, channel_id)

        async def attempt() -> Attempt:
            return await self._teller.sample(channel.set)

        def event(one: Attempt) -> ChannelTested:
            return ChannelTested(channel_id=channel_id, status=one.status, error=one.error)

        answer = await self._samples.send(origin, self._channel_folds, stream, attempt, event, key)
        return ChannelOutcome.model_validate(answer)

    async def test(self, origin: Origin, webhook_id: str, key: RequestKey | None = None) -> WebhookOutcome:
        """Send a sample now; once, and recorded with what came of it."""
        stream = webhook_stream(webhook_id)
        hook = rules.require((await self._folds.load(stream)).state, webhook_id)

        async def attempt() -> Attempt:
            sample = rules.sample(webhook_id, self._workspace)
            return await self._attempts.post(hook, f"{webhook_id}.sample", rules.SAMPLE, sample)

        def event(one: Attempt) -> WebhookTested:
            return WebhookTested(webhook_id=webhook_id, status=one.status, error=one.error)

        answer = await self._samples.send(origin, self._folds, stream, attempt, event, key)
        return WebhookOutcome.model_validate(answer)

    # --- following ---

    async def _poll(self, after: int, limit: int, timeout_s: float) -> Polled[LazyRecord]:
        told = (topic for one in self._channels.values() if one.set.enabled for topic in one.topics)
        wanted = (*_SETTINGS, *rules.topics_for(self._hooks.values(), topics()), *told)
        return await self._log.poll_sealed(after, limit, timeout_s, tuple(dict.fromkeys(wanted)))

    async def _look_on(self, after: int, timeout_s: float) -> tuple[int, bool]:
        """What nobody wants is never asked for. Behind a change of the webhooks other events may be wanted, so a batch
        ends with it. How far that is, and whether there may be more."""
        polled = await self._poll(after, _BATCH, timeout_s)
        reached, found = polled.position, list[tuple[str, int, str]]()
        changed: list[Webhook | Channel | Resend] = []
        for record in polled.events:
            found += [
                (one.id, record.position, record.topic) for one in self._hooks.values() if one.wants(record.topic)
            ]
            found += await self._to_tell(record)
            if record.topic in _SETTINGS:
                changed.append(_changed(self._hooks, self._channels, record.open()))
                reached = record.position
                break
        for one in changed:
            if isinstance(one, Webhook) and one.removed:
                # First: where the vault does not answer, this batch comes again.
                await self._secrets.forget(one.id)
        await self.in_thread(lambda outbox: outbox.take(reached, found, changed, self._clock()))
        for one in changed:
            self._take_over(one)
        if found or changed:
            self._post.wake()
        return reached, reached < polled.head

    async def _to_tell(self, record: LazyRecord) -> list[tuple[str, int, str]]:
        """For each channel that is told of it. An event is opened only where one may be."""
        topic = record.topic
        asked = [one for one in self._channels.values() if one.set.enabled and topic in one.topics]
        if not asked:
            return []
        event = record.open().event
        wanting = [one for one in asked if one.wants(event)]
        if wanting and isinstance(event, RunSucceeded) and not await self._teller.is_of_plan(event.task_id):
            return []
        return [(channel_key(one.id), record.position, topic) for one in wanting]

    def _take_over(self, one: Webhook | Channel | Resend) -> None:
        match one:
            case Webhook(removed=True):
                self._hooks.pop(one.id, None)
            case Webhook():
                self._hooks[one.id] = one
            case Channel(removed=True):
                self._channels.pop(one.id, None)
            case Channel():
                self._channels[one.id] = one

    # --- for the sending loop ---

    async def in_thread(self, work: Callable[[Outbox], T]) -> T:
        if self._outbox is None:
            raise UnavailableError("The webhooks have not started.", remedy="Try again in a moment.")
        return await asyncio.to_thread(work, self._outbox)

    async def look(self, each: int) -> tuple[list[Due], float]:
        now = self._clock()
        due, next_at = await self._as_of(now, each)
        return due, _LONGEST_NAP_S if next_at is None else min((next_at - now).total_seconds(), _LONGEST_NAP_S)

    async def _as_of(self, now: datetime, each: int) -> tuple[list[Due], datetime | None]:
        return await self.in_thread(lambda outbox: (outbox.due(now, each), outbox.next_at(now)))

    async def deliver(self, one: Due) -> None:
        """One attempt, and what follows from it."""
        recorded = await self._log.pick((one.position,))
        if not recorded:
            await self._conclude(one, "dead", error="the event is not in the log")
            return
        channel = None if one.channel_id is None else self._channels.get(one.channel_id)
        attempt = await self._attempts.attempt(one, recorded[0], channel)
        if not attempt.error:
            await self._conclude(one, "delivered", status=attempt.status)
        elif one.attempts + 1 >= rules.MOST_ATTEMPTS or attempt.status == 410:
            self._journal.warning("webhook given up", webhook=one.webhook.id, position=one.position)
            await self._conclude(one, "dead", status=attempt.status, error=attempt.error)
        else:
            pause = self._pause_s(one.attempts + 1, random.random(), attempt.retry_after_s)  # noqa: S311  # no secret
            next_at = self._clock() + timedelta(seconds=pause)
            await self._conclude(one, "pending", status=attempt.status, error=attempt.error, next_at=next_at)
            if one.channel_id is not None and attempt.retry_after_s is not None:
                # Whoever asks to be left alone means all of it.
                await self.in_thread(lambda outbox: outbox.hold(one.webhook.id, next_at))

    async def _conclude(self, one: Due, state: DeliveryState, **said: Any) -> None:
        await self.in_thread(lambda outbox: outbox.conclude(one, state, self._clock(), **said))


def _changed(
    hooks: Mapping[str, Webhook], known: Mapping[str, Channel], recorded: Recorded
) -> Webhook | Channel | Resend:
    """The webhook or channel that the event is about, as it is from now on; or what is sent again."""
    event, id_ = recorded.event, recorded.stream.partition(":")[2]
    match event:
        case Unknown():
            raise NewerEventError.at(recorded.position, event.why)
        case ChannelSet():
            return Channel(event)
        case ChannelRemoved():
            # One that was removed without having been known here is gone all the same.
            nothing = ChannelSet(channel_id=id_, kind="webhook", notices=())
            return Channel(known[id_].set if id_ in known else nothing, removed=True)
        case ChannelResent():
            return Resend(channel_key(id_), event.positions)
        case _:
            return rules.evolve(hooks.get(id_), event) or Webhook(id_, "", (), removed=True)


class _Following(LogLoop):
    """Goes on where `look_on` has come to."""

    def __init__(
        self,
        name: str,
        poll: Callable[[int, int, float], Awaitable[Polled[LazyRecord]]],
        look_on: Callable[[int, float], Awaitable[tuple[int, bool]]],
    ) -> None:
        super().__init__(name, 0)
        self._poll = poll
        self._look_on = look_on

    async def is_behind(self) -> bool:
        return bool((await self._poll(self.position, 1, 0)).events)

    async def _step(self, timeout_s: float) -> bool:
        reached, more = await self._look_on(self.position, timeout_s)
        self._reached(reached)
        return more
