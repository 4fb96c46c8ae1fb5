"""A long stream is folded once, however often it is asked for; and what comes of it is what comes of the whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from actors.log_writer import LogWriter
from events.agent import AgentDisabled, AgentEdited, AgentEnabled, AgentRegistered
from events.ids import StreamName, agent_stream
from events.run import RunCancelled, RunFailed, RunSucceeded
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, log_writer
from tests.golden import saved
from tests.golden.examples import EXAMPLES
from vapora.commands import EditAgent
from vapora.dispatch import Dispatcher
from vapora.domain import agent as rules
from vapora.domain import run as runs
from vapora.domain.agent import Agent
from vapora.log.client import LogClient
from vapora.log.folds import Fold, StreamFolds
from vapora.records import Append, AppendResult, Batch, StoredRecord

STREAM = agent_stream("tester")
FOLD = Fold("agent", rules.FOLD_VERSION, Agent, rules.evolve)
FIRST = AgentRegistered(agent_id="tester", role="tester", name="0", task_types=("unit-test",), capacity=2)


@dataclass
class Counting:
    """A log writer that counts the events that are read of streams."""

    writer: LogWriter
    read_events: int = 0
    reads: list[str] = field(default_factory=list)

    async def append(self, requests: list[Append]) -> list[AppendResult]:
        return await self.writer.append(requests)

    async def read(self, stream: str, after: int = 0, limit: int = 10_000) -> list[StoredRecord]:
        found = await self.writer.read(stream, after, limit)
        self.read_events += len(found)
        return found

    async def poll(self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: tuple[str, ...] = ()) -> Batch:
        return await self.writer.poll(after, limit, timeout_s, topics)

    def taken(self) -> int:
        """How many events were read since this was asked last."""
        taken, self.read_events = self.read_events, 0
        return taken


class Archive:
    def __init__(self, writer: LogWriter, folder: Path) -> None:
        self.port = Counting(writer)
        self.log = LogClient(self.port, WORKSPACE)  # type: ignore[arg-type]
        self.folder = folder

    def folds(self, every: int = 10_000) -> StreamFolds[Agent]:
        return StreamFolds(self.log, FOLD, self.folder, every)

    async def grow(self, until: int, stream: StreamName = STREAM, begin: int = 1) -> int:
        """A stream of so many events; the last one's position."""
        for first in range(begin, until + 1, 1_000):
            numbers = range(first, min(first + 1_000, until + 1))
            events = [FIRST if n == 1 else AgentEdited(agent_id="tester", name=str(n)) for n in numbers]
            appended = await self.log.append(ORIGIN, (stream, first - 1, events))
        return appended.position


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with log_writer(MovableClock(NOON)) as writer:
        yield Archive(writer, tmp_path / "snapshots" / "streams")


async def test_a_stream_that_grew_long_is_read_once_and_then_only_what_is_new(archive: Archive) -> None:
    position = await archive.grow(5_000)
    folds = archive.folds()
    found = await folds.load(STREAM)
    assert (found.state and found.state.name, found.version, found.position) == ("5000", 5_000, position)
    assert archive.port.taken() >= 5_000
    await archive.grow(5_003, begin=5_001)
    again = await folds.load(STREAM)
    assert (again.state and again.state.name, again.version) == ("5003", 5_003)
    assert archive.port.taken() == 3


async def test_a_short_stream_is_read_as_it_is_and_nothing_of_it_is_kept(archive: Archive) -> None:
    await archive.grow(20)
    folds = archive.folds()
    assert [(await folds.load(STREAM)).version for _ in range(2)] == [20, 20]
    assert archive.port.taken() == 40
    assert (await folds.load(agent_stream("nobody"))).state is None
    assert not archive.folder.exists()


