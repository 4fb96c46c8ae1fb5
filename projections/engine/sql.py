"""Tables and rows as SQL, in the dialect that SQLite and PostgreSQL share but for the JSON columns.

Nothing here holds state. Names come from `Table` definitions only, never from a request.
"""

# ruff: noqa: S608  # the names in these statements are those of tables in this room; values are always bound

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from projections.engine.base import Between, ColumnType, Contains, Key, Row, Table, Where


@dataclass(frozen=True, slots=True)
class Dialect:
    """`nulls`: how a column that may be empty is sorted so that empty comes first, as SQLite has it. `far`: each
    statement is a round trip to a server."""

    types: Mapping[ColumnType, str]
    remote: bool = False
    nulls: str = ""
    nulls_descending: str = ""


SQLITE = Dialect({"text": "TEXT", "int": "INTEGER", "real": "REAL", "json": "TEXT"})
POSTGRES = Dialect(
    # "C": texts sort by their code points, in whatever language the database was made.
    {"text": 'TEXT COLLATE "C"', "int": "BIGINT", "real": "DOUBLE PRECISION", "json": "TEXT"},
    remote=True,
    nulls=" NULLS FIRST",
    nulls_descending=" NULLS LAST",
)


class SqlCursor(Protocol):
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Session(Protocol):
    """A connection, with `?` for values. It is in a transaction between `BEGIN` and `COMMIT` or `ROLLBACK`."""

    @property
    def dialect(self) -> Dialect: ...
    @property
    def in_transaction(self) -> bool: ...
    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> SqlCursor: ...
    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Insert or replace rows, as `encode` makes them."""
        ...

    def for_keys(self, statement: str, table: Table, keys: Sequence[Key]) -> None:
        """A statement that ends where the condition on the table's key is to stand, for each of these."""
        ...

    def wait_for_readers(self) -> None:
        """Tables are about to go: those who began to read before may end, others wait for the commit."""
        ...

    def close(self) -> None: ...


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

    def exists(self) -> bool:
        """Whether anything was ever made there."""
        ...

    def is_in_use(self) -> bool:
        """Whether a `ReadStore` is open on it, in any process."""
        ...


def create_statements(table: Table, public: bool, dialect: Dialect = SQLITE) -> list[str]:
    """`public`: its changes are looked for by position."""
    types = dialect.types
    columns = [f"{quoted(name)} {types[kind]}" for name, kind in table.columns.items()]
    body = ", ".join([*columns, f'"position" {types["int"]} NOT NULL', f"PRIMARY KEY ({column_list(table.key)})"])
    indexes = [*table.indexes, ("position",)] if public else list(table.indexes)
    statements = [f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} ({body})"]
    for index in indexes:
        name = quoted(f"{table.name}_by_{'_'.join(index)}")
        statements.append(
            f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(table.name)} ({_order(table, index, dialect)})"
        )
    return statements


@cache
def upsert(table: Table) -> str:
    # Not INSERT OR REPLACE: that would give the row a new place in the file each time.
    names = [*table.columns, "position"]
    updates = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in names if name not in table.key)
    marks = ", ".join("?" * len(names))
    return (
        f"INSERT INTO {quoted(table.name)} ({column_list(names)}) VALUES ({marks}) "
        f"ON CONFLICT ({column_list(table.key)}) DO UPDATE SET {updates}"
    )


@cache
def delete(table: Table) -> str:
    """For `Session.for_keys`."""
    return f"DELETE FROM {quoted(table.name)} WHERE "


@cache
def _get(table: Table, stored: str, condition: str) -> str:
    columns = column_list([*table.columns, "position"])
    return f"SELECT {columns} FROM {quoted(stored)} WHERE {by_key(table)} AND {condition}"


@cache
def drop(table: Table) -> str:
    return f"DROP TABLE IF EXISTS {quoted(table.name)}"


def stamp_changed(old: Table, new: Table, at: int) -> list[tuple[str, Key]]:
    """Rows of `new` that differ from those of `old`, in whatever both know, count as changed at `at`; the others keep
    the later position of both, so that no row's position ever goes backwards for those who look on."""
    if not set(new.key) <= set(old.columns):
        return []  # other things altogether: nothing of the one is an earlier state of the other
    same_key = " AND ".join(f"{quoted(new.name)}.{quoted(name)} = old.{quoted(name)}" for name in new.key)
    both = f"{quoted(old.name)} AS old WHERE {same_key}"
    shared = [name for name in new.columns if name in old.columns and name not in new.key]
    # As texts: a column may have had another type, which PostgreSQL compares with nothing else.
    now, then = ([f"CAST({of}.{quoted(name)} AS TEXT)" for name in shared] for of in (quoted(new.name), "old"))
    differs = " OR ".join(f"{one} IS DISTINCT FROM {other}" for one, other in zip(now, then, strict=True)) or "FALSE"
    update = f'UPDATE {quoted(new.name)} SET "position" ='
    return [
        (f"{update} ? FROM {both} AND ({differs})", (at,)),
        (f"{update} ? WHERE NOT EXISTS (SELECT 1 FROM {both})", (at,)),
        (f'{update} old."position" FROM {both} AND old."position" > {quoted(new.name)}."position"', ()),
    ]


# Made once: `json.dumps` with options makes one for each value, which takes longer than the encoding.
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# Most of them are empty.
_EMPTY: dict[str, Callable[[], Any]] = {"[]": list, "{}": dict, "null": lambda: None}


