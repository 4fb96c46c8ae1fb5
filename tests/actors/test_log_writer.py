from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from actors.log_writer import LogWriter
from actors.log_writer.checkpoint_signer import CheckpointSigner
from events.task import TaskApproved, TaskRejected
from tests.waiting import DEADLINE_S
from vapora.clock import now
from vapora.errors import BadInputError, FencedError, LogError, UnavailableError
from vapora.log import MemoryLog, encode, mapper
from vapora.log.chain import ChainEntry, Tip
from vapora.log.event_log import Committed, EventLog
from vapora.log.memory import _MemoryStore
from vapora.log.proof import CheckpointBook
from vapora.log.sqlite import SQLiteLog
from vapora.log.store import TakenError
from vapora.ports import LogWriterPort
from vapora.records import Append, Appended, Batch, Conflict, StoredRecord, StreamAppend

YES, NO = TaskApproved(task_id="t"), TaskRejected(task_id="t")


def request(stream: str, expected: int, *events: TaskApproved | TaskRejected, id: str = "") -> Append:
    encoded = tuple(encode(event) for event in events or (YES,))
    return Append(id or f"{stream}-{expected}", "anna", "cor", None, (StreamAppend(stream, expected, encoded),))


def positions(batch: Batch) -> list[int]:
    return [record.position for record in batch.records]


@pytest.fixture(params=["memory", "sqlite"])
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], EventLog]:
    memory = MemoryLog("acme")
    return (lambda: memory) if request.param == "memory" else lambda: SQLiteLog.open(tmp_path / "log.sqlite", "acme")


@pytest.fixture
async def writer(open_log: Callable[[], EventLog]) -> AsyncIterator[LogWriter]:
    started = LogWriter(open_log)
    await started.start()
    yield started
    await started.stop()


async def test_it_keeps_the_contract_of_its_port(writer: LogWriter) -> None:
    port: LogWriterPort = writer
    assert await port.append([request("a", 0), request("a", 0, id="other")]) == [Appended((1,)), Conflict("a", 1)]
    assert [record.version for record in await port.read("a")] == [1]
    assert await port.head() == 1


async def test_a_poll_answers_at_once_with_what_is_there(writer: LogWriter) -> None:
    await writer.append([request("a", 0, YES, YES, YES)])
    first = await writer.poll(0, limit=2, timeout_s=60)
    assert (positions(first), first.position, first.head) == ([1, 2], 2, 3)
    second = await writer.poll(2, limit=2, timeout_s=60)
    assert (positions(second), second.position, second.head) == ([3], 3, 3)


async def test_a_poll_waits_for_the_next_event(writer: LogWriter) -> None:
    polls = [asyncio.create_task(writer.poll(0, timeout_s=60)) for _ in range(3)]
    await writer.append([request("a", 0)])
    async with asyncio.timeout(DEADLINE_S):
        assert [positions(batch) for batch in await asyncio.gather(*polls)] == [[1]] * 3


async def test_a_poll_gives_up_in_the_end(writer: LogWriter) -> None:
    assert await writer.poll(0, timeout_s=0.01) == Batch((), 0, 0)
    await writer.append([request("a", 0)])
    assert await writer.poll(1, timeout_s=0) == Batch((), 1, 1)


async def test_a_filtered_poll_waits_for_its_topics_and_tells_how_far_it_looked(writer: LogWriter) -> None:
    await writer.append([request("a", 0, YES, NO, YES)])
    batch = await writer.poll(0, timeout_s=0, topics=[NO.TOPIC])
    assert (positions(batch), batch.position) == ([2], 3)
    waiting = asyncio.create_task(writer.poll(batch.position, timeout_s=60, topics=[NO.TOPIC]))
    await writer.append([request("a", 3, YES)])
    await writer.append([request("a", 4, YES, NO)])
    async with asyncio.timeout(DEADLINE_S):
        assert positions(await waiting) == [6]
    assert await writer.poll(6, timeout_s=0.01, topics=["task.assigned"]) == Batch((), 6, 6)


