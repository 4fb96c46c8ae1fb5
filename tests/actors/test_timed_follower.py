"""A follower with timers, over a real log writer. Any two events will do: one sets a timer, by the other it rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

import pytest

from actors.log_writer import LogWriter
from actors.timers import TimedFollower
from events import Recorded
from events.ids import StreamName
from events.task import TaskApproved, TaskRejected
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, everything, log_writer
from tests.waiting import DEADLINE_S
from vapora.clock import Clock, now
from vapora.domain.timers import Timer, Timers
from vapora.errors import VersionConflictError
from vapora.log.client import LogClient


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOON)


@pytest.fixture
async def writer(clock: MovableClock) -> AsyncIterator[LogWriter]:
    async with log_writer(clock) as opened:
        yield opened


@pytest.fixture
def log(writer: LogWriter) -> LogClient:
    return LogClient(writer, WORKSPACE)


class Bell:
    """`task.rejected` of a task sets its timer, a minute later; that it rang is `task.approved`, which cancels it."""

    def __init__(self, log: LogClient, clock: Clock, *, longest_s: float = 0.02) -> None:
        self.timers = Timers()
        self.log = log
        self.fails = 0
        self.tried: list[tuple[Timer, ...]] = []
        self.follower = TimedFollower(
            "bell", log, self.handle, self.ring, lambda: self.timers, clock, longest_s=longest_s
        )

    async def handle(self, events: Sequence[Recorded]) -> None:
        for one in events:
            match one.event:
                case TaskRejected(task_id=task_id):
                    self.timers.set(task_id, one.recorded_at.replace(minute=one.recorded_at.minute + 1))
                case TaskApproved(task_id=task_id):
                    self.timers.cancel(task_id)

    async def ring(self, due: tuple[Timer, ...]) -> None:
        self.tried.append(due)
        if self.fails:
            self.fails -= 1
            raise ValueError("the bell is broken")
        for timer in due:
            with suppress(VersionConflictError):
                await self.log.append(ORIGIN, (StreamName(f"task:{timer.key}"), 1, (TaskApproved(task_id=timer.key),)))


async def wind(log: LogClient, *names: str) -> None:
    for name in names:
        await log.append(ORIGIN, (StreamName(f"task:{name}"), 0, (TaskRejected(task_id=name),)))


def waits_for(bell: Bell) -> datetime | None:
    return bell.follower.next_due


async def rung(log: LogClient) -> list[str]:
    return [one.event.task_id for one in await everything(log) if isinstance(one.event, TaskApproved)]


async def until_rung(log: LogClient, count: int) -> list[str]:
    while len(found := await rung(log)) < count:
        await asyncio.sleep(0.005)
    return found


async def test_it_fires_when_the_clock_says_so_and_not_before(log: LogClient, clock: MovableClock) -> None:
    bell = Bell(log, clock)
    bell.follower.start()
    await wind(log, "a")
    await bell.follower.wait_for(1, 60)
    clock.move(59)
    await asyncio.sleep(0)
    assert await rung(log) == []
    assert waits_for(bell) == NOON.replace(minute=1)
    clock.move(1)
    assert await until_rung(log, 1) == ["a"]
    await bell.follower.wait_for(2, 60)
    assert waits_for(bell) is None
    assert not bell.follower.is_due
    await bell.follower.stop()


async def test_it_wakes_by_itself_at_the_due_time_and_waits_no_longer(log: LogClient) -> None:
    """The clock is the real one here: nothing but the timer ends the wait of up to a minute."""
    bell = Bell(log, now, longest_s=60)
    bell.timers.set("a", now() + timedelta(seconds=0.2))
    await log.append(ORIGIN, (StreamName("task:a"), 0, (TaskApproved(task_id="b"),)))  # at version 1, for `ring`
    bell.follower.start()
    async with asyncio.timeout(50):
        assert await until_rung(log, 2) == ["b", "a"]
    await bell.follower.stop()


async def test_two_at_once_ring_once(log: LogClient, clock: MovableClock) -> None:
    names = [f"t{number}" for number in range(20)]
    await wind(log, *names)
    bells = [Bell(log, clock) for _ in range(4)]
    for bell in bells:
        await bell.follower.catch_up()
    clock.move(60)
    for bell in bells:
        bell.follower.start()
    assert sorted(await until_rung(log, 20)) == sorted(names)
    for bell in bells:
        await bell.follower.wait_for(40, 60)
        await bell.follower.stop()
    assert len(await rung(log)) == 20


async def test_a_new_one_finds_what_was_due_and_fires_it_after_it_has_read_all_of_the_log(
    log: LogClient, clock: MovableClock
) -> None:
    await wind(log, "a", "b")
    clock.move(60)
    first = Bell(log, clock)
    await first.follower.catch_up()
    assert first.follower.is_due
    assert not first.tried
    first.follower.start()
    assert await until_rung(log, 2) == ["a", "b"]
    await first.follower.stop()
    second = Bell(log, clock)
    second.follower.start()
    await second.follower.wait_for(4, 60)
    await second.follower.stop()
    assert second.tried == [] and len(await rung(log)) == 2


async def test_one_that_fails_is_tried_again_and_its_reason_is_on_show(log: LogClient, clock: MovableClock) -> None:
    await wind(log, "a")
    clock.move(60)
    bell = Bell(log, clock)
    bell.fails = 3
    bell.follower.start()
    while not bell.follower.problem:
        await asyncio.sleep(0)
    assert "the bell is broken" in bell.follower.problem
    assert await until_rung(log, 1) == ["a"]
    await bell.follower.stop()


async def test_what_stays_due_is_not_tried_without_pause_and_delays_no_other(
    log: LogClient, clock: MovableClock
) -> None:
    bell = Bell(log, clock)
    # Of a task that the log does not know: its append conflicts for ever.
    bell.timers.set("nobody", NOON)
    began = monotonic()
    bell.follower.start()
    while not bell.tried:
        await asyncio.sleep(0)
    await wind(log, "a")
    await bell.follower.wait_for(1, 60)
    # The first pause is half a second, and each is longer than the one before it.
    assert len(bell.tried) <= 3 + (monotonic() - began) / 0.5
    clock.move(60)
    async with asyncio.timeout(DEADLINE_S):
        assert await until_rung(log, 1) == ["a"]
    await bell.follower.stop()
