from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from actors.log_writer import LogWriter
from events.ids import LEDGER, StreamName, task_stream
from events.task import TaskApproved, TaskRejected
from vapora.errors import BadInputError, VersionConflictError
from vapora.log import LogClient, MemoryLog
from vapora.ports import LogWriterPort, Origin
from vapora.records import Appended, Conflict

ORIGIN = Origin("acme", "anna", "cor-1", 3)
TASK = task_stream("t")
YES, NO = TaskApproved(task_id="t"), TaskRejected(task_id="t")


@pytest.fixture
async def client() -> AsyncIterator[LogClient]:
    writer = LogWriter(lambda: MemoryLog("acme"))
    await writer.start()
    port: LogWriterPort = writer
    yield LogClient(port, "acme")
    await writer.stop()


async def test_what_is_appended_can_be_read_with_its_origin(client: LogClient) -> None:
    appended = await client.append(ORIGIN, (TASK, 0, [YES, NO]), (LEDGER, 0, [YES]))
    assert appended == Appended((1, 2, 3))
    first, second = await client.read(TASK)
    assert (first.event, second.event, second.version) == (YES, NO, 2)
    assert (first.workspace, first.actor, first.correlation, first.causation) == ("acme", "anna", "cor-1", 3)
    assert first.request_id == second.request_id
    assert await client.head() == 3


async def test_a_conflict_is_raised_with_the_stream_and_its_version(client: LogClient) -> None:
    await client.append(ORIGIN, (TASK, 0, [YES]))
    with pytest.raises(VersionConflictError) as caught:
        await client.append(ORIGIN, (TASK, 0, [NO]))
    assert caught.value.details == {"stream": "task:t", "version": 1}


async def test_appends_get_request_ids_of_their_own_unless_one_is_given(client: LogClient) -> None:
    first = await client.append(ORIGIN, (TASK, 0, [YES]), request_id="req-mine")
    assert await client.append(ORIGIN, (TASK, 0, [YES]), request_id="req-mine") == first
    one, other = (client.request(ORIGIN, (TASK, 1, [YES])) for _ in range(2))
    assert one.request_id != other.request_id


async def test_streams_without_events_are_left_out_but_not_all_of_them(client: LogClient) -> None:
    assert await client.append(ORIGIN, (LEDGER, 9, []), (TASK, 0, [YES])) == Appended((1,))
    with pytest.raises(BadInputError, match="Nothing to append"):
        await client.append(ORIGIN, (TASK, 1, []))


async def test_an_origin_of_another_workspace_is_refused(client: LogClient) -> None:
    with pytest.raises(BadInputError, match="'evil'"):
        await client.append(Origin("evil", "eve", "cor"), (TASK, 0, [YES]))


async def test_many_requests_are_answered_one_by_one(client: LogClient) -> None:
    requests = [client.request(ORIGIN, (TASK, 0, [YES])), client.request(ORIGIN, (TASK, 0, [NO]))]
    assert await client.append_many(requests) == [Appended((1,)), Conflict("task:t", 1)]


async def test_a_stream_longer_than_a_page_is_read_whole(client: LogClient) -> None:
    await client.append(ORIGIN, (TASK, 0, [YES] * 4_000))
    assert [recorded.version for recorded in await client.read(TASK)] == list(range(1, 4_001))
    assert [recorded.version for recorded in await client.read(TASK, after=3_998)] == [3_999, 4_000]
    assert await client.read(StreamName("task:none")) == []


async def test_a_poll_decodes_and_tells_how_far_it_looked(client: LogClient) -> None:
    await client.append(ORIGIN, (TASK, 0, [YES, NO, YES]))
    polled = await client.poll(0, limit=1, timeout_s=0, topics=[NO.TOPIC])
    assert ([recorded.event for recorded in polled.events], polled.position, polled.head) == ([NO], 2, 3)
    rest = await client.poll(polled.position, timeout_s=0, topics=[NO.TOPIC])
    assert (rest.events, rest.position, rest.head) == ((), 3, 3)
