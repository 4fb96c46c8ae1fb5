"""What an outsider hears who follows the mirror of the log."""

from __future__ import annotations

import asyncio

import nats
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from tests.waiting import DEADLINE_S
from vapora.queue.nats.options import NatsOptions
from vapora.views import EventView


async def mirrored(options: NatsOptions, workspace: str, count: int, timeout_s: float = DEADLINE_S) -> list[EventView]:
    """Every message of the mirror from its beginning, once there are so many; and what more comes at once."""
    client = await nats.connect(options.url, **options.arguments())
    try:
        js = client.jetstream()
        async with asyncio.timeout(timeout_s):
            while await _messages(js, workspace) < count:
                await asyncio.sleep(0.02)
        subscription = await js.pull_subscribe(f"vapora.events.{workspace}.>", stream=f"VAPORA_EVENTS_{workspace}")
        found: list[EventView] = []
        try:
            while True:
                for message in await subscription.fetch(500, timeout=0.5):
                    view = EventView.model_validate_json(message.data)
                    assert message.subject == f"vapora.events.{workspace}.{view.topic}"
                    found.append(view)
                    await message.ack()
        except TimeoutError:
            return found
    finally:
        await client.close()


async def _messages(js: JetStreamContext, workspace: str) -> int:
    try:
        return (await js.stream_info(f"VAPORA_EVENTS_{workspace}")).state.messages
    except NotFoundError:
        return 0
