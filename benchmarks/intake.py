"""Ten thousand tasks at once: how long until they are accepted, until the first starts, and what stays quick meanwhile.

    python -m benchmarks.intake [--tasks 10000] [--at-once 32] [--open 100 1000 10000] [--done 300] [--folder DIR]

First over HTTP, to a `vapora up --local` whose rehearsal model takes 1 to 3 s an answer: the requests that hand tasks
in, `--at-once` of them side by side, and meanwhile every quarter of a second the board, and the memory (PSS).

Then the coordinator alone, over a log of its own: so many tasks are open, and agents that end each run at once. Its
processor time an event, with what the log's client takes in the same thread, must not depend on how many are open.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.coordinator import SwarmCoordinator
from actors.log_writer import LogWriter
from actors.messages import Assignment
from benchmarks.sides import processes, tasks
from benchmarks.sides.over_http import Connections
from benchmarks.sides.side import Server
from events import DomainEvent
from events.ids import StreamName, run_stream, task_stream
from events.run import RunStarted, RunSucceeded
from events.task import TaskCompleted, TaskSubmitted
from vapora import journal
from vapora.clock import now
from vapora.commands import CreateProject
from vapora.dispatch import Dispatcher
from vapora.domain.cell import AT_REST, Rest
from vapora.domain.heartbeat import Pulse
from vapora.log.client import LogClient
from vapora.log.sqlite import SQLiteLog
from vapora.ports import Origin

_WORKSPACE = "default"
_ORIGIN = Origin(_WORKSPACE, "benchmark", "cor")
_LOOK_EVERY_S = 0.25
_AN_APPEND = 500


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--open", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--done", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="a folder on the disk that is to be measured")
    asked = parser.parse_args()
    journal.configure(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="i", dir=asked.folder, ignore_cleanup_errors=True) as folder:
        _over_http(Path(folder), asked.tasks, asked.at_once)
    print("\n| open tasks | µs of the processor an event | tasks/s |")
    print("|---|---|---|")
    for number in asked.open:
        with tempfile.TemporaryDirectory(prefix="i", dir=asked.folder) as folder:
            an_event, a_second = asyncio.run(_alone(Path(folder), number, asked.done))
        print(f"| {number:,} | {an_event * 1e6:,.0f} | {a_second:,.0f} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} after")
    return 0


# --- over HTTP ---


def _over_http(folder: Path, count: int, at_once: int) -> None:
    with (folder / "output.txt").open("w+b") as output:
        server = Server("local", folder, output, delay_s=(1, 3))
        try:
            asyncio.run(_hand_in(server, count, at_once))
        finally:
            server.end()


async def _hand_in(server: Server, count: int, at_once: int) -> None:
    http = Connections(server.port)
    project = (await http.ask("POST", "/projects", {"name": "Many"}))["id"]
    before, numbers = _memory(server), iter(range(count))
    took: list[float] = []
    began = time.perf_counter()

    async def hand_in() -> None:
        for number in numbers:
            body = {"project_id": project, "title": tasks.title(number), "task_type": tasks.task_type(number)}
            sent = time.perf_counter()
            await http.ask("POST", "/tasks", body)
            took.append(time.perf_counter() - sent)

    look = _Look(server, project)
    looking = asyncio.create_task(look.repeat())
    await asyncio.gather(*(hand_in() for _ in range(at_once)))
    accepted = time.perf_counter() - began
    started = asyncio.create_task(look.started.wait())
    await asyncio.wait([looking, started], return_when=asyncio.FIRST_COMPLETED)
    if looking.done():
        looking.result()
    looking.cancel()
    await asyncio.wait([looking])
    meanwhile, afterwards = look.boards_s, [await look.board() for _ in range(7)]
    print("| tasks | accepted after, s | a second | a POST p50 / p95, ms | first seen to start after, s ", end="")
    print("| board meanwhile p50 / most, ms | board afterwards, ms | PSS before / most / after, MB |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {count:,} | {accepted:.1f} | {count / accepted:,.0f} | {_ms(statistics.median(took))} / "
        f"{_ms(statistics.quantiles(took, n=20)[-1])} | {look.first_start - began:.2f} "
        f"| {_ms(statistics.median(meanwhile))} / {_ms(max(meanwhile))} | {_ms(statistics.median(afterwards))} "
        f"| {before:,.0f} / {max(look.memory):,.0f} / {_memory(server):,.0f} |"
    )


class _Look:
    """What somebody sees who looks at the board again and again. `started`: set when work has begun (`first_start`)."""

    def __init__(self, server: Server, project: str) -> None:
        self.boards_s: list[float] = []
        self.memory: list[float] = []
        self.started = asyncio.Event()
        self.first_start = 0.0
        self._server = server
        self._http = Connections(server.port)
        self._project = project

    async def repeat(self) -> None:
        while True:
            self.boards_s.append(await self.board())
            self.memory.append(_memory(self._server))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def board(self) -> float:
        """How long it took, in seconds."""
        began = time.perf_counter()
        seen = await self._http.ask("GET", f"/board?project_id={self._project}", {})
        begun = any(seen["columns"][one] for one in ("in-progress", "review", "done"))
        if begun and not self.started.is_set():
            self.first_start = time.perf_counter()
            self.started.set()
        return time.perf_counter() - began


def _memory(server: Server) -> float:
    return sum(processes.pss_mb(processes.of(server.mark)).values())


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f}"


# --- the coordinator alone ---


async def _alone(folder: Path, number: int, done: int) -> tuple[float, float]:
    """Processor seconds an event, and tasks a second, while `number` tasks are open."""
    writer = LogWriter(lambda: SQLiteLog.open(folder / "log.db", _WORKSPACE, now))
    await writer.start()
    log = LogClient(writer, _WORKSPACE)
    people = Dispatcher(log, now)
    await people.open_workspace(_ORIGIN)
    work = _Work(log, (await people.dispatch(_ORIGIN, CreateProject(name="Many"))).id)
    for at in range(0, number, _AN_APPEND):
        await work.submit(min(_AN_APPEND, number - at))
    coordinator = SwarmCoordinator(log, _WORKSPACE, work.agent, _nothing, _no, now, idle_s=3_600, resend_s=3_600)
    await coordinator.start()
    position = first = await log.head()
    completed = 0
    began, used = time.perf_counter(), time.thread_time()
    while completed < done:
        polled = await log.poll(position, 1_000, 5, (TaskCompleted.TOPIC,))
        position = polled.position
        completed += len(polled.events)
        await work.submit(len(polled.events))  # as many are open as before
    used, took = time.thread_time() - used, time.perf_counter() - began
    events = await log.head() - first
    work.is_over = True
    await coordinator.stop()
    await writer.stop()
    return used / events, completed / took


class _Work:
    """Hands in tasks, and is every agent: each run succeeds as soon as it is given out."""

    def __init__(self, log: LogClient, project: str) -> None:
        self.is_over = False
        self._log = log
        self._project = project
        self._numbers = itertools.count()
        self._known: set[str] = set()

    async def submit(self, count: int) -> None:
        requests = []
        for number in itertools.islice(self._numbers, count):
            task = f"t{number}"
            event = TaskSubmitted(
                task_id=task, project_id=self._project, title=task, task_type=tasks.task_type(number), review="none"
            )
            requests.append(self._log.request(_ORIGIN, (task_stream(task), 0, (event,))))
        await self._log.append_many(requests)

    def agent(self, _: str) -> _Work:
        return self

    async def perform(self, assignments: Sequence[Assignment]) -> None:
        fresh = [one for one in assignments if one.run_id not in self._known]
        self._known.update(one.run_id for one in fresh)
        if fresh and not self.is_over:
            await self._log.append_many([self._log.request(one.origin, _run(one)) for one in fresh])

    async def cancel(self, assignment: Assignment, reason: str) -> None: ...

    async def pause(self, run_ids: Sequence[str]) -> None: ...

    async def resume(self, run_ids: Sequence[str]) -> None: ...

    async def pulse(self, run_ids: Sequence[str]) -> tuple[Pulse, ...]:
        return ()

    async def let_go(self, run_ids: Sequence[str]) -> None: ...

    async def rest(self, run_ids: Sequence[str]) -> Rest:
        return AT_REST

    async def health(self) -> dict[str, Any]:
        return {}


def _run(given: Assignment) -> tuple[StreamName, int, tuple[DomainEvent, ...]]:
    task = given.task
    begun = RunStarted(
        run_id=given.run_id,
        task_id=task.id,
        project_id=task.project_id,
        agent_id=given.agent_id,
        role=given.role,
        task_type=task.task_type,
        steps=("one",),
    )
    ended = RunSucceeded(
        run_id=given.run_id,
        task_id=task.id,
        agent_id=given.agent_id,
        role=given.role,
        task_type=task.task_type,
        summary="done",
    )
    return run_stream(given.run_id), 0, (begun, ended)


async def _nothing(_: str) -> None:
    return None


async def _no() -> bool:
    return False


if __name__ == "__main__":
    sys.exit(main())
