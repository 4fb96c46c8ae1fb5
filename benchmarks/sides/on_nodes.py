"""Who hands in the work on a Ray of several nodes, from its head: `benchmarks.nodes` runs it inside that host.

It reads its settings from the environment, and has Ray give the same to every process of an actor, wherever it stands.
A line of JSON each time: where the actors stand; then, once told to begin, how many seconds the tasks took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time

import ray

from actors.composition import BUILDER, ActorSystem
from actors.runtime.ray import HostConfig, RayRuntime, find, hosts
from benchmarks.sides.one_process import Engine
from tests.waiting import until
from vapora import journal
from vapora.log.client import LogClient
from vapora.settings import Settings

_OURS = ("VAPORA_", "AWS_")


async def _placed() -> dict[str, list[str]]:
    """The processes of actors on each node, and that those of the others reach them where there is a secret for it."""
    node_of = {one["NodeID"]: one["NodeManagerAddress"] for one in ray.nodes()}
    placed: dict[str, list[str]] = {address: [] for address in node_of.values()}
    secret = Settings().transport_secret.get_secret_value()
    for name in sorted(hosts()):
        door = await find(name).door.remote()
        if door is None or bool(door.far) != bool(secret):
            raise RuntimeError(f"{name} is not reached as this measurement says: {door}")
        placed[node_of[door.node]].append(name)
    return placed


async def _work(engine: Engine, count: int, at_once: int) -> None:
    left = iter(range(count))

    async def slot() -> None:
        for _ in left:
            await engine.task()

    await asyncio.gather(*(slot() for _ in range(at_once)))


async def main(asked: argparse.Namespace) -> None:
    await until(lambda: sum(one["Alive"] for one in ray.nodes()) == asked.nodes)
    settings = Settings()
    runtime = RayRuntime(HostConfig.of(BUILDER, settings))
    system = ActorSystem(settings, runtime)
    await system.open("default")
    engine = Engine(LogClient(system.log("default"), "default"), asked.agents)
    await engine.begin()
    following = asyncio.create_task(engine.follow())

    async def worked(count: int, at_once: int) -> None:
        working = asyncio.create_task(_work(engine, count, at_once))
        await asyncio.wait([working, following], return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
        await working

    # Until each agent has its process, and everybody has called whom they call.
    await worked(2 * asked.agents, asked.agents)
    print(json.dumps(await _placed()), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.perf_counter()
    await worked(asked.tasks, asked.at_once)
    print(json.dumps(time.perf_counter() - began), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    following.cancel()
    await runtime.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    for name in ("--nodes", "--agents", "--tasks", "--at-once"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args()
    journal.configure(level=logging.ERROR)
    ray.init(
        address=given.address,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {name: value for name, value in os.environ.items() if name.startswith(_OURS)}},
    )
    asyncio.run(main(given))