def encode(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    values = [_json_text(row[name]) if is_json else row[name] for name, is_json in _written(table)]
    values.append(row["position"])
    return tuple(values)


def _json_text(value: Any) -> str:
    if not value:
        if value is None:
            return "null"
        if type(value) in (list, dict):
            return "[]" if type(value) is list else "{}"
    return _to_json(value)


@cache
def _written(table: Table) -> tuple[tuple[str, bool], ...]:
    return tuple((name, kind == "json") for name, kind in table.columns.items())


def decode(table: Table, values: Sequence[Any]) -> Row:
    row = dict(zip(table.columns, values, strict=False))
    for name in _json_columns(table):
        text = row[name]
        row[name] = _EMPTY[text]() if text in _EMPTY else json.loads(text)
    row["position"] = values[-1]
    return row


@cache
def _json_columns(table: Table) -> tuple[str, ...]:
    return tuple(name for name, kind in table.columns.items() if kind == "json")


class SqlReader:
    """Looks at rows through one connection. A subclass may say which table holds them, and which rows there are."""

    def __init__(self, connection: Session) -> None:
        self._connection = connection

    def _always(self, table: Table) -> tuple[str, Key]:
        """What every row must fulfil beside what is asked."""
        return "TRUE", ()

    def _stored(self, table: Table) -> Table:
        return table

    def get(self, table: Table, key: Key) -> Row | None:
        condition, always = self._always(table)
        values = self._connection.execute(_get(table, self._stored(table).name, condition), (*key, *always)).fetchone()
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
        condition, values = self._condition(table, where)
        if after is not None:
            sign = "<" if order[0].startswith("-") else ">"
            marks = ", ".join("?" * len(after))
            condition = f"{condition} AND ({column_list([name.lstrip('-') for name in order])}) {sign} ({marks})"
            values += after
        name, columns = quoted(self._stored(table).name), column_list([*table.columns, "position"])
        ordered = _order(table, [*order, *table.key], self._connection.dialect)
        sql = f"SELECT {columns} FROM {name} WHERE {condition} ORDER BY {ordered}"
        if limit is not None:
            sql, values = f"{sql} LIMIT ?", (*values, limit)
        return [decode(table, row) for row in self._connection.execute(sql, values)]

    def group(self, table: Table, by: Sequence[str], sums: Sequence[str], where: Where | None = None) -> list[Row]:
        condition, values = self._condition(table, where)
        names = [*by, *sums]
        dialect = self._connection.dialect
        # PostgreSQL widens a sum to a type that comes back as a Decimal.
        totals = (f"CAST(SUM({quoted(name)}) AS {dialect.types[table.columns[name]]})" for name in sums)
        columns = ", ".join([*map(quoted, by), *totals])
        grouping = (
            f" GROUP BY {column_list(by)} ORDER BY {_order(table, by, dialect)}" if by else " HAVING COUNT(*) > 0"
        )
        name = quoted(self._stored(table).name)
        found = self._connection.execute(f"SELECT {columns} FROM {name} WHERE {condition}{grouping}", values)
        return [dict(zip(names, row, strict=True)) for row in found]

    def _condition(self, table: Table, where: Where | None) -> tuple[str, Key]:
        condition, values = _where(where)
        always, more = self._always(table)
        return (condition, values) if always == "TRUE" else (f"{condition} AND {always}", (*values, *more))


def _where(where: Where | None) -> tuple[str, Key]:
    parts, values = ["TRUE"], list[Any]()
    for name, wanted in (where or {}).items():
        if wanted is None:
            parts.append(f"{quoted(name)} IS NULL")
        elif isinstance(wanted, tuple):
            parts.append(f"{quoted(name)} IN ({', '.join('?' * len(wanted))})" if wanted else "FALSE")
            values += wanted
        elif isinstance(wanted, Between):
            bounds = [(sign, bound) for sign, bound in ((">=", wanted.low), ("<=", wanted.high)) if bound is not None]
            parts += [f"{quoted(name)} {sign} ?" for sign, _ in bounds]
            values += [bound for _, bound in bounds]
        elif isinstance(wanted, Contains):
            parts.append(f"{quoted(name)} LIKE ? ESCAPE '!'")
            literally = re.sub("([!%_])", r"!\1", wanted.part)
            values.append(f"%{literally}%")
        else:
            parts.append(f"{quoted(name)} = ?")
            values.append(wanted)
    return " AND ".join(parts), tuple(values)


def _order(table: Table, order: Sequence[str], dialect: Dialect) -> str:
    return ", ".join(_ordered(table, name, dialect) for name in order)


def _ordered(table: Table, name: str, dialect: Dialect) -> str:
    column = name.lstrip("-")
    # Never empty: said of these, it would keep PostgreSQL from using the index of the key.
    certain = column in table.key or column == "position"
    if name.startswith("-"):
        return f"{quoted(column)} DESC{'' if certain else dialect.nulls_descending}"
    return f"{quoted(column)}{'' if certain else dialect.nulls}"


def by_key(table: Table) -> str:
    return " AND ".join(f"{quoted(name)} = ?" for name in table.key)


def column_list(names: Sequence[str], of: str = "") -> str:
    return ", ".join(f"{of}.{quoted(name)}" if of else quoted(name) for name in names)


def quoted(name: str) -> str:
    # `group`, `day` and `position` are words of SQL in one dialect or the other.
    return f'"{name}"'
