"""The connection that is kept, with a server that is killed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import nats.errors
from nats.aio.client import Client

from tests.actors.kit import passed
from tests.queue.nats_server import NatsServer
from tests.waiting import DEADLINE_S
from vapora.errors import UnavailableError
from vapora.queue.nats.link import NatsLink


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
        assert await link.wait(DEADLINE_S)
        assert link.number == before + 1
    for one in talking:
        one.cancel()
    await link.stop()


async def test_a_connection_that_breaks_while_it_is_made_is_given_up_at_once(server: NatsServer) -> None:
    begun = asyncio.Event()

    async def wait_the_first_time(client: Client) -> None:
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()

    link = NatsLink(server.options, "test", wait_the_first_time, open_s=1_000)
    starting = asyncio.create_task(link.start(30))
    await begun.wait()
    server.strike()
    await server.start()
    await starting
    assert link.connected
    await link.stop()


async def test_an_attempt_that_never_ends_is_given_up_for_another(server: NatsServer) -> None:
    attempts = 0

    async def hang_the_first_time(client: Client) -> None:
        nonlocal attempts
        attempts += 1
        while attempts == 1:
            # As the library does here and there, cancellations are no reason to end.
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    link = NatsLink(server.options, "test", hang_the_first_time, open_s=0.3)
    await link.start(0)
    await passed(lambda: link.problem is not None and "does not answer" in link.problem)
    assert await link.wait(DEADLINE_S)
    assert attempts == 2
    await link.stop()
