"""Where the read models live: a SQLite file or a PostgreSQL schema a workspace. It holds nothing that the log could
not give again. What differs between the two stands in `projections.engine.sqlite`, `.postgres` and `.sql`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from projections.engine import history_sql as history_sql
from projections.engine import last_event as mark
from projections.engine import positions as checkpoints
from projections.engine import sql
from projections.engine.base import LoggedEvent, Projection, Table
from projections.engine.history import EVERY, HistoryKeeper, HistoryReader, HistoryRows
from projections.engine.last_event import LastEvent
from projections.engine.positions import Failure, ProjectionPosition, lowest
from projections.engine.remote_rows import RemoteRows
from projections.engine.row_cache import RowCache
from projections.engine.sql import Engine, Session, SqlReader
from projections.engine.sqlite import File
from vapora.database import Database, Place
from vapora.errors import StoreFaultError, UnavailableError


class ReadSnapshot(SqlReader):
    """Rows and position as they stood at one moment."""

    def __init__(self, connection: Session) -> None:
        super().__init__(connection)
        self._live: dict[str, ProjectionPosition] | None = None

    def checkpoints(self) -> dict[str, ProjectionPosition]:
        """Of the rows that are read."""
        if self._live is None:
            self._live = checkpoints.load(self._connection, live=True)
        return self._live

    def rebuilds(self) -> dict[str, ProjectionPosition]:
        """Of those that grow beside them, to take their place."""
        return checkpoints.load(self._connection, live=False)

    @property
    def position(self) -> int:
        return lowest(self.checkpoints())

    def mark(self) -> LastEvent | None:
        """The last event that the rows know of; None where they know of none."""
        every = [one.position for found in (self.checkpoints(), self.rebuilds()) for one in found.values()]
        return mark.load(self._connection, max(every, default=0))

    def past(self, projection: Projection, position: int) -> HistoryRows:
        """The rows as they were at the last kept moment up to `position`; none where none was kept: fold the log from
        there. Moments that other code has kept are not looked at."""
        live = self.checkpoints().get(projection.NAME)
        if live is None or live.fingerprint != projection.fingerprint:
            return HistoryRows(None, 0)
        kept = history_sql.moments(self._connection, projection.NAME, live.generation)
        moment = max((one for one in kept if one <= position), default=None)
        if moment is None:
            return HistoryRows(None, 0)
        return HistoryRows(HistoryReader(self._connection, live.generation, moment), moment)

    def is_readable(self, table: Table) -> bool:
        """Whether its rows are there, in the form that this code knows."""
        return self._generation(table) is not None

    def _stored(self, table: Table) -> Table:
        generation = self._generation(table)
        if generation is None:
            raise UnavailableError(
                f"The rows of {table.name} are not there in the form that this version knows.",
                remedy="They are being built; see /status for how far.",
            )
        return table.of(generation)

    def _generation(self, table: Table) -> int | None:
        for checkpoint in self.checkpoints().values():
            columns = (checkpoint.tables or {}).get(table.name)
            if columns is not None:
                return checkpoint.generation if columns == tuple(table.columns) else None
        return None


class Transaction(ReadSnapshot):
    """What is done to the store, all of it or nothing."""

    def __init__(self, connection: Session, keep_every: int) -> None:
        super().__init__(connection)
        self._keep_every = keep_every

    def rows(self, projection: Projection, generation: int | None = None) -> RowCache:
        """Of the live generation, if none is named."""
        if generation is None:
            generation = self.checkpoints()[projection.NAME].generation
        kind = RemoteRows if self._connection.dialect.remote else RowCache
        return kind(self._connection, projection.TABLES, generation, projection.KEEPS_HISTORY)

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

    def save(self, name: str, generation: int, position: int, failure: Failure | None = None) -> None:
        checkpoints.save(self._connection, name, generation, position, failure)
        self._live = None

    def keep_history(self, projection: Projection, generation: int, position: int) -> None:
        """The rows as they are at `position`, if it is time for that again."""
        if projection.KEEPS_HISTORY:
            HistoryKeeper(self._connection, projection, generation, self._keep_every).keep(position)

    def remember(self, entry: LoggedEvent) -> None:
        """That the rows know of this event, as the last of them."""
        mark.save(self._connection, LastEvent.of(entry))

    def clear(self) -> None:
        """No rows, no checkpoints: all of it will be built again."""
        self.retain(())
        mark.forget(self._connection)

    def retain(self, names: Sequence[str]) -> None:
        """Drop the projections that are no longer there: their checkpoints would hold the position back for ever."""
        for found in (self.checkpoints(), self.rebuilds()):
            for name in found.keys() - set(names):
                self._forget(name, found[name])

    def prepare(self, projection: Projection) -> None:
        """Make its tables where there are none. Where those that are there are of another version, new ones begin to
        grow beside them; if today's code cannot even read them, they stay as they are until then."""
        live, beside = self.checkpoints().get(projection.NAME), self.rebuilds().get(projection.NAME)
        if beside is not None and beside.fingerprint != projection.fingerprint:
            self._forget(projection.NAME, beside)
            beside = None
        if live is None:
            self._create(projection, live=True)
            return
        current = live.fingerprint == projection.fingerprint
        if not current and beside is None:
            self._create(projection, live=False)
        of_this_form = live.fingerprint.split(":")[1] == projection.shape
        if live.frozen is of_this_form:
            checkpoints.freeze(self._connection, projection.NAME, not of_this_form)
            self._live = None

    def begin_rebuild(self, projection: Projection) -> None:
        """From the first event on, beside the rows that are read. One that was under way is dropped."""
        beside = self.rebuilds().get(projection.NAME)
        if beside is not None:
            self._forget(projection.NAME, beside)
        self._create(projection, live=False)

    def switch(self, projection: Projection) -> None:
        """What grew beside takes the place of what was read. Rows that differ count as changed at its position."""
        live, beside = self.checkpoints().get(projection.NAME), self.rebuilds()[projection.NAME]
        if live is not None:
            before = {table.name: table for table in checkpoints.tables_of(live)}
            for table in projection.TABLES:
                old = before.get(f"{table.name}__{live.generation}")
                changes = sql.stamp_changed(old, table.of(beside.generation), beside.position) if old else []
                for statement, values in changes:
                    self._connection.execute(statement, values)
            self._forget(projection.NAME, live)
        checkpoints.switch(self._connection, projection.NAME, beside.generation)
        self._live = None

    def _create(self, projection: Projection, live: bool) -> None:
        generation = checkpoints.next_generation(self._connection, projection.NAME)
        public, dialect = {view.table for view in projection.VIEWS}, self._connection.dialect
        for table in projection.TABLES:
            stored = table.of(generation)
            statements = sql.create_statements(stored, table in public or projection.KEEPS_HISTORY, dialect)
            for statement in statements + (history_sql.create(stored, dialect) if projection.KEEPS_HISTORY else []):
                self._connection.execute(statement)
        checkpoints.insert(self._connection, projection, generation, live)
        self._live = None

    def _forget(self, name: str, checkpoint: ProjectionPosition) -> None:
        self._connection.wait_for_readers()
        for table in checkpoints.tables_of(checkpoint):
            self._connection.execute(sql.drop(table))
            self._connection.execute(sql.drop(history_sql.past_of(table)))
        checkpoints.forget(self._connection, name, checkpoint.generation)
        self._live = None


