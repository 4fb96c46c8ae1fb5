"""Cells that sleep and wake on a Ray of its own, under every placement: run as a program by `test_sleep.py`.

It prints a line of JSON for each placement: how long a sleeping cell took to its first answer, and to be all awake.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import get_args

from actors.kinds import Placement
from actors.runtime import cluster
from tests.waiting import DEADLINE_S
from vapora.settings import Settings


def chosen(data: Path) -> Settings:
    """One Ray has one installation: each placement has a workspace of its own in it."""
    from tests.actors.test_sleep import settings

    return settings(data / "data", runtime="ray", cell_idle_s=1, health_interval_s=0.5)


async def scenario(data: Path, placement: Placement) -> dict[str, object]:
    # Ray reads its environment when it is imported.
    import ray

    from actors.composition import BUILDER, ActorSystem
    from actors.runtime.ray import HostConfig, RayRuntime, find, hosts
    from events.task import TaskCompleted
    from tests.actors.kit import seen
    from tests.actors.test_sleep import submit
    from vapora.log.client import LogClient

    acme = f"acme-{placement}"
    free = ray.available_resources()["CPU"]
    runtime = RayRuntime(HostConfig(BUILDER, placement, holds=("num_cpus", 0.25)))
    system = ActorSystem(chosen(data), runtime)

    async def running() -> list[str]:
        """Of all actors, in whichever process."""
        states = await asyncio.gather(*(find(one).health.remote() for one in hosts() if one.startswith("shard/")))
        return [resident for state in states for resident in state["residents"]]

    async def asleep() -> None:
        async with asyncio.timeout(DEADLINE_S):
            while (await system.standing(acme))[0] != "asleep":
                await asyncio.sleep(0.1)
        assert [one for one in hosts() if acme in one] == []
        assert [one for one in await running() if "/acme" in one] == []

    await system.create(acme)
    await asleep()
    # A shard holds its share of the cluster also while all in it sleep, or the autoscaler would take its node away.
    held = free - ray.available_resources()["CPU"]
    assert held == (0.5 if placement == "shards" else 0), held
    asked = time.monotonic()
    await system.log(acme).head()
    answered = time.monotonic()
    await system.open(acme)
    answered_in_s = (round(answered - asked, 2), round(time.monotonic() - asked, 2))
    await asleep()
    # As somebody who knows nothing of its sleep: the log alone is called.
    await submit(system, acme)
    await seen(LogClient(system.log(acme), acme), TaskCompleted)
    await asleep()
    await runtime.shutdown()
    return {"placement": placement, "log_and_all_awake_s": answered_in_s}


def main() -> None:
    data = Path(sys.argv[1])
    cluster.prepare_environment(data, os.environ)
    cluster.start(data, dashboard=False, handed=chosen(data).handed())
    try:
        for placement in get_args(Placement):
            print(json.dumps(asyncio.run(scenario(data, placement))), flush=True)
    finally:
        cluster.stop(data)


if __name__ == "__main__":
    main()
