"""What workspaces cost that have nothing to do: one of them against 1,000, of which 20 are awake, in one process.

    python -m benchmarks.workspaces [--counts 1,300,1000] [--awake 20] [--wake 100] [--rest-s 10] [--postgres]

Each installation is a process of its own, which is what a shard is. It makes the workspaces and lets them sleep; then
it starts anew, as it would after a restart; some are woken, and it is measured at rest: memory, processes, threads,
open files, connections to PostgreSQL, and processor time over `--rest-s`. Then other sleepers, in no order, are asked
for their board, one after the other. `--postgres` starts a server for it; else the data is in files.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from actors.composition import LocalActorSystem
from actors.runtime.base import Address
from projections.board import board
from tests.postgres import Server, owned
from vapora.api.app import create_app
from vapora.api.cells import Cells
from vapora.settings import Settings

_AT_ONCE = 8
_IDLE_S = 0.05


def _settings(folder: Path, **more: Any) -> Settings:
    # VAPORA_DATABASE_URL says whether it is in PostgreSQL.
    return Settings(data=folder / "data", runtime="local", model="rehearsal", **more)


def _connections(settings: Settings) -> int:
    """Of this installation, as the server counts them."""
    if settings.database_url is None:
        return 0
    with psycopg.connect(settings.database_url.get_secret_value(), application_name="benchmark") as connection:
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'vapora'"
        )
        row = connection.execute(asked).fetchone()
    return row[0] if row else 0


async def _all_asleep(system: LocalActorSystem, count: int) -> None:
    while (await system.standing())[1].asleep < count:  # noqa: ASYNC110 - of another process, as it were
        await asyncio.sleep(0.05)


async def make(folder: Path, count: int) -> None:
    """Workspaces with the events of their beginning, all of them asleep."""
    system = LocalActorSystem(_settings(folder, cell_idle_s=_IDLE_S))
    await system.runtime.ref(Address("supervisor")).health()
    for first in range(0, count, _AT_ONCE):
        names = [f"w{number}" for number in range(first, min(first + _AT_ONCE, count))]
        await asyncio.gather(*(system.create(name) for name in names))
        await _all_asleep(system, first + len(names))
    await system.stop()


async def _read_board(cells: Cells, workspace: str) -> None:
    """As the route does it, behind the gate that asks who may: of these workspaces nobody is a member."""
    cell = await cells.open(workspace)
    await cell.read(lambda rows: board(rows, None, rows.position))


async def measure(folder: Path, count: int, awake: int, wake: int, rest_s: float) -> dict[str, float]:
    settings = _settings(folder)
    began = time.perf_counter()
    system = LocalActorSystem(settings)
    await system.start()
    first_answer_s = time.perf_counter() - began
    await _all_asleep(system, count)
    start_s = time.perf_counter() - began
    app = create_app(system, settings, "0", True)
    transport = httpx.ASGITransport(app)
    process = psutil.Process()
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        (await http.get("/health")).raise_for_status()
        names = random.Random(7).sample([f"w{number}" for number in range(count)], min(awake + wake, count))
        awakened, names = names[:awake], names[awake:]
        began = time.perf_counter()
        await asyncio.gather(*map(system.open, awakened))
        found: dict[str, float] = {
            "start_s": start_s,
            "default_s": first_answer_s,
            "awake": len((await system.standing())[1].awake),
            "all_awake_s": time.perf_counter() - began,
            "uss_mib": process.memory_full_info().uss / 2**20,
            "processes": 1 + len(process.children(recursive=True)),
            "threads": process.num_threads(),
            "files": process.num_fds(),
            "connections": _connections(settings),
        }
        before = process.cpu_times()
        await asyncio.sleep(rest_s)
        after = process.cpu_times()
        found["cpu_percent"] = 100 * (after.user + after.system - before.user - before.system) / rest_s
        names = names or awakened
        times = []
        for name in names:
            asked = time.perf_counter()
            await _read_board(app.state.cells, name)
            times.append(time.perf_counter() - asked)
        found["wake_p50_ms"] = 1000 * statistics.median(times)
        found["wake_p95_ms"] = 1000 * sorted(times)[int(len(times) * 0.95) - 1]
        again = []
        for name in names:
            asked = time.perf_counter()
            await _read_board(app.state.cells, name)
            again.append(time.perf_counter() - asked)
        found["awake_p50_ms"] = 1000 * statistics.median(again)
        found["connections_after"] = _connections(settings)
        found["threads_after"] = process.num_threads()
    await app.state.cells.close()
    await system.stop()
    return found


def _in_process(what: str, folder: Path, count: int, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.workspaces", "--only", what, "--many", str(count)]
    command += ["--folder", str(folder), "--wake", str(arguments.wake), "--rest-s", str(arguments.rest_s)]
    command += ["--awake", str(arguments.awake)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="1,1000")
    parser.add_argument("--awake", type=int, default=20)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--many", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--wake", type=int, default=100)
    parser.add_argument("--rest-s", type=float, default=10)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", choices=("make", "measure"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only == "make":
        began = time.perf_counter()
        asyncio.run(make(arguments.folder, arguments.many))
        print(json.dumps({"made_s": time.perf_counter() - began}))
        return
    if arguments.only == "measure":
        awake, wake = arguments.awake, arguments.wake
        print(json.dumps(asyncio.run(measure(arguments.folder, arguments.many, awake, wake, arguments.rest_s))))
        return
    os.environ.pop("VAPORA_DATABASE_URL", None)
    with owned() if arguments.postgres else nullcontext() as server:
        _compare(arguments, server)


def _compare(arguments: argparse.Namespace, server: Server | None) -> None:
    rows: dict[int, dict[str, float]] = {}
    for count in map(int, arguments.counts.split(",")):
        folder = Path(tempfile.mkdtemp(prefix="vapora-workspaces-", dir=arguments.folder))
        try:
            with nullcontext() if server is None else server.database() as url:
                if url is not None:
                    os.environ["VAPORA_DATABASE_URL"] = url
                made = _in_process("make", folder, count, arguments)
                rows[count] = {**made, **_in_process("measure", folder, count, arguments)}
        finally:
            shutil.rmtree(folder)
        print(json.dumps({str(count): rows[count]}), flush=True)
    print(f"{'':>14}" + "".join(f"{count:>12,}" for count in rows))
    for name in next(iter(rows.values())):
        print(f"{name:>14}" + "".join(f"{row[name]:>12.2f}" for row in rows.values()), flush=True)


if __name__ == "__main__":
    main()
