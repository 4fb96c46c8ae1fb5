"""The connection that is kept, with a server that is killed."""

from __future__ import annotations

import asyncio

import nats.errors
from nats.aio.client import Client

from tests.actors.kit import passed
from tests.queue.nats_server import NatsServer
from vapora.errors import UnavailableError
from vapora.queue.nats_link import NatsLink


async def test_a_connection_that_breaks_while_much_is_to_be_sent_is_noticed_and_made_again(server: NatsServer) -> None:
    # The library does not tell of it then, and says nothing at all any more.
    async def nothing(client: Client) -> None:
        return None

    async def talk() -> None:
        while True:
            try:
                await link.client.publish("somewhere", b"x" * 100)
                await asyncio.sleep(0)
            except (UnavailableError, nats.errors.Error):
                await asyncio.sleep(0.01)

    link = NatsLink(server.options, "test", nothing)
    await link.start(30)
    talking = [asyncio.create_task(talk()) for _ in range(20)]
    for _ in range(3):
        before = link.number
        await asyncio.sleep(0.05)
        server.strike()
        await passed(lambda: not link.connected)
        await server.start()
        assert await link.wait(10)
        assert link.number == before + 1
    for one in talking:
        one.cancel()
    await link.stop()
