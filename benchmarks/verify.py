"""How fast is a log proved, and what does the chain cost an append?

    python -m benchmarks.verify [--events 100000] [--folder DIR]

Appends come 1,000 events a transaction, so that the disk counts for little: what is left is the chain's own cost.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from events.ids import TaskState
from events.task import TaskArchived
from vapora.log import mapper
from vapora.log.chain import GENESIS, extend
from vapora.log.proof import verify
from vapora.log.sqlite import SQLiteLog
from vapora.records import Append, StreamAppend

# With its envelope about 500 bytes, as an average event of ours has.
EVENT = mapper.encode(TaskArchived(task_id="task-0123456789abcde", from_state=TaskState.DONE, comment="x" * 250))
_BATCH = 1_000


def measure(events: int, folder: Path) -> str:
    log = SQLiteLog.open(folder / f"{events}.db", "bench")
    began = time.perf_counter()
    for number in range(events // _BATCH):
        part = StreamAppend(f"task:{number}", 0, (EVENT,) * _BATCH)
        log.append([Append(f"req-{number}", "anna", "cor-0123456789abcde", None, (part,))])
    appending = time.perf_counter() - began
    rows = [(record.stream, record.version, record.topic, record.state) for record in log.after(0, 10_000)]
    began = time.perf_counter()
    extend(GENESIS, rows)
    chaining = (time.perf_counter() - began) / len(rows) * events
    began = time.perf_counter()
    verdict = verify(log)
    proving = time.perf_counter() - began
    began = time.perf_counter()
    log.damage()
    pages = time.perf_counter() - began
    log.close()
    assert verdict.fault is None, verdict
    return (
        f"{events:>9,} {events / appending:>12,.0f} {chaining / appending:>12.0%} {events / proving:>12,.0f} "
        f"{pages / proving:>14.0%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print("   events    appended/s  of it chain     proved/s  of it indexes")
    size = 1_000
    while size <= arguments.events:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            print(measure(size, Path(folder)))
        size *= 10


if __name__ == "__main__":
    main()