async def test_old_events_come_from_the_store_and_new_ones_from_memory_without_a_gap(
    open_log: Callable[[], EventLog],
) -> None:
    before = LogWriter(open_log)
    await before.start()
    await before.append([request("a", 0, YES, NO, YES)])
    await before.stop()
    writer = LogWriter(open_log)
    await writer.start()
    await writer.append([request("a", 3, NO, YES)])
    assert await _follow(writer, 5, limit=2) == [1, 2, 3, 4, 5]
    assert positions(await writer.poll(0, timeout_s=0)) == [1, 2, 3, 4, 5]
    assert positions(await writer.poll(0, timeout_s=0, topics=[NO.TOPIC])) == [2, 4]
    assert positions(await writer.poll(2, timeout_s=0, topics=[NO.TOPIC])) == [4]
    await writer.stop()


async def test_a_filter_looks_through_a_long_past_in_strides(open_log: Callable[[], EventLog]) -> None:
    writer = LogWriter(open_log, stride=2, tail_records=0)
    await writer.start()
    await writer.append([request("a", 0, YES, YES, YES, YES, YES, NO, YES)])
    await writer.stop()
    await writer.start()
    batch = await writer.poll(0, timeout_s=0, topics=[NO.TOPIC])
    assert (positions(batch), batch.position) == ([6], 6)
    assert await writer.poll(6, timeout_s=0, topics=[NO.TOPIC]) == Batch((), 7, 7)
    await writer.stop()


async def test_followers_see_every_event_once_and_in_order_while_four_append_and_the_tail_is_short(
    open_log: Callable[[], EventLog],
) -> None:
    writer = LogWriter(open_log, tail_records=16)
    await writer.start()
    followers = [asyncio.create_task(_follow(writer, 400, limit=limit)) for limit in (1, 7, 1_000)]
    filtered = asyncio.create_task(_follow(writer, 200, limit=5, topics=[NO.TOPIC]))

    async def append(stream: str) -> None:
        for version in range(0, 100, 2):
            await writer.append([request(stream, version, YES, NO)])

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(append(stream) for stream in "abcd"))
        assert [await follower for follower in followers] == [list(range(1, 401))] * 3
        rejected = [record.position for record in await _all(writer) if record.topic == NO.TOPIC]
        assert await filtered == rejected
    await writer.stop()


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_fails_an_append_takes_effect_once_and_followers_see_all_in_order(seed: int) -> None:
    store = _Moody(Random(seed))
    writer = LogWriter(lambda: EventLog(store, "acme", now))
    await writer.start()
    answered: dict[str, tuple[int, ...]] = {}

    async def call(stream: str) -> None:
        for version in range(10):
            one = request(stream, version)
            while one.request_id not in answered:
                with suppress(LogError):
                    [answer] = await writer.append([one])
                    assert isinstance(answer, Appended)
                    answered[one.request_id] = answer.positions

    follower = asyncio.create_task(_follow(writer, 200, limit=7))
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(call(f"s{number}") for number in range(20)))
        assert await follower == list(range(1, 201))
    assert {mapper.request_id(one): (one.position,) for one in await _all(writer)} == answered
    await writer.stop()


async def test_callers_that_come_together_share_a_transaction() -> None:
    log = _Gated()
    writer = LogWriter(log.open)
    await writer.start()
    first = asyncio.create_task(writer.append([request("first", 0)]))
    await asyncio.to_thread(log.entered.wait)
    others = [asyncio.create_task(writer.append([request(f"s{n}", 0)])) for n in range(20)]
    conflict = asyncio.create_task(writer.append([request("s0", 0, id="late"), request("s0", 1)]))
    await _until(lambda: writer._commits.waiting == 21)
    log.gate.set()
    assert await first == [Appended((1,))]
    assert [await other for other in others] == [[Appended((n,))] for n in range(2, 22)]
    assert await conflict == [Conflict("s0", 1), Appended((22,))]
    assert log.sizes == [1, 21]
    await writer.stop()


