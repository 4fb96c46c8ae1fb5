"""Where the read models live: one SQLite file a workspace. It holds nothing that the log could not give again.

Everything that would differ on PostgreSQL stands here and in `projections.sql`; the runner sees only methods.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from projections import sql
from projections.base import Projection
from projections.batch_rows import ProjectionRows
from projections.sql import SqlReader
from vapora.errors import UnavailableError

_CHECKPOINTS = """CREATE TABLE IF NOT EXISTS checkpoints (
    projection TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, tables TEXT NOT NULL, position INTEGER NOT NULL,
    failed_position INTEGER, failed_topic TEXT, failed_error TEXT)"""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a projection stands still: the event that it could not take."""

    position: int
    topic: str
    error: str

    def __str__(self) -> str:
        return f"{self.position} {self.topic}: {self.error}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All events up to `position` are in the projection's rows."""

    position: int
    failure: Failure | None = None


def lowest(checkpoints: Mapping[str, Checkpoint]) -> int:
    """How far every healthy projection has come; where none is healthy, how far all have."""
    healthy = [checkpoint.position for checkpoint in checkpoints.values() if checkpoint.failure is None]
    return min(healthy or [checkpoint.position for checkpoint in checkpoints.values()], default=0)


class Snapshot(SqlReader):
    """Rows and position as they stood at one moment."""

    def checkpoints(self) -> dict[str, Checkpoint]:
        found = self._connection.execute(
            "SELECT projection, position, failed_position, failed_topic, failed_error FROM checkpoints"
        )
        return {
            name: Checkpoint(position, None if at is None else Failure(at, topic, error))
            for name, position, at, topic, error in found
        }

    @property
    def position(self) -> int:
        return lowest(self.checkpoints())


class Transaction(Snapshot):
    """What the runner does to the store, all of it or nothing."""

    def rows(self, projection: Projection) -> ProjectionRows:
        return ProjectionRows(self._connection, projection.TABLES)

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that is undone alone if it raises."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            # A full disk makes SQLite undo the whole transaction by itself; then there is no part left.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    def save(self, name: str, position: int, failure: Failure | None = None) -> None:
        at = (None, None, None) if failure is None else (failure.position, failure.topic, failure.error)
        self._connection.execute(
            "UPDATE checkpoints SET position = ?, failed_position = ?, failed_topic = ?, failed_error = ? "
            "WHERE projection = ?",
            (position, *at, name),
        )

    def retain(self, names: Sequence[str]) -> None:
        """Drop the projections that are no longer there: their checkpoints would hold the position back for ever."""
        for name in self.checkpoints().keys() - set(names):
            self._drop_tables(name)
            self._connection.execute("DELETE FROM checkpoints WHERE projection = ?", (name,))

    def prepare(self, projection: Projection) -> None:
        """Make its tables; where those that are there have another shape, it starts anew."""
        found = self._connection.execute(
            "SELECT fingerprint FROM checkpoints WHERE projection = ?", (projection.NAME,)
        ).fetchone()
        if found is None or found[0] != projection.fingerprint:
            self.reset(projection)

    def reset(self, projection: Projection) -> None:
        """Drop what it knows: it must be fed from the first event again."""
        self._drop_tables(projection.NAME)
        public = {view.table for view in projection.VIEWS}
        for table in projection.TABLES:
            for statement in sql.create_statements(table, table in public):
                self._connection.execute(statement)
        self._connection.execute(
            "INSERT OR REPLACE INTO checkpoints (projection, fingerprint, tables, position) VALUES (?, ?, ?, 0)",
            (projection.NAME, projection.fingerprint, " ".join(table.name for table in projection.TABLES)),
        )

    def _drop_tables(self, name: str) -> None:
        # Those of the version that made them: today's may have other names.
        found = self._connection.execute("SELECT tables FROM checkpoints WHERE projection = ?", (name,)).fetchone()
        for table in found[0].split() if found else []:
            self._connection.execute(f'DROP TABLE IF EXISTS "{table}"')


class ReadStore:
    """The one writer of a read store. It may be used from any thread, by one at a time."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Made before SQLite opens it: its own mode would follow the umask, and the side files follow this one.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.path.chmod(0o600)
        self._lock = threading.RLock()
        self._connection = _connect(f"{self.path.absolute().as_uri()}?mode=rw")
        self._connection.execute("PRAGMA journal_mode = WAL")
        # Losing the last moments costs a few events to read again.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_CHECKPOINTS)

    @staticmethod
    def open_reader(path: str | Path) -> StoreReader:
        return StoreReader(path)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            # At once: a second writer waits here instead of failing half-way.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._lock, _snapshot(self._connection) as rows:
            yield rows

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class StoreReader:
    """A read-only opening for API replicas. Any number of threads may use it: each snapshot has its own connection."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Rows and position of one moment, however many are read. Raises `UnavailableError` before there are any."""
        connection = None
        try:
            connection = self._take()
            with _snapshot(connection) as rows:
                yield rows
        except sqlite3.OperationalError as error:
            raise UnavailableError(
                f"The read models at {self.path} cannot be read: {error}.",
                remedy="Wait until the workspace's projector has started.",
            ) from error
        finally:
            if connection is not None:
                with self._lock:
                    self._idle.append(connection)

    def close(self) -> None:
        """Let go of what is idle; a snapshot under way ends as it would have."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _connect(f"{self.path.absolute().as_uri()}?mode=ro")


def is_storage_fault(error: Exception) -> bool:
    """Whether the store itself is in trouble (disk full, locked, damaged), rather than what was put into it."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[Snapshot]:
    connection.execute("BEGIN")
    try:
        yield Snapshot(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=512
    )
    connection.execute("PRAGMA query_only = TRUE" if uri.endswith("mode=ro") else "PRAGMA temp_store = MEMORY")
    return connection
