"""Rules about webhooks: what one is, what it is sent, how that is signed, and when it is tried again."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256

from pydantic import JsonValue

from events.base import DomainEvent
from events.webhook import WebhookRemoved, WebhookSet
from vapora.backoff import Backoff
from vapora.commands import RemoveWebhook, SetWebhook
from vapora.errors import BadInputError, ConflictError, NotFoundError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1
# Over some six hours, then it is a dead letter.
MOST_ATTEMPTS = 16
# Of a workspace: each event is looked at for each of them.
MOST_WEBHOOKS = 50
_PAUSES = Backoff(5, longest_s=3_600)
# A pause is longer by at most this part of it, so that many that failed at once do not come back at once.
_JITTER = 0.5


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    url: str
    topics: tuple[str, ...]
    description: str = ""
    enabled: bool = True
    removed: bool = False

    def wants(self, topic: str) -> bool:
        return self.enabled and not self.removed and any(fnmatchcase(topic, one) for one in self.topics)


def decide(
    state: Webhook | None,
    command: SetWebhook | RemoveWebhook,
    webhook_id: str,
    known_topics: Collection[str],
    new: bool,
) -> tuple[DomainEvent, ...]:
    """`new`: it is made by this. Raises `NotFoundError`, `BadInputError`."""
    if isinstance(command, RemoveWebhook):
        require(state, webhook_id)
        return (WebhookRemoved(webhook_id=webhook_id),)
    if not new:
        require(state, webhook_id)
    for pattern in command.topics:
        if not any(fnmatchcase(topic, pattern) for topic in known_topics):
            raise BadInputError(
                f"No event has a topic like '{pattern}'.",
                remedy=f"There are: {', '.join(sorted(known_topics))}; and patterns such as task.* or *.",
                field="topics",
            )
    event = WebhookSet(webhook_id=webhook_id, **command.model_dump())
    return () if state is not None and evolve(None, event) == state else (event,)


def evolve(state: Webhook | None, event: DomainEvent) -> Webhook | None:
    match event:
        case WebhookSet():
            return Webhook(event.webhook_id, event.url, event.topics, event.description, event.enabled)
        case WebhookRemoved() if state is not None:
            return Webhook(state.id, state.url, state.topics, state.description, state.enabled, removed=True)
        case _:
            return state


def require(state: Webhook | None, webhook_id: str) -> Webhook:
    if state is None or state.removed:
        raise NotFoundError(f"There is no webhook '{webhook_id}'.", remedy="List the webhooks.")
    return state


def require_room(count: int) -> None:
    if count >= MOST_WEBHOOKS:
        raise ConflictError(
            f"A workspace has {MOST_WEBHOOKS} webhooks at most.", remedy="Remove one, or have one take more topics."
        )


def topics_for(hooks: Collection[Webhook], known_topics: Collection[str]) -> tuple[str, ...]:
    """All that any of them is to be sent."""
    return tuple(sorted(topic for topic in known_topics if any(one.wants(topic) for one in hooks)))


SAMPLE = "webhook.sample"


def sample(webhook_id: str, workspace: str) -> dict[str, JsonValue]:
    """What a test sends in the place of an event."""
    return {"topic": SAMPLE, "stream": f"webhook:{webhook_id}", "workspace": workspace, "event": {}}


def signature(secret: str, at: int, body: bytes) -> str:
    """The header `Vapora-Signature`: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body", in hexadecimal>`."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={signed}"


def pause_s(attempts: int, luck: float, asked_for_s: float | None = None) -> float:
    """Seconds until the next attempt after so many. `luck`: from 0 to 1. `asked_for_s`: what the other side asked for,
    which is a floor, of an hour at most."""
    pause = _PAUSES.after(attempts) * (1 + _JITTER * luck)
    return max(pause, min(asked_for_s or 0.0, _PAUSES.longest_s))
