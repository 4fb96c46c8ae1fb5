from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest

from actors.log_writer import LogWriter
from actors.runtime.base import Address, Runtime
from events.ids import StreamName
from events.project import ProjectCreated
from tests.actors.kit import passed
from vapora.errors import FencedError, UnavailableError
from vapora.log.client import LogClient
from vapora.log.sqlite import SQLiteLog
from vapora.ports import Origin
from vapora.testing.crash import CrashableRuntime, KillPoint

BUDGET = Address("budget", "default")
ROUTER = Address("router")
LOG = Address("log", "default")


class Thing:
    """Counts what is asked of it, and asks others."""

    def __init__(self, address: Address, runtime: Runtime, story: list[str]) -> None:
        self.address = address
        self.runtime = runtime
        self.story = story
        self.asked = 0
        self.gate = asyncio.Event()
        self.working: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.story.append(f"start {self.address}")

    async def stop(self) -> None:
        self.story.append(f"stop {self.address}")

    async def health(self) -> dict[str, Any]:
        return {"asked": self.asked}

    async def count(self) -> int:
        self.asked += 1
        return self.asked

    async def wait(self) -> None:
        self.story.append(f"wait {self.address}")
        await self.gate.wait()

    complete = wait  # what no transport sends twice

    async def open(self) -> None:
        self.gate.set()

    async def take(self, values: list[int]) -> list[int]:
        values.append(len(values))
        return values

    async def fail(self) -> None:
        raise ValueError("no")

    async def work(self) -> None:
        self.working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            await self.gate.wait()
        finally:
            self.story.append("work ends")
            await self.runtime.ref(ROUTER).count()  # the last words of the dead

    async def work_for_nobody(self) -> None:
        self.working = asyncio.get_running_loop().create_task(self._work(), context=Context())

    async def pass_on(self, address: Address) -> None:
        await self.runtime.ref(address).wait()
        self.story.append("passed on")


@pytest.fixture
def story() -> list[str]:
    return []


@pytest.fixture
async def runtime(story: list[str]) -> AsyncIterator[CrashableRuntime]:
    made = CrashableRuntime(lambda address, runtime: Thing(address, runtime, story))
    yield made
    await made.shutdown()


async def test_a_killed_actor_forgets_everything_and_is_not_asked_to_stop(
    runtime: CrashableRuntime, story: list[str]
) -> None:
    budget = runtime.ref(BUDGET)
    assert [await budget.count(), await budget.count()] == [1, 2]
    runtime.kill(BUDGET)
    assert await budget.count() == 1
    assert story == ["start budget/default", "start budget/default"]
    assert runtime.killed == [BUDGET]


async def test_it_is_started_again_though_nobody_calls(runtime: CrashableRuntime, story: list[str]) -> None:
    await runtime.ref(BUDGET).count()
    runtime.kill(BUDGET)
    assert runtime.running() == []
    await passed(lambda: len(story) == 2)


async def test_who_does_not_run_cannot_be_killed(runtime: CrashableRuntime) -> None:
    assert runtime.kill(BUDGET) is None
    assert runtime.killed == []


async def test_a_call_in_flight_is_repeated_where_that_is_safe(runtime: CrashableRuntime, story: list[str]) -> None:
    waiting = asyncio.ensure_future(runtime.ref(BUDGET).wait())
    await passed(lambda: "wait budget/default" in story)
    runtime.kill(BUDGET)
    await passed(lambda: story.count("wait budget/default") == 2)
    await runtime.ref(BUDGET).open()
    await waiting


async def test_a_call_in_flight_that_reaches_a_provider_is_told_and_not_repeated(
    runtime: CrashableRuntime, story: list[str]
) -> None:
    waiting = asyncio.ensure_future(runtime.ref(ROUTER).complete())
    await passed(lambda: "wait router" in story)
    runtime.kill(ROUTER)
    with pytest.raises(UnavailableError, match="router does not answer"):
        await waiting
    await runtime.ref(ROUTER).count()
    assert story.count("wait router") == 1


async def test_its_tasks_end_and_what_they_say_while_they_end_is_not_heard(
    runtime: CrashableRuntime, story: list[str]
) -> None:
    await runtime.ref(BUDGET).work()
    runtime.kill(BUDGET)
    await passed(lambda: "work ends" in story)
    assert await runtime.ref(ROUTER).count() == 1


