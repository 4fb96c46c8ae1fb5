"""What cells that sleep cost a process that holds many: nothing that grows with them, in PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from actors.composition import LocalActorSystem
from actors.log_writer import LogWriter
from actors.runtime.base import Address
from events.task import TaskCompleted
from tests.actors.kit import seen
from tests.actors.test_sleep import actors_of, asleep, running, settings, submit, until
from tests.postgres import Server, connections
from tests.waiting import settled
from vapora.clock import now
from vapora.database import MOST_CONNECTIONS
from vapora.dispatch import Dispatcher
from vapora.domain.cell import CellRecord
from vapora.log.cell_records import log_ends, open_cell_records
from vapora.log.client import LogClient
from vapora.log.places import open_log
from vapora.ports import Origin
from vapora.settings import Settings

# Of the memory that a process has in any case, some 150 MiB, and far less than fifty cells would be.
_NOISE_BYTES = 24 * 1024 * 1024
_ROUNDS = 5
SUPERVISOR = Address("supervisor")


@dataclass
class Used:
    threads: int
    files: int
    rss: int
    connections: int
    calls: int  # of actors, in some rounds of the supervisor
    cpu_s: float


async def make(chosen: Settings, names: list[str]) -> None:
    """Workspaces that have begun and fell asleep, as a process that ended left them."""

    async def one(name: str) -> None:
        writer = LogWriter(lambda: open_log(chosen.log_place(name), name, now))
        await writer.start()
        await Dispatcher(LogClient(writer, name), now).open_workspace(Origin(name, "supervisor", "cor"))
        await writer.stop()
        open_cell_records(chosen).put(CellRecord(name, "asleep", now(), log_ends(chosen, [name])[name]))

    for name in names:
        await one(name)


async def used_at_rest(system: LocalActorSystem, url: str) -> Used:
    """Over some rounds in which the supervisor looks after the cells that are open."""
    calls, original = 0, system.runtime.call  # type: ignore[attr-defined]

    async def counted(*args: object) -> object:
        nonlocal calls
        calls += 1
        return await original(*args)

    system.runtime.call = counted  # type: ignore[attr-defined]
    process, before = psutil.Process(), time.process_time()
    for _ in range(_ROUNDS):
        await system.runtime.ref(SUPERVISOR).cells()
    cpu_s = time.process_time() - before
    system.runtime.call = original  # type: ignore[attr-defined]
    return Used(process.num_threads(), process.num_fds(), process.memory_info().rss, connections(url), calls, cpu_s)


def fits(few: Used, many: Used) -> bool:
    return (
        # One or two are of the default cell itself, whose turn came meanwhile.
        many.calls <= few.calls + 3
        and many.threads <= few.threads + 2
        and many.files <= few.files + 4
        and many.connections <= few.connections + 1
        and many.rss <= few.rss + _NOISE_BYTES
        and many.cpu_s <= 3 * few.cpu_s + 0.5
    )


@pytest.mark.timeout(900)
async def test_nothing_of_a_process_grows_with_the_cells_that_sleep_in_it(
    tmp_path: Path, postgres_server: Server
) -> None:
    found: list[Used] = []
    with postgres_server.database() as url:
        chosen = settings(tmp_path, database_url=SecretStr(url), cell_idle_s=300)
        names = [f"w{number}" for number in range(60)]
        made = 0
        for upto in (10, 60):
            await make(chosen, names[made:upto])
            made = upto
            async with running(chosen) as system:
                await system.open("default")
                # A start takes all that sleep at their word, and opens none of them.
                assert (await system.standing())[1].asleep == upto
                assert [one for name in names for one in actors_of(system, name)] == []
                found.append(
                    await settled(partial(used_at_rest, system, url), lambda used: not found or fits(found[0], used))
                )
        few, many = found
        assert few.connections <= MOST_CONNECTIONS + 2
        assert fits(few, many), found


@pytest.mark.timeout(900)
async def test_cells_that_work_together_share_threads_and_connections_and_are_asleep_again(
    tmp_path: Path, postgres_server: Server
) -> None:
    with postgres_server.database() as url:
        chosen = settings(tmp_path, database_url=SecretStr(url), cell_idle_s=0.5)
        names = [f"w{number}" for number in range(12)]
        await make(chosen, names)
        async with running(chosen) as system:
            await asyncio.gather(*(submit(system, name) for name in names))
            await asyncio.gather(*(seen(LogClient(system.log(name), name), TaskCompleted) for name in names))
            used = await used_at_rest(system, url)
            assert used.threads < 60

            async def are_few() -> bool:
                # And one that says what is worked on, and one that the installation is alive. The server counts one
                # that was closed until it has noticed.
                return connections(url) <= MOST_CONNECTIONS + 2

            await until(are_few)
            await asleep(system, *names)