async def test_a_caller_that_goes_away_does_not_disturb_the_others() -> None:
    log = _Gated()
    writer = LogWriter(log.open)
    await writer.start()
    gone, stays = (asyncio.create_task(writer.append([request(stream, 0)])) for stream in "ab")
    await asyncio.to_thread(log.entered.wait)
    gone.cancel()
    log.gate.set()
    assert await stays == [Appended((2,))]
    assert await writer.append([request("a", 0)]) == [Appended((1,))]
    await writer.stop()


async def test_a_slow_read_does_not_delay_an_append() -> None:
    log = _SlowToRead("acme")
    writer = LogWriter(lambda: log)
    await writer.start()
    reading = asyncio.create_task(writer.read("a"))
    await asyncio.to_thread(log.entered.wait)
    assert await writer.append([request("a", 0)]) == [Appended((1,))]
    assert positions(await writer.poll(0, timeout_s=60)) == [1]
    log.gate.set()
    assert [record.version for record in await reading] == [1]
    await writer.stop()


async def _shown(writer: LogWriter) -> dict[str, Any]:
    """Without what is counted."""
    return {
        name: value for name, value in (await writer.health()).items() if name in ("status", "head", "reason", "clock")
    }


async def test_a_failed_write_fails_those_who_share_it_and_the_next_one_tries_again() -> None:
    log = _Gated()
    writer = LogWriter(log.open)
    await writer.start()
    first = asyncio.create_task(writer.append([request("first", 0)]))
    await asyncio.to_thread(log.entered.wait)
    log.errors.append(LogError("The disk is full.", remedy="Make room."))
    others = [asyncio.create_task(writer.append([request(stream, 0)])) for stream in "abc"]
    await _until(lambda: writer._commits.waiting == 3)
    log.gate.set()
    assert await first == [Appended((1,))]
    for other in others:
        with pytest.raises(LogError, match="disk is full"):
            await other
    log.full = LogError("The disk is full.", remedy="Make room.")
    assert await _shown(writer) == {
        "status": "failing",
        "head": 1,
        "reason": "The disk is full. Make room.",
        "clock": "",
    }
    log.full = None
    # Well again before anybody appends: who keeps all others away until it is well may let them come.
    assert await _shown(writer) == {"status": "ok", "head": 1, "reason": "", "clock": ""}
    assert await writer.append([request("a", 0)]) == [Appended((2,))]
    assert await _shown(writer) == {"status": "ok", "head": 2, "reason": "", "clock": ""}
    await writer.stop()


@pytest.mark.parametrize(
    "bad",
    [
        Append("r", "anna", "cor", None, ()),
        request("half of a character \ud800", 0),
        request("a", 0)._replace(actor="\udcff"),
        request("a", 0)._replace(correlation="\udcff"),
        request("a", 0)._replace(request_id="\udcff"),
    ],
)
async def test_bad_input_harms_only_the_one_who_brings_it(writer: LogWriter, bad: Append) -> None:
    good = asyncio.create_task(writer.append([request("a", 0)]))
    with pytest.raises(BadInputError):
        await writer.append([bad])
    assert await good == [Appended((1,))]


async def test_a_writer_that_was_replaced_refuses_everything_from_then_on(tmp_path: Path) -> None:
    old, new = (LogWriter(lambda: SQLiteLog.open(tmp_path / "log.sqlite", "acme")) for _ in range(2))
    await old.start()
    await old.append([request("a", 0)])
    waiting = asyncio.create_task(old.poll(1, timeout_s=60))
    await new.start()
    with pytest.raises(FencedError):
        await old.append([request("a", 1)])
    for call in (lambda: old.append([request("b", 0)]), lambda: old.poll(0), lambda: old.read("a"), old.head):
        with pytest.raises(FencedError):
            await call()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(FencedError):
            await waiting
    assert (await old.health())["status"] == "fenced"
    assert await new.append([request("a", 1)]) == [Appended((2,))]
    await old.stop()
    await new.stop()


async def test_a_replaced_writer_that_nobody_writes_to_notices_when_a_poll_ends_or_its_health_is_asked(
    tmp_path: Path,
) -> None:
    polled, asked, new = (LogWriter(lambda: SQLiteLog.open(tmp_path / "log.sqlite", "acme")) for _ in range(3))
    for writer in (polled, asked, new):
        await writer.start()
    with pytest.raises(FencedError):
        await polled.poll(0, timeout_s=0.01)
    assert (await asked.health())["status"] == "fenced"
    for writer in (polled, asked, new):
        await writer.stop()


