"""The coordinator that takes its work through a real NATS: each task is given out once, however often it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from actors.coordinator import SwarmCoordinator
from actors.coordinator.queue_consumer import ConsumerState
from events.ids import TaskState
from events.run import RunSucceeded
from events.task import TaskArchived
from tests.actors.consumer_site import HEARTBEAT_S, MAX_DELIVER, Site, open_site
from tests.actors.kit import ORIGIN, WORKSPACE, Line, everything, of_kind, passed
from tests.waiting import DEADLINE_S
from vapora.commands import MoveTask, RequeueTask
from vapora.domain.offers import OpenOffers
from vapora.errors import UnavailableError
from vapora.queue import TaskOffer
from vapora.queue.base import offered
from vapora.queue.nats.messages import letter_of, publish
from vapora.records import Append, AppendResult


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as made:
        yield made


async def _open_offers(site: Site) -> list[TaskOffer]:
    open_offers = OpenOffers(WORKSPACE)
    for recorded in await everything(site.cell.log):
        open_offers.evolve(recorded)
    return [offered(one) for one in open_offers.after(0)]


async def test_a_task_is_given_out_once_it_was_delivered_and_acknowledged_then(site: Site) -> None:
    # It does not come again within this test: only an answer takes it out of the queue.
    site.ack_wait_s = 60
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


async def test_a_coordinator_that_cannot_start_takes_no_offers(site: Site) -> None:
    task_id = await site.cell.submit()
    line = Line(site.cell.writer)
    line.cut.append("before")
    with pytest.raises(UnavailableError, match="cut"):
        await site.coordinator(patience_s=0, port=line)
    assert not site.queues[-1].connected

    await site.coordinator(patience_s=0, port=line)
    await site.cell.assigned(1)
    await site.assigned_once(task_id)


async def test_a_task_that_another_taker_died_with_comes_again_and_is_given_out_once(site: Site) -> None:
    await site.relay()
    task_id = await site.cell.submit()
    dying = await site.bystander()
    async with asyncio.timeout(DEADLINE_S):
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
    await asyncio.wait_for(line.dead.wait(), DEADLINE_S)
    site.ends.remove(first)
    # It hangs in its append for ever, and its connection goes: as one that was killed.
    await site.queues[0].stop()
    await asyncio.wait_for(first.stop(), DEADLINE_S)
    looking = await site.bystander()
    assert sum((await looking.status()).depth.values()) == 1

    await site.coordinator()
    await site.emptied()
    await site.assigned_once(task_id)


async def test_the_same_task_delivered_many_times_over_is_given_out_once(site: Site) -> None:
    task_id = await site.cell.submit()
    open_offers = OpenOffers(WORKSPACE)
    for recorded in await everything(site.cell.log):
        open_offers.evolve(recorded)
    giver = await site.bystander()
    [offer] = open_offers.after(0)
    await publish(giver._link, [letter_of(offered(offer), again=str(number)) for number in range(20)])
    await site.coordinator()
    await site.cell.assigned(1)
    await site.emptied()
    await site.assigned_once(task_id)


async def test_an_offer_of_a_task_that_is_gone_is_acknowledged(site: Site) -> None:
    await site.relay()
    task_id = await site.cell.submit()
    looking = await site.bystander()
    async with asyncio.timeout(DEADLINE_S):
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
    await site.coordinator(first_delay_s=3_600)
    first = await site.cell.submit()
    await site.cell.assigned(1)
    second = await site.cell.submit()
    looking = await site.bystander()
    async with asyncio.timeout(DEADLINE_S):
        while not (await looking.status()).depth:
            await asyncio.sleep(0.01)
    # It was told to come again in an hour; who becomes free does not wait for that.
    [work] = await site.cell.pool.got(1)
    async with asyncio.timeout(DEADLINE_S):
        await site.cell.pool.end(work, RunSucceeded)
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


async def test_an_older_offer_that_comes_late_takes_nothing_from_the_present_one_and_is_not_kept_in_mind(
    site: Site,
) -> None:
    await site.cell.capacity("developer", 1)
    coordinator = await site.coordinator()

    def state() -> ConsumerState:
        assert coordinator.consumer is not None
        return coordinator.consumer.state

    giver = await site.bystander()
    busy, waits = await site.cell.submit(), await site.cell.submit()
    [first, older] = await _open_offers(site)
    await giver.offer([first])
    await site.cell.assigned(1)
    await site.cell.people.dispatch(ORIGIN, RequeueTask(deliveries=1), waits)
    [present] = [one for one in await _open_offers(site) if one.task_id == waits]
    await giver.offer([present])
    await passed(lambda: waits in state().put_off)
    await giver.offer([older])
    # Once it is acknowledged, only the present one is left.
    async with asyncio.timeout(DEADLINE_S):
        while sum((await giver.status()).depth.values()) > 1:
            await asyncio.sleep(0.02)
    assert state().delivered == {waits: present.position}
    [work] = await site.cell.pool.got(1)
    assert work.task.id == busy
    await site.cell.pool.end(work, RunSucceeded)
    await site.cell.assigned(2)
    await site.emptied()
    await giver.offer([replace(present, subject="acme.tasks.code-generation.low")])
    await site.emptied()
    assert state().delivered == {}


class Away(Line):
    """A log that takes no assignment until it is `back`."""

    back = False

    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        if not self.back:
            raise UnavailableError("the log is away")
        return await super().append(requests)


async def test_offers_in_hand_do_not_become_dead_letters_while_the_log_is_away(site: Site) -> None:
    """Unanswered for two seconds, an offer is delivered again, and after three times is a dead letter."""
    site.ack_wait_s = 2
    await site.relay()
    log = Away(site.cell.writer)
    await site.coordinator(port=log)
    beats = site.queues[-1].beats
    task_id = await site.cell.submit()
    await passed(lambda: len(beats) > 3 * MAX_DELIVER * MAX_DELIVER)
    assert len(beats) * HEARTBEAT_S > site.ack_wait_s
    assert len(set(beats)) == 1  # the same delivery all the time
    looking = await site.bystander()
    assert (await looking.status()).dead_letters == ()
    log.back = True
    await site.cell.assigned(1)
    await site.emptied()
    await site.assigned_once(task_id)


async def test_without_a_consumer_the_log_is_the_queue_and_tells_what_waits_in_it(site: Site) -> None:
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
    await passed(lambda: bool(site.cell.pool.performed))
    await site.assigned_once(first)
    await coordinator.stop()
