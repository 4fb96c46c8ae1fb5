"""How much of SQLite's own speed does the log writer leave? In one process, without Ray or sockets.

    python -m benchmarks.log_append [--slices 20] [--appends 50] [--sizes 0 100000 …] [--folder DIR]

The writer and raw sqlite3 take turns in short slices on the same disk, for its mood changes from second to second:
same table, same journal and `synchronous`, same bytes, as many commits, and as many events a commit as the writer
had in that slice. The ratio is the median over the slices. `--sizes`: with so many events of a busy workspace in both
logs before, to see how an append's cost grows. `--folder` matters: where /tmp is memory, an fsync costs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path

from actors.log_writer import LogWriter
from benchmarks.synthetic import WORKSPACE, write
from events.ids import TaskState, task_stream
from events.task import TaskArchived
from vapora import clock
from vapora.log import LogClient
from vapora.log.event_log import Committed, EventLog
from vapora.log.plan import AppendPlan
from vapora.log.sqlite import SQLiteLog
from vapora.ports import Origin
from vapora.settings import Settings

CALLERS = (1, 32)
# With its envelope about 500 bytes, as an average event of ours has.
EVENT = TaskArchived(task_id="task-0123456789abcde", from_state=TaskState.DONE, comment="x" * 250)
_DIGEST = bytes(range(32))
ORIGIN = Origin(WORKSPACE, "anna", "cor-0123456789abcde")


def _name(caller: int) -> str:
    return f"task-{caller}"


class Counted(EventLog):
    """A log that counts its commits."""

    commits = 0

    def write(self, plan: AppendPlan) -> Committed:
        self.commits += 1
        return super().write(plan)


class CountedLog(Counted, SQLiteLog): ...


@dataclass
class Measured:
    """Of one contender: events and seconds of each slice, and how long each append (raw: commit) took."""

    events: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    commits: int = 0
    latencies: list[float] = field(default_factory=list)

    def row(self) -> str:
        cuts = statistics.quantiles(self.latencies, n=100)
        return (
            f"{sum(self.events) / sum(self.seconds):>9,.0f} {sum(self.events) / self.commits:>8.1f} "
            f"{cuts[49] * 1_000:>7.2f} {cuts[98] * 1_000:>7.2f}"
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


class Raw:
    """What anybody would write by hand for the same table."""

    def __init__(self, path: Path, copied: Path | None) -> None:
        self.measured = Measured()
        self._versions = count(1)
        self._connection = _connect(path)
        self._connection.execute(
            "CREATE TABLE stored_events (position INTEGER PRIMARY KEY AUTOINCREMENT, originator_id TEXT NOT NULL, "
            "originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL, digest BLOB NOT NULL, "
            "UNIQUE (originator_id, originator_version))"
        )
        if copied is not None:
            self._connection.execute("ATTACH ? AS other", (str(copied),))
            self._connection.execute("INSERT INTO stored_events SELECT * FROM other.stored_events")
            # As the writer's, the journal is to begin anew: it is faster to write where it has been written before.
            self._connection.close()
            self._connection = _connect(path)

    def slice(self, commits: int, batch: int, state: bytes) -> None:
        insert = (
            "INSERT INTO stored_events (originator_id, originator_version, topic, state, digest) VALUES (?,?,?,?,?)"
        )
        began = time.perf_counter()
        for _ in range(commits):
            started = time.perf_counter()
            version = next(self._versions)
            rows = [(f"task:{_name(number)}", version, EVENT.TOPIC, state, _DIGEST) for number in range(batch)]
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(insert, rows)
            self._connection.execute("COMMIT")
            self.measured.latencies.append(time.perf_counter() - started)
        self.measured.seconds.append(time.perf_counter() - began)
        self.measured.events.append(commits * batch)
        self.measured.commits += commits

    def close(self) -> None:
        self._connection.close()


class Ours:
    """The log writer behind its client, with so many callers at once."""

    def __init__(self, log: Counted, callers: int) -> None:
        self.measured = Measured()
        self._callers = callers
        self._log = log
        self._writer = LogWriter(lambda: self._log)
        self._client = LogClient(self._writer, WORKSPACE)
        self._version = 0

    async def slice(self, appends: int) -> tuple[int, int, bytes]:
        """How many commits it took, events a commit, and an event as stored."""
        await self._writer.start()
        commits = self._log.commits
        began = time.perf_counter()
        await asyncio.gather(*(self._call(_name(caller), appends) for caller in range(self._callers)))
        self.measured.seconds.append(time.perf_counter() - began)
        self.measured.events.append(appends * self._callers)
        self._version += appends
        commits = self._log.commits - commits
        self.measured.commits += commits
        return commits, round(self.measured.events[-1] / commits), self._log.after(self._log.head() - 1, 1)[0].state

    async def _call(self, name: str, appends: int) -> None:
        for version in range(self._version, self._version + appends):
            started = time.perf_counter()
            await self._client.append(ORIGIN, (task_stream(name), version, [EVENT]))
            self.measured.latencies.append(time.perf_counter() - started)

    async def close(self) -> None:
        await self._writer.stop()


async def contest(folder: Path | None, size: int, callers: int, slices: int, appends: int) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        log = Settings(data=Path(name)).log_file(WORKSPACE)
        if size:
            write(Settings(data=Path(name)), size)
        raw = Raw(Path(name) / "raw.sqlite", log if size else None)
        ours = Ours(CountedLog.open(log, WORKSPACE), callers)
        for _ in range(slices):
            raw.slice(*await ours.slice(appends))
        await ours.close()
        raw.close()
    ratios = [
        (mine / my_seconds) / (theirs / their_seconds)
        for mine, my_seconds, theirs, their_seconds in zip(
            ours.measured.events, ours.measured.seconds, raw.measured.events, raw.measured.seconds, strict=True
        )
    ]
    print(f"{size:>9,} {callers:>7} writer {ours.measured.row()} {statistics.median(ratios):>10.2f}")
    print(f"{size:>9,} {callers:>7} raw    {raw.measured.row()} {1:>10.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--appends", type=int, default=50, help="of each caller in a slice")
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 10_000])
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print(f"{clock.now():%Y-%m-%d %H:%M} UTC, SQLite {sqlite3.sqlite_version}, {arguments.slices} slices")
    print("events before callers  events/s a commit  p50 ms  p99 ms     of raw")
    for size, callers in product(arguments.sizes, CALLERS):
        asyncio.run(contest(arguments.folder, size, callers, arguments.slices, arguments.appends))


if __name__ == "__main__":
    main()
