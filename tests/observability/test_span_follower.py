"""The span follower against a real collector: each span once, again after a crash with the same ids, and nothing lost
while the collector is away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from actors.snapshots import saved_spans
from actors.span_follower import Sender, SpanFollower
from events.ids import StreamName
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, log_writer
from tests.observability.collector import Collector, collecting
from tests.observability.test_spans import Told
from tests.waiting import until
from vapora.errors import UnavailableError
from vapora.log.client import LogClient
from vapora.observability.otlp import SpanSender
from vapora.observability.spans import Span


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


class Counting:
    """Sends on, unless it is to fail so many times."""

    def __init__(self, sender: Sender, failures: int = 0) -> None:
        self.sent: list[Span] = []
        self._sender = sender
        self._failures = failures

    def send(self, spans: Sequence[Span]) -> None:
        if self._failures:
            self._failures -= 1
            raise UnavailableError("away")
        self._sender.send(spans)
        self.sent += spans

    def close(self) -> None:
        self._sender.close()


def follower(log: LogClient, sender: Sender, folder: Path, clock: MovableClock) -> SpanFollower:
    return SpanFollower(log, WORKSPACE, sender, saved_spans(folder, 0.05), 0.05, clock=clock, saved_every_s=0)


async def write(log: LogClient, part: slice = slice(None)) -> int:
    told = Told()
    told.a_task()
    position = 0
    for one in told.events[part]:
        stream = StreamName(one.stream)
        version = len(await log.read(stream))
        position = (await log.append(ORIGIN, (stream, version, (one.event,)))).position
    return position


def sender(collector: Collector) -> SpanSender:
    return SpanSender(collector.url, {"authorization": "Bearer x"}, "0")


async def test_spans_arrive_once_and_after_a_clean_stop_none_comes_again(collector: Collector, tmp_path: Path) -> None:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        first = Counting(sender(collector))
        following = follower(log, first, tmp_path, clock)
        await following.start()
        cut = await write(log, slice(0, 6))
        assert await following.wait_for(cut, 60) >= cut
        await following.stop()
        second = Counting(sender(collector))
        following = follower(log, second, tmp_path, clock)
        await following.start()
        end = await write(log, slice(6, None))
        assert await following.wait_for(end, 60) >= end
        await following.stop()
    names = [one.name for one in (*first.sent, *second.sent)]
    assert names == ["waited", "chat m", "chat m", "waited", "execute_tool file_read", "run", "task"]
    trace = f"{first.sent[0].trace_id:032x}"
    await until(lambda: len(collector.trace(trace)) == len(names))
    got = collector.trace(trace)
    assert {int(one, 16) for one in got} == {one.span_id for one in (*first.sent, *second.sent)}
    [at_task] = [one for one in got.values() if one.name == "task"]
    [at_run] = [one for one in got.values() if one.name == "run"]
    assert at_run.parent == at_task.id
    assert at_run.attributes["vapora.workspace"] == WORKSPACE


async def test_after_a_crash_what_was_not_saved_comes_again_with_the_same_ids(
    collector: Collector, tmp_path: Path
) -> None:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        end = await write(log)
        sent = []
        # As a process that was killed leaves it: nothing was saved.
        for folder in (tmp_path / "a", tmp_path / "b"):
            counting = Counting(sender(collector))
            following = follower(log, counting, folder, clock)
            await following.start()
            assert await following.wait_for(end, 60) >= end
            await following.stop()
            sent.append(counting.sent)
    assert sent[0] == sent[1] != []


async def test_while_the_collector_is_away_nothing_is_lost_and_the_reason_is_on_show(
    collector: Collector, tmp_path: Path
) -> None:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        counting = Counting(sender(collector), failures=2)
        following = follower(log, counting, tmp_path, clock)
        await following.start()
        end = await write(log)
        await until(lambda: following.problem is not None or following.position >= end)
        assert await following.wait_for(end, 60) >= end
        assert following.problem is None
        await following.stop()
    assert len(counting.sent) == len({one.span_id for one in counting.sent}) == 7


async def test_a_long_past_is_not_sent_at_the_first_start(collector: Collector, tmp_path: Path) -> None:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        end = await write(log)
        clock.now += timedelta(hours=25)
        counting = Counting(sender(collector))
        following = follower(log, counting, tmp_path, clock)
        await following.start()
        assert await following.wait_for(end, 60) >= end
        await following.stop()
    assert counting.sent == []
