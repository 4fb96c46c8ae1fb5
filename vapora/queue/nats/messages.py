"""What travels: offers as JSON, and many messages published at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import Header
from pydantic_core import from_json, to_json

from vapora.domain.offers import Offer
from vapora.queue.base import TaskOffer
from vapora.queue.nats.link import NatsLink

_ANSWER_S = 10
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be published. `id`: published twice under one, it is stored once (within the server's window)."""

    subject: str
    data: bytes
    id: str
    headers: dict[str, str]


def letter_of(offer: Offer | TaskOffer, again: str = "") -> Letter:
    """`again` tells a message that is put back from the one that it replaces."""
    body = {
        "task_id": offer.task_id,
        "position": offer.position,
        "version": offer.version,
        "subject": offer.subject,
        "priority": offer.priority,
    }
    id_ = f"task:{offer.task_id}:{offer.version}" + (f":{again}" if again else "")
    return Letter(offer.subject, to_json(body), id_, {})


def offer_of(message: Msg, store: str) -> TaskOffer:
    """An offer as JetStream delivered it from `store`; the token says that, and where its answer goes."""
    token = f"{store} {message.reply}"
    return TaskOffer(deliveries=message.metadata.num_delivered, token=token, **from_json(message.data))


def store_of(offer: TaskOffer) -> str:
    return offer.token.partition(" ")[0]


def answer_to(client: Client, offer: TaskOffer) -> Msg:
    """What an offer is answered with: its token is enough, whichever connection it came by."""
    return Msg(_client=client, subject=offer.subject, reply=offer.token.partition(" ")[2])


async def publish(link: NatsLink, letters: Sequence[Letter]) -> None:
    """All of them, in order, or an error; then some may have been stored, of which a second try stores none again."""
    for start in range(0, len(letters), _AT_ONCE):
        await link.call(partial(_publish, letters=letters[start : start + _AT_ONCE]))


async def _publish(js: JetStreamContext, letters: Sequence[Letter]) -> None:
    futures: list[asyncio.Future[Any]] = []
    try:
        async with asyncio.timeout(_ANSWER_S):
            for one in letters:
                headers = {Header.MSG_ID.value: one.id, **one.headers}
                futures.append(await js.publish_async(one.subject, one.data, headers=headers))
            answers = await asyncio.gather(*futures, return_exceptions=True)
    finally:
        for future in futures:
            future.cancel()
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
