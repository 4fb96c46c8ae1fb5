"""How fast read models are rebuilt from a log's file, beside what reading it with plain sqlite3, and what decoding the
same events costs alone, at one size after the other, in one run on one machine.

    python -m benchmarks.rebuild [--times 3] [--only NAME …] [--] [events …]    # 1000 10000 unless said otherwise

Each figure is of a process of its own, so that garbage is nobody else's burden, and the best of three (of one from a
hundred thousand events on). `× decoding` compares processor time, which other work on the machine disturbs least;
events/s are of the clock on the wall. `memory` is the process's peak beyond what it began with, `disk` what rows take.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import events  # noqa: F401  # registers every topic
from benchmarks.synthetic import WORKSPACE, write
from projections import ReadStore, Rebuild, Runner, all_projections
from projections.engine.base import LoggedEvent, Projection
from vapora.log.event_log import EventLog
from vapora.log.mapper import LazyRecord, open_record
from vapora.log.sqlite import SQLiteLog
from vapora.settings import Settings

_BATCH = 2_000
_READING, _DECODING, _ALL = "reading with plain sqlite3", "decoding alone", "all at once, as after a loss"


def _read(file: Path) -> None:
    """Every row, as anybody would."""
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT position, originator_id, originator_version, topic, state FROM stored_events")
    while rows.fetchmany(_BATCH):
        pass
    connection.close()


def _decode(log: EventLog) -> None:
    """Every event, as a reader of everything has to."""
    after = 0
    while found := log.after(after, _BATCH):
        for record in found:
            open_record(record)
        after = found[-1].position


def _rebuild(log: EventLog, folder: Path, projection: Projection) -> None:
    """As `vapora rebuild` and the projector do it."""
    store = ReadStore(folder / "read.db")
    topics, head = tuple(sorted(projection.TOPICS or ())), log.head()
    rebuild, after = Rebuild.begin(store, projection), 0
    while after < head:
        batch = [LazyRecord(record) for record in log.after(after, _BATCH, topics, head)]
        after = head if len(batch) < _BATCH else batch[-1].position
        checkpoint = rebuild.feed(batch, after)
        if checkpoint is None or checkpoint.failure is not None:
            raise SystemExit(f"the rebuild did not get through: {checkpoint}")
    if not rebuild.switch():
        raise SystemExit("the rebuild was not done at its end")
    store.close()


def _everything(log: EventLog, folder: Path) -> None:
    runner, after = Runner(ReadStore(folder / "read.db"), all_projections()), 0
    while found := log.after(after, 5_000):
        batch: list[LoggedEvent] = [LazyRecord(record) for record in found]
        runner.apply(batch, frames_wanted=False)
        after = found[-1].position
    if runner.status()["failed"] or runner.position != after:
        raise SystemExit(f"the rebuild did not get through: {runner.status()}")
    runner.close()


def _peak() -> int:
    """KiB. Not `getrusage`: its peak is handed down from the process that made this one."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _measure(data: Path, what: str) -> None:
    """In a process of its own: prints seconds of the processor and of the clock, KiB of memory and bytes of disk."""
    file = Settings(data=data).log_file(WORKSPACE)
    log = SQLiteLog.open_for_reading(file)
    named = {one.NAME: one for one in all_projections()}
    with tempfile.TemporaryDirectory(dir=data) as folder:
        before = _peak()
        begun, begun_cpu = time.perf_counter(), time.process_time()
        if what == _READING:
            _read(file)
        elif what == _DECODING:
            _decode(log)
        elif what == _ALL:
            _everything(log, Path(folder))
        else:
            _rebuild(log, Path(folder), named[what])
        cpu, seconds = time.process_time() - begun_cpu, time.perf_counter() - begun
        memory = _peak() - before
        disk = sum(file.stat().st_size for file in Path(folder).iterdir())
    print(json.dumps([cpu, seconds, memory, disk]))


def _best(data: Path, what: str, times: int) -> tuple[float, float, int, int]:
    found: list[tuple[float, float, int, int]] = []
    for _ in range(times):
        command = [sys.executable, "-m", "benchmarks.rebuild", "--measure", str(data), what]
        cpu, seconds, memory, disk = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        found.append((cpu, seconds, memory, disk))
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[one.NAME for one in all_projections()], help="of the read models")
    parser.add_argument("sizes", type=int, nargs="*", metavar="events", default=[1_000, 10_000])
    asked = parser.parse_args()
    for size in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            write(Settings(data=data), size)
            times = asked.times if size < 100_000 else 1
            alone = min(_best(data, _DECODING, times)[0] for _ in range(2))
            print(f"\n{size:,} events\n")
            print("| | × decoding | events/s | memory | disk |")
            print("|---|---:|---:|---:|---:|")
            for what in (_READING, _DECODING, *(asked.only or [one.NAME for one in all_projections()]), _ALL):
                cpu, seconds, memory, disk = _best(data, what, times)
                row = f"| {what} | {cpu / alone:.2f} | {size / seconds:,.0f} "
                print(f"{row}| {memory / 1024:,.0f} MiB | {disk / 2**20:,.1f} MiB |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        _measure(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
