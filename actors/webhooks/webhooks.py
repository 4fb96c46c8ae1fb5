"""The webhooks of a workspace: sends what happens to addresses that people have named, at least once each.

It goes along the log by itself and stands in nobody's way: what it could not send yet waits in a file of its own.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from actors.follower import LogLoop
from actors.webhooks.keys import SigningSecrets
from actors.webhooks.outbox import Due, Outbox
from actors.webhooks.post import Post
from actors.webhooks.sending import Attempt, Sender
from events import Recorded, Unknown, topics
from events.ids import webhook_stream
from events.webhook import WebhookRemoved, WebhookSet, WebhookTested
from vapora.clock import Clock
from vapora.dispatch import answer_to
from vapora.dispatch.folds import WEBHOOK
from vapora.domain import webhook as rules
from vapora.domain.cell import Rest
from vapora.domain.webhook import Webhook
from vapora.errors import ConflictError, NewerEventError, UnavailableError, VaporaError, VersionConflictError
from vapora.log.client import LogClient, Polled
from vapora.log.folds import StreamFolds
from vapora.log.mapper import LazyRecord
from vapora.ports import Origin, RequestKey
from vapora.views import DeliveryState, EventView, Page, WebhookDelivery, WebhookOutcome

_BATCH = 500
_LONGEST_NAP_S = 60.0
_MOST_TRIES = 20
_SETTINGS = (WebhookSet.TOPIC, WebhookRemoved.TOPIC)

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
        pause_s: Callable[[int, float, float | None], float] = rules.pause_s,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._open_outbox = open_outbox
        self._secrets = secrets
        self._sender = sender
        self._pause_s = pause_s
        self._folds = StreamFolds(log, WEBHOOK, None)
        self._hooks: dict[str, Webhook] = {}
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
        self._following.start()
        self._post.start()

    async def stop(self) -> None:
        await self._post.stop()
        await self._following.stop()
        await self._sender.close()
        await self._secrets.close()
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.close)

    async def _begin(self, head: int) -> None:
        """With the webhooks as they are at the log's end."""
        hooks: dict[str, Webhook] = {}
        after = 0
        while after < head:
            polled = await self._log.poll_sealed(after, _BATCH, 0, _SETTINGS)
            for record in polled.events:
                hook = _changed(hooks, record.open())
                hooks[hook.id] = hook
            after = polled.position
        await self.in_thread(lambda outbox: outbox.begin(head, [one for one in hooks.values() if not one.removed]))

    async def health(self) -> dict[str, Any]:
        waiting = await self.in_thread(Outbox.waiting)
        problem = self._following.problem or self._post.problem
        return {"position": self._following.position, "problem": problem, "waiting": waiting}

    async def rest(self) -> Rest:
        """Busy while something is on its way; what is tried again later is due then."""
        if problem := self._following.problem or self._post.problem:
            return Rest(f"its webhooks: {problem}")
        now = self._clock()
        if self._post.is_busy or await self._following.is_behind() or await self.due(1):
            return Rest("messages are on their way to its webhooks")
        return Rest(due=await self.in_thread(lambda outbox: outbox.next_at(now)))

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

    async def test(self, origin: Origin, webhook_id: str, key: RequestKey | None = None) -> WebhookOutcome:
        """Send a sample now; once, and recorded with what came of it."""
        if key is not None:
            earlier, _ = await answer_to(key, self._log, self._clock())
            if earlier is not None:
                return WebhookOutcome.model_validate(earlier.whole)
        stream = webhook_stream(webhook_id)
        hook = rules.require((await self._folds.load(stream)).state, webhook_id)
        sample = rules.sample(webhook_id, self._workspace)
        attempt = await self.post(hook, f"{webhook_id}.sample", rules.SAMPLE, sample)
        said: dict[str, Any] = {
            "delivered": not attempt.error,
            "status": attempt.status,
            "error": attempt.error,
            "duration_ms": attempt.duration_ms,
        }
        event = WebhookTested(webhook_id=webhook_id, status=attempt.status, error=attempt.error)
        for _ in range(_MOST_TRIES):
            along: tuple[Any, ...] = ()
            if key is not None:
                earlier, version = await answer_to(key, self._log, self._clock())
                if earlier is not None:
                    return WebhookOutcome.model_validate(earlier.whole)
                along = ((key.stream, version, (key.accepted(webhook_id, said),)),)
            loaded = await self._folds.load(stream)
            with suppress(VersionConflictError):
                appended = await self._log.append(origin, (stream, loaded.version, (event,)), *along)
                return WebhookOutcome(**said, position=appended.position)
        raise ConflictError("The webhook changes faster than this can be recorded.", remedy="Try again.")

    # --- following ---

    async def _poll(self, after: int, limit: int, timeout_s: float) -> Polled[LazyRecord]:
        wanted = (*_SETTINGS, *rules.topics_for(self._hooks.values(), topics()))
        return await self._log.poll_sealed(after, limit, timeout_s, tuple(dict.fromkeys(wanted)))

    async def _look_on(self, after: int, timeout_s: float) -> tuple[int, bool]:
        """What nobody wants is never asked for. Behind a change of the webhooks other events may be wanted, so a batch
        ends with it. How far that is, and whether there may be more."""
        polled = await self._poll(after, _BATCH, timeout_s)
        reached, found, changed = polled.position, [], []
        for record in polled.events:
            found += [
                (one.id, record.position, record.topic) for one in self._hooks.values() if one.wants(record.topic)
            ]
            if record.topic in _SETTINGS:
                changed.append(_changed(self._hooks, record.open()))
                reached = record.position
                break
        for hook in changed:
            if hook.removed:
                # First: where the vault does not answer, this batch comes again.
                await self._secrets.forget(hook.id)
        await self.in_thread(lambda outbox: outbox.take(reached, found, changed, self._clock()))
        for hook in changed:
            if hook.removed:
                self._hooks.pop(hook.id, None)
            else:
                self._hooks[hook.id] = hook
        if found or changed:
            self._post.wake()
        return reached, reached < polled.head

    # --- for the sending loop ---

    async def in_thread(self, work: Callable[[Outbox], T]) -> T:
        if self._outbox is None:
            raise UnavailableError("The webhooks have not started.", remedy="Try again in a moment.")
        return await asyncio.to_thread(work, self._outbox)

    async def due(self, each: int) -> list[Due]:
        return await self.in_thread(lambda outbox: outbox.due(self._clock(), each))

    async def nap_s(self) -> float:
        """Until the next message is due."""
        now = self._clock()
        next_at = await self.in_thread(lambda outbox: outbox.next_at(now))
        return _LONGEST_NAP_S if next_at is None else min((next_at - now).total_seconds(), _LONGEST_NAP_S)

    async def deliver(self, one: Due) -> None:
        """One attempt, and what follows from it."""
        recorded = await self._log.pick((one.position,))
        if not recorded:
            await self._conclude(one, "dead", error="the event is not in the log")
            return
        event = EventView.of(recorded[0]).model_dump(mode="json")
        attempt = await self.post(one.webhook, f"{one.webhook.id}.{one.position}", one.topic, event)
        if not attempt.error:
            await self._conclude(one, "delivered", status=attempt.status)
        elif one.attempts + 1 >= rules.MOST_ATTEMPTS or attempt.status == 410:
            self._journal.warning("webhook given up", webhook=one.webhook.id, position=one.position)
            await self._conclude(one, "dead", status=attempt.status, error=attempt.error)
        else:
            pause = self._pause_s(one.attempts + 1, random.random(), attempt.retry_after_s)  # noqa: S311  # no secret
            next_at = self._clock() + timedelta(seconds=pause)
            await self._conclude(one, "pending", status=attempt.status, error=attempt.error, next_at=next_at)

    async def post(self, hook: Webhook, delivery: str, topic: str, event: dict[str, Any]) -> Attempt:
        body = json.dumps(
            {"delivery": delivery, "webhook": hook.id, "workspace": self._workspace, **event},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        # Of the moment of sending, so that the other side can refuse what is old.
        at = int(self._clock().timestamp())
        try:
            secret = await self._secrets.find(hook.id)
        except VaporaError as error:
            return Attempt(None, f"its secret cannot be read: {error.message}")
        if secret is None:
            return Attempt(None, "its secret is not in the vault any more: remove the webhook, and make it anew")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "VAPORA-Webhook/1",
            "Vapora-Delivery": delivery,
            "Vapora-Topic": topic,
            "Vapora-Signature": rules.signature(secret, at, body),
        }
        return await self._sender.send(hook.url, body, headers)

    async def _conclude(self, one: Due, state: DeliveryState, **said: Any) -> None:
        await self.in_thread(lambda outbox: outbox.conclude(one, state, self._clock(), **said))


def _changed(hooks: Mapping[str, Webhook], recorded: Recorded) -> Webhook:
    """The webhook that the event is about, as it is from now on."""
    if isinstance(recorded.event, Unknown):
        raise NewerEventError.at(recorded.position, recorded.event.why)
    webhook_id = recorded.stream.partition(":")[2]
    # One that was removed without having been known here is gone all the same.
    return rules.evolve(hooks.get(webhook_id), recorded.event) or Webhook(webhook_id, "", (), removed=True)


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
