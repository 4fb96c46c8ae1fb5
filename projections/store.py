"""Where the read models live: a SQLite file or a PostgreSQL schema a workspace. It holds nothing that the log could
not give again.

What differs between the two stands in `projections.sqlite`, `projections.postgres` and `projections.sql`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from projections import sql
from projections.base import Projection
from projections.batch_rows import ProjectionRows
from projections.sql import Session, SqlReader
from projections.sqlite import File
from vapora.database import Database, Place
from vapora.errors import StoreFaultError, UnavailableError


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
            for statement in sql.create_statements(table, table in public, self._connection.dialect):
                self._connection.execute(statement)
        self._connection.execute("DELETE FROM checkpoints WHERE projection = ?", (projection.NAME,))
        self._connection.execute(
            "INSERT INTO checkpoints (projection, fingerprint, tables, position) VALUES (?, ?, ?, 0)",
            (projection.NAME, projection.fingerprint, " ".join(table.name for table in projection.TABLES)),
        )

    def _drop_tables(self, name: str) -> None:
        # Those of the version that made them: today's may have other names.
        found = self._connection.execute("SELECT tables FROM checkpoints WHERE projection = ?", (name,)).fetchone()
        for table in found[0].split() if found else []:
            self._connection.execute(f'DROP TABLE IF EXISTS "{table}"')


class Engine(Protocol):
    """A kind of database at one place, and how its sessions begin."""

    def writer(self) -> Session:
        """A session that may write, with the table of checkpoints there."""
        ...

    def reader(self) -> Session:
        """A session that may not."""
        ...

    def begin_write(self, session: Session) -> Session:
        """Begin a transaction that excludes other writers; on another session where this one is broken."""
        ...

    def begin_read(self, session: Session) -> Session:
        """As `begin_write`, for looking: what is read is of one moment."""
        ...

    def is_in_use(self) -> bool:
        """Whether a `ReadStore` is open on it, in any process."""
        ...


def engine(place: Place | str) -> Engine:
    if isinstance(place, Database):
        # Takes 0.2 s to import, which only who uses it shall pay.
        from projections.postgres import Schema

        return Schema(place)
    return File(Path(place))


class ReadStore:
    """The one writer of a read store. It may be used from any thread, by one at a time."""

    def __init__(self, place: Place | str) -> None:
        self._lock = threading.RLock()
        self._engine = engine(place)
        self._session = self._engine.writer()

    @staticmethod
    def open_reader(place: Place | str) -> StoreReader:
        return StoreReader(place)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            # Others who write are kept out from the beginning: a second writer waits instead of failing half-way.
            self._session = session = self._engine.begin_write(self._session)
            try:
                yield Transaction(session)
                session.execute("COMMIT")
            except BaseException:
                if session.in_transaction:
                    session.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._lock:
            self._session = self._engine.begin_read(self._session)
            with _snapshot(self._session) as rows:
                yield rows

    def close(self) -> None:
        with self._lock:
            self._session.close()


class StoreReader:
    """A read-only opening for API replicas. Any number of threads may use it: each snapshot has its own connection."""

    def __init__(self, place: Place | str) -> None:
        self._place = place
        self._engine = engine(place)
        self._lock = threading.Lock()
        self._idle: list[Session] = []

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Rows and position of one moment, however many are read. Raises `UnavailableError` before there are any."""
        session = None
        try:
            session = self._take()
            with _snapshot(session) as rows:
                yield rows
        except StoreFaultError:
            # The session may be broken, or know tables that are no longer there.
            if session is not None:
                session.close()
                session = None
            raise
        except sqlite3.OperationalError as error:
            raise UnavailableError(
                f"The read models at {self._place} cannot be read: {error}.",
                remedy="Wait until the workspace's projector has started.",
            ) from error
        finally:
            if session is not None:
                with self._lock:
                    self._idle.append(session)

    def close(self) -> None:
        """Let go of what is idle; a snapshot under way ends as it would have."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> Session:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        return self._engine.begin_read(session or self._engine.reader())


def is_storage_fault(error: Exception) -> bool:
    """Whether the store itself is in trouble (disk full, locked, damaged), rather than what was put into it."""
    return isinstance(error, (sqlite3.OperationalError, StoreFaultError)) or type(error) is sqlite3.DatabaseError


@contextmanager
def _snapshot(session: Session) -> Iterator[Snapshot]:
    """The look that has begun."""
    try:
        yield Snapshot(session)
    finally:
        if session.in_transaction:
            session.execute("ROLLBACK")
