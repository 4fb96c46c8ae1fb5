"""What can happen to a queue in NATS alone: its server loses all that it has stored; a connection takes its time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.actors.kit import WORKSPACE
from tests.queue.conftest import MAX_DELIVER, Bench, up
from tests.queue.nats_server import NatsServer
from tests.waiting import DEADLINE_S
from vapora.queue import TaskOffer
from vapora.queue.nats.options import NatsOptions
from vapora.queue.nats.queue import NatsQueue

MEDIUM = "acme.tasks.unit-test.medium"


async def _answered(bench: Bench, offer: TaskOffer) -> None:
    """Everything that can be said of an offer."""
    await bench.queue.heartbeat(offer)
    await bench.queue.nak(offer, 0.01)
    await bench.queue.ack(offer)


async def test_an_answer_to_an_offer_of_a_lost_store_touches_nothing_in_the_new_one(
    nats: Bench, server: NatsServer
) -> None:
    # In the new store other offers bear the numbers that these had in the old one.
    await nats.submit(50, 50)
    lost = [*await nats.take(2), *await nats.take(2)]
    assert lost[-1].deliveries * 2 > MAX_DELIVER  # "not now" would put a copy in its place
    server.strike()
    server.lose()
    await server.start()
    await up(nats.queue)

    wanted = await nats.submit(50, 50)
    offers = await nats.take(2)
    for offer in lost:
        await _answered(nats, offer)
    for offer in offers:
        await nats.queue.nak(offer, 0.01)
    assert sorted(one.task_id for one in await nats.take(2)) == sorted(wanted)
    await nats.depth({MEDIUM: 2})
    assert await asyncio.wait_for(nats.queue.dead_letters(), DEADLINE_S) == []


async def test_what_is_offered_while_a_queue_connects_is_answered_for_good(nats: Bench, server: NatsServer) -> None:
    # Its subject is heard of before the queue knows all else that a connection begins with.
    async with _heard_first(server, MEDIUM, lambda: nats.submit(50)) as options:
        late = NatsQueue(options, WORKSPACE, ack_wait_s=30)
        await up(late)
        [offer] = await late.fetch(1, 10)
        await late.ack(offer)
        await nats.depth({})
        await late.stop()


async def test_offering_leaves_nothing_behind_in_the_connection(nats: Bench) -> None:
    await nats.submit(50)
    before = asyncio.all_tasks()
    for _ in range(20):
        await nats.submit(50)
    await nats.depth({MEDIUM: 21})
    # As for instance a subscription to answers for each time.
    assert len(asyncio.all_tasks() - before) < 10


@asynccontextmanager
async def _heard_first(
    server: NatsServer, subject: str, publish: Callable[[], Awaitable[object]]
) -> AsyncIterator[NatsOptions]:
    """A way to the server on which all that follows the subscription to offers waits until a message has come by it."""
    subscription = re.compile(rb"SUB \S+\.tasks\.\*\.\* .*\r\n")
    heard = asyncio.Event()

    async def forth(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            found = None if heard.is_set() else subscription.search(data)
            if found:
                target.write(data[: found.end()])
                await publish()
                await heard.wait()
                data = data[found.end() :]
            target.write(data)

    async def back(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
            if b"MSG " + subject.encode() in data:
                heard.set()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(forth(reader, far_writer), back(far_reader, writer))

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        yield NatsOptions(f"nats://127.0.0.1:{port}")
