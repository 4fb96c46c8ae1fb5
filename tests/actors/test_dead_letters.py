"""What the queue gave up: on show, on the card, left alone, and put back by an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.coordinator import SwarmCoordinator
from events.ids import TaskState
from events.task import TaskWaiting
from tests.actors.consumer_site import MAX_DELIVER, Site, open_site
from tests.actors.kit import ORIGIN, passed, seen
from tests.waiting import DEADLINE_S
from vapora.commands import EditAgent, MoveTask, RequeueTask
from vapora.errors import NotFoundError, UnavailableError


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as made:
        yield made


async def _buried(site: Site) -> tuple[SwarmCoordinator, str]:
    """A coordinator, and a task that it could not give out, whose card says so."""
    await site.relay()
    site.clock.broken = True
    coordinator = await site.coordinator()
    task_id = await site.cell.submit()
    await seen(site.cell.log, TaskWaiting)
    return coordinator, task_id


async def test_a_task_that_cannot_be_given_out_ends_as_a_dead_letter_and_its_card_says_so(site: Site) -> None:
    coordinator, task_id = await _buried(site)
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


async def test_the_card_of_a_dead_letter_says_so_whatever_else_it_would_wait_for(site: Site) -> None:
    coordinator, task_id = await _buried(site)
    await site.cell.people.dispatch(ORIGIN, EditAgent(enabled=False), "developer")
    other = await site.cell.submit()
    # Two reasons for one card would be told in turns, without end.
    assert await _told(site, 2) == [(task_id, "requeue"), (other, "Enable developer")]

    # Put back, it waits as the other one does.
    letter = await coordinator.dead_letter(task_id)
    await site.cell.people.dispatch(ORIGIN, RequeueTask(deliveries=letter.deliveries), task_id)
    assert (await _told(site, 3))[2:] == [(task_id, "Enable developer")]


async def _told(site: Site, count: int) -> list[tuple[str, str]]:
    """What cards were told to wait for, as far as it says that much."""
    found = [one.event for one in await seen(site.cell.log, TaskWaiting, count)]
    hints = ("requeue", "Enable developer")
    return [
        (one.task_id, hint) for one in found if isinstance(one, TaskWaiting) for hint in hints if hint in one.remedy
    ]


async def test_dead_letters_are_kept_in_mind_while_nats_is_away_and_unknown_to_who_starts_then(site: Site) -> None:
    coordinator, task_id = await _buried(site)
    await site.server.kill()
    await passed(lambda: not coordinator.consumer.queue.connected)  # type: ignore[union-attr]
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


async def test_the_dead_letter_of_a_task_that_is_gone_is_forgotten(site: Site) -> None:
    coordinator, task_id = await _buried(site)
    await site.cell.people.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), task_id)
    async with asyncio.timeout(DEADLINE_S):
        while (await coordinator.queue_status()).dead_letters:
            await asyncio.sleep(0.02)
    await site.emptied()
