"""Rows in memory, for looking into the past and for tests: the meaning of `Rows` without a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from projections.engine.base import Between, Contains, Key, LoggedEvent, Projection, Row, Scalar, Table, Where


class MemoryRows:
    """One dict a table. Give each look into the past its own."""

    def __init__(self) -> None:
        # None: there is none, whatever a subclass has below.
        self._tables: dict[str, dict[Key, Row | None]] = {}
        self.position = 0

    def fold(self, projection: Projection, entries: Iterable[LoggedEvent]) -> Self:
        """Apply the events in order; stop feeding at a position to see the rows as they were then."""
        topics = projection.TOPICS
        for entry in entries:
            self.position = entry.position
            if topics is None or entry.topic in topics:
                projection.take(entry, self)
        return self

    def get(self, table: Table, key: Key) -> Row | None:
        row = self._look(table, key)
        return None if row is None else dict(row)

    def put(self, table: Table, row: Row) -> None:
        table.check(row)
        key = table.key_of(row)
        after = stamped(row, self._look(table, key), self.position)
        if after is not None:
            self._rows(table)[key] = after

    def add(self, table: Table, row: Row) -> None:
        self.put(table, row)

    def delete(self, table: Table, key: Key) -> None:
        self._rows(table)[key] = None

    def select(
        self,
        table: Table,
        where: Where | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Key | None = None,
    ) -> list[Row]:
        order = order or table.key
        found = self._below(table, where, order, limit, after)
        found += [dict(row) for row in self._rows(table).values() if row is not None and matches(row, where)]
        return ordered(found, [*order, *table.key], order, after)[:limit]

    def group(self, table: Table, by: Sequence[str], sums: Sequence[str], where: Where | None = None) -> list[Row]:
        return grouped(self.select(table, where), by, sums)

    def _look(self, table: Table, key: Key) -> Row | None:
        return self._rows(table).get(key)

    def _below(
        self, table: Table, where: Where | None, order: Sequence[str], limit: int | None, after: Key | None
    ) -> list[Row]:
        """What a subclass has that no row here hides; as many as are needed."""
        return []

    def _rows(self, table: Table) -> dict[Key, Row | None]:
        return self._tables.setdefault(table.name, {})


def stamped(row: Row, before: Row | None, position: int) -> Row | None:
    """The row as changed at `position`; None where it agrees with `before` in everything else."""
    if before is not None:
        row["position"] = before["position"]
        if row == before:
            return None
    row["position"] = position
    return row


def matches(row: Row, where: Where | None) -> bool:
    return all(_fits(row[name], wanted) for name, wanted in (where or {}).items())


def _fits(value: Any, wanted: Any) -> bool:
    match wanted:
        case tuple():
            return value in wanted
        case Between(low=low, high=high):
            return value is not None and (low is None or value >= low) and (high is None or value <= high)
        case Contains(part=part):
            return value is not None and part in value
    return bool(value == wanted)


def grouped(rows: Sequence[Row], by: Sequence[str], sums: Sequence[str]) -> list[Row]:
    groups: dict[Key, Row] = {}
    for row in rows:
        key = tuple(row[name] for name in by)
        total = groups.setdefault(key, {**dict(zip(by, key, strict=True)), **dict.fromkeys(sums, 0)})
        for name in sums:
            total[name] += row[name]
    return [groups[key] for key in sorted(groups, key=lambda key: tuple(map(_sortable, key)))]


def ordered(rows: list[Row], by: Sequence[str], order: Sequence[str], after: Key | None) -> list[Row]:
    """Sorted by these columns (`-name`: descending), without what does not come after these values of `order`."""
    for name in reversed(by):
        rows.sort(key=_column(name.lstrip("-")), reverse=name.startswith("-"))
    return rows if after is None else [row for row in rows if _comes_after(row, order, after)]


def _column(name: str) -> Callable[[Row], tuple[bool, Any]]:
    return lambda row: _sortable(row[name])


def _sortable(value: Scalar) -> tuple[bool, Any]:
    """None first, as SQLite has it."""
    return (value is not None, value)


def _comes_after(row: Row, order: Sequence[str], after: Key) -> bool:
    here = tuple(_sortable(row[name.lstrip("-")]) for name in order)
    there = tuple(map(_sortable, after))
    return here < there if order[0].startswith("-") else here > there
