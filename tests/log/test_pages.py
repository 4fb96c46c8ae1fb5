"""However large the events, however many are asked for: what is read at once stays small, and nothing is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors.log_writer import LogWriter
from events.ids import task_stream
from events.task import TaskApproved, TaskRejected
from vapora.log import mapper
from vapora.log.client import LogClient
from vapora.log.event_log import EventLog
from vapora.log.memory import MemoryLog
from vapora.records import PAGE_BYTES, Append, StoredRecord, StreamAppend, is_full

LARGE = 6 * 1024 * 1024
STREAM = task_stream("t")


def append(log: EventLog, number: int, *sizes: int) -> None:
    """Each event in an append of its own; every other one is a rejection."""
    for version, size in enumerate(sizes, number):
        kind = TaskRejected if version % 2 else TaskApproved
        event = mapper.encode(kind(task_id="t", comment="x" * size))
        [_] = log.append([Append(f"r{version}", "anna", "cor", None, (StreamAppend(STREAM, version, (event,)),))])


Read = Callable[[EventLog, int, int], list[StoredRecord]]
WAYS: dict[str, Read] = {
    "stream": lambda log, after, limit: log.read(STREAM, after, limit),
    "log": lambda log, after, limit: log.after(after, limit),
    "topics": lambda log, after, limit: log.after(after, limit, (TaskApproved.TOPIC, TaskRejected.TOPIC)),
    "picked": lambda log, after, limit: log.pick(range(after + 1, log.head() + 1)[:limit]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_page_ends_with_the_event_that_makes_it_large(log: EventLog, way: str) -> None:
    append(log, 0, LARGE, LARGE, LARGE, LARGE, 10, 10)

    first = WAYS[way](log, 0, 100)
    assert [one.version for one in first] == [1, 2, 3]
    assert is_full(first, 100)
    rest = WAYS[way](log, 3, 100)
    assert [one.version for one in rest] == [4, 5, 6]
    assert not is_full(rest, 100)
    assert is_full(WAYS[way](log, 0, 2), 2)


def test_an_event_that_is_a_page_by_itself_is_read(log: EventLog) -> None:
    append(log, 0, 16 * 1024 * 1024 - 1_000, 10)

    assert [[one.version for one in WAYS[way](log, 0, 5)] for way in WAYS] == [[1, 2]] * len(WAYS)
    assert [one.version for one in log.read(STREAM, 0, 1)] == [1]


def test_what_is_proved_and_exported_comes_in_pages_too(log: EventLog) -> None:
    append(log, 0, LARGE, LARGE, LARGE, LARGE)

    assert [one.position for one in log.scan(None, 100)] == [1, 2, 3]
    assert [one.position for one in log.scan(3, 100)] == [4]


async def test_a_follower_that_is_far_behind_gets_large_events_in_order_and_few_at_a_time() -> None:
    log = MemoryLog("acme")
    append(log, 0, *[LARGE] * 7, 10, 10)
    writer = LogWriter(lambda: log)
    await writer.start()
    try:
        for topics in ((), (TaskApproved.TOPIC,), (TaskRejected.TOPIC,)):
            seen: list[int] = []
            position = 0
            while position < log.head():
                batch = await writer.poll(position, 10_000, 0, topics)
                assert sum(len(one.state) for one in batch.records) < PAGE_BYTES + LARGE + 1_000
                seen += [one.position for one in batch.records]
                position = batch.position
            assert seen == [one.position for one in _wanted(log, topics)]
        # Who reads a whole stream is given all of it.
        read = await LogClient(writer, "acme").read(STREAM)
        assert [one.version for one in read] == list(range(1, 10))
    finally:
        await writer.stop()


def _wanted(log: EventLog, topics: tuple[str, ...]) -> list[StoredRecord]:
    found: list[StoredRecord] = []
    while page := log.after(found[-1].position if found else 0, 1):
        found += page
    return [one for one in found if not topics or one.topic in topics]
