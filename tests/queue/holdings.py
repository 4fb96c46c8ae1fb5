"""What NATS really holds of a workspace, asked of the server without any of our own code for the queue."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager, nullcontext

import nats
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from vapora.testing.delivery import Offered, Streams
from vapora.views import EventView


async def holdings(url: str, workspace: str, still: AbstractAsyncContextManager[None] | None = None) -> Streams:
    """`still`: entered while it looks at offers, which take several questions."""
    client = await nats.connect(url)
    try:
        js = client.jetstream()
        async with still or nullcontext():
            noted = await _all(js, f"VAPORA_DEAD_{workspace}")
            tasks = await _all(js, f"VAPORA_TASKS_{workspace}")
            consumers = await _coming(js, f"VAPORA_TASKS_{workspace}")
        dead = {int(json.loads(one.data or b"{}")["stream_seq"]) for one in noted}
        checkpoints = [one for one in tasks if one.subject == f"vapora.relay.{workspace}"]
        return Streams(
            offers=tuple(_offered(one, dead) for one in tasks if one not in checkpoints),
            consumers=consumers,
            checkpoint=int((checkpoints[-1].data or b"0") if checkpoints else 0),
            mirror=await _mirror(js, workspace),
        )
    finally:
        await client.close()


def _offered(message: RawStreamMsg, dead: set[int]) -> Offered:
    body = json.loads(message.data or b"{}")
    sequence = message.seq or 0
    return Offered(
        sequence, message.subject or "", body["task_id"], body["position"], body["version"], sequence in dead
    )


async def _all(js: JetStreamContext, stream: str) -> list[RawStreamMsg]:
    """Every message, one at a time: a work queue lets nobody beside its consumers read it otherwise."""
    found: list[RawStreamMsg] = []
    try:
        while True:
            after = (found[-1].seq or 0) if found else 0
            found.append(await js.get_msg(stream, after + 1, subject=">", next=True))
    except NotFoundError:
        return found


async def _coming(js: JetStreamContext, stream: str) -> dict[str, int]:
    try:
        infos = await js.consumers_info(stream)
    except NotFoundError:
        return {}
    return {
        one.config.filter_subject or "": (one.num_pending or 0) + (one.num_ack_pending or 0)
        for one in infos
        if (one.num_pending or 0) + (one.num_ack_pending or 0)
    }


async def _mirror(js: JetStreamContext, workspace: str) -> tuple[tuple[str, EventView], ...]:
    stream = f"VAPORA_EVENTS_{workspace}"
    try:
        count = (await js.stream_info(stream)).state.messages
    except NotFoundError:
        return ()
    found: list[tuple[str, EventView]] = []
    subscription = await js.pull_subscribe("", stream=stream)
    while len(found) < count:
        for message in await subscription.fetch(count - len(found), timeout=5):
            found.append((message.subject, EventView.model_validate_json(message.data)))
            await message.ack()
    await subscription.unsubscribe()
    return tuple(found)
