from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from actors.group_commit import GroupCommit
from events.task import TaskApproved
from vapora.errors import LogError
from vapora.log import MemoryLog, encode
from vapora.log.event_log import Committed
from vapora.records import Append, Appended, Encoded, StreamAppend

YES = encode(TaskApproved(task_id="t"))


def request(stream: str, *events: Encoded) -> Append:
    return Append(stream, "anna", "cor", None, (StreamAppend(stream, 0, events or (YES,)),))


class Watched(MemoryLog):
    """Tells how many requests each commit had and in which thread; waits at its gate, in a thread of its own."""

    def __init__(self) -> None:
        super().__init__("acme")
        self.sizes: list[int] = []
        self.threads: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.errors: list[LogError] = []

    def commit(self, requests: Sequence[Append]) -> Committed:
        self.sizes.append(len(requests))
        self.threads.append(threading.get_ident())
        self.entered.release()
        assert self.gate.wait(10)
        if self.errors:
            raise self.errors.pop()
        return super().commit(requests)

    @property
    def was_here(self) -> bool:
        """Whether the last commit was made in the loop."""
        return self.threads[-1] == threading.get_ident()


Heard = list[tuple[int, BaseException | None]]


@asynccontextmanager
async def committing(log: Watched, heard: Heard, quick_s: float) -> AsyncIterator[GroupCommit]:
    def hear(committed: Committed | None, error: BaseException | None) -> None:
        heard.append((0 if committed is None else committed.tip.position, error))

    commits = GroupCommit(hear, quick_s=quick_s)
    commits.start()
    commits.use(log)
    yield commits
    log.gate.set()
    await commits.settle()
    commits.stop()


@pytest.fixture
def log() -> Watched:
    return Watched()


@pytest.fixture
def heard() -> Heard:
    return []


@pytest.fixture
async def quick(log: Watched, heard: Heard) -> AsyncIterator[GroupCommit]:
    """On a disk that has answered at once some times: whatever it does counts as quick."""
    async with committing(log, heard, 60) as commits:
        for number in range(8):
            await commits.append([request(f"first-{number}")])
        yield commits


@pytest.fixture
async def slow(log: Watched, heard: Heard) -> AsyncIterator[GroupCommit]:
    async with committing(log, heard, 0) as commits:
        for number in range(8):
            await commits.append([request(f"first-{number}")])
        yield commits


async def test_one_small_request_is_committed_in_the_loop_once_the_disk_has_shown_that_it_is_quick(
    quick: GroupCommit, log: Watched, heard: Heard
) -> None:
    assert threading.get_ident() not in log.threads
    assert await quick.append([request("a")]) == [Appended((9,))]
    assert log.was_here
    assert heard == [(position, None) for position in range(1, 10)]


async def test_on_a_slow_disk_the_loop_never_commits(slow: GroupCommit, log: Watched) -> None:
    await slow.append([request("a")])
    assert threading.get_ident() not in log.threads


@pytest.mark.parametrize(
    "requests",
    [
        [request("a"), request("b")],
        [request("a", *[YES] * 9)],
        [request("a", Encoded(YES.topic, 1, b"{%b}" % (b" " * 65_536)))],
    ],
    ids=["two requests", "many events", "a large event"],
)
async def test_what_may_take_long_is_left_to_the_thread(
    requests: list[Append], quick: GroupCommit, log: Watched
) -> None:
    await quick.append(requests)
    assert not log.was_here


async def test_a_log_that_is_not_at_hand_is_left_to_the_thread(quick: GroupCommit, log: Watched) -> None:
    log.is_at_hand = False
    await quick.append([request("a")])
    assert not log.was_here


async def test_one_slow_commit_gives_the_log_back_to_the_thread(log: Watched, heard: Heard) -> None:
    async with committing(log, heard, 60) as commits:
        for number in range(9):
            await commits.append([request(f"first-{number}")])
        assert log.was_here
        commits._quick_s = 0
        await commits.append([request("slow")])
        assert log.was_here
        await commits.append([request("next")])
        assert not log.was_here


async def test_while_the_thread_has_something_else_to_do_the_log_is_the_threads(
    quick: GroupCommit, log: Watched
) -> None:
    entered, gate = threading.Event(), threading.Event()

    def work() -> str:
        entered.set()
        gate.wait(10)
        return "done"

    working = asyncio.create_task(quick.call(work))
    await asyncio.to_thread(entered.wait, 10)
    appending = asyncio.create_task(quick.append([request("a")]))
    await _until(lambda: quick.is_busy and not quick.waiting)
    assert len(log.sizes) == 8
    gate.set()
    assert (await working, await appending) == ("done", [Appended((9,))])
    assert not log.was_here


async def test_who_appends_in_the_same_turn_shares_the_transaction(quick: GroupCommit, log: Watched) -> None:
    answers = await asyncio.gather(*(quick.append([request(stream)]) for stream in "abc"))
    assert answers == [[Appended((9,))], [Appended((10,))], [Appended((11,))]]
    assert log.sizes[8:] == [3]


async def test_many_make_two_groups_that_take_turns(quick: GroupCommit, log: Watched) -> None:
    answers = await asyncio.gather(*(quick.append([request(f"s{number}")]) for number in range(16)))
    assert answers == [[Appended((position,))] for position in range(9, 25)]
    assert log.sizes[8:] == [8, 8]


async def test_on_a_slow_disk_all_share_one_transaction(slow: GroupCommit, log: Watched) -> None:
    await asyncio.gather(*(slow.append([request(f"s{number}")]) for number in range(40)))
    assert log.sizes[8:] == [40]


async def test_the_thread_takes_the_next_group_without_asking_the_loop(
    quick: GroupCommit, log: Watched, heard: Heard
) -> None:
    log.gate.clear()
    appending = [asyncio.create_task(quick.append([request(stream)])) for stream in "ab"]
    await asyncio.to_thread(_entered, log, 9)
    appending += [asyncio.create_task(quick.append([request(stream)])) for stream in "cd"]
    await _until(lambda: quick.waiting == 2)
    log.gate.set()
    assert log.entered.acquire(timeout=10)  # in the loop, which can do nothing meanwhile
    assert log.sizes[8:] == [2, 2] and len(heard) == 8
    assert [await one for one in appending] == [[Appended((position,))] for position in range(9, 13)]
    assert heard[8:] == [(10, None), (12, None)]


async def test_who_is_first_and_goes_away_takes_nobody_along(quick: GroupCommit, log: Watched) -> None:
    first, second = (asyncio.create_task(quick.append([request(stream)])) for stream in "ab")
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [Appended((9,))]
    assert first.cancelled() and log.read("a") == []
    only = asyncio.create_task(quick.append([request("c")]))
    await asyncio.sleep(0)
    only.cancel()
    await asyncio.wait([only])
    assert not quick.is_busy
    assert await quick.append([request("d")]) == [Appended((10,))]


async def test_an_error_in_the_loop_is_told_and_the_next_try_is_the_threads(
    quick: GroupCommit, log: Watched, heard: Heard
) -> None:
    full = LogError("The disk is full.")
    log.errors = [full]
    with pytest.raises(LogError, match="disk is full"):
        await quick.append([request("a")])
    assert log.was_here and heard[-1] == (0, full)
    assert await quick.append([request("a")]) == [Appended((9,))]
    assert not log.was_here


def _entered(log: Watched, times: int) -> None:
    for _ in range(times):
        assert log.entered.acquire(timeout=10)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)
