"""What can happen to a queue in NATS alone: its server loses all that it has stored."""

from __future__ import annotations

import asyncio

from tests.queue.conftest import MAX_DELIVER, Bench, up
from tests.queue.nats_server import NatsServer
from vapora.queue import TaskOffer

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
    assert await asyncio.wait_for(nats.queue.dead_letters(), 10) == []
