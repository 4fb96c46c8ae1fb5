"""The whole actor system with a real NATS: a backlog is worked off through it, whatever happens to the server
meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.composition import LocalActorSystem
from events import Recorded
from events.run import ModelCalled, RunStarted, RunSucceeded
from events.task import TaskAssigned, TaskCompleted, TaskSubmitted
from projections.board import board
from projections.engine.store import StoreReader
from tests.queue.mirror import mirrored
from tests.queue.nats_server import NatsServer
from tests.waiting import DEADLINE_S
from vapora.catalog.backlog import load_backlog
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.audit import violations
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.views import QueueView

WORKSPACE = "default"


class Office:
    """The actor system in this process, beside a NATS server in another one."""

    def __init__(self, folder: Path, server: NatsServer, **settings: Any) -> None:
        self.server = server
        self.system = LocalActorSystem(
            Settings(
                data=folder,
                model="rehearsal",
                rehearsal_min_delay_s=0.02,
                rehearsal_max_delay_s=0.06,
                resend_s=0.2,
                nats_url=server.url,
                nats_ack_wait_s=1,
                **settings,
            )
        )
        self.log = LogClient(self.system.log(WORKSPACE), WORKSPACE)

    async def hand_in_the_backlog(self) -> int:
        people = Dispatcher(self.log, now)
        origin = Origin(WORKSPACE, "user:local", new_id("cor"))
        project = await people.dispatch(origin, CreateProject(name="All of it"))
        bodies = load_backlog(None)
        for body in bodies:
            command = SubmitTask.model_validate({**body, "project_id": project.id, "review": "none"})
            await people.dispatch(Origin(WORKSPACE, "user:local", new_id("cor")), command)
        return len(bodies)

    async def seen(self, kind: type[Any], count: int, timeout_s: float = DEADLINE_S) -> list[Recorded]:
        """The log, once it holds so many events of a kind."""
        events: list[Recorded] = []
        position = 0
        async with asyncio.timeout(timeout_s):
            while sum(isinstance(one.event, kind) for one in events) < count:
                polled = await self.log.poll(position, 1_000, 5)
                events += polled.events
                position = polled.position
        return events

    async def queue(self) -> QueueView:
        return await self.system.queue(WORKSPACE).queue_status()

    async def empty(self) -> QueueView:
        """The queue as soon as it is there and nothing waits in it."""
        async with asyncio.timeout(DEADLINE_S):
            while (found := await self.queue()).waiting or not found.connected:
                await asyncio.sleep(0.02)
        return found

    async def health(self, kind: str) -> dict[str, Any]:
        from actors.runtime.base import Address

        found: dict[str, Any] = await self.system.runtime.ref(Address(kind, WORKSPACE)).health()
        return found

    async def all_is_well(self, tasks: int) -> None:
        """Log, board, queue and mirror agree: all is done, and each thing was done once."""
        events = await self.seen(TaskCompleted, tasks)
        kinds = Counter(type(one.event) for one in events)
        assert kinds[TaskSubmitted] == kinds[TaskAssigned] == kinds[RunStarted] == tasks
        assert kinds[RunSucceeded] == kinds[TaskCompleted] == tasks
        steps = Counter((one.event.run_id, one.event.step) for one in events if isinstance(one.event, ModelCalled))
        assert set(steps.values()) == {1}
        assert not violations(events, WORKSPACE)

        head = await self.log.head()
        await self.system.projector(WORKSPACE).wait_for(head, 60)
        reader = StoreReader(self.system.read_store(WORKSPACE))
        with reader.snapshot() as rows:
            assert len(board(rows, None, rows.position).columns["done"]) == tasks

        queue = await self.empty()
        assert queue.dead_letters == ()
        whole = await self.seen(TaskCompleted, tasks)
        found = await mirrored(self.server.options, WORKSPACE, len(whole))
        assert [(one.position, one.topic) for one in found] == [(one.position, one.topic) for one in whole]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    made = NatsServer(tmp_path / "nats")
    await made.start()
    yield made
    await made.kill()


async def test_a_backlog_is_worked_off_through_nats_and_log_board_queue_and_mirror_agree(
    server: NatsServer, tmp_path: Path
) -> None:
    # Nothing is taken from the log beside the queue.
    office = Office(tmp_path / "data", server, nats_patience_s=60)
    await office.system.start()
    tasks = await office.hand_in_the_backlog()
    await office.all_is_well(tasks)
    health = await office.health("coordinator")
    assert health["queue"]["connected"] and health["queue"]["from_log"] == 0
    await office.system.stop()


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_a_server_that_ends_in_mid_work_and_comes_back_loses_nothing_and_doubles_nothing(
    server: NatsServer, tmp_path: Path, how: str
) -> None:
    office = Office(tmp_path / "data", server)
    await office.system.start()
    tasks = await office.hand_in_the_backlog()
    for done in (3, 10, 18):
        await office.seen(TaskCompleted, done)
        await (server.kill() if how == "kill" else server.stop())
        # Work goes on without it.
        await office.seen(TaskCompleted, done + 2)
        await server.start()
    await office.all_is_well(tasks)
    await office.system.stop()


async def test_while_nats_is_away_work_goes_on_from_the_log_and_health_says_so(
    server: NatsServer, tmp_path: Path
) -> None:
    await server.stop()
    office = Office(tmp_path / "data", server)
    await office.system.start()
    tasks = await office.hand_in_the_backlog()
    await office.seen(TaskCompleted, tasks)
    health = await office.health("coordinator")
    assert not health["queue"]["connected"]
    assert "does not answer" in health["queue"]["problem"]
    assert health["problem"] is None
    queue = await office.queue()
    assert (queue.kind, queue.connected, queue.depth) == ("nats", False, {})

    # It comes for the first time after all is done: it hears of everything, and holds no work that is over.
    await server.start()
    await office.all_is_well(tasks)
    await office.system.stop()


async def test_a_server_that_lost_all_it_had_is_filled_again_from_the_log(server: NatsServer, tmp_path: Path) -> None:
    office = Office(tmp_path / "data", server)
    await office.system.start()
    tasks = await office.hand_in_the_backlog()
    await office.seen(TaskCompleted, 4)
    await server.kill()
    other = NatsServer(tmp_path / "another")
    other.port = server.port
    await other.start()
    office.server = other
    try:
        await office.all_is_well(tasks)
    finally:
        await office.system.stop()
        await other.kill()


async def test_a_cast_that_is_stopped_in_mid_work_goes_on_where_it_was(server: NatsServer, tmp_path: Path) -> None:
    first = Office(tmp_path / "data", server)
    await first.system.start()
    tasks = await first.hand_in_the_backlog()
    await first.seen(TaskCompleted, 5)
    await first.system.stop()
    second = Office(tmp_path / "data", server)
    await second.system.start()
    await second.all_is_well(tasks)
    await second.system.stop()
