"""A projection's rows while a batch is applied to them."""

from __future__ import annotations

from collections.abc import Sequence

from projections.engine import history_sql as history_sql
from projections.engine import sql
from projections.engine.base import Key, Row, Table, Where
from projections.engine.memory import stamped
from projections.engine.sql import Session, SqlReader


class RowCache(SqlReader):
    """One projection's rows inside a transaction, kept decoded until the end of the batch, and beyond it as long as
    nobody else writes.

    A card that changes 300 times in a batch is read, encoded and written once: this is what makes a rebuild quick.
    """

    def __init__(self, connection: Session, tables: Sequence[Table], generation: int, keeps_past: bool) -> None:
        super().__init__(connection)
        self._keeps_past = keeps_past
        self._tables = {table: table.of(generation) for table in tables}
        self._cache: dict[Table, dict[Key, Row | None]] = {table: {} for table in tables}
        # Dicts for their order: the file comes out the same in every process.
        self._dirty: dict[Table, dict[Key, None]] = {table: {} for table in tables}
        self._position = 0
        # What the present event changed, in order, if somebody wants to know.
        self.watched = True
        self.changed: dict[tuple[Table, Key], Row] = {}

    def begin(self, position: int) -> None:
        """From here on, changes belong to the event at `position`."""
        self._position = position
        self.changed.clear()

    def get(self, table: Table, key: Key) -> Row | None:
        cached = self._cache[table]
        row = cached[key] if key in cached else self._look(table, key)
        return None if row is None else dict(row)

    def put(self, table: Table, row: Row) -> None:
        # One that came from here has all its columns; what it lacks otherwise, the encoding misses.
        if len(row) != len(table.stored):
            table.check(row)
        key = table.key_of(row)
        cached = self._cache[table]
        after = stamped(row, cached[key] if key in cached else self._look(table, key), self._position)
        if after is None:
            return
        cached[key] = after
        self._dirty[table][key] = None
        if self.watched:
            self.changed[table, key] = after

    def add(self, table: Table, row: Row) -> None:
        if len(row) != len(table.expected):
            table.check(row)
        self.touch(table, row)

    def touch(self, table: Table, row: Row) -> None:
        """The row as it is, as if the present event had changed it."""
        key = table.key_of(row)
        row["position"] = self._position
        self._cache[table][key] = row
        self._dirty[table][key] = None
        if self.watched:
            self.changed[table, key] = row

    def delete(self, table: Table, key: Key) -> None:
        self._cache[table][key] = None
        self._dirty[table][key] = None
        self.changed.pop((table, key), None)

    def select(
        self,
        table: Table,
        where: Where | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Key | None = None,
    ) -> list[Row]:
        self._flush(table)
        return super().select(table, where, order, limit, after)

    def group(self, table: Table, by: Sequence[str], sums: Sequence[str], where: Where | None = None) -> list[Row]:
        self._flush(table)
        return super().group(table, by, sums, where)

    def is_of(self, connection: Session) -> bool:
        return self._connection is connection

    def keep_at_most(self, rows: int) -> None:
        """For the next batch: what is under way is changed again soon, and is few rows."""
        if sum(map(len, self._cache.values())) > rows:
            for cached in self._cache.values():
                cached.clear()

    def flush(self) -> None:
        for table, keys in self._dirty.items():
            if keys:
                self._flush(table)

    def _stored(self, table: Table) -> Table:
        return self._tables[table]

    def _look(self, table: Table, key: Key) -> Row | None:
        found = self._cache[table][key] = super().get(table, key)
        return found

    def _flush(self, table: Table) -> None:
        rows = [(key, self._cache[table][key]) for key in self._dirty[table]]
        gone = [key for key, row in rows if row is None]
        stored = self._tables[table]
        if gone and self._keeps_past:
            self._connection.for_keys(history_sql.mark_gone(stored), stored, gone)
        if gone:
            self._connection.for_keys(sql.delete(stored), stored, gone)
        self._connection.put(stored, [sql.encode(table, row) for _, row in rows if row is not None])
        self._dirty[table].clear()
