"""How the library's recorder reaches a SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from eventsourcing.sqlite import SQLiteConnection, SQLiteConnectionPool, SQLiteDatastore

from vapora.readonly import Reading

_STATEMENTS = 128
_LOCK_TIMEOUT_S = 5.0


def connect(name: str) -> sqlite3.Connection:
    """One whose transactions are durable once they are committed. It may be used from any thread, one at a time."""
    # Not the library's own connection: that one keeps a single compiled statement and compiles each of ours anew.
    connection = sqlite3.connect(
        name,
        timeout=_LOCK_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode=WAL")
    # The library leaves this to how SQLite was compiled; NORMAL would lose acknowledged events at a power cut.
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def look(uri: str) -> sqlite3.Connection:
    """One that can only read."""
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=_LOCK_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    connection.row_factory = sqlite3.Row
    return connection


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        return SQLiteConnection(connect(self.db_name), self.max_age)


class _ReadOnlyPool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        return SQLiteConnection(look(self.db_name), self.max_age)


class Datastore(SQLiteDatastore):
    """A pool for those who read; the writer has a connection of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path.absolute()), originator_id_type="text")
        self.pool: SQLiteConnectionPool = _Pool(db_name=str(path.absolute()))


class ReadOnlyDatastore(SQLiteDatastore):
    """Of a file that, or beside which, nothing may be written."""

    def __init__(self, path: Path) -> None:
        self._reading = Reading(path)
        super().__init__(self._reading.uri, originator_id_type="text")
        self.pool: SQLiteConnectionPool = _ReadOnlyPool(db_name=self._reading.uri)

    def close(self) -> None:
        super().close()
        self._reading.close()
