"""A projection's rows while a batch is applied to them, where each look at a row is a round trip to a server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from projections.engine.base import Key, Row, Table
from projections.engine.row_cache import RowCache
from projections.engine.sql import Session, SqlReader

# After so many looks at single rows of a table, all of it is fetched if it holds no more than so many: most looks are
# at tables of what is under way, which are small at any time, and most of those find nothing.
_FETCHES = {8: 100, 64: 1_000, 400: 6_000}


class RemoteRows(RowCache):
    """Nothing is kept from one batch to the next, so that there is nothing to take back when one fails."""

    def __init__(self, connection: Session, tables: Sequence[Table], generation: int, keeps_past: bool) -> None:
        super().__init__(connection, tables, generation, keeps_past)
        self._looks = Counter[Table]()
        # Those of which every row is known: it is in the cache, or not there.
        self._whole = set[Table]()

    def _look(self, table: Table, key: Key) -> Row | None:
        self._looks[table] += 1
        limit = _FETCHES.get(self._looks[table])
        if limit is not None and table not in self._whole and self._fetch(table, limit):
            self._whole.add(table)
        if table in self._whole:
            return self._cache[table].setdefault(key, None)
        return super()._look(table, key)

    def _fetch(self, table: Table, limit: int) -> bool:
        """Whether that was all of it. What the batch did to a row before counts, not what is stored."""
        # Not this class's own way to select, which would write first.
        found = SqlReader.select(self, table, limit=limit + 1)
        cached = self._cache[table]
        for row in found:
            cached.setdefault(table.key_of(row), row)
        return len(found) <= limit
