"""Tables and rows as SQL, in the dialect that SQLite and PostgreSQL share but for the JSON columns.

Nothing here holds state. Names come from `Table` definitions only, never from a request.
"""

# ruff: noqa: S608  # the names in these statements are those of tables in this room; values are always bound

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from projections.base import Between, Contains, Key, Row, Table, Where

_TYPES = {"text": "TEXT", "int": "INTEGER", "real": "REAL", "json": "TEXT"}


def create_statements(table: Table, public: bool) -> list[str]:
    """`public`: its changes are looked for by position."""
    columns = [f"{_q(name)} {_TYPES[kind]}" for name, kind in table.columns.items()]
    body = ", ".join([*columns, '"position" INTEGER NOT NULL', f"PRIMARY KEY ({_list(table.key)})"])
    indexes = [*table.indexes, ("position",)] if public else list(table.indexes)
    statements = [f"CREATE TABLE IF NOT EXISTS {_q(table.name)} ({body})"]
    for index in indexes:
        name = _q(f"{table.name}_by_{'_'.join(index)}")
        statements.append(f"CREATE INDEX IF NOT EXISTS {name} ON {_q(table.name)} ({_list(index)})")
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

    def __init__(self, connection: sqlite3.Connection) -> None:
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
        sql = f"SELECT {columns} FROM {_q(table.name)} WHERE {condition} ORDER BY {_order([*order, *table.key])}"
        if limit is not None:
            sql, values = f"{sql} LIMIT ?", (*values, limit)
        return [decode(table, row) for row in self._connection.execute(sql, values)]

    def group(self, table: Table, by: Sequence[str], sums: Sequence[str], where: Where | None = None) -> list[Row]:
        condition, values = _where(where)
        names = [*by, *sums]
        columns = ", ".join([*map(_q, by), *(f"SUM({_q(name)})" for name in sums)])
        grouping = f" GROUP BY {_list(by)} ORDER BY {_list(by)}" if by else " HAVING COUNT(*) > 0"
        found = self._connection.execute(f"SELECT {columns} FROM {_q(table.name)} WHERE {condition}{grouping}", values)
        return [dict(zip(names, row, strict=True)) for row in found]


def _where(where: Where | None) -> tuple[str, Key]:
    parts, values = ["TRUE"], list[Any]()
    for name, wanted in (where or {}).items():
        if wanted is None:
            parts.append(f"{_q(name)} IS NULL")
        elif isinstance(wanted, tuple):
            parts.append(f"{_q(name)} IN ({', '.join('?' * len(wanted))})")
            values += wanted
        elif isinstance(wanted, Between):
            bounds = [(sign, bound) for sign, bound in ((">=", wanted.low), ("<=", wanted.high)) if bound is not None]
            parts += [f"{_q(name)} {sign} ?" for sign, _ in bounds]
            values += [bound for _, bound in bounds]
        elif isinstance(wanted, Contains):
            parts.append(f"{_q(name)} LIKE ? ESCAPE '!'")
            literally = re.sub("([!%_])", r"!\1", wanted.part)
            values.append(f"%{literally}%")
        else:
            parts.append(f"{_q(name)} = ?")
            values.append(wanted)
    return " AND ".join(parts), tuple(values)


def _order(order: Sequence[str]) -> str:
    return ", ".join(f"{_q(name.lstrip('-'))}{' DESC' if name.startswith('-') else ''}" for name in order)


def _by_key(table: Table) -> str:
    return " AND ".join(f"{_q(name)} = ?" for name in table.key)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(_q, names))


def _q(name: str) -> str:
    # `group`, `day` and `position` are words of SQL in one dialect or the other.
    return f'"{name}"'
