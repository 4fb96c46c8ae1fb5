"""A SQLite file beside the log, in which a follower keeps what it has found there and how far it has looked."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vapora.private_dirs import make_private

_REACHED: Final = (
    "CREATE TABLE IF NOT EXISTS reached (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL);"
)
# Within the transaction that keeps what was found up to there.
REACH: Final = "INSERT OR REPLACE INTO reached VALUES (1, ?)"


class KeptRows:
    """Its methods block for a moment: they are called in threads. `tables`: what else is in it, as SQL."""

    def __init__(self, file: Path, tables: str) -> None:
        make_private(file.parent)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        file.chmod(0o600)
        self._connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_REACHED} {tables}")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @property
    def position(self) -> int | None:
        """How far the log was looked through; None: this file is new."""
        found = self._rows("SELECT position FROM reached")
        return int(found[0][0]) if found else None

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()