async def test_stopping_ends_waiting_polls_and_starting_again_goes_on(writer: LogWriter) -> None:
    waiting = asyncio.create_task(writer.poll(0, timeout_s=60, topics=["task.assigned"]))
    appending = asyncio.create_task(writer.append([request("a", 0)]))
    await writer.poll(0, timeout_s=60)
    await writer.stop()
    await writer.stop()
    assert await appending == [Appended((1,))]
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(UnavailableError, match="has stopped"):
            await waiting
    assert (await writer.health())["status"] == "stopped"
    await writer.start()
    await writer.start()
    assert await writer.append([request("a", 1)]) == [Appended((2,))]


async def test_what_was_handed_in_before_a_stop_is_still_committed() -> None:
    log = _Gated()
    writer = LogWriter(log.open)
    await writer.start()
    appends = [asyncio.create_task(writer.append([request(stream, 0)])) for stream in "ab"]
    await asyncio.to_thread(log.entered.wait)
    stopping = asyncio.create_task(writer.stop())
    log.gate.set()
    await stopping
    assert [await append for append in appends] == [[Appended((1,))], [Appended((2,))]]


async def test_a_writer_started_twice_at_once_does_not_fence_off_itself(open_log: Callable[[], EventLog]) -> None:
    writer = LogWriter(open_log)
    await asyncio.gather(writer.start(), writer.start())
    assert await writer.append([request("a", 0)]) == [Appended((1,))]
    await asyncio.gather(writer.stop(), writer.stop())


async def test_a_writer_that_has_not_started_says_so() -> None:
    writer = LogWriter(lambda: MemoryLog("acme"))
    with pytest.raises(UnavailableError, match="not started"):
        await writer.append([request("a", 0)])
    assert (await writer.health())["status"] == "stopped"


async def test_a_log_that_cannot_be_opened_stops_the_start_and_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"no database " * 1_000)
    writer = LogWriter(lambda: SQLiteLog.open(path, "acme"))
    with pytest.raises(LogError, match="not a database"):
        await writer.start()
    path.unlink()
    await writer.start()
    assert await writer.head() == 0
    await writer.stop()


async def test_a_start_that_is_cancelled_does_not_close_the_log_under_a_thread_that_still_reads_it() -> None:
    reading, go_on = threading.Event(), threading.Event()
    closed: list[str] = []

    class Watched(MemoryLog):
        def close(self) -> None:
            closed.append("closed")

    def open_book() -> CheckpointBook:
        reading.set()
        go_on.wait(DEADLINE_S)
        raise LogError("nobody waits for this any more")

    signer = CheckpointSigner(open_book, now, events=1_000, interval_s=60)
    starting = asyncio.create_task(LogWriter(lambda: Watched("acme"), signer=signer).start())
    await asyncio.to_thread(reading.wait, 10)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert not closed
    go_on.set()


@pytest.mark.parametrize(
    ("after", "limit", "timeout_s"), [(-1, 1, 0), (0, 0, 0), (0, 10_001, 0), (0, 1, -1), (0, 1, 61)]
)
async def test_bounds_are_kept(writer: LogWriter, after: int, limit: int, timeout_s: float) -> None:
    with pytest.raises(BadInputError):
        await writer.poll(after, limit, timeout_s)
    if timeout_s == 0:
        with pytest.raises(BadInputError):
            await writer.read("a", after, limit)


class _Moody(_MemoryStore):
    """Fails at times, before or after it has written."""

    def __init__(self, dice: Random) -> None:
        super().__init__()
        self._dice = dice

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        mood = self._dice.random()
        if mood < 0.1:
            raise LogError("The disk is full.")
        super().write(entries, tip)
        if mood < 0.2:
            raise TakenError("ours, and its confirmation was lost")
        if mood < 0.3:
            raise LogError("The connection was lost.")


