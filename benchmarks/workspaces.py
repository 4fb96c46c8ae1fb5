"""What workspaces cost that have nothing to do: 10 of them against 1,000, in one process, on files.

    python -m benchmarks.workspaces [--many 1000] [--few 10] [--wake 100] [--rest-s 10] [--folder DIR]

Each installation is a process of its own. It makes the workspaces and lets them sleep; then it starts anew, as it would
after a restart, and is measured at rest: memory (PSS), processes, threads, open files, and processor time over
`--rest-s`. Then some sleepers, in no order, are asked over HTTP for their board, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from actors.composition import LocalActorSystem
from actors.runtime.base import Address
from projections.board import board
from vapora.api.app import create_app
from vapora.api.cells import Cells
from vapora.settings import Settings

_AT_ONCE = 8
_IDLE_S = 0.05


def _settings(folder: Path, **more: Any) -> Settings:
    return Settings(data=folder / "data", runtime="local", model="rehearsal", database_url=None, **more)


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


async def measure(folder: Path, count: int, wake: int, rest_s: float) -> dict[str, float]:
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
        found: dict[str, float] = {
            "start_s": start_s,
            "default_s": first_answer_s,
            "pss_mb": process.memory_full_info().pss / 1e6,
            "processes": 1 + len(process.children(recursive=True)),
            "threads": process.num_threads(),
            "files": process.num_fds(),
        }
        before = process.cpu_times()
        await asyncio.sleep(rest_s)
        after = process.cpu_times()
        found["cpu_percent"] = 100 * (after.user + after.system - before.user - before.system) / rest_s
        names = random.Random(7).sample([f"w{number}" for number in range(count)], min(wake, count))
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
    await app.state.cells.close()
    await system.stop()
    return found


def _in_process(what: str, folder: Path, count: int, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.workspaces", "--only", what, "--many", str(count)]
    command += ["--folder", str(folder), "--wake", str(arguments.wake), "--rest-s", str(arguments.rest_s)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--many", type=int, default=1_000)
    parser.add_argument("--few", type=int, default=10)
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
        print(json.dumps(asyncio.run(measure(arguments.folder, arguments.many, arguments.wake, arguments.rest_s))))
        return
    rows: dict[int, dict[str, float]] = {}
    for count in filter(None, (arguments.few, arguments.many)):
        folder = Path(tempfile.mkdtemp(prefix="vapora-workspaces-", dir=arguments.folder))
        try:
            made = _in_process("make", folder, count, arguments)
            rows[count] = {**made, **_in_process("measure", folder, count, arguments)}
        finally:
            shutil.rmtree(folder)
    print(f"{'':>14}" + "".join(f"{count:>12,}" for count in rows))
    for name in next(iter(rows.values())):
        print(f"{name:>14}" + "".join(f"{row[name]:>12.2f}" for row in rows.values()), flush=True)


if __name__ == "__main__":
    main()
