"""What is read of the store at one moment, and what is done to it in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from projections.engine import history_sql, sql
from projections.engine import last_event as mark
from projections.engine import positions as checkpoints
from projections.engine.base import Key, LoggedEvent, Projection, Table
from projections.engine.history import HistoryKeeper, HistoryReader, HistoryRows
from projections.engine.last_event import LastEvent
from projections.engine.positions import Failure, Positions, ProjectionPosition, lowest
from projections.engine.remote_rows import RemoteRows
from projections.engine.row_cache import RowCache
from projections.engine.sql import Session, SqlReader, quoted
from vapora.errors import UnavailableError


class ReadSnapshot(SqlReader):
    """Rows and position as they stood at one moment. `without`: the rows of these projects are as if there were none,
    in lists and in sums; those of `past` are all there."""

    def __init__(self, connection: Session, without: frozenset[str] = frozenset()) -> None:
        super().__init__(connection)
        self._without = tuple(sorted(without))
        self._loaded: Positions | None = None

    def checkpoints(self) -> dict[str, ProjectionPosition]:
        """Of the rows that are read."""
        return self._positions().live

    def rebuilds(self) -> dict[str, ProjectionPosition]:
        """Of those that grow beside them, to take their place."""
        return self._positions().beside

    @property
    def position(self) -> int:
        return lowest(self.checkpoints())

    def _positions(self) -> Positions:
        if self._loaded is None:
            self._loaded = checkpoints.load(self._connection)
        return self._loaded

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

    def _always(self, table: Table) -> tuple[str, Key]:
        if not (self._without and table.of_project):
            return "TRUE", ()
        column, marks = quoted(table.of_project), ", ".join("?" * len(self._without))
        return f"({column} IS NULL OR {column} NOT IN ({marks}))", self._without

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

    def is_prepared(self, projections: Sequence[Projection]) -> bool:
        """Whether `Transaction.retain` and `prepare` have nothing to do for just these: as at almost every start."""
        live, beside = self._positions()
        return live.keys() == {one.NAME for one in projections} and not beside and all(
            live[one.NAME].fingerprint == one.fingerprint and not live[one.NAME].frozen for one in projections
        )  # fmt: skip


class Transaction(ReadSnapshot):
    """What is done to the store, all of it or nothing."""

    def __init__(self, connection: Session, keep_every: int, moments: dict[tuple[str, int], int]) -> None:
        """`moments`: the last one of each generation, as far as somebody has looked."""
        super().__init__(connection)
        self._keep_every = keep_every
        self._moments = moments

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
            self._loaded = None
            raise
        self._connection.execute("RELEASE part")

    def save(self, name: str, generation: int, position: int, failure: Failure | None = None) -> None:
        checkpoints.save(self._connection, name, generation, position, failure)
        self._loaded = None

    def save_all(self, names: Sequence[str], position: int) -> None:
        """Live generations that have all come to one position."""
        checkpoints.save_all(self._connection, names, position)
        self._loaded = None

    def keep_history(self, projection: Projection, generation: int, position: int) -> None:
        """The rows as they are at `position`, if it is time for that again."""
        key = (projection.NAME, generation)
        if not projection.KEEPS_HISTORY or position - self._moments.get(key, 0) < self._keep_every:
            return
        keeper = HistoryKeeper(self._connection, projection, generation, self._keep_every)
        self._moments[key] = max(keeper.moments(), default=0)
        keeper.keep(position)

    def can_go_on(self, rows: RowCache) -> bool:
        """Whether rows of an earlier transaction can be gone on with: where each look is cheap, all of it is one
        connection's."""
        return rows.is_of(self._connection) and not self._connection.dialect.remote

    def remember(self, entry: LoggedEvent) -> None:
        """That the rows know of this event, as the last of them."""
        mark.save(self._connection, LastEvent.of(entry))

    def clear(self) -> None:
        """No rows, no checkpoints: all of it will be built again."""
        self.retain(())
        self._moments.clear()
        mark.forget(self._connection)

    def retain(self, names: Sequence[str]) -> None:
        """Drop the projections that are no longer there: their checkpoints would hold the position back for ever."""
        for found in (self.checkpoints(), self.rebuilds()):
            for name in found.keys() - set(names):
                self._forget(name, found[name])

    def prepare(self, projection: Projection) -> None:
        """Make its tables where there are none. Where those that are there are of another version, new ones begin to
        grow beside them; if today's code cannot even read them, they stay as they are until then. Nothing is done to
        what `is_prepared`."""
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
            self._loaded = None

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
        self._loaded = None

    def _create(self, projection: Projection, live: bool) -> None:
        generation = checkpoints.next_generation(self._connection, projection.NAME)
        public, dialect = {view.table for view in projection.VIEWS}, self._connection.dialect
        for table in projection.TABLES:
            stored = table.of(generation)
            statements = sql.create_statements(stored, table in public or projection.KEEPS_HISTORY, dialect)
            for statement in statements + (history_sql.create(stored, dialect) if projection.KEEPS_HISTORY else []):
                self._connection.execute(statement)
        checkpoints.insert(self._connection, projection, generation, live)
        self._loaded = None

    def _forget(self, name: str, checkpoint: ProjectionPosition) -> None:
        self._connection.wait_for_readers()
        for table in checkpoints.tables_of(checkpoint):
            self._connection.execute(sql.drop(table))
            self._connection.execute(sql.drop(history_sql.past_of(table)))
        checkpoints.forget(self._connection, name, checkpoint.generation)
        self._loaded = None