async def test_what_it_began_in_nobodys_name_outlives_it(runtime: CrashableRuntime, story: list[str]) -> None:
    await runtime.ref(BUDGET).work_for_nobody()
    budget = runtime.kill(BUDGET)
    assert isinstance(budget, Thing) and budget.working is not None
    await runtime.ref(ROUTER).count()
    assert "work ends" not in story
    budget.gate.set()
    await passed(lambda: "work ends" in story)


async def test_what_it_had_asked_of_others_goes_on_without_it(runtime: CrashableRuntime, story: list[str]) -> None:
    asking = asyncio.ensure_future(runtime.ref(BUDGET).pass_on(ROUTER))
    await passed(lambda: "wait router" in story)
    runtime.kill(BUDGET)
    await passed(lambda: story.count("wait router") == 2)  # the call to the budget was repeated
    await runtime.ref(ROUTER).open()
    await asking
    assert story.count("passed on") == 1


async def test_killed_while_it_starts_it_starts_anew(story: list[str]) -> None:
    class Slow(Thing):
        async def start(self) -> None:
            await super().start()
            if self.story.count("start budget/default") == 1:
                await self.gate.wait()

    runtime = CrashableRuntime(lambda address, runtime: Slow(address, runtime, story))
    counting = asyncio.ensure_future(runtime.ref(BUDGET).count())
    await passed(lambda: len(story) == 1)
    assert runtime.kill(BUDGET) is None
    assert await counting == 1
    await runtime.shutdown()


@pytest.mark.parametrize("stage", ["arrived", "done", "answered"])
async def test_it_can_be_killed_at_each_moment_of_a_call(runtime: CrashableRuntime, stage: str) -> None:
    moments: list[str] = []

    def watch(moment: KillPoint) -> None:
        if moment.method == "count" and moment.stage == stage and not runtime.killed:
            runtime.kill(moment.address)
        moments.append(moment.stage)

    runtime.watch = watch
    # Killed before it answered, it is asked again, and the new one counts from the start.
    assert await runtime.ref(BUDGET).count() == 1
    assert moments.count("arrived") == (1 if stage == "answered" else 2)
    assert await runtime.ref(BUDGET).count() == (1 if stage == "answered" else 2)


async def test_values_are_copied_and_errors_come_back(runtime: CrashableRuntime) -> None:
    mine = [7]
    assert await runtime.ref(BUDGET).take(mine) == [7, 1]
    assert mine == [7]
    with pytest.raises(ValueError, match="no"):
        await runtime.ref(BUDGET).fail()


async def test_an_actor_that_is_stopped_may_say_what_it_has_to(runtime: CrashableRuntime, story: list[str]) -> None:
    await runtime.ref(BUDGET).count()
    await runtime.stop(BUDGET)
    assert story == ["start budget/default", "stop budget/default"]
    assert await runtime.ref(BUDGET).count() == 1


async def test_a_killed_log_writer_that_lingers_is_fenced_off_by_the_next(tmp_path: Path) -> None:
    runtime = CrashableRuntime(
        lambda address, _: LogWriter(lambda: SQLiteLog.open(tmp_path / "log.db", address.workspace))
    )
    log = LogClient(runtime.ref(LOG), "default")
    origin = Origin("default", "tester", "cor")

    def created(name: str) -> tuple[StreamName, int, tuple[ProjectCreated, ...]]:
        return StreamName(f"project:{name}"), 0, (ProjectCreated(project_id=name, name=name),)

    await log.append(origin, created("one"))
    dead = runtime.kill(LOG)
    assert isinstance(dead, LogWriter)
    await log.append(origin, created("two"))
    with pytest.raises(FencedError):
        await dead.append([log.request(origin, created("three"))])
    assert [one.stream for one in (await log.poll(0, 10, 0)).events] == ["project:one", "project:two"]
    await dead.stop()
    await runtime.shutdown()


async def test_the_sockets_of_a_killed_actor_are_closed_and_those_of_others_are_not() -> None:
    ended: list[str] = []

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        name = (await reader.readline()).decode().strip()
        with suppress(ConnectionResetError):
            await reader.read()
        ended.append(name)

    class Caller(Thing):
        async def call(self, port: int) -> None:
            _, self.writer = await asyncio.open_connection("127.0.0.1", port)
            self.writer.write(f"{self.address}\n".encode())
            await self.writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    runtime = CrashableRuntime(lambda address, runtime: Caller(address, runtime, []))
    for address in (BUDGET, ROUTER):
        await runtime.ref(address).call(port)
    runtime.kill(BUDGET)
    await passed(lambda: bool(ended))
    assert ended == ["budget/default"]
    runtime.kill(ROUTER)
    await passed(lambda: len(ended) == 2)
    await runtime.shutdown()
    server.close()