def engine(place: Place | str) -> Engine:
    if isinstance(place, Database):
        from projections.engine.postgres import Schema  # takes 0.2 s, which only who uses it shall pay

        return Schema(place)
    return File(Path(place))


class ReadStore:
    """The one writer of a read store. It may be used from any thread, by one at a time.

    `keep_every`: after how many positions rows are kept for looks into the past.
    """

    def __init__(self, place: Place | str, keep_every: int = EVERY) -> None:
        self.place = place
        self._keep_every = keep_every
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
                yield Transaction(session, self._keep_every)
                session.execute("COMMIT")
            except BaseException:
                if session.in_transaction:
                    session.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[ReadSnapshot]:
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

    def exists(self) -> bool:
        """Whether a projector has ever started there."""
        return self._engine.exists()

    @contextmanager
    def snapshot(self) -> Iterator[ReadSnapshot]:
        """Rows and position of one moment, however many are read. Raises `UnavailableError` before there are any."""
        session = None
        try:
            session = self._take()
            with _snapshot(session) as rows:
                yield rows
        except StoreFaultError:
            if session is not None:
                session.close()  # it may be broken, or know tables that are no longer there
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
def _snapshot(session: Session) -> Iterator[ReadSnapshot]:
    """The look that has begun."""
    try:
        yield ReadSnapshot(session)
    finally:
        if session.in_transaction:
            session.execute("ROLLBACK")
