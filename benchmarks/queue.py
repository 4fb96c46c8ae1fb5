"""The two task queues beside each other: `python -m benchmarks.queue [--tasks 1000 10000 …] [--whole 300]`.

`put`: tasks into the queue (appended to a SQLite log; published to NATS, as the relay does). `take`: fetched 500 at a
time and acknowledged. `latency`: from a single put to its delivery to a taker that waits. `whole`: tasks that the whole
actor system works off in one process, with a rehearsal model that answers at once; for the log's own queue that is the
default.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from pathlib import Path

from actors.composition import LocalActorSystem
from actors.log_writer import LogWriter
from events.ids import task_stream
from events.task import TaskCompleted, TaskSubmitted
from tests.queue.nats_server import NatsServer
from vapora import journal
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.offers import TOPICS, OpenOffers
from vapora.log.client import LogClient
from vapora.log.sqlite import SQLiteLog
from vapora.ports import Origin
from vapora.queue import TaskQueue
from vapora.queue.base import offered
from vapora.queue.log_queue import LogQueue
from vapora.queue.nats.queue import NatsQueue
from vapora.settings import Settings

_ORIGIN = Origin("default", "benchmark", "cor")
_SINGLE = 200


async def _append(log: LogClient, first: int, count: int) -> None:
    requests = [
        log.request(
            _ORIGIN,
            (
                task_stream(f"t{number}"),
                0,
                (TaskSubmitted(task_id=f"t{number}", project_id="p", title="Do it", task_type="unit-test"),),
            ),
        )
        for number in range(first, first + count)
    ]
    await log.append_many(requests)


class _Put:
    """Tasks into a queue. The one in NATS is handed what the log's fold says, as the relay does."""

    def __init__(self, log: LogClient, queue: TaskQueue) -> None:
        self._log = log
        self._queue = queue
        self._open_offers = OpenOffers("default")
        self._next = 0

    async def __call__(self, count: int) -> float:
        """How long it took, in seconds; for NATS without the log's part."""
        began = time.perf_counter()
        await _append(self._log, self._next, count)
        self._next += count
        if not isinstance(self._queue, NatsQueue):
            return time.perf_counter() - began
        before = self._open_offers.position
        while (polled := await self._log.poll(self._open_offers.position, 5_000, 0, TOPICS)).events:
            for recorded in polled.events:
                self._open_offers.evolve(recorded)
        began = time.perf_counter()
        await self._queue.offer([offered(one) for one in self._open_offers.after(before)])
        return time.perf_counter() - began


async def _take(queue: TaskQueue, count: int) -> float:
    began = time.perf_counter()
    taken = 0
    while taken < count:
        for offer in await queue.fetch(500, 5):
            await queue.ack(offer)
            taken += 1
    return time.perf_counter() - began


async def _latency_ms(queue: TaskQueue, put: _Put) -> tuple[float, float]:
    times: list[float] = []
    for _ in range(_SINGLE):
        waiting = asyncio.create_task(queue.fetch(1, 10))
        await asyncio.sleep(0)
        began = time.perf_counter()
        await put(1)
        [offer] = await waiting
        times.append(time.perf_counter() - began)
        await queue.ack(offer)
    return statistics.median(times) * 1e3, statistics.quantiles(times, n=20)[-1] * 1e3


async def _measure(queue: TaskQueue, log: LogClient, tasks: int) -> tuple[float, float, float, float]:
    await queue.start()
    put = _Put(log, queue)
    put_s = await put(tasks)
    take_s = await _take(queue, tasks)
    p50, p95 = await _latency_ms(queue, put)
    await queue.stop()
    return tasks / put_s, tasks / take_s, p50, p95


async def _system(folder: Path, tasks: int, nats_url: str) -> float:
    """Tasks a second from the first one handed in to the last one done."""
    settings = Settings(
        data=folder, model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0, nats_url=nats_url
    )
    system = LocalActorSystem(settings)
    await system.start()
    log = LogClient(system.log("default"), "default")
    people = Dispatcher(log, now)
    project = await people.dispatch(_ORIGIN, CreateProject(name="All of it"))
    began = time.perf_counter()
    commands = [
        SubmitTask(project_id=project.id, title=f"Task {number}", task_type="unit-test", review="none")
        for number in range(tasks)
    ]
    await asyncio.gather(*(people.dispatch(Origin("default", "b", new_id("cor")), one) for one in commands))
    done, position = 0, 0
    while done < tasks:
        polled = await log.poll(position, 1_000, 5, (TaskCompleted.TOPIC,))
        done += len(polled.events)
        position = polled.position
    took = time.perf_counter() - began
    await system.stop()
    return tasks / took


async def _queues(folder: Path, tasks: int) -> None:
    server = NatsServer(folder / "nats")
    await server.start()
    for kind in ("log", "nats"):
        file = folder / f"{kind}.db"
        writer = LogWriter(lambda file=file: SQLiteLog.open(file, "default", now))  # type: ignore[misc]
        await writer.start()
        log = LogClient(writer, "default")
        queue = LogQueue(log, "default") if kind == "log" else NatsQueue(server.options, "default")
        put, take, p50, p95 = await _measure(queue, log, tasks)
        await writer.stop()
        print(f"| {tasks:,} | {kind} | {put:,.0f} | {take:,.0f} | {p50:.1f} | {p95:.1f} |", flush=True)
    await server.kill()


async def _whole(folder: Path, tasks: int) -> None:
    server = NatsServer(folder / "nats")
    await server.start()
    alone = await _system(folder / "log", tasks, "")
    with_nats = await _system(folder / "in-nats", tasks, server.url)
    await server.kill()
    print(f"\n{tasks} tasks through the system: {alone:.0f} a second with the log's queue, {with_nats:.0f} with NATS")


async def _run(sizes: list[int], whole_tasks: int) -> None:
    print("| tasks | queue | put/s | take/s | latency p50 ms | p95 ms |")
    print("|---|---|---|---|---|---|")
    for tasks in sizes:
        with tempfile.TemporaryDirectory() as name:
            await _queues(Path(name), tasks)
    with tempfile.TemporaryDirectory() as name:
        await _whole(Path(name), whole_tasks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--whole", type=int, default=300)
    asked = parser.parse_args()
    journal.configure(level=logging.ERROR)
    asyncio.run(_run(asked.tasks, asked.whole))


if __name__ == "__main__":
    main()
