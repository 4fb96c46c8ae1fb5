"""How much of SQLite's own speed does the log writer leave? In one process, without Ray or sockets.

    python -m benchmarks.log_append [--seconds 2] [--rounds 3] [--folder DIR]

Each round measures the writer and then raw sqlite3 on the same disk: same table, same journal and `synchronous`,
same bytes, as many commits (a journal that still grows is slower than one that is written over), and as many
events a commit as the writer had on average. Compare within a round: the disk's mood
changes from minute to minute. `--folder` matters: /tmp may be memory, where an fsync costs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from actors.log_writer import LogWriter
from events.ids import TaskState, task_stream
from events.task import TaskArchived
from vapora import clock
from vapora.log import LogClient
from vapora.log.event_log import Committed
from vapora.log.sqlite import SQLiteLog
from vapora.ports import Origin
from vapora.records import Append

CALLERS = (1, 32)
# With its envelope about 500 bytes, as an average event of ours has.
EVENT = TaskArchived(task_id="task-0123456789abcde", from_state=TaskState.DONE, comment="x" * 250)
ORIGIN = Origin("bench", "anna", "cor-0123456789abcde")


class CountedLog(SQLiteLog):
    commits = 0

    def commit(self, requests: Sequence[Append]) -> Committed:
        self.commits += 1
        return super().commit(requests)


@dataclass(frozen=True)
class Measured:
    events_per_s: float
    commits: int
    events_a_commit: float
    p50_ms: float
    p99_ms: float


async def writer(folder: Path, callers: int, seconds: float) -> Measured:
    log = CountedLog.open(folder / "writer.sqlite", "bench")
    actor = LogWriter(lambda: log)
    await actor.start()
    client = LogClient(actor, "bench")
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def call(name: str) -> None:
        for version in count():
            started = time.perf_counter()
            if started > end:
                return
            await client.append(ORIGIN, (task_stream(name), version, [EVENT]))
            latencies.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(call(f"task-{caller}") for caller in range(callers)))
    elapsed = time.perf_counter() - started
    await actor.stop()
    return _measured(latencies, elapsed, len(latencies), log.commits)


def raw(folder: Path, batch: int, commits: int, state: bytes) -> Measured:
    connection = sqlite3.connect(folder / "raw.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE stored_events (position INTEGER PRIMARY KEY AUTOINCREMENT, originator_id TEXT NOT NULL, "
        "originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL, "
        "UNIQUE (originator_id, originator_version))"
    )
    insert = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (?,?,?,?)"
    latencies: list[float] = []
    began = time.perf_counter()
    for version in range(1, commits + 1):
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(insert, [(f"task:task-{n}", version, EVENT.TOPIC, state) for n in range(batch)])
        connection.execute("COMMIT")
        latencies.append(time.perf_counter() - started)
    elapsed = time.perf_counter() - began
    connection.close()
    return _measured(latencies, elapsed, commits * batch, commits)


def _measured(latencies: list[float], elapsed: float, events: int, commits: int) -> Measured:
    cuts = statistics.quantiles(latencies, n=100)
    return Measured(events / elapsed, commits, events / commits, cuts[49] * 1_000, cuts[98] * 1_000)


def one_round(folder: Path | None, callers: int, seconds: float) -> tuple[Measured, Measured]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        ours = asyncio.run(writer(Path(name), callers, seconds))
        log = SQLiteLog.open_for_reading(Path(name) / "writer.sqlite")
        state = log.after(0, 1)[0].state
        log.close()
        return ours, raw(Path(name), max(1, round(ours.events_a_commit)), ours.commits, state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print(f"{clock.now():%Y-%m-%d %H:%M} UTC, SQLite {sqlite3.sqlite_version}, {arguments.seconds:g} s a measurement")
    print("callers round         events/s a commit  p50 ms  p99 ms ours/raw")
    for callers in CALLERS:
        ratios = []
        for number in range(1, arguments.rounds + 1):
            ours, plain = one_round(arguments.folder, callers, arguments.seconds)
            ratios.append(ours.events_per_s / plain.events_per_s)
            for name, m, ratio in (("writer", ours, f"{ratios[-1]:.2f}"), ("raw", plain, "")):
                print(
                    f"{callers:>7} {number:>5} {name:>6} {m.events_per_s:>9,.0f} {m.events_a_commit:>8.1f} "
                    f"{m.p50_ms:>7.2f} {m.p99_ms:>7.2f} {ratio:>8}"
                )
        print(f"{callers:>7} median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
