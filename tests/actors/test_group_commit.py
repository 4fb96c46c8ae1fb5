from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from actors.log_writer.group_commit import GroupCommit
from events.task import TaskApproved
from tests.waiting import DEADLINE_S
from vapora.clock import now
from vapora.errors import LogError
from vapora.log import encode
from vapora.log.chain import ChainEntry, Tip
from vapora.log.event_log import Committed, EventLog
from vapora.log.memory import _MemoryStore
from vapora.log.store import TakenError
from vapora.records import Append, Appended, AppendResult, Conflict, Encoded, StreamAppend

YES = encode(TaskApproved(task_id="t"))


def request(stream: str, *events: Encoded) -> Append:
    return Append(stream, "anna", "cor", None, (StreamAppend(stream, 0, events or (YES,)),))


class Watched(_MemoryStore):
    """Tells how many events each commit had and in which thread; waits at its gate, in a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.sizes: list[int] = []
        self.threads: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.errors: list[LogError] = []

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        self.sizes.append(len(entries))
        self.threads.append(threading.get_ident())
        self.entered.release()
        assert self.gate.wait(DEADLINE_S)
        if self.errors:
            raise self.errors.pop()
        super().write(entries, tip)

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        self.asked.append(threading.get_ident())
        return super().versions(streams)

    @property
    def was_here(self) -> bool:
        """Whether the last commit was made in the loop."""
        return self.threads[-1] == threading.get_ident()


Heard = list[tuple[int, BaseException | None]]


@asynccontextmanager
async def committing(log: Watched, heard: Heard, quick_s: float, at_hand: bool = True) -> AsyncIterator[GroupCommit]:
    def hear(committed: Committed | None, error: BaseException | None) -> None:
        heard.append((0 if committed is None else committed.tip.position, error))

    commits = GroupCommit(hear, quick_s=quick_s)
    commits.start()
    checked = EventLog(log, "acme", now)
    checked.is_at_hand = at_hand
    commits.use(checked)
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
        await _eight(commits)
        yield commits


@pytest.fixture
async def slow(log: Watched, heard: Heard) -> AsyncIterator[GroupCommit]:
    async with committing(log, heard, 0) as commits:
        await _eight(commits)
        yield commits


async def test_one_small_request_is_committed_in_the_loop_once_the_disk_has_shown_that_it_is_quick(
    quick: GroupCommit, log: Watched, heard: Heard
) -> None:
    assert threading.get_ident() not in log.threads
    assert await quick.append([request("a")]) == [Appended((9,))]
    assert log.was_here
    assert heard == [(position, None) for position in range(1, 10)]


async def test_on_a_slow_disk_the_loop_waits_for_neither_reads_nor_writes(slow: GroupCommit, log: Watched) -> None:
    await slow.append([request("a")])
    await asyncio.gather(*(slow.append([request(f"s{number}")]) for number in range(20)))
    assert threading.get_ident() not in log.threads + log.asked


async def test_the_loop_does_not_decide_while_the_thread_does(log: Watched, heard: Heard) -> None:
    async with committing(log, heard, 0) as commits:
        log.gate.clear()
        first = asyncio.create_task(commits.append([request("a")]))
        await asyncio.to_thread(_entered, log, 1)
        commits._quick_s = 60  # the disk has become quick meanwhile
        second = asyncio.create_task(commits.append([request("b")]))
        await _until(lambda: commits.waiting == 1)
        assert threading.get_ident() not in log.asked
        log.gate.set()
        assert (await first, await second) == ([Appended((1,))], [Appended((2,))])
        assert log.asked[-1] == threading.get_ident()


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


async def test_a_log_that_is_not_at_hand_is_left_to_the_thread(log: Watched, heard: Heard) -> None:
    async with committing(log, heard, 60, at_hand=False) as commits:
        for number in range(20):
            assert await commits.append([request(f"s{number}")]) == [Appended((number + 1,))]
        await asyncio.gather(*(commits.append([request(f"t{number}")]) for number in range(20)))
        assert threading.get_ident() not in log.threads + log.asked


async def test_a_disk_that_has_become_slow_gets_its_thread_back(quick: GroupCommit, log: Watched) -> None:
    await quick.append([request("a")])
    assert log.was_here
    quick._quick_s = 0
    await quick.append([request("b")])
    assert not log.was_here


async def test_while_the_thread_has_something_else_to_do_the_log_is_the_threads(
    quick: GroupCommit, log: Watched
) -> None:
    entered, gate = threading.Event(), threading.Event()

    def work() -> str:
        entered.set()
        gate.wait(DEADLINE_S)
        return "done"

    working = asyncio.create_task(quick.call(work))
    await asyncio.to_thread(entered.wait, 10)
    appending = asyncio.create_task(quick.append([request("a")]))
    await _until(lambda: quick._commits == 1)
    assert len(log.sizes) == 8
    gate.set()
    assert (await working, await appending) == ("done", [Appended((9,))])
    assert not log.was_here


async def test_who_appends_in_the_same_turn_shares_the_transaction(quick: GroupCommit, log: Watched) -> None:
    answers = await asyncio.gather(*(quick.append([request(stream)]) for stream in "abc"))
    assert answers == [[Appended((9,))], [Appended((10,))], [Appended((11,))]]
    assert log.sizes[8:] == [3]


async def test_two_who_append_one_after_the_other_go_on_sharing(quick: GroupCommit, log: Watched) -> None:
    async def one_after_the_other(name: str) -> None:
        for number in range(5):
            await quick.append([request(f"{name}-{number}")])

    await asyncio.gather(one_after_the_other("a"), one_after_the_other("b"))
    assert log.sizes[8:] == [2] * 5


async def test_who_appends_one_after_the_other_lets_others_have_a_turn_before_it_holds_the_loop_for_long(
    log: Watched, heard: Heard
) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with committing(log, heard, 60) as commits:
        await _eight(commits)
        waiting = asyncio.create_task(others())
        seen = []
        for number in range(60):
            await commits.append([request(f"s{number}")])
            seen.append(turns)
            if number >= 30:
                commits._held_s += 20  # as if each commit had taken so long: with three of them the time is over
        waiting.cancel()
    # At first none is over, and the others have the one turn that was due when this began.
    assert len(set(seen[:30])) == 1
    gained = [later - earlier for earlier, later in pairwise(seen[30:])]
    assert gained == ([0, 0, 1] * 10)[: len(gained)]


async def test_many_make_two_groups_that_take_turns(quick: GroupCommit, log: Watched) -> None:
    answers = await asyncio.gather(*(quick.append([request(f"s{number}")]) for number in range(16)))
    assert answers == [[Appended((position,))] for position in range(9, 25)]
    assert log.sizes[8:] == [8, 8]


async def test_on_a_slow_disk_all_share_one_transaction(slow: GroupCommit, log: Watched) -> None:
    await asyncio.gather(*(slow.append([request(f"s{number}")]) for number in range(40)))
    assert log.sizes[8:] == [40]


async def test_the_next_group_is_decided_while_the_first_is_written_and_a_third_waits(
    quick: GroupCommit, log: Watched, heard: Heard
) -> None:
    appending = await _three_groups(quick, log)
    log.gate.set()
    assert log.entered.acquire(timeout=DEADLINE_S)  # in the loop: nobody asks it before the second is written
    assert log.sizes[8:] == [2, 2] and len(heard) == 8
    assert [await one for one in appending] == [[Appended((position,))] for position in range(9, 15)]
    assert heard[8:] == [(10, None), (12, None), (14, None)]


async def test_what_was_decided_upon_a_failed_write_is_decided_anew(
    quick: GroupCommit, log: Watched, heard: Heard
) -> None:
    appending = await _three_groups(quick, log)
    full = LogError("The disk is full.")
    log.errors = [full]
    log.gate.set()
    for failed in appending[:2]:
        with pytest.raises(LogError, match="disk is full"):
            await failed
    assert sorted([await one for one in appending[2:]]) == [[Appended((position,))] for position in range(9, 13)]
    assert heard[8] == (0, full) and [error for _, error in heard[9:]] == [None] * len(heard[9:])
    assert await quick.append([request("a")]) == [Appended((13,))]


async def test_nothing_is_written_on_top_of_what_failed(quick: GroupCommit, log: Watched) -> None:
    log.gate.clear()
    first = asyncio.create_task(quick.append([request("a"), request("b")]))
    await asyncio.to_thread(_entered, log, 9)
    second = asyncio.create_task(quick.append([Append("2", "anna", "cor", None, (StreamAppend("a", 1, (YES,)),))]))
    await _until(lambda: quick._commits == 2)
    log.errors = [LogError("The disk is full.")]
    log.gate.set()
    with pytest.raises(LogError):
        await first
    assert await second == [Conflict("a", 0)]
    assert log.read("a", 0, 1) == []


async def test_a_refusal_waits_for_what_it_is_founded_on(quick: GroupCommit, log: Watched) -> None:
    """Whether the first is written decides whether the second repeats it, comes too late or is in time."""
    log.gate.clear()
    first = asyncio.create_task(quick.append([request("a"), request("b")]))
    await asyncio.to_thread(_entered, log, 9)
    repeated = asyncio.create_task(quick.append([request("a")]))
    late = asyncio.create_task(quick.append([request("b")._replace(request_id="another")]))
    await _until(lambda: quick.waiting == 2)
    log.gate.set()
    assert await first == [Appended((9,)), Appended((10,))]
    assert (await repeated, await late) == ([Appended((9,))], [Conflict("b", 1)])

    log.gate.clear()
    first = asyncio.create_task(quick.append([request("c"), request("d")]))
    await asyncio.to_thread(_entered, log, 1)
    in_time = asyncio.create_task(quick.append([request("c")._replace(request_id="another")]))
    await _until(lambda: quick.waiting == 1)
    log.errors = [LogError("The disk is full.")]
    log.gate.set()
    with pytest.raises(LogError):
        await first
    assert await in_time == [Appended((11,))]


@pytest.mark.parametrize("times", [1, 3, 4])
async def test_versions_that_are_taken_are_looked_up_anew_but_not_for_ever(
    times: int, quick: GroupCommit, log: Watched
) -> None:
    log.gate.clear()
    first = asyncio.create_task(quick.append([request("a"), request("b")]))
    await asyncio.to_thread(_entered, log, 9)
    second = asyncio.create_task(quick.append([request("c")]))
    await _until(lambda: quick._commits == 2)
    log.errors = [TakenError("in use")] * times
    log.gate.set()
    answers = await asyncio.gather(first, second, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, LogError)]
    assert bool(refused) == (times == 4)
    assert all("move under its writer" in str(answer) for answer in refused)
    told = [one for answer in answers if isinstance(answer, list) for one in answer]
    positions = [one.position for one in told if isinstance(one, Appended)]
    assert sorted(positions) == list(range(9, log.head() + 1))
    assert len(positions) == 3 or times == 4


async def test_who_is_first_and_goes_away_takes_nobody_along(quick: GroupCommit, log: Watched) -> None:
    first, second = (asyncio.create_task(quick.append([request(stream)])) for stream in "ab")
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [Appended((9,))]
    assert first.cancelled() and log.read("a", 0, 1) == []
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


async def _eight(commits: GroupCommit) -> None:
    """After so many the disk counts as what it is."""
    for number in range(8):
        await commits.append([request(f"first-{number}")])


async def _three_groups(commits: GroupCommit, log: Watched) -> list[asyncio.Task[list[AppendResult]]]:
    """The first at the gate, the second decided, the third waiting; two callers each."""
    log.gate.clear()
    appending = [asyncio.create_task(commits.append([request(stream)])) for stream in "ab"]
    await asyncio.to_thread(_entered, log, 9)
    appending += [asyncio.create_task(commits.append([request(stream)])) for stream in "cd"]
    await _until(lambda: commits._commits == 2)
    appending += [asyncio.create_task(commits.append([request(stream)])) for stream in "ef"]
    await _until(lambda: commits.waiting == 2)
    return appending


def _entered(log: Watched, times: int) -> None:
    for _ in range(times):
        assert log.entered.acquire(timeout=DEADLINE_S)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)
