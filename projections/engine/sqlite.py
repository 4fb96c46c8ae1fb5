"""Read models in a SQLite file, in write-ahead mode: readers see one moment while the writer goes on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from projections.engine import history_sql as history_sql
from projections.engine import last_event as mark
from projections.engine import positions as checkpoints
from projections.engine.base import Key, Table
from projections.engine.sql import SQLITE, Session, by_key, upsert
from vapora.errors import StoreFaultError
from vapora.private_dirs import make_private
from vapora.readonly import Reading, is_writable
from vapora.translation import translated

# Of the file itself; another one holds nothing that is worth converting.
_FORMAT = 2


class _Session(sqlite3.Connection):
    dialect = SQLITE

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        self.executemany(upsert(table), rows)

    def for_keys(self, statement: str, table: Table, keys: Sequence[Key]) -> None:
        self.executemany(statement + by_key(table), keys)

    def wait_for_readers(self) -> None:
        """They go on with what they see, whatever is dropped."""


class File:
    """`projections.engine.store.Engine` on one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading: Reading | None = None

    def writer(self) -> Session:
        with translated(_FAULTS, lambda error: _fault(self._path, error)):
            return self._writer()

    def _writer(self) -> Session:
        make_private(self._path.parent)
        # Made before SQLite opens it: its own mode would follow the umask, and the side files follow this one.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        self._path.chmod(0o600)
        session = self._connect("rw")
        session.execute("PRAGMA journal_mode = WAL")
        # Losing the last moments costs a few events to read again.
        session.execute("PRAGMA synchronous = NORMAL")
        session.execute("PRAGMA temp_store = MEMORY")
        _make_checkpoints(session)
        return session

    def reader(self) -> Session:
        if self._reading is None and self._path.exists() and not is_writable(self._path):
            # Kept for as long as this is: it may be a copy that goes with it.
            self._reading = Reading(self._path)
        session = self._connect("ro") if self._reading is None else _open(self._reading.uri)
        session.execute("PRAGMA query_only = TRUE")
        with translated(_FAULTS, lambda error: _fault(self._path, error), but=sqlite3.OperationalError):
            session.execute("SELECT 1 FROM sqlite_master LIMIT 1")
        return session

    def begin_write(self, session: Session) -> Session:
        session.execute("BEGIN IMMEDIATE")
        return session

    def begin_read(self, session: Session) -> Session:
        session.execute("BEGIN")
        return session

    def exists(self) -> bool:
        return self._path.exists()

    def is_in_use(self) -> bool:
        """Leaving write-ahead mode needs the file to oneself, and is done at once where nobody else has it: a question
        that needs no lock file, which a kill -9 would leave behind. Only for read models: the log's file is never
        touched."""
        if not self._path.is_file():
            return False
        connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=0.2)
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            return str(mode).lower() == "wal"
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return True
            raise
        finally:
            connection.close()

    def _connect(self, mode: str) -> _Session:
        return _open(f"{self._path.absolute().as_uri()}?mode={mode}")


def _open(uri: str) -> _Session:
    return sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=30,
        cached_statements=512,
        factory=_Session,
    )


def _fault(path: Path, error: Exception) -> StoreFaultError:
    damaged = type(error) is sqlite3.DatabaseError
    remedy = "With nothing running delete it: it is built again from the log." if damaged else _REMEDY
    return StoreFaultError(f"The read models at {path} cannot be used: {error}.", remedy=remedy)


# What is wrong with the file, and not with what is asked of it.
_FAULTS = (OSError, sqlite3.DatabaseError)
_REMEDY = "Make the file and its folder writable for this user, and see that the disk has room."


def _make_checkpoints(session: Session) -> None:
    session.execute("BEGIN IMMEDIATE")
    try:
        (form,) = session.execute("PRAGMA user_version").fetchone()
        if form < _FORMAT:
            # Nothing is lost: all of it comes from the log.
            for (name,) in session.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                session.execute(f'DROP TABLE "{name}"')
            session.execute(f"PRAGMA user_version = {_FORMAT}")
        session.execute(checkpoints.CREATE)
        session.execute(history_sql.CREATE_MOMENTS)
        session.execute(mark.CREATE)
        session.execute("COMMIT")
    except BaseException:
        if session.in_transaction:
            session.execute("ROLLBACK")
        session.close()
        raise
