"""The coordinator that takes its work through a real NATS: each task is given out once, however often it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from actors.coordinator import SwarmCoordinator
from actors.desk import Desk
from actors.relay import Relay
from events.ids import TaskState
from events.run import RunSucceeded
from events.task import TaskArchived, TaskAssigned, TaskWaiting
from tests.actors.kit import ORIGIN, WORKSPACE, Line, everything, of_kind, passed, seen
from tests.actors.test_coordinator import Cell, open_cell
from tests.queue.nats_server import NatsServer
from vapora.commands import MoveTask, RequeueTask
from vapora.domain.offers import OnOffer
from vapora.errors import NotFoundError, UnavailableError
from vapora.log.client import LogClient
from vapora.ports import LogWriterPort
from vapora.queue import TaskOffer
from vapora.queue.base import offered
from vapora.queue.nats_messages import letter_of, publish
from vapora.queue.nats_outlet import NatsOutlet
from vapora.queue.nats_queue import NatsQueue

ACK_WAIT_S = 0.4
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


@dataclass
class Site:
    """A cell beside a NATS server."""

    cell: Cell
    server: NatsServer
    clock: MoodyClock
    queues: list[NatsQueue] = field(default_factory=list)
    ends: list[SwarmCoordinator | Relay | NatsQueue] = field(default_factory=list)

    def queue(self) -> NatsQueue:
        made = NatsQueue(self.server.options, WORKSPACE, ack_wait_s=ACK_WAIT_S, max_deliver=MAX_DELIVER)
        self.queues.append(made)
        return made

    async def relay(self) -> Relay:
        made = Relay(self.cell.log, WORKSPACE, NatsOutlet(self.server.options, WORKSPACE))
        await made.start()
        self.ends.append(made)
        return made

    async def coordinator(self, *, patience_s: float = 60, port: LogWriterPort | None = None) -> SwarmCoordinator:
        made = SwarmCoordinator(
            self.cell.log if port is None else LogClient(port, WORKSPACE),
            WORKSPACE,
            agent=self.cell.crew.agent,
            retire=self.cell.crew.retire,
            is_simulated=_no,
            clock=self.clock,
            idle_s=60,
            again_s=0.1,
            desk=Desk(self.queue(), WORKSPACE, patience_s=patience_s, beat_s=ACK_WAIT_S / 3),
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
        async with asyncio.timeout(15):
            while (await looking.status()).depth:
                await asyncio.sleep(0.02)

    async def assigned_once(self, *tasks: str) -> None:
        assert [one.task_id for one in await of_kind(self.cell.log, TaskAssigned)] == list(tasks)


async def _on_offer(site: Site) -> list[TaskOffer]:
    on_offer = OnOffer(WORKSPACE)
    for recorded in await everything(site.cell.log):
        on_offer.evolve(recorded)
    return [offered(one) for one in on_offer.after(0)]


async def _no() -> bool:
    return False


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    async with open_cell() as cell:
        made = Site(cell, server, MoodyClock(cell.clock.now))
        yield made
        for one in reversed(made.ends):
            await one.stop()
    await server.kill()


async def test_a_task_is_given_out_once_it_was_delivered_and_acknowledged_then(site: Site) -> None:
    await site.coordinator()
    task_id = await site.cell.submit()
    # Nothing has put it into the queue yet, and the log alone does not do, for as long as the queue is there.
    looking = await site.bystander()
    assert (await looking.status()).depth == {}
    await site.assigned_once()

    await site.relay()
    await site.cell.assigned(1)
    await site.emptied()
    await site.assigned_once(task_id)


async def test_a_task_that_another_taker_died_with_comes_again_and_is_given_out_once(site: Site) -> None:
    await site.relay()
    task_id = await site.cell.submit()
    dying = await site.bystander()
    async with asyncio.timeout(10):
        while not await dying.fetch(1, 1):
            pass
    await dying.stop()
    await site.coordinator()
    await site.cell.assigned(1)
    await site.emptied()
    await site.assigned_once(task_id)


async def test_a_coordinator_that_dies_after_the_append_and_before_its_acknowledgement_has_no_effect_twice(
    site: Site,
) -> None:
    await site.relay()
    line = Line(site.cell.writer)
    line.dies_after = 1
    first = await site.coordinator(port=line)
    task_id = await site.cell.submit()
    await asyncio.wait_for(line.dead.wait(), 10)
    site.ends.remove(first)
    # It hangs in its append for ever, and its connection goes: as one that was killed.
    await site.queues[0].stop()
    await asyncio.wait_for(first.stop(), 10)
    looking = await site.bystander()
    assert sum((await looking.status()).depth.values()) == 1

    await site.coordinator()
    await site.emptied()
    await site.assigned_once(task_id)


async def test_the_same_task_delivered_many_times_over_is_given_out_once(site: Site) -> None:
    task_id = await site.cell.submit()
    on_offer = OnOffer(WORKSPACE)
    for recorded in await everything(site.cell.log):
        on_offer.evolve(recorded)
    giver = await site.bystander()
    [offer] = on_offer.after(0)
    await publish(giver._link, [letter_of(offered(offer), again=str(number)) for number in range(20)])
    await site.coordinator()
    await site.cell.assigned(1)
    await site.emptied()
    await site.assigned_once(task_id)


async def test_an_offer_of_a_task_that_is_gone_is_acknowledged(site: Site) -> None:
    await site.relay()
    task_id = await site.cell.submit()
    looking = await site.bystander()
    async with asyncio.timeout(10):
        while not (await looking.status()).depth:
            await asyncio.sleep(0.01)
    await site.cell.people.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), task_id)
    assert await of_kind(site.cell.log, TaskArchived)
    await site.coordinator()
    await site.emptied()
    await site.assigned_once()


async def test_what_nobody_is_free_for_waits_and_starts_as_soon_as_somebody_is(site: Site) -> None:
    await site.cell.capacity("developer", 1)
    await site.relay()
    await site.coordinator()
    first = await site.cell.submit()
    await site.cell.assigned(1)
    second = await site.cell.submit()
    looking = await site.bystander()
    async with asyncio.timeout(10):
        while not (await looking.status()).depth:
            await asyncio.sleep(0.01)
    # It was told to come again in five seconds; who becomes free does not wait for that.
    [work] = await site.cell.crew.got(1)
    async with asyncio.timeout(4):
        await site.cell.crew.end(work, RunSucceeded)
        await site.cell.assigned(2)
    await site.emptied()
    await site.assigned_once(first, second)


async def test_a_queue_that_delivers_nothing_delays_the_work_and_does_not_stop_it(site: Site) -> None:
    coordinator = await site.coordinator(patience_s=0.3)
    task_id = await site.cell.submit()
    await site.cell.assigned(1)
    # The relay comes late: its offer is over.
    await site.relay()
    await site.emptied()
    await site.assigned_once(task_id)
    assert (await coordinator.health())["queue"]["connected"]


async def test_a_task_that_cannot_be_given_out_ends_as_a_dead_letter_and_its_card_says_so(site: Site) -> None:
    await site.relay()
    site.clock.broken = True
    coordinator = await site.coordinator()
    task_id = await site.cell.submit()
    [told] = await seen(site.cell.log, TaskWaiting)
    assert isinstance(told.event, TaskWaiting)
    assert f"vapora queue requeue {task_id}" in told.event.remedy

    # The others do not wait for it.
    site.clock.broken = False
    other = await site.cell.submit()
    await site.cell.assigned(1)
    await site.assigned_once(other)
    status = await coordinator.queue_status()
    assert [(one.id, one.deliveries) for one in status.dead_letters] == [(task_id, MAX_DELIVER)]

    # Nor is it tried again by a coordinator that does not know of it yet.
    site.ends.remove(coordinator)
    await coordinator.stop()
    again = await site.coordinator(patience_s=0.1)
    assert (await again.queue_status()).dead_letters
    await site.assigned_once(other)

    letter = await again.dead_letter(task_id)
    await site.cell.people.dispatch(ORIGIN, RequeueTask(deliveries=letter.deliveries), task_id)
    await site.cell.assigned(2)
    await site.emptied()
    await site.assigned_once(other, task_id)
    with pytest.raises(NotFoundError):
        await again.dead_letter(task_id)


async def test_dead_letters_are_kept_in_mind_while_nats_is_away_and_unknown_to_who_starts_then(site: Site) -> None:
    await site.relay()
    site.clock.broken = True
    coordinator = await site.coordinator()
    task_id = await site.cell.submit()
    await seen(site.cell.log, TaskWaiting)
    await site.server.kill()
    await passed(lambda: not coordinator.desk.queue.connected)  # type: ignore[union-attr]
    status = await coordinator.queue_status()
    assert (status.dead_letters_known, [one.id for one in status.dead_letters]) == (False, [task_id])
    # It can be put back all the same: that is said in the log.
    assert (await coordinator.dead_letter(task_id)).id == task_id

    site.ends.remove(coordinator)
    await coordinator.stop()
    again = await site.coordinator()
    status = await again.queue_status()
    assert (status.connected, status.dead_letters_known, status.dead_letters) == (False, False, ())
    with pytest.raises(UnavailableError):
        await again.dead_letter(task_id)


async def test_an_older_offer_that_comes_late_takes_nothing_from_the_present_one_and_is_not_kept_in_mind(
    site: Site,
) -> None:
    await site.cell.capacity("developer", 1)
    coordinator = await site.coordinator()
    state = lambda: coordinator.desk.state  # type: ignore[union-attr]  # noqa: E731
    giver = await site.bystander()
    busy, waits = await site.cell.submit(), await site.cell.submit()
    [first, older] = await _on_offer(site)
    await giver.offer([first])
    await site.cell.assigned(1)
    await site.cell.people.dispatch(ORIGIN, RequeueTask(deliveries=1), waits)
    [present] = [one for one in await _on_offer(site) if one.task_id == waits]
    await giver.offer([present])
    await passed(lambda: waits in state().put_off)
    await giver.offer([older])
    # Once it is acknowledged, only the present one is left.
    async with asyncio.timeout(10):
        while sum((await giver.status()).depth.values()) > 1:
            await asyncio.sleep(0.02)
    assert state().delivered == {waits: present.position}
    [work] = await site.cell.crew.got(1)
    assert work.task.id == busy
    await site.cell.crew.end(work, RunSucceeded)
    await site.cell.assigned(2)
    await site.emptied()
    await giver.offer([replace(present, subject="acme.tasks.code-generation.low")])
    await site.emptied()
    assert state().delivered == {}


async def test_the_dead_letter_of_a_task_that_is_gone_is_forgotten(site: Site) -> None:
    await site.relay()
    site.clock.broken = True
    coordinator = await site.coordinator()
    task_id = await site.cell.submit()
    await seen(site.cell.log, TaskWaiting)
    await site.cell.people.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), task_id)
    async with asyncio.timeout(10):
        while (await coordinator.queue_status()).dead_letters:
            await asyncio.sleep(0.02)
    await site.emptied()


async def test_without_a_desk_the_log_is_the_queue_and_tells_what_waits_in_it(site: Site) -> None:
    await site.cell.capacity("developer", 1)
    coordinator: SwarmCoordinator = site.cell.coordinator()
    await coordinator.start()
    first = await site.cell.submit()
    await site.cell.assigned(1)
    await site.cell.submit()
    status = await coordinator.queue_status()
    assert (status.kind, status.connected, status.dead_letters) == ("log", True, ())
    assert status.depth == {"acme.tasks.code-generation.medium": 1}
    assert await coordinator.queue_health() == "log"
    await passed(lambda: bool(site.cell.crew.performed))
    await site.assigned_once(first)
    await coordinator.stop()
