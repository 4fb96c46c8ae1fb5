"""What PostgreSQL leaves of its own speed, and what it costs beside SQLite. A server of its own, flushing to the disk.

    python -m benchmarks.postgres [--slices 20] [--appends 50] [--events 10000] [--folder DIR]

Append: the log writer and raw psycopg take turns in short slices: same table, same `synchronous_commit`, same bytes, as
many commits, and as many events a commit as the writer had in that slice, each one statement. The ratio is the median.
Replay: the same log read in order by us and by raw psycopg, and all read models folded from it, beside SQLite files.
`--folder` matters: where /tmp is memory, an fsync costs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import psycopg

from benchmarks.log_append import _DIGEST, CALLERS, EVENT, Counted, Measured, Ours, _name
from benchmarks.synthetic import WORKSPACE, write
from projections import ReadStore, Runner, all_projections
from projections.engine.base import LoggedEvent
from tests.postgres import owned
from vapora import clock
from vapora.database import Place, log_schema, read_schema
from vapora.log.event_log import EventLog
from vapora.log.mapper import LazyRecord
from vapora.log.places import open_log
from vapora.log.postgres import PostgresLog
from vapora.settings import Settings

_BATCH = 2_000


class CountedLog(Counted, PostgresLog): ...


class Raw:
    """What anybody would write by hand for the same table: one statement a commit, prepared."""

    def __init__(self, url: str) -> None:
        self.measured = Measured()
        self._versions = count(1)
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(
            "CREATE TABLE stored_events (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            'stream text COLLATE "C" NOT NULL, version bigint NOT NULL, topic text COLLATE "C" NOT NULL, '
            "state bytea NOT NULL, digest bytea NOT NULL, UNIQUE (stream, version))"
        )

    def slice(self, commits: int, batch: int, state: bytes) -> None:
        insert = (
            "INSERT INTO stored_events (stream, version, topic, state, digest) "
            "SELECT * FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bytea[], %b::bytea[])"
        )
        began = time.perf_counter()
        with self._connection.cursor(binary=True) as cursor:
            for _ in range(commits):
                started = time.perf_counter()
                version = next(self._versions)
                streams = [f"task:{_name(number)}" for number in range(batch)]
                same = ([version] * batch, [EVENT.TOPIC] * batch, [state] * batch, [_DIGEST] * batch)
                cursor.execute(insert, (streams, *same))
                self.measured.latencies.append(time.perf_counter() - started)
        self.measured.seconds.append(time.perf_counter() - began)
        self.measured.events.append(commits * batch)
        self.measured.commits += commits

    def close(self) -> None:
        self._connection.close()


async def contest(url: str, callers: int, slices: int, appends: int) -> None:
    ours, raw = Ours(CountedLog.open(log_schema(url, WORKSPACE), WORKSPACE), callers), Raw(url)
    for _ in range(slices):
        raw.slice(*await ours.slice(appends))
    await ours.close()
    raw.close()
    mine, theirs = ours.measured, raw.measured
    ratios = [
        (events / seconds) / (raw_events / raw_seconds)
        for events, seconds, raw_events, raw_seconds in zip(
            mine.events, mine.seconds, theirs.events, theirs.seconds, strict=True
        )
    ]
    print(f"{callers:>7} writer {mine.row()} {statistics.median(ratios):>10.2f}")
    print(f"{callers:>7} raw    {theirs.row()} {1:>10.2f}", flush=True)


def copy(source: EventLog, target: EventLog) -> None:
    after = None
    while links := source.scan(after, _BATCH):
        target.load(links)
        after = links[-1].position


def read(log: EventLog) -> None:
    after = 0
    while found := log.after(after, _BATCH):
        after = found[-1].position


def read_raw(url: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor("all_of_it", binary=True) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(
            "SELECT notification_id, originator_id, originator_version, topic, state "
            f"FROM {log_schema(url, WORKSPACE).schema}.stored_events ORDER BY notification_id".encode()
        )
        for _ in cursor:
            pass


def fold(log: EventLog, place: Place) -> None:
    """All read models, from nothing."""
    runner, after = Runner(ReadStore(place), all_projections()), 0
    while found := log.after(after, _BATCH):
        batch: list[LoggedEvent] = [LazyRecord(record) for record in found]
        runner.apply(batch, frames_wanted=False)
        after = found[-1].position
    if runner.status()["failed"] or runner.position != after:
        raise SystemExit(f"the rebuild did not get through: {runner.status()}")
    runner.close()


def replay(url: str, folder: Path, events: int) -> None:
    with ExitStack() as opened:
        write(Settings(data=folder), events)
        file = opened.enter_context(closing(open_log(Settings(data=folder).log_file(WORKSPACE), WORKSPACE)))
        database = opened.enter_context(closing(open_log(log_schema(url, WORKSPACE), WORKSPACE)))
        copy(file, database)
        print(f"\n{events:,} events          events/s    of raw")
        raw = _timed("read, raw psycopg", events, lambda: read_raw(url))
        _timed("read, ours", events, lambda: read(database), raw)
        files = _timed("all read models, SQLite", events, lambda: fold(file, folder / "read.db"))
        _timed("all read models, here", events, lambda: fold(database, read_schema(url, WORKSPACE)), files)


def _timed(what: str, events: int, run: Callable[[], None], beside: float | None = None) -> float:
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    print(f"{what:<24} {events / seconds:>9,.0f} {(beside or seconds) / seconds:>9.2f}", flush=True)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--appends", type=int, default=50, help="of each caller in a slice")
    parser.add_argument("--events", type=int, default=10_000, help="of the log that is replayed")
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with owned(asked.folder, durable=True) as server:
        version = psycopg.connect(server.url).info.server_version // 10_000
        print(f"{clock.now():%Y-%m-%d %H:%M} UTC, PostgreSQL {version}, {asked.slices} slices")
        print("callers         events/s a commit  p50 ms  p99 ms     of raw")
        for callers in CALLERS:
            with server.database() as url:
                asyncio.run(contest(url, callers, asked.slices, asked.appends))
        with server.database() as url, tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            replay(url, Path(folder), asked.events)


if __name__ == "__main__":
    main()
