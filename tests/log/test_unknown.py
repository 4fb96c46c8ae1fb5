"""An event that a newer version wrote stops what needs it, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from actors.follower import Follower
from actors.log_writer import LogWriter
from events import DomainEvent, Recorded, Unknown
from events.ids import StreamName, WaitReason
from events.task import TaskApproved, TaskWaiting
from projections import ReadStore, Runner
from projections.engine.base import Handler, Projection, Rows, Table
from vapora.errors import BadInputError, NewerEventError
from vapora.log import LogClient, MemoryLog, encode
from vapora.records import Append, Encoded, StreamAppend

STREAM = StreamName("task:1")
NEW_TOPIC = Encoded("task.teleported", 1, b'{"task_id":"t","to":"Mars"}')
NEW_VERSION = Encoded("task.approved", 9, b'{"task_id":"t","stars":5}')
NEW_MEMBER = Encoded("task.waiting", TaskWaiting.VERSION, b'{"task_id":"t","reason":"full-moon","remedy":"Wait."}')


@pytest.fixture
async def log() -> AsyncIterator[LogClient]:
    """Known, of an unknown topic, known, and a known topic in an unknown version."""
    writer = LogWriter(lambda: MemoryLog("acme"))
    await writer.start()
    known = encode(TaskApproved(task_id="t"))
    part = StreamAppend(STREAM, 0, (known, NEW_TOPIC, known, NEW_VERSION))
    await writer.append([Append("r", "anna", "cor", None, (part,))])
    yield LogClient(writer, "acme")
    await writer.stop()


async def test_who_reads_everything_gets_a_stand_in_with_all_that_was_said(log: LogClient) -> None:
    events = (await log.poll(0, timeout_s=0)).events
    assert [one.topic for one in events] == ["task.approved", "task.teleported", "task.approved", "task.approved"]
    kinds: list[type[DomainEvent]] = [TaskApproved, Unknown, TaskApproved, Unknown]
    assert [type(one.event) for one in events] == kinds
    assert events[1].event.as_json() == {"task_id": "t", "to": "Mars"}
    assert (events[3].actor, events[3].event.as_json()["stars"]) == ("anna", 5)


async def test_who_names_topics_never_sees_others_and_stops_at_a_version_that_it_cannot_read(log: LogClient) -> None:
    polled = await log.poll(0, limit=2, timeout_s=0, topics=["task.approved"])
    assert [one.position for one in polled.events] == [1, 3]
    with pytest.raises(NewerEventError, match=r"Position 4.*version 9.*newer one"):
        await log.poll(3, timeout_s=0, topics=["task.approved"])


async def test_who_folds_a_stream_needs_all_of_it(log: LogClient) -> None:
    with pytest.raises(NewerEventError, match=r"Position 2.*'task\.teleported'.*newer one"):
        await log.read(STREAM)
    assert [one.version for one in await log.read(STREAM, lenient=True)] == [1, 2, 3, 4]


async def test_a_follower_of_other_topics_goes_on_and_one_that_needs_it_says_where_it_stands(log: LogClient) -> None:
    async def handle(_: object) -> None: ...

    others = Follower("others", log, handle, topics=["task.rejected"])
    await others.catch_up()
    assert (others.position, others.problem) == (4, None)
    needs = Follower("needs", log, handle, topics=["task.approved"])
    needs.start()
    while needs.problem is None:
        await needs.wait_for(1, 0.01)
    assert "Position 4 was written by a newer VAPORA: task.approved in version 9" in needs.problem
    await needs.stop()


async def test_a_stand_in_is_never_written(log: LogClient) -> None:
    [_, stranger, *_] = (await log.poll(0, timeout_s=0)).events
    with pytest.raises(BadInputError, match="not written"):
        encode(stranger.event)


SEEN = Table("seen", key=("at",), columns={"at": "int"})


def _see(recorded: Recorded, event: TaskApproved, rows: Rows) -> None:
    rows.put(SEEN, {"at": recorded.position})


class Approvals(Projection):
    NAME = "approvals"
    VERSION = 1
    TABLES = (SEEN,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {TaskApproved: _see}


class Nothing(Projection):
    NAME = "nothing"
    VERSION = 1
    TABLES = ()
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {}


async def test_only_the_projection_that_needs_it_stops_and_says_where(log: LogClient, tmp_path: Path) -> None:
    store = ReadStore(tmp_path / "read.db")
    runner = Runner(store, [Approvals(), Nothing()])
    runner.apply((await log.poll(0, timeout_s=0)).events)
    status = runner.status()
    store.close()
    assert status["checkpoints"] == {"approvals": 3, "nothing": 4}
    assert status["failed"].keys() == {"approvals"}
    assert "Position 4 was written by a newer VAPORA: task.approved in version 9" in status["failed"]["approvals"]
    assert "newer one" in status["failed"]["approvals"]


def test_a_projection_that_learns_a_topic_is_built_anew_since_it_may_have_passed_some_by() -> None:
    class Learned(Approvals):
        HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {}

    assert Learned().fingerprint != Approvals().fingerprint


@pytest.fixture
async def grown() -> AsyncIterator[LogClient]:
    """A known event, and one with a member that is not known here, of the same topic and version."""
    writer = LogWriter(lambda: MemoryLog("acme"))
    await writer.start()
    known = encode(TaskWaiting(task_id="t", reason=WaitReason.HUMAN, remedy="Ask."))
    await writer.append([Append("r", "anna", "cor", None, (StreamAppend(STREAM, 0, (known, NEW_MEMBER, known)),))])
    yield LogClient(writer, "acme")
    await writer.stop()


async def test_a_member_that_is_not_known_stops_who_needs_the_topic_and_nobody_else(
    grown: LogClient, tmp_path: Path
) -> None:
    class Waits(Approvals):
        NAME = "waits"
        HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {TaskWaiting: _see}

    assert [type(one.event) for one in (await grown.poll(0, timeout_s=0)).events] == [TaskWaiting, Unknown, TaskWaiting]
    with pytest.raises(NewerEventError, match=r"Position 2.*reason 'full-moon'.*Upgrade"):
        await grown.poll(0, timeout_s=0, topics=["task.waiting"])
    assert (await grown.poll(0, timeout_s=0, topics=["task.approved"])).position == 3
    store = ReadStore(tmp_path / "read.db")
    runner = Runner(store, [Waits(), Nothing()])
    runner.apply((await grown.poll_sealed(0, timeout_s=0)).events)
    status = runner.status()
    store.close()
    assert status["checkpoints"] == {"waits": 1, "nothing": 3}
    assert "Position 2 was written by a newer VAPORA" in status["failed"]["waits"]
