"""The relay from the log into a real NATS, over crashes of either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import nats
import pytest
from nats.js.errors import NotFoundError

from actors.relay import Relay
from events import Recorded
from events.ids import project_stream, task_stream
from events.project import ProjectCreated
from events.task import TaskApproved, TaskAssigned, TaskFailed, TaskReopened, TaskSubmitted
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, everything, log_writer
from tests.queue.mirror import mirrored
from tests.queue.nats_server import NatsServer
from tests.waiting import DEADLINE_S
from vapora.log.client import LogClient
from vapora.observability import live
from vapora.queue import TaskOffer
from vapora.queue.nats.outlet import NatsOutlet
from vapora.queue.nats.queue import NatsQueue
from vapora.records import Append, Encoded, StreamAppend
from vapora.trace_ids import append_span, trace_id_of


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    made = NatsServer(tmp_path / "nats")
    await made.start()
    yield made
    await made.kill()


Make = Callable[..., NatsServer]


@pytest.fixture
async def another(tmp_path: Path) -> AsyncIterator[Make]:
    """More servers, not started yet; all are ended with the test."""
    made: list[NatsServer] = []

    def make(**settings: Any) -> NatsServer:
        made.append(NatsServer(tmp_path / f"another-{len(made)}", **settings))
        return made[-1]

    yield make
    for one in made:
        await one.kill()


@pytest.fixture
async def log() -> AsyncIterator[LogClient]:
    async with log_writer(MovableClock(NOON)) as writer:
        yield LogClient(writer, WORKSPACE)


@pytest.fixture
async def queue(server: NatsServer) -> AsyncIterator[NatsQueue]:
    made = NatsQueue(server.options, WORKSPACE)
    await made.start()
    yield made
    await made.stop()


def relay(log: LogClient, server: NatsServer) -> Relay:
    return Relay(log, WORKSPACE, NatsOutlet(server.options, WORKSPACE))


def task(number: int) -> TaskSubmitted:
    return TaskSubmitted(
        task_id=f"t{number}", project_id="p", title=f"Task {number}", task_type="unit-test", priority=number % 101
    )


def assigned(number: int) -> TaskAssigned:
    return TaskAssigned(
        task_id=f"t{number}", run_id=f"t{number}.1", agent_id="tester", role="tester", subject="s", candidates=(),
        reason="only one", policy="score", propensity=1,
    )  # fmt: skip


async def submit(log: LogClient, numbers: Sequence[int]) -> None:
    requests = [log.request(ORIGIN, (task_stream(f"t{number}"), 0, (task(number),))) for number in numbers]
    await log.append_many(requests)


async def waiting(queue: NatsQueue, count: int, timeout_s: float = DEADLINE_S) -> None:
    async with asyncio.timeout(timeout_s):
        while sum((await queue.status()).depth.values()) != count:
            await asyncio.sleep(0.02)


async def drained(queue: NatsQueue) -> list[TaskOffer]:
    """All that is in the queue, taken out of it."""
    found: list[TaskOffer] = []
    while batch := await queue.fetch(500, 1):
        found += batch
        for one in batch:
            await queue.ack(one)
    return found


def places(events: Sequence[Recorded]) -> list[tuple[int, str, int]]:
    return [(one.position, one.stream, one.version) for one in events]


async def test_what_is_to_be_done_is_offered_and_everything_is_mirrored_in_order(
    log: LogClient, server: NatsServer, queue: NatsQueue
) -> None:
    await submit(log, [1])
    running = relay(log, server)
    await running.start()
    await submit(log, [2])
    await log.append(ORIGIN, (project_stream("p"), 0, (ProjectCreated(project_id="p", name="P"),)))
    await waiting(queue, 2)
    offers = sorted(await drained(queue), key=lambda one: one.position)
    assert [(one.task_id, one.subject) for one in offers] == [
        ("t1", "acme.tasks.unit-test.low"),
        ("t2", "acme.tasks.unit-test.low"),
    ]
    whole = await everything(log)
    found = await mirrored(server.options, WORKSPACE, len(whole))
    assert [(one.position, one.stream, one.version) for one in found] == places(whole)
    assert [one.event for one in found] == [one.event.model_dump(mode="json") for one in whole]
    assert (await running.health())["problem"] is None
    await running.stop()


async def test_what_is_over_before_the_relay_comes_is_not_offered(
    log: LogClient, server: NatsServer, queue: NatsQueue
) -> None:
    await submit(log, [1, 2])
    await log.append(ORIGIN, (task_stream("t1"), 1, (assigned(1),)))
    running = relay(log, server)
    await running.start()
    await waiting(queue, 1)
    assert [one.task_id for one in await drained(queue)] == ["t2"]
    await running.stop()


async def test_a_task_that_is_to_be_done_again_is_offered_again(
    log: LogClient, server: NatsServer, queue: NatsQueue
) -> None:
    running = relay(log, server)
    await running.start()
    await submit(log, [1])
    await waiting(queue, 1)
    failed = TaskFailed(task_id="t1", run_id="t1.1", reason="because")
    await log.append(ORIGIN, (task_stream("t1"), 1, (assigned(1), failed, TaskReopened(task_id="t1"))))
    await waiting(queue, 2)
    assert sorted(one.version for one in await drained(queue)) == [1, 4]
    await log.append(ORIGIN, (task_stream("t1"), 4, (assigned(1), TaskApproved(task_id="t1"))))
    whole = await everything(log)
    assert len(await mirrored(server.options, WORKSPACE, len(whole))) == len(whole)
    await waiting(queue, 0)
    await running.stop()


async def test_with_a_collector_of_traces_what_goes_out_says_of_which_trace_it_is(
    log: LogClient, server: NatsServer
) -> None:
    running = relay(log, server)
    live.configure("http://127.0.0.1:9", {}, 1.0, "0")
    try:
        await running.start()
        await submit(log, [1])
        [recorded] = await everything(log)
        append = append_span(recorded.request_id)
        expected = f"00-{trace_id_of(recorded.correlation):032x}-{append:016x}-01"
        for stream, subject in (
            (f"VAPORA_TASKS_{WORKSPACE}", f"{WORKSPACE}.tasks.unit-test.low"),
            (f"VAPORA_EVENTS_{WORKSPACE}", f"vapora.events.{WORKSPACE}.task.submitted"),
        ):
            assert await last_header(server, stream, subject, "traceparent") == expected
        await running.stop()
    finally:
        live.configure("", {}, 0, "0")


async def last_header(server: NatsServer, stream: str, subject: str, name: str) -> str | None:
    """Of the last message there, once there is one."""
    client = await nats.connect(server.options.url, **server.options.arguments())
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                with suppress(NotFoundError):
                    return ((await client.jetstream().get_last_msg(stream, subject)).headers or {}).get(name)
                await asyncio.sleep(0.02)
    finally:
        await client.close()


async def test_over_crashes_of_relay_and_server_each_task_is_offered_once_and_each_event_mirrored_once_in_order(
    log: LogClient, server: NatsServer, queue: NatsQueue
) -> None:
    random = Random(20_261_122)
    running = relay(log, server)
    await running.start()
    for round_ in range(12):
        await submit(log, range(round_ * 100, round_ * 100 + 100))
        # Somewhere in the middle of its work it is gone, without a word.
        for _ in range(random.randrange(60)):
            await asyncio.sleep(0)
        if round_ % 4 == 3:
            await server.kill()
            await server.start()
        await running.stop()
        running = relay(log, server)
        await running.start()
    await waiting(queue, 1_200)
    offers = await drained(queue)
    assert len(offers) == len({one.task_id for one in offers}) == 1_200

    whole = await everything(log)
    found = await mirrored(server.options, WORKSPACE, len(whole))
    assert [(one.position, one.stream, one.version) for one in found] == places(whole)
    await running.stop()


async def test_two_relays_at_once_offer_and_mirror_nothing_twice(
    log: LogClient, server: NatsServer, queue: NatsQueue
) -> None:
    first, second = relay(log, server), relay(log, server)
    await first.start()
    await second.start()
    for start in range(0, 500, 50):
        await submit(log, range(start, start + 50))
    await waiting(queue, 500)
    whole = await everything(log)
    found = await mirrored(server.options, WORKSPACE, len(whole))
    assert [(one.position, one.stream, one.version) for one in found] == places(whole)
    await first.stop()
    await second.stop()


async def test_an_event_too_large_for_nats_is_mirrored_without_its_content_and_stops_nothing(
    another: Make, log: LogClient
) -> None:
    small = another(max_payload=20_000)
    await small.start()
    running = relay(log, small)
    await running.start()
    large = task(1).model_copy(update={"description": "x" * 30_000})
    await log.append(ORIGIN, (task_stream("t1"), 0, (large,)))
    await submit(log, [2])
    found = await mirrored(small.options, WORKSPACE, 2)
    assert [bool(one.event) for one in found] == [False, True]
    assert found[0].position == 1
    await running.stop()


async def test_a_mirror_of_another_log_is_left_alone_and_health_says_what_to_do(
    log: LogClient, server: NatsServer
) -> None:
    await submit(log, range(5))
    first = relay(log, server)
    await first.start()
    before = await mirrored(server.options, WORKSPACE, 5)
    await first.stop()
    async with log_writer(MovableClock(NOON)) as writer:
        other = LogClient(writer, WORKSPACE)
        await submit(other, [7])
        second = relay(other, server)
        await second.start()
        problem = ""
        async with asyncio.timeout(DEADLINE_S):
            while "another log" not in problem:
                problem = (await second.health())["problem"] or ""
                await asyncio.sleep(0.01)
        assert "VAPORA_EVENTS_acme" in problem
        await second.stop()
    assert await mirrored(server.options, WORKSPACE, 5) == before


async def test_streams_that_somebody_deleted_are_made_and_filled_again(
    log: LogClient, server: NatsServer, queue: NatsQueue
) -> None:
    import nats

    running = relay(log, server)
    await running.start()
    await submit(log, range(3))
    await waiting(queue, 3)
    client = await nats.connect(server.url)
    for name in ("TASKS", "EVENTS"):
        await client.jetstream().delete_stream(f"VAPORA_{name}_{WORKSPACE}")
    await client.close()
    await submit(log, [3])
    # The mirror notices with its next event; what is on offer follows on the same new connection.
    await waiting(queue, 4)
    whole = await everything(log)
    assert len(await mirrored(server.options, WORKSPACE, len(whole))) == len(whole)
    await running.stop()


async def test_a_store_that_was_lost_is_filled_again_while_the_log_is_silent(
    log: LogClient, server: NatsServer, queue: NatsQueue
) -> None:
    running = relay(log, server)
    await running.start()
    await submit(log, range(3))
    whole = await everything(log)
    await mirrored(server.options, WORKSPACE, len(whole))
    await server.kill()
    server.lose()
    await server.start()
    await waiting(queue, 3)
    found = await mirrored(server.options, WORKSPACE, len(whole))
    assert [(one.position, one.stream, one.version) for one in found] == places(whole)
    await running.stop()


async def test_without_a_server_it_waits_and_says_so(another: Make, log: LogClient) -> None:
    nobody = another()
    running = relay(log, nobody)
    await submit(log, [1])
    await running.start()
    assert "does not answer" in (await running.health())["problem"]
    await nobody.start()
    whole = await everything(log)
    assert len(await mirrored(nobody.options, WORKSPACE, len(whole))) == 1
    await running.stop()


async def test_an_account_with_the_rights_that_are_documented_and_no_more_will_do(
    another: Make, log: LogClient
) -> None:
    rights = {
        "publish": ["$JS.API.>", "$JS.ACK.>", "acme.tasks.*.*", "vapora.relay.acme", "vapora.events.acme.>"],
        "subscribe": ["_INBOX.>", "acme.tasks.*.*"],
    }
    user = {"user": "vapora", "password": "s3cret", "permissions": rights}
    guarded = another(authorization={"users": [user]})
    await guarded.start()
    options = replace(guarded.options, user="vapora", password="s3cret")
    running = Relay(log, WORKSPACE, NatsOutlet(options, WORKSPACE))
    await running.start()
    taker = NatsQueue(options, WORKSPACE, ack_wait_s=0.3, max_deliver=2)
    await taker.start()
    await submit(log, [1])
    async with asyncio.timeout(DEADLINE_S):
        while not await taker.dead_letters():
            await taker.fetch(1, 0.1)
    await taker.discard("t1")
    await waiting(taker, 0)
    assert len(await mirrored(options, WORKSPACE, 1)) == 1
    await taker.stop()
    await running.stop()


async def test_what_a_newer_version_wrote_is_mirrored_as_it_stands_in_the_log(
    log: LogClient, server: NatsServer
) -> None:
    event = Encoded("task.teleported", 1, b'{"task_id":"t","to":"Mars"}')
    await log.append_many([Append("new", "anna", "cor", None, (StreamAppend("task:t", 0, (event,)),))])
    carrying = relay(log, server)
    await carrying.start()
    [view] = await mirrored(server.options, WORKSPACE, 1)
    await carrying.stop()
    assert (view.topic, view.event) == ("task.teleported", {"task_id": "t", "to": "Mars"})
