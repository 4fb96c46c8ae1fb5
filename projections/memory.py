"""Rows in memory, for looking into the past and for tests: the meaning of `Rows` without a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from events import Recorded
from projections.base import Between, Contains, Key, Projection, Row, Scalar, Table, Where


class MemoryRows:
    """One dict a table. Give each look into the past its own."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Key, Row]] = {}
        self.position = 0

    def fold(self, projection: Projection, events: Iterable[Recorded]) -> MemoryRows:
        """Apply the events in order; stop feeding at a position to see the rows as they were then."""
        for recorded in events:
            self.position = recorded.position
            projection.apply(recorded, self)
        return self

    def get(self, table: Table, key: Key) -> Row | None:
        row = self._rows(table).get(key)
        return None if row is None else dict(row)

    def put(self, table: Table, row: Mapping[str, Any]) -> None:
        table.check(row)
        key = table.key_of(row)
        after = stamped(row, self._rows(table).get(key), self.position)
        if after is not None:
            self._rows(table)[key] = after

    def delete(self, table: Table, key: Key) -> None:
        self._rows(table).pop(key, None)

    def select(
        self,
        table: Table,
        where: Where | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Key | None = None,
    ) -> list[Row]:
        order = order or table.key
        rows = [row for row in self._rows(table).values() if _matches(row, where)]
        for name in reversed([*order, *table.key]):
            rows.sort(key=_column(name.lstrip("-")), reverse=name.startswith("-"))
        if after is not None:
            rows = [row for row in rows if _comes_after(row, order, after)]
        return [dict(row) for row in rows[:limit]]

    def group(self, table: Table, by: Sequence[str], sums: Sequence[str], where: Where | None = None) -> list[Row]:
        groups: dict[Key, Row] = {}
        for row in self._rows(table).values():
            if not _matches(row, where):
                continue
            key = tuple(row[name] for name in by)
            total = groups.setdefault(key, {**dict(zip(by, key, strict=True)), **dict.fromkeys(sums, 0)})
            for name in sums:
                total[name] += row[name]
        return [groups[key] for key in sorted(groups, key=lambda key: tuple(map(_sortable, key)))]

    def _rows(self, table: Table) -> dict[Key, Row]:
        return self._tables.setdefault(table.name, {})


def stamped(row: Mapping[str, Any], before: Row | None, position: int) -> Row | None:
    """The row as changed at `position`; None where it agrees with `before` in everything else."""
    after = {**row, "position": position if before is None else before["position"]}
    if after == before:
        return None
    after["position"] = position
    return after


def _matches(row: Row, where: Where | None) -> bool:
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


def _column(name: str) -> Callable[[Row], tuple[bool, Any]]:
    return lambda row: _sortable(row[name])


def _sortable(value: Scalar) -> tuple[bool, Any]:
    """None first, as SQLite has it."""
    return (value is not None, value)


def _comes_after(row: Row, order: Sequence[str], after: Key) -> bool:
    here = tuple(_sortable(row[name.lstrip("-")]) for name in order)
    there = tuple(map(_sortable, after))
    return here < there if order[0].startswith("-") else here > there
