"""What every log promises, in memory as on disk."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.task import TaskApproved
from tests.log.conftest import START, MakeRequest, MovableClock
from vapora.errors import BadInputError, LogError
from vapora.log import mapper
from vapora.log.chain import ChainEntry, Tip
from vapora.log.event_log import EventLog
from vapora.log.memory import MemoryLog, _MemoryStore
from vapora.log.plan import Versions
from vapora.log.store import TakenError
from vapora.records import Append, Appended, Conflict, StreamAppend


def stored(log: EventLog) -> list[tuple[int, str, int]]:
    return [(record.position, record.stream, record.version) for record in log.after(0, 10_000)]


def test_an_empty_log_has_no_head_and_no_records(log: EventLog) -> None:
    assert (log.head(), log.after(0), log.read("task:1")) == (0, [], [])


def test_events_get_positions_in_the_order_of_the_log_and_versions_in_the_order_of_the_stream(
    log: EventLog, make: MakeRequest
) -> None:
    assert log.append([make(("task:1", 0, 2)), make(("task:2", 0, 1))]) == [Appended((1, 2)), Appended((3,))]
    assert log.append([make(("task:1", 2, 1))]) == [Appended((4,))]
    assert stored(log) == [(1, "task:1", 1), (2, "task:1", 2), (3, "task:2", 1), (4, "task:1", 3)]
    assert log.head() == 4


def test_an_append_that_expects_another_version_is_refused_and_told_the_true_one(
    log: EventLog, make: MakeRequest
) -> None:
    log.append([make(("task:1", 0, 2))])
    assert log.append([make(("task:1", 1, 1))]) == [Conflict("task:1", 2)]
    assert log.append([make(("task:1", 5, 1))]) == [Conflict("task:1", 2)]
    assert log.append([make(("task:9", 1, 1))]) == [Conflict("task:9", 0)]
    assert log.head() == 2


def test_a_request_that_conflicts_is_refused_alone_in_its_batch(log: EventLog, make: MakeRequest) -> None:
    answers = log.append([make(("task:1", 0, 1)), make(("task:1", 0, 1)), make(("task:1", 1, 1)), make(("b", 0, 1))])
    assert answers == [Appended((1,)), Conflict("task:1", 1), Appended((2,)), Appended((3,))]


def test_an_append_over_several_streams_takes_effect_in_all_of_them_or_in_none(
    log: EventLog, make: MakeRequest
) -> None:
    assert log.append([make(("run:1", 0, 1), ("ledger", 0, 2))]) == [Appended((1, 2, 3))]
    assert log.append([make(("run:1", 1, 1), ("ledger", 0, 1))]) == [Conflict("ledger", 2)]
    assert len(log.read("run:1")) == 1
    assert log.append([make(("run:1", 1, 1), ("ledger", 2, 1))]) == [Appended((4, 5))]


def test_a_refused_append_over_several_streams_does_not_move_those_it_would_have_fitted(
    log: EventLog, make: MakeRequest
) -> None:
    log.append([make(("ledger", 0, 1))])
    refused, taken = log.append([make(("run:1", 0, 1), ("ledger", 0, 1)), make(("run:1", 0, 1))])
    assert (refused, taken) == (Conflict("ledger", 1), Appended((2,)))


def test_an_append_may_expect_a_stream_that_it_does_not_write_to(log: EventLog, make: MakeRequest) -> None:
    log.append([make(("task:1", 0, 2))])
    request = make(("task:2", 0, 1), ("task:1", 2, 0), ("task:3", 0, 0))
    moving = make(("task:1", 2, 1), ("task:2", 1, 0))
    late = make(("task:2", 1, 1), ("task:1", 2, 0))
    assert log.append([request, moving, late]) == [Appended((3,)), Appended((4,)), Conflict("task:1", 3)]
    assert log.append([request]) == [Appended((3,))]  # sent again, though what it expected has changed since
    with pytest.raises(BadInputError):
        log.append([make(("task:1", 3, 0))])


def test_one_append_may_name_a_stream_twice(log: EventLog, make: MakeRequest) -> None:
    assert log.append([make(("a", 0, 1), ("b", 0, 1), ("a", 1, 1))]) == [Appended((1, 2, 3))]
    assert stored(log) == [(1, "a", 1), (2, "b", 1), (3, "a", 2)]


def test_an_append_sent_again_gets_its_first_answer_and_writes_nothing(log: EventLog, make: MakeRequest) -> None:
    request = make(("run:1", 0, 1), ("ledger", 0, 2))
    [first] = log.append([request])
    log.append([make(("run:1", 1, 1), ("ledger", 2, 1))])
    assert log.append([request]) == [first]
    assert log.head() == 5


def test_an_append_sent_twice_in_one_batch_takes_effect_once(log: EventLog, make: MakeRequest) -> None:
    request = make(("task:1", 0, 2))
    assert log.append([request, request]) == [Appended((1, 2)), Appended((1, 2))]
    assert log.head() == 2


def test_an_equal_append_under_another_request_id_is_a_conflict(log: EventLog, make: MakeRequest) -> None:
    log.append([make(("task:1", 0, 1))])
    assert log.append([make(("task:1", 0, 1))]) == [Conflict("task:1", 1)]


def test_a_request_id_used_again_for_more_events_than_it_wrote_is_a_conflict(log: EventLog, make: MakeRequest) -> None:
    log.append([make(("task:1", 0, 1), request_id="req-a")])
    assert log.append([make(("task:1", 0, 2), request_id="req-a")]) == [Conflict("task:1", 1)]


def test_time_in_the_log_never_goes_backwards(log: EventLog, make: MakeRequest, clock: MovableClock) -> None:
    for version, step in enumerate((0, -3_600, 10, 7_200)):
        clock.move(step)
        log.append([make(("task:1", version, 1))])
    seconds = [(mapper.recorded_at(record) - START).total_seconds() for record in log.after(0)]
    assert seconds == [0, 0, 0, 3_610]


def test_the_envelope_tells_who_where_for_whom_and_why(log: EventLog) -> None:
    data = mapper.encode(TaskApproved(task_id="t", comment='"},"data":{'))
    log.append([Append("req-1", 'an"na', "cor-1", 7, (StreamAppend("task:t", 0, (data,)),))])
    recorded = mapper.open_record(log.after(0)[0])
    assert (recorded.position, recorded.stream, recorded.version, recorded.topic) == (1, "task:t", 1, "task.approved")
    assert (recorded.workspace, recorded.actor, recorded.correlation) == ("acme", 'an"na', "cor-1")
    assert (recorded.causation, recorded.request_id, recorded.recorded_at) == (7, "req-1", START)
    assert recorded.event == TaskApproved(task_id="t", comment='"},"data":{')


def test_a_stream_is_read_in_pages(log: EventLog, make: MakeRequest) -> None:
    log.append([make(("a", 0, 5), ("b", 0, 1))])
    assert [record.version for record in log.read("a", 0, 2)] == [1, 2]
    assert [record.version for record in log.read("a", 2, 2)] == [3, 4]
    assert [record.version for record in log.read("a", 4, 2)] == [5]


def test_the_log_is_read_by_position_topic_and_end(log: EventLog, make: MakeRequest) -> None:
    log.append([make(("a", 0, 5))])
    assert [record.position for record in log.after(1, 2)] == [2, 3]
    assert [record.position for record in log.after(1, 10, (), 3)] == [2, 3]
    assert [record.position for record in log.after(3, 10, ("task.approved", "x"))] == [4, 5]
    assert log.after(0, 10, ("task.assigned",)) == []


def test_what_no_log_takes_is_refused(log: EventLog, make: MakeRequest) -> None:
    good = make(("a", 0, 1))
    event = good.streams[0].events[0]
    bad = [
        [],
        [Append("r", "a", "c", None, ())],
        [make(("a", 0, 0))],
        [good, make(("b", 0, 0))],
        [make(("a", -1, 1))],
        [make(("", 0, 1))],
        [make(("a\0", 0, 1))],
        [good._replace(streams=(good.streams[0]._replace(stream="half of a character \ud800"),))],
        [good._replace(actor="\udcff")],
        [Append("", "a", "c", None, good.streams)],
        [Append("r", "a", "c", None, (StreamAppend("a", 0, (type(event)("t", 1, b"[]"),)),))],
        [Append("r", "a", "c", None, (StreamAppend("a", 0, (type(event)("t", 1, b'{"' + b"x" * 2**24 + b'"}'),)),))],
    ]
    for requests in bad:
        with pytest.raises(BadInputError):
            log.append(requests)
    assert log.head() == 0


def test_a_lost_confirmation_is_not_taken_for_a_conflict(make: MakeRequest, clock: MovableClock) -> None:
    store = _LosesAConfirmation()
    log = EventLog(store, "acme", clock)
    request = make(("a", 0, 2))
    assert log.append([request]) == [Appended((1, 2))]
    store.break_next = LogError("disk I/O error")
    unsure = make(("a", 2, 1))
    with pytest.raises(LogError):
        log.append([unsure])
    assert log.append([unsure]) == [Appended((3,))]
    assert log.head() == 3


class _LosesAConfirmation(_MemoryStore):
    """Commits, and then says that it did not, once for each error put in."""

    def __init__(self) -> None:
        super().__init__()
        self.break_next: LogError | None = TakenError("UNIQUE constraint failed")

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        super().write(entries, tip)
        if self.break_next is not None:
            error, self.break_next = self.break_next, None
            raise error


def test_a_store_that_moves_under_its_writer_is_an_error_in_the_end(make: MakeRequest, clock: MovableClock) -> None:
    class AlwaysTaken(_MemoryStore):
        def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
            raise TakenError("UNIQUE constraint failed")

    with pytest.raises(LogError, match="move under its writer"):
        EventLog(AlwaysTaken(), "acme", clock).append([make(("a", 0, 1))])


def test_versions_of_streams_not_used_for_long_are_asked_for_again() -> None:
    asked: list[str] = []

    def load(streams: Sequence[str]) -> dict[str, int]:
        asked.extend(streams)
        return dict.fromkeys(streams, 7)

    versions = Versions(load, capacity=3)
    for stream in ("a", "b", "c"):
        versions.load([stream])
    versions.update({"a": 8})
    versions.load(["d"])
    versions.load(["a"])
    assert (versions.of("a"), asked) == (8, ["a", "b", "c", "d"])
    versions.load(["b"])
    assert (versions.of("b"), asked) == (7, ["a", "b", "c", "d", "b"])


_streams = st.sampled_from(["a", "b", "c"])
_parts = st.lists(st.tuples(_streams, st.integers(0, 4), st.integers(1, 2)), min_size=1, max_size=2)
_batches = st.lists(st.lists(_parts, min_size=1, max_size=5), max_size=8)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=_batches)
def test_any_batches_leave_the_log_as_if_each_request_had_come_alone(
    batches: list[list[list[tuple[str, int, int]]]], make: MakeRequest
) -> None:
    together, alone = MemoryLog("acme"), MemoryLog("acme")
    for batch in batches:
        requests = [make(*parts) for parts in batch]
        assert together.append(requests) == [alone.append([request])[0] for request in requests]
    assert stored(together) == stored(alone)
    for stream in "abc":
        assert [r.version for r in together.read(stream)] == list(range(1, len(together.read(stream)) + 1))


def test_whether_it_can_be_written_is_tried_without_an_event(log: EventLog, make: MakeRequest) -> None:
    assert log.append([make(("task:1", 0, 1))]) == [Appended((1,))]
    log.ensure_writable()
    log.ensure_current()
    assert log.append([make(("task:1", 1, 1))]) == [Appended((2,))]
    assert log.head() == 2
