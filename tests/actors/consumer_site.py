"""A cell beside a real NATS, for the tests of the coordinator that takes its work through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.coordinator import SwarmCoordinator
from actors.coordinator.queue_consumer import QueueConsumer
from actors.relay import Relay
from events.task import TaskAssigned
from tests.actors.kit import WORKSPACE, of_kind
from tests.actors.test_coordinator import Cell, open_cell
from tests.queue.nats_server import NatsServer
from tests.waiting import DEADLINE_S
from vapora.log.client import LogClient
from vapora.ports import LogWriterPort
from vapora.queue import TaskOffer
from vapora.queue.nats.outlet import NatsOutlet
from vapora.queue.nats.queue import NatsQueue

ACK_WAIT_S = 0.4
HEARTBEAT_S = ACK_WAIT_S / 3
MAX_DELIVER = 3


@dataclass
class MoodyClock:
    """A clock that fails while it is told to: then no task can be given out."""

    now: datetime
    broken: bool = False

    def __call__(self) -> datetime:
        if self.broken:
            raise RuntimeError("the clock stands still")
        return self.now


class CountingQueue(NatsQueue):
    """Keeps the token of each offer that it is told to be in hand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.beats: list[str] = []

    async def heartbeat(self, offer: TaskOffer) -> None:
        await super().heartbeat(offer)
        self.beats.append(offer.token)


@dataclass
class Site:
    """A cell beside a NATS server."""

    cell: Cell
    server: NatsServer
    clock: MoodyClock
    ack_wait_s: float = ACK_WAIT_S
    queues: list[CountingQueue] = field(default_factory=list)
    ends: list[SwarmCoordinator | Relay | NatsQueue] = field(default_factory=list)

    def queue(self) -> CountingQueue:
        made = CountingQueue(self.server.options, WORKSPACE, ack_wait_s=self.ack_wait_s, max_deliver=MAX_DELIVER)
        self.queues.append(made)
        return made

    async def relay(self) -> Relay:
        made = Relay(self.cell.log, WORKSPACE, NatsOutlet(self.server.options, WORKSPACE))
        await made.start()
        self.ends.append(made)
        return made

    async def coordinator(
        self, *, patience_s: float = 60, first_delay_s: float = 5, port: LogWriterPort | None = None
    ) -> SwarmCoordinator:
        made = SwarmCoordinator(
            self.cell.log if port is None else LogClient(port, WORKSPACE),
            WORKSPACE,
            agent=self.cell.pool.agent,
            retire=self.cell.pool.retire,
            is_simulated=_no,
            clock=self.clock,
            idle_s=60,
            resend_s=0.1,
            consumer=QueueConsumer(
                self.queue(), WORKSPACE, patience_s=patience_s, first_delay_s=first_delay_s, heartbeat_s=HEARTBEAT_S
            ),
        )
        await made.start()
        self.ends.append(made)
        return made

    async def bystander(self) -> NatsQueue:
        """A queue that only looks, unless it is asked for work."""
        made = self.queue()
        await made.start()
        self.ends.append(made)
        return made

    async def emptied(self) -> None:
        """Until nothing waits in the queue."""
        looking = await self.bystander()
        async with asyncio.timeout(DEADLINE_S):
            while (await looking.status()).depth:
                await asyncio.sleep(0.02)

    async def assigned_once(self, *tasks: str) -> None:
        assert [one.task_id for one in await of_kind(self.cell.log, TaskAssigned)] == list(tasks)


async def _no() -> bool:
    return False


@asynccontextmanager
async def open_site(folder: Path) -> AsyncIterator[Site]:
    server = NatsServer(folder / "nats")
    await server.start()
    async with open_cell() as cell:
        made = Site(cell, server, MoodyClock(cell.clock.now))
        yield made
        for one in reversed(made.ends):
            await one.stop()
    await server.kill()
