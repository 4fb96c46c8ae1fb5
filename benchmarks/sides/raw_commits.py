"""Plain SQLite: rows of 500 bytes, each in a commit of its own that is on the disk before the next one begins.

Here a task is one commit, whatever the load: more than one at once cannot be written to one file.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path

from benchmarks.sides import loop


def main(folder: Path) -> None:
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, state BLOB)")
    row = (b"x" * 500,)
    one_at_a_time = threading.Lock()

    def task() -> None:
        with one_at_a_time:
            connection.execute("INSERT INTO event (state) VALUES (?)", row)

    for load in loop.loads():
        loop.run_in_threads(load, task)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
