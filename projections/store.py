"""Where the read models live: one SQLite file a workspace. It holds nothing that the log could not give again.

Everything that would differ on PostgreSQL stands here and in `projections.sql`; the runner sees only methods.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from projections import checkpoints, past_sql, sql
from projections.base import Projection, Table
from projections.batch_rows import ProjectionRows
from projections.checkpoints import Checkpoint, Failure, lowest
from projections.past import EVERY, Keeper, MomentReader, PastRows
from projections.sql import SqlReader
from vapora.errors import UnavailableError

# Of the file itself; another one holds nothing that is worth converting.
_FORMAT = 2


class Snapshot(SqlReader):
    """Rows and position as they stood at one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._live: dict[str, Checkpoint] | None = None

    def checkpoints(self) -> dict[str, Checkpoint]:
        """Of the rows that are read."""
        if self._live is None:
            self._live = checkpoints.load(self._connection, live=True)
        return self._live

    def rebuilds(self) -> dict[str, Checkpoint]:
        """Of those that grow beside them, to take their place."""
        return checkpoints.load(self._connection, live=False)

    @property
    def position(self) -> int:
        return lowest(self.checkpoints())

    def past(self, projection: Projection, position: int) -> PastRows:
        """The rows as they were at the last kept moment up to `position`; none where none was kept: fold the log from
        there. Moments that other code has kept are not looked at."""
        live = self.checkpoints().get(projection.NAME)
        if live is None or live.fingerprint != projection.fingerprint:
            return PastRows(None, 0)
        kept = past_sql.moments(self._connection, projection.NAME, live.generation)
        moment = max((one for one in kept if one <= position), default=None)
        if moment is None:
            return PastRows(None, 0)
        return PastRows(MomentReader(self._connection, live.generation, moment), moment)

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


class Transaction(Snapshot):
    """What is done to the store, all of it or nothing."""

    def __init__(self, connection: sqlite3.Connection, keep_every: int) -> None:
        super().__init__(connection)
        self._keep_every = keep_every

    def rows(self, projection: Projection, generation: int | None = None) -> ProjectionRows:
        """Of the live generation, if none is named."""
        if generation is None:
            generation = self.checkpoints()[projection.NAME].generation
        return ProjectionRows(self._connection, projection.TABLES, generation)

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

    def keep_past(self, projection: Projection, generation: int, position: int) -> None:
        """The rows as they are at `position`, if it is time for that again."""
        if projection.KEEPS_PAST:
            Keeper(self._connection, projection, generation, self._keep_every).keep(position)

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
        public = {view.table for view in projection.VIEWS}
        for table in projection.TABLES:
            stored = table.of(generation)
            statements = sql.create_statements(stored, table in public or projection.KEEPS_PAST)
            for statement in statements + (past_sql.create(stored) if projection.KEEPS_PAST else []):
                self._connection.execute(statement)
        checkpoints.insert(self._connection, projection, generation, live)
        self._live = None

    def _forget(self, name: str, checkpoint: Checkpoint) -> None:
        for table in checkpoints.tables_of(checkpoint):
            self._connection.execute(sql.drop(table))
            self._connection.execute(sql.drop(past_sql.past_of(table)))
        checkpoints.forget(self._connection, name, checkpoint.generation)
        self._live = None


class ReadStore:
    """The one writer of a read store. It may be used from any thread, by one at a time.

    `keep_every`: after how many positions rows are kept for looks into the past.
    """

    def __init__(self, path: str | Path, keep_every: int = EVERY) -> None:
        self.path = Path(path)
        self._keep_every = keep_every
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Made before SQLite opens it: its own mode would follow the umask, and the side files follow this one.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.path.chmod(0o600)
        self._lock = threading.RLock()
        self._connection = _connect(f"{self.path.absolute().as_uri()}?mode=rw")
        self._connection.execute("PRAGMA journal_mode = WAL")
        # Losing the last moments costs a few events to read again.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._make_checkpoints()

    @staticmethod
    def open_reader(path: str | Path) -> StoreReader:
        return StoreReader(path)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            # At once: a second writer waits here instead of failing half-way.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection, self._keep_every)
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

    def _make_checkpoints(self) -> None:
        with self.transaction():
            (form,) = self._connection.execute("PRAGMA user_version").fetchone()
            if form < _FORMAT:
                # Nothing is lost: all of it comes from the log.
                found = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                for (name,) in found:
                    self._connection.execute(f'DROP TABLE "{name}"')
                self._connection.execute(f"PRAGMA user_version = {_FORMAT}")
            self._connection.execute(checkpoints.CREATE)
            self._connection.execute(past_sql.CREATE_MOMENTS)


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
