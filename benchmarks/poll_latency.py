"""How soon does a follower have an event in hand? At 500 events/s, through the log writer.

    python -m benchmarks.poll_latency [--seconds 5] [--rate 500] [--an-append 2] [--no-ray] [--folder DIR]

The clock runs from `recorded_at`, which the writer takes before its transaction, until the follower has decoded the
event: the commit with its fsync is part of it. In-process all share one event loop; on Ray the one who appends, the
writer and the follower are three processes. Appends come at even intervals and do not wait for each other; each has 2
events, as a task's have on average (17 in 9).
With it, through Ray: appends of 32 callers beside 32 callers of an actor that does nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from actors.composition import BUILDER, builder
from actors.follower import cancel
from actors.runtime import cluster
from actors.runtime.base import Address, Runtime
from actors.runtime.local import LocalRuntime
from events.ids import TaskState, task_stream
from events.task import TaskArchived
from vapora.log import LogClient
from vapora.ports import Origin
from vapora.settings import Settings

WORKSPACE = "default"
WRITER = Address("log", WORKSPACE)
ORIGIN = Origin(WORKSPACE, "bench", "cor-0123456789abcde")
CALLERS = 32


def client(runtime: Runtime) -> LogClient:
    return LogClient(runtime.ref(WRITER), WORKSPACE)


async def follow(log: LogClient, count: int) -> list[float]:
    """Seconds from the record to here, of each of the next events."""
    latencies: list[float] = []
    position = 0
    while len(latencies) < count:
        polled = await log.poll(position, 1_000, 10)
        now = time.time()
        latencies += [now - one.recorded_at.timestamp() for one in polled.events]
        position = polled.position
    return latencies


def event(name: str) -> TaskArchived:
    return TaskArchived(task_id=name, from_state=TaskState.DONE, comment="x" * 250)


async def produce(log: LogClient, rate: int, count: int, an_append: int) -> None:
    """Open loop: the next one is due whether or not the one before has been answered."""
    begun = time.perf_counter()
    under_way: set[asyncio.Task[Any]] = set()
    for number in range(0, count, an_append):
        await asyncio.sleep(max(0, begun + number / rate - time.perf_counter()))
        name = f"task-{number}"
        task = asyncio.create_task(log.append(ORIGIN, (task_stream(name), 0, [event(name)] * an_append)))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


def told(where: str, latencies: list[float]) -> None:
    # The first tenth warms up.
    cuts = statistics.quantiles(latencies[len(latencies) // 10 :], n=100)
    p50, p95, p99 = (cuts[place] * 1_000 for place in (49, 94, 98))
    print(f"{where:<12}{len(latencies):>9,} {p50:>9.2f} {p95:>9.2f} {p99:>9.2f}", flush=True)


async def in_process(settings: Settings, rate: int, count: int, an_append: int) -> None:
    runtime = LocalRuntime(builder(settings, {}))
    log = client(runtime)
    await log.head()  # starts it
    following = asyncio.create_task(follow(log, count))
    try:
        await produce(log, rate, count, an_append)
        told("in-process", await asyncio.wait_for(following, 30))
    finally:
        if not following.done():
            await cancel(following)  # type: ignore[arg-type]
        await runtime.shutdown()


def on_ray(settings: Settings, rate: int, count: int, an_append: int, seconds: float) -> None:
    cluster.prepare_environment(settings.data, os.environ)
    try:
        cluster.start(settings.data, dashboard=False, handed=settings.handed())
        asyncio.run(_on_ray(settings, rate, count, an_append, seconds))
    finally:
        cluster.stop(settings.data)


async def _on_ray(settings: Settings, rate: int, count: int, an_append: int, seconds: float) -> None:
    import ray

    from actors.runtime.ray import HostConfig, RayRuntime

    config = HostConfig(BUILDER, "separate")

    def elsewhere() -> list[float]:
        return asyncio.run(follow(client(RayRuntime(config)), count))

    class Nothing:
        async def call(self, argument: bytes) -> bytes:
            return argument

    log = client(RayRuntime(config))
    await log.head()
    following = ray.remote(num_cpus=0)(elsewhere).remote()
    nothing = ray.remote(num_cpus=0)(Nothing).remote()
    await nothing.call.remote(b"")
    await produce(log, rate, count, an_append)
    told("Ray", await asyncio.wrap_future(following.future()))

    async def one(name: str, version: int) -> None:
        await log.append(ORIGIN, (task_stream(name), version, [event(name)]))

    async def empty(name: str, version: int) -> None:
        await nothing.call.remote(b"x" * 500)

    for what, call in (("appends", one), ("calls to an actor that does nothing", empty)):
        print(f"{CALLERS} callers through Ray, {what}: {await calls_a_second(call, seconds):,.0f}/s", flush=True)


async def calls_a_second(call: Callable[[str, int], Awaitable[None]], seconds: float) -> float:
    until = time.perf_counter() + seconds

    async def caller(name: str) -> int:
        count = 0
        while time.perf_counter() < until:
            await call(name, count)
            count += 1
        return count

    return sum(await asyncio.gather(*(caller(f"caller-{number}") for number in range(CALLERS)))) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--an-append", type=int, default=2, help="events in an append")
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    an_append = arguments.an_append
    count = int(arguments.seconds * arguments.rate) // an_append * an_append
    print(f"{arguments.rate} events/s      events    p50 ms    p95 ms    p99 ms")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        local = Settings(data=Path(name) / "local", runtime="local")
        asyncio.run(in_process(local, arguments.rate, count, an_append))
        if not arguments.no_ray:
            on_ray(Settings(data=Path(name) / "r"), arguments.rate, count, an_append, arguments.seconds)


if __name__ == "__main__":
    main()
