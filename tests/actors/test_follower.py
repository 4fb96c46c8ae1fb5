from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from actors.follower import Follower, Ticker, cancel
from actors.log_writer import LogWriter
from events import Recorded
from events.ids import StreamName
from events.task import TaskApproved, TaskRejected
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, log_writer, passed
from vapora.log.client import LogClient

STREAM = StreamName("task:t")


@pytest.fixture
async def writer() -> AsyncIterator[LogWriter]:
    async with log_writer(MovableClock(NOON)) as opened:
        yield opened


@pytest.fixture
def log(writer: LogWriter) -> LogClient:
    return LogClient(writer, WORKSPACE)


async def add(log: LogClient, count: int) -> int:
    version = len(await log.read(STREAM))
    events = tuple((TaskApproved, TaskRejected)[number % 2](task_id="t") for number in range(count))
    return (await log.append(ORIGIN, (STREAM, version, events))).position


class Reader:
    def __init__(self, fails: int = 0) -> None:
        self.batches: list[list[int]] = []
        self.fails = fails

    @property
    def positions(self) -> list[int]:
        return [position for batch in self.batches for position in batch]

    async def __call__(self, events: Sequence[Recorded]) -> None:
        self.batches.append([one.position for one in events])
        if self.fails:
            self.fails -= 1
            raise ValueError("cannot take it")


async def test_every_event_comes_in_order_what_stands_and_what_follows(log: LogClient) -> None:
    await add(log, 5)
    reader = Reader()
    follower = Follower("test", log, reader, limit=2)
    follower.start()
    assert await follower.wait_for(5, 60) == 5
    last = await add(log, 3)
    assert await follower.wait_for(last, 60) == last
    assert reader.positions == list(range(1, 9))
    await follower.stop()


async def test_it_begins_where_it_is_told_and_sees_only_the_topics_it_names(log: LogClient) -> None:
    await add(log, 6)
    reader = Reader()
    follower = Follower("test", log, reader, after=2, topics=(TaskRejected.TOPIC,))
    await follower.catch_up()
    assert reader.positions == [4, 6]
    assert follower.position == 6


async def test_a_batch_that_fails_comes_again_and_the_reason_shows_until_it_is_taken(log: LogClient) -> None:
    reader = Reader(fails=2)
    follower = Follower("test", log, reader)
    follower.start()
    await add(log, 2)
    await passed(lambda: follower.problem is not None)
    assert follower.problem == "ValueError: cannot take it"
    assert follower.position == 0
    assert await follower.wait_for(2, 60) == 2
    assert reader.batches == [[1, 2]] * 3
    await passed(lambda: follower.problem is None)
    await follower.stop()


async def test_a_log_that_was_away_is_not_shown_as_a_problem_once_it_is_back(writer: LogWriter, log: LogClient) -> None:
    follower = Follower("test", log, Reader())
    follower.start()
    await asyncio.sleep(0)
    await writer.stop()
    await passed(lambda: follower.problem is not None)
    await writer.start()
    await passed(lambda: follower.problem is None)  # though nothing new comes
    await follower.stop()


async def test_who_waits_for_a_position_is_told_how_far_it_came(log: LogClient) -> None:
    await add(log, 1)
    follower = Follower("test", log, Reader())
    follower.start()
    waits = [asyncio.create_task(follower.wait_for(position, 60)) for position in (1, 2, 3)]
    assert await follower.wait_for(9, 0.01) <= 1
    await add(log, 2)
    assert all(reached >= wanted for wanted, reached in enumerate(await asyncio.gather(*waits), 1))
    await follower.stop()


async def test_stopped_and_started_again_it_goes_on_where_it_was(log: LogClient) -> None:
    reader = Reader()
    follower = Follower("test", log, reader)
    await add(log, 2)
    follower.start()
    follower.start()
    await follower.wait_for(2, 60)
    await follower.stop()
    await follower.stop()
    await add(log, 2)
    follower.start()
    await follower.wait_for(4, 60)
    assert reader.positions == [1, 2, 3, 4]
    await follower.stop()


async def test_a_tick_that_fails_is_shown_and_the_next_one_comes() -> None:
    ticks: list[str | None] = []

    async def work() -> None:
        ticks.append(ticker.problem)
        if len(ticks) == 1:
            raise ValueError("no")

    ticker = Ticker("test", work, 0.001)
    ticker.start()
    await passed(lambda: len(ticks) >= 3)
    assert ticks[:3] == [None, "ValueError: no", None]
    await ticker.stop()


async def test_cancelling_a_task_that_had_died_says_so_and_goes_on() -> None:
    async def dies() -> None:
        raise ValueError("bug")

    task = asyncio.create_task(dies())
    await asyncio.wait([task])
    await cancel(task)
    await cancel(None)


async def test_whoever_cancels_may_be_cancelled_too() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await release.wait()

    release = asyncio.Event()
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    cancelling = asyncio.create_task(cancel(task))
    await asyncio.sleep(0)
    cancelling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelling
    release.set()
    await task