class _Gated(_MemoryStore):
    """Its first commit waits at the gate; then errors that were put in come before any commit."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.gate = threading.Event(), threading.Event()
        self.errors: list[LogError] = []
        self.full: LogError | None = None
        self.sizes: list[int] = []

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        if self.errors and self.gate.is_set() and self.sizes:
            raise self.errors.pop()
        self.sizes.append(len(entries))
        self.entered.set()
        self.gate.wait()
        super().write(entries, tip)

    def open(self) -> EventLog:
        return EventLog(self, "acme", now)

    def ensure_writable(self) -> None:
        if self.full is not None:
            raise self.full


class _SlowToRead(MemoryLog):
    entered, gate = threading.Event(), threading.Event()

    def read(self, stream: str, after: int = 0, limit: int = 10) -> list[StoredRecord]:
        self.entered.set()
        self.gate.wait()
        return super().read(stream, after, limit)


async def _follow(writer: LogWriter, count: int, limit: int, topics: Sequence[str] = ()) -> list[int]:
    seen: list[int] = []
    position = 0
    while len(seen) < count:
        batch = await writer.poll(position, limit, 60, topics)
        assert len(batch.records) <= limit
        seen += positions(batch)
        position = batch.position
    return seen


async def _all(writer: LogWriter) -> tuple[StoredRecord, ...]:
    found: tuple[StoredRecord, ...] = ()
    while len(found) < await writer.head():
        found += (await writer.poll(found[-1].position if found else 0, timeout_s=0)).records
    return found


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


class CountedLog(MemoryLog):
    """Counts what is read from its store; the next append is written, and says that it was not, if `loses`."""

    def __init__(self) -> None:
        super().__init__("acme")
        self.reads = 0
        self.loses = False

    def read(self, stream: str, after: int = 0, limit: int = 10_000) -> list[StoredRecord]:
        self.reads += 1
        return super().read(stream, after, limit)

    def commit(self, requests: Sequence[Append]) -> Committed:
        committed = super().commit(requests)
        if self.loses:
            self.loses = False
            raise LogError("The confirmation was lost.")
        return committed


async def test_what_is_new_of_a_stream_is_looked_for_on_the_disk_only_where_there_may_be_something() -> None:
    log = CountedLog()
    writer = LogWriter(lambda: log)
    await writer.start()
    assert await writer.read("a") == []
    assert await writer.read("a") == []
    assert log.reads == 1
    await writer.append([request("a", 0)])
    assert [one.version for one in await writer.read("a")] == [1]
    assert await writer.read("a", 1) == []
    assert log.reads == 2
    # An append that only names a stream says how long that is as well.
    [append] = [request("b", 0)]
    await writer.append([append._replace(streams=(*append.streams, StreamAppend("c", 0, ())))])
    assert await writer.read("c") == []
    assert log.reads == 2
    await writer.stop()


async def test_after_a_lost_confirmation_a_reader_sees_what_stands_all_the_same() -> None:
    log = CountedLog()
    writer = LogWriter(lambda: log)
    await writer.start()
    await writer.append([request("a", 0)])
    assert await writer.read("a", 1) == []
    log.loses = True
    with pytest.raises(LogError):
        await writer.append([request("a", 1, id="lost")])
    assert [one.version for one in await writer.read("a", 1)] == [2]
    await writer.stop()


async def test_a_poll_for_a_topic_sleeps_through_the_others_and_knows_in_the_end_how_far_they_went(
    writer: LogWriter,
) -> None:
    patient = asyncio.create_task(writer.poll(0, timeout_s=60, topics=(NO.TOPIC,)))
    brief = asyncio.create_task(writer.poll(0, timeout_s=0.2, topics=(NO.TOPIC,)))
    everything = asyncio.create_task(writer.poll(0, timeout_s=60))
    await asyncio.sleep(0)
    await writer.append([request("a", 0, YES)])
    assert positions(await everything) == [1]
    assert not patient.done()
    passed_over = await brief
    assert (passed_over.records, passed_over.position, passed_over.head) == ((), 1, 1)
    await writer.append([request("a", 1, NO)])
    assert positions(await patient) == [2]
