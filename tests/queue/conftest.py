"""Both queues behind one face: how tasks get into them differs, what they promise does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from events import Recorded
from events.ids import task_stream
from events.task import TaskRequeued, TaskSubmitted
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, log_writer
from tests.queue.nats_server import NatsServer
from tests.waiting import DEADLINE_S
from vapora.domain.offers import OpenOffers
from vapora.log.client import LogClient
from vapora.queue import TaskOffer, TaskQueue
from vapora.queue.base import offered
from vapora.queue.log_queue import LogQueue
from vapora.queue.nats.queue import NatsQueue

ACK_WAIT_S = 0.4
MAX_DELIVER = 3


class Bench:
    """A queue and the log behind it. `take` is another taker of the same offers."""

    def __init__(self, log: LogClient, queue: TaskQueue, another: Callable[[], TaskQueue]) -> None:
        self.log = log
        self.queue = queue
        self.another = another
        self._number = 0

    async def submit(self, *priorities: int, task_type: str = "unit-test") -> list[str]:
        """Tasks that are to be done, in the log and, where the queue is not the log, in the queue."""
        found: list[Recorded] = []
        for priority in priorities:
            self._number += 1
            task_id = f"t{self._number}"
            event = TaskSubmitted(
                task_id=task_id, project_id="p", title="Do it", task_type=task_type, priority=priority
            )
            await self.log.append(ORIGIN, (task_stream(task_id), 0, (event,)))
            found += await self.log.read(task_stream(task_id))
        await self._offer(found)
        return [one.event.task_id for one in found]  # type: ignore[attr-defined]

    async def put_back(self, task_id: str) -> None:
        """As a person does with a dead letter."""
        stream = task_stream(task_id)
        before = await self.log.read(stream)
        await self.log.append(ORIGIN, (stream, len(before), (TaskRequeued(task_id=task_id, deliveries=MAX_DELIVER),)))
        await self._offer(await self.log.read(stream))

    async def _offer(self, events: Sequence[Recorded]) -> None:
        if isinstance(self.queue, NatsQueue):
            open_offers = OpenOffers(WORKSPACE)
            for recorded in events:
                open_offers.evolve(recorded)
            await self.queue.offer([offered(one) for one in open_offers.after(0)])

    async def take(self, count: int, timeout_s: float = DEADLINE_S) -> list[TaskOffer]:
        """So many offers, in the order in which they came."""
        found: list[TaskOffer] = []
        async with asyncio.timeout(timeout_s):
            while len(found) < count:
                found += await self.queue.fetch(count - len(found), 1)
        return found

    async def depth(self, wanted: dict[str, int], timeout_s: float = DEADLINE_S) -> None:
        """Until the queue says that so much waits."""
        async with asyncio.timeout(timeout_s):
            while (await self.queue.status()).depth != wanted:
                await asyncio.sleep(0.01)

    async def buried(self, count: int = 1, timeout_s: float = DEADLINE_S) -> list[str]:
        """Deliver, and never answer, until so many are dead letters."""
        async with asyncio.timeout(timeout_s):
            while len(found := await self.queue.dead_letters()) < count:
                await self.queue.fetch(100, 0.05)
        return [letter.id for letter in found]


async def up(queue: TaskQueue) -> None:
    """Started, and connected where it needs a connection, however busy the machine is."""
    await queue.start()
    if isinstance(queue, NatsQueue):
        assert await queue._link.wait(DEADLINE_S)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    started = NatsServer(tmp_path / "nats")
    await started.start()
    yield started
    await started.kill()


@pytest.fixture
async def log() -> AsyncIterator[LogClient]:
    async with log_writer(MovableClock(NOON)) as writer:
        yield LogClient(writer, WORKSPACE)


@pytest.fixture
async def nats(log: LogClient, server: NatsServer) -> AsyncIterator[Bench]:
    def make() -> NatsQueue:
        return NatsQueue(server.options, WORKSPACE, ack_wait_s=ACK_WAIT_S, max_deliver=MAX_DELIVER)

    queue = make()
    await up(queue)
    yield Bench(log, queue, make)
    await queue.stop()


@pytest.fixture
def own(log: LogClient) -> Bench:
    queue = LogQueue(log, WORKSPACE, ack_wait_s=ACK_WAIT_S, max_deliver=MAX_DELIVER)
    return Bench(log, queue, lambda: queue)


@pytest.fixture(params=["own", "nats"])
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.getfixturevalue(request.param)
    return found