async def test_after_a_start_the_saved_fold_and_the_rest_are_enough(archive: Archive) -> None:
    await archive.grow(12_000)
    first = archive.folds()
    before = await first.load(STREAM)
    await first.settled()
    await archive.grow(12_010, begin=12_001)
    archive.port.taken()
    found = await archive.folds().load(STREAM)
    assert found.version == before.version + 10
    assert found.state == rules.evolve(before.state, AgentEdited(agent_id="tester", name="12010"))
    # A page to see that it is long, and what came after the save.
    assert archive.port.taken() == 2_010


@pytest.mark.parametrize("harm", ["damaged", "of an older fold", "of another log"])
async def test_a_saved_fold_that_cannot_be_used_is_left_aside(archive: Archive, harm: str) -> None:
    await archive.grow(12_000)
    folds = archive.folds()
    whole = await folds.load(STREAM)
    await folds.settled()
    [file] = archive.folder.iterdir()
    log, fold = archive.log, FOLD
    if harm == "damaged":
        file.write_bytes(file.read_bytes()[:-5] + b"rrrr}")
    elif harm == "of an older fold":
        fold = Fold("agent", rules.FOLD_VERSION + 1, Agent, rules.evolve)
    else:
        async with log_writer(MovableClock(NOON)) as writer:
            other = Archive(writer, archive.folder)
            await other.grow(11_000)
            assert (await other.folds().load(STREAM)).version == 11_000
        return
    assert await StreamFolds(log, fold, archive.folder).load(STREAM) == whole


async def test_what_was_is_told_of_a_long_stream_too(archive: Archive) -> None:
    await archive.grow(3_000)
    folds = archive.folds()
    then = await folds.as_of(STREAM, 1_500)
    now = await folds.as_of(STREAM, 3_000)
    assert (then and then.name, now and now.name) == ("1500", "3000")
    assert await folds.as_of(STREAM, 0) is None


async def test_two_who_ask_at_once_are_told_the_same(archive: Archive) -> None:
    await archive.grow(4_500)
    folds = archive.folds(every=100)
    found = await asyncio.gather(*(folds.load(STREAM) for _ in range(5)))
    assert {one.version for one in found} == {4_500}
    await folds.settled()


async def test_only_so_many_streams_are_kept(archive: Archive) -> None:
    folds = archive.folds()
    for number in range(205):
        stream = agent_stream(f"tester-{number}")
        await archive.grow(100, stream)
        await folds.load(stream)
    archive.port.taken()
    await folds.load(agent_stream("tester-204"))
    assert archive.port.taken() == 0
    await folds.load(agent_stream("tester-0"))
    assert archive.port.taken() == 100


async def test_a_command_on_a_long_stream_is_decided_on_all_of_it_and_reads_next_to_nothing(archive: Archive) -> None:
    await archive.grow(2_500)
    dispatcher = Dispatcher(archive.log, MovableClock(NOON), archive.folder)
    await dispatcher.dispatch(ORIGIN, EditAgent(enabled=False), "tester")
    archive.port.taken()
    unchanged = await dispatcher.dispatch(ORIGIN, EditAgent(enabled=False, name="2500"), "tester")
    changed = await dispatcher.dispatch(ORIGIN, EditAgent(enabled=True), "tester")
    assert archive.port.taken() <= 2
    [disabled, enabled] = [one.event for one in await archive.log.read(STREAM, 2_500)]
    assert (type(disabled), type(enabled)) == (AgentDisabled, AgentEnabled)
    assert changed.position == unchanged.position + 1
    await dispatcher.settled()


ENDS = [one for one in EXAMPLES if isinstance(one, (RunSucceeded, RunFailed, RunCancelled))]
STATES = [saved.agent(), saved.project(), saved.task(), saved.run(), *(runs.evolve(saved.run(), end) for end in ENDS)]


@pytest.mark.parametrize("state", STATES, ids=lambda state: type(state).__name__)
def test_a_state_that_was_saved_is_the_state_that_is_loaded(state: Any) -> None:
    stored = TypeAdapter(type(state))
    assert stored.validate_json(stored.dump_json(state)) == state
