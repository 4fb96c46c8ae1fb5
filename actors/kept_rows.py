"""A SQLite file beside the log, in which a follower keeps what it has found there and how far it has looked.

Where several nodes share a store, a copy of the file is kept in it: some seconds old at most while there is something
to note, and exact after a stop. Who starts on another node goes on from the copy. It looks through the log once more
from where the copy had come, so nothing is left out; what was sent since then is sent again.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from vapora import durable
from vapora.errors import LogError
from vapora.objects import Objects
from vapora.private_dirs import make_private

_REACHED: Final = (
    "CREATE TABLE IF NOT EXISTS reached (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL);"
)
# Within the transaction that keeps what was found up to there.
REACH: Final = "INSERT OR REPLACE INTO reached VALUES (1, ?)"
_COPY_EVERY_S = 5.0


class KeptRows:
    """Its methods block for a moment: they are called in threads. `tables`: what else is in it, as SQL. `copies`: where
    a copy is kept; `taken_up`: SQL that is run where it is begun from that."""

    def __init__(self, file: Path, tables: str, copies: Objects | None = None, taken_up: str = "") -> None:
        make_private(file.parent)
        self._copies = copies
        self._name = file.name
        self._copied_at = float("-inf")
        self._journal = structlog.get_logger("outbox")
        copied = self._fetch(file)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        file.chmod(0o600)
        self._connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_REACHED} {tables}")
        if copied:
            self._connection.executescript(taken_up)

    def close(self) -> None:
        with self._lock:
            self._copy()
            self._connection.close()

    @property
    def position(self) -> int | None:
        """How far the log was looked through; None: this file is new."""
        found = self._rows("SELECT position FROM reached")
        return int(found[0][0]) if found else None

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """One transaction: on the disk when the block has ended well, else nothing happened."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            if time.monotonic() - self._copied_at >= _COPY_EVERY_S:
                self._copy()

    def _fetch(self, file: Path) -> bool:
        """Put the copy in the file's place, unless the file has come as far: an actor that came back to a node finds
        there what it left behind long ago. Which one is ahead tells the number of the copy, `user_version`. Whether it
        did. `LogError` where there is no file, and nobody can tell whether there is a copy."""
        if self._copies is None:
            return False
        with durable.draft(file) as draft:
            try:
                there = self._copies.fetch(self._name, draft)
            except LogError as error:
                if not file.exists():
                    raise
                self._journal.warning("no copy looked for", place=str(self._copies), why=str(error))
                return False
            if not there or _number(draft) <= _number(file):
                return False
            for beside in ("-wal", "-shm"):
                file.with_name(file.name + beside).unlink(missing_ok=True)
            durable.put(draft, file)
        return True

    def _copy(self) -> None:
        if self._copies is None:
            return
        self._copied_at = time.monotonic()
        number = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        try:
            self._connection.execute(f"PRAGMA user_version = {number + 1}")
            self._copies.write(self._name, self._connection.serialize())
        except LogError as error:
            self._connection.execute(f"PRAGMA user_version = {number}")
            self._journal.warning("no copy of what waits to be sent", place=str(self._copies), why=str(error))


def _number(file: Path) -> int:
    """Of the copy that a file came from or went into last; -1: there is no such file."""
    if not file.exists():
        return -1
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
