"""Tables and rows as SQL, in what SQLite and PostgreSQL share. Where they differ, a `Dialect` says how.

Nothing here holds state. Names come from `Table` definitions only, never from a request.
"""

# ruff: noqa: S608  # the names in these statements are those of tables in this room; values are always bound

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from projections.base import ColumnType, Key, Row, Table, Where


@dataclass(frozen=True, slots=True)
class Dialect:
    """`nulls`: how a column that may be empty is sorted so that empty comes first, as SQLite has it."""

    types: Mapping[ColumnType, str]
    nulls: str = ""
    nulls_descending: str = ""


SQLITE = Dialect({"text": "TEXT", "int": "INTEGER", "real": "REAL", "json": "TEXT"})
POSTGRES = Dialect(
    # "C": texts sort by their code points, in whatever language the database was made.
    {"text": 'TEXT COLLATE "C"', "int": "BIGINT", "real": "DOUBLE PRECISION", "json": "TEXT"},
    " NULLS FIRST",
    " NULLS LAST",
)


class Cursor(Protocol):
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Session(Protocol):
    """A connection, with `?` for values. It is in a transaction between `BEGIN` and `COMMIT` or `ROLLBACK`."""

    @property
    def dialect(self) -> Dialect: ...
    @property
    def in_transaction(self) -> bool: ...
    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Cursor: ...
    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Any: ...
    def close(self) -> None: ...


def create_statements(table: Table, public: bool, dialect: Dialect = SQLITE) -> list[str]:
    """`public`: its changes are looked for by position."""
    types = dialect.types
    columns = [f"{_q(name)} {types[kind]}" for name, kind in table.columns.items()]
    body = ", ".join([*columns, f'"position" {types["int"]} NOT NULL', f"PRIMARY KEY ({_list(table.key)})"])
    indexes = [*table.indexes, ("position",)] if public else list(table.indexes)
    statements = [f"CREATE TABLE IF NOT EXISTS {_q(table.name)} ({body})"]
    for index in indexes:
        name = _q(f"{table.name}_by_{'_'.join(index)}")
        statements.append(f"CREATE INDEX IF NOT EXISTS {name} ON {_q(table.name)} ({_order(table, index, dialect)})")
    return statements


@cache
def upsert(table: Table) -> str:
    # Not INSERT OR REPLACE: that would give the row a new place in the file each time.
    names = [*table.columns, "position"]
    updates = ", ".join(f"{_q(name)} = excluded.{_q(name)}" for name in names if name not in table.key)
    marks = ", ".join("?" * len(names))
    return (
        f"INSERT INTO {_q(table.name)} ({_list(names)}) VALUES ({marks}) "
        f"ON CONFLICT ({_list(table.key)}) DO UPDATE SET {updates}"
    )


@cache
def delete(table: Table) -> str:
    return f"DELETE FROM {_q(table.name)} WHERE {_by_key(table)}"


@cache
def _get(table: Table) -> str:
    return f"SELECT {_list([*table.columns, 'position'])} FROM {_q(table.name)} WHERE {_by_key(table)}"


def encode(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    values = (
        json.dumps(row[name], ensure_ascii=False, separators=(",", ":")) if kind == "json" else row[name]
        for name, kind in table.columns.items()
    )
    return (*values, row["position"])


def decode(table: Table, values: Sequence[Any]) -> Row:
    row = {
        name: json.loads(value) if kind == "json" else value
        for (name, kind), value in zip(table.columns.items(), values, strict=False)
    }
    row["position"] = values[-1]
    return row


class SqlReader:
    """Looks at rows through one connection."""

    def __init__(self, connection: Session) -> None:
        self._connection = connection

    def get(self, table: Table, key: Key) -> Row | None:
        values = self._connection.execute(_get(table), key).fetchone()
        return None if values is None else decode(table, values)

    def select(
        self,
        table: Table,
        where: Where | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Key | None = None,
    ) -> list[Row]:
        order = order or table.key
        condition, values = _where(where)
        if after is not None:
            sign = "<" if order[0].startswith("-") else ">"
            marks = ", ".join("?" * len(after))
            condition = f"{condition} AND ({_list([name.lstrip('-') for name in order])}) {sign} ({marks})"
            values += after
        columns = _list([*table.columns, "position"])
        ordered = _order(table, [*order, *table.key], self._connection.dialect)
        sql = f"SELECT {columns} FROM {_q(table.name)} WHERE {condition} ORDER BY {ordered}"
        if limit is not None:
            sql, values = f"{sql} LIMIT ?", (*values, limit)
        return [decode(table, row) for row in self._connection.execute(sql, values)]

    def group(self, table: Table, by: Sequence[str], sums: Sequence[str], where: Where | None = None) -> list[Row]:
        condition, values = _where(where)
        names = [*by, *sums]
        types = self._connection.dialect.types
        # PostgreSQL widens a sum to a type that comes back as a Decimal.
        totals = (f"CAST(SUM({_q(name)}) AS {types[table.columns[name]]})" for name in sums)
        columns = ", ".join([*map(_q, by), *totals])
        ordered = _order(table, by, self._connection.dialect)
        grouping = f" GROUP BY {_list(by)} ORDER BY {ordered}" if by else " HAVING COUNT(*) > 0"
        found = self._connection.execute(f"SELECT {columns} FROM {_q(table.name)} WHERE {condition}{grouping}", values)
        return [dict(zip(names, row, strict=True)) for row in found]


def _where(where: Where | None) -> tuple[str, Key]:
    parts, values = ["TRUE"], list[Any]()
    for name, wanted in (where or {}).items():
        if wanted is None:
            parts.append(f"{_q(name)} IS NULL")
        elif isinstance(wanted, tuple):
            parts.append(f"{_q(name)} IN ({', '.join('?' * len(wanted))})" if wanted else "FALSE")
            values += wanted
        else:
            parts.append(f"{_q(name)} = ?")
            values.append(wanted)
    return " AND ".join(parts), tuple(values)


def _order(table: Table, order: Sequence[str], dialect: Dialect) -> str:
    return ", ".join(_ordered(table, name, dialect) for name in order)


def _ordered(table: Table, name: str, dialect: Dialect) -> str:
    column = name.lstrip("-")
    # Never empty: said of these, it would keep PostgreSQL from using the index of the key.
    certain = column in table.key or column == "position"
    if name.startswith("-"):
        return f"{_q(column)} DESC{'' if certain else dialect.nulls_descending}"
    return f"{_q(column)}{'' if certain else dialect.nulls}"


def _by_key(table: Table) -> str:
    return " AND ".join(f"{_q(name)} = ?" for name in table.key)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(_q, names))


def _q(name: str) -> str:
    # `group`, `day` and `position` are words of SQL in one dialect or the other.
    return f'"{name}"'
