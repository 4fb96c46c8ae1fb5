"""Cells that sleep and wake: the whole actor system in this process, on files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from actors.composition import LocalActorSystem
from actors.runtime.base import Address
from events.task import TaskCompleted
from tests.actors.kit import seen
from vapora.clock import now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.log.cell_records import open_cell_records
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings


def settings(folder: Path, **more: Any) -> Settings:
    given = {
        "data": folder / "data",
        "runtime": "local",
        "model": "rehearsal",
        "rehearsal_min_delay_s": 0,
        "rehearsal_max_delay_s": 0,
        "cell_idle_s": 0.05,
        "repo_roots": (folder,),
    }
    return Settings(**(given | more))


@asynccontextmanager
async def running(chosen: Settings) -> AsyncIterator[LocalActorSystem]:
    system = LocalActorSystem(chosen)
    await system.runtime.ref(Address("supervisor")).health()
    yield system
    await system.stop()


def actors_of(system: LocalActorSystem, workspace: str) -> list[str]:
    return sorted(str(one) for one in system.runtime.running() if one.workspace == workspace)


async def asleep(system: LocalActorSystem, workspace: str, timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while (await system.standing(workspace))[0] != "asleep":
            await asyncio.sleep(0.01)
    assert actors_of(system, workspace) == []


async def submit(system: LocalActorSystem, workspace: str, **more: Any) -> str:
    log = LogClient(system.log(workspace), workspace)
    dispatcher, origin = Dispatcher(log, now), Origin(workspace, "user:test", "cor")
    project = await dispatcher.dispatch(origin, CreateProject(name="Parser"))
    command = SubmitTask(project_id=project.id, title="Write a parser", review="none", **more)
    return (await dispatcher.dispatch(origin, command)).id


async def test_a_cell_without_work_sleeps_and_the_next_call_wakes_all_of_it(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with running(chosen) as system:
        await system.create("acme")
        await asleep(system, "acme")
        record = open_cell_records(chosen).get("acme")
        assert record is not None
        assert (record.state, record.due) == ("asleep", None)

        # As somebody who knows nothing of its sleep.
        await submit(system, "acme")
        log = LogClient(system.log("acme"), "acme")
        await seen(log, TaskCompleted)
        await asleep(system, "acme")
