"""How long until an actor works again, by the length of the log.

    python -m benchmarks.actor_start [--most 100000] [--folder DIR]

"whole" folds the log from its beginning, as a first start or one with an upgraded fold does. "saved" starts from a
snapshot that is as old as it gets, 10,000 events, as after a kill. The log writer opens and fences; it folds nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from actors.budget_manager import BudgetManager
from actors.coordinator import SwarmCoordinator
from actors.log_writer import LogWriter
from actors.snapshots import saved_ledger, saved_swarm
from benchmarks.generated import GeneratedLog
from tests.projections.story import WORKSPACE
from vapora import clock
from vapora.log import LogClient
from vapora.log.folds import EVERY
from vapora.log.sqlite import SQLiteLog

Start = Callable[[LogClient, Path], Any]


def a_manager(log: LogClient, folder: Path) -> BudgetManager:
    return BudgetManager(log, WORKSPACE, clock.now, patience_s=1, saved=saved_ledger(folder))


def a_coordinator(log: LogClient, folder: Path) -> SwarmCoordinator:
    async def no() -> bool:
        return False

    async def retire(_: str) -> None:
        return None

    def nobody(_: str) -> Any:
        raise RuntimeError("all tasks are done")

    saved = saved_swarm(folder)
    return SwarmCoordinator(log, WORKSPACE, nobody, retire, no, clock.now, idle_s=100, resend_s=100, saved=saved)


async def timed(start: Callable[[], Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await start()
    return time.perf_counter() - begun


async def whole_and_saved(path: Path, folder: Path, begin: Start, grow: Callable[[], None]) -> tuple[float, float]:
    writer = LogWriter(lambda: SQLiteLog.open(path, WORKSPACE))
    await writer.start()
    actor = begin(LogClient(writer, WORKSPACE), folder)
    await actor.start()
    await actor.stop()  # saves
    await writer.stop()
    grow()
    await writer.start()
    log = LogClient(writer, WORKSPACE)
    again = begin(log, folder)
    saved = await timed(again.start)
    fresh = begin(log, folder / "none")
    whole = await timed(fresh.start)
    for one in (fresh, again, writer):
        await one.stop()
    return whole, saved


async def line(folder: Path, events: int) -> str:
    told = list[float]()
    for kind, begin in (("ledger", a_manager), ("swarm", a_coordinator)):
        path = folder / f"{kind}-{events}" / "log.db"
        generated = GeneratedLog(path)
        generated.write_until(max(events - EVERY, events // 10))
        generated.close()

        def grow(generated: GeneratedLog = generated, path: Path = path) -> None:
            generated.reopen(path)
            generated.write_until(events)
            generated.close()

        told += await whole_and_saved(path, folder / f"{kind}-{events}" / "snapshots", begin, grow)
    writer = LogWriter(lambda: SQLiteLog.open(path, WORKSPACE))
    opened = await timed(writer.start)
    head = await writer.head()
    await writer.stop()
    numbers = "".join(f"{seconds:>11.3f}" for seconds in told)
    return f"{head:>9,} {generated.ledger_events:>9,} {opened:>9.3f}{numbers}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=100_000, help="events in the longest log; 1000000 takes 3 minutes")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print("Seconds until started.          log        budget manager         coordinator")
    print("   events    ledger    writer      whole      saved      whole      saved")
    size = 1_000
    with suppress(KeyboardInterrupt):
        while size <= arguments.most:
            with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
                print(asyncio.run(line(Path(name), size)), flush=True)
            size *= 10


if __name__ == "__main__":
    main()
