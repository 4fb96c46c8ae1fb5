"""Read models in a PostgreSQL schema: the same statements and the same rows as in a SQLite file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing
from functools import cache, lru_cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.sql import Identifier

from projections.engine import history_sql as history_sql
from projections.engine import last_event as mark
from projections.engine import positions as checkpoints
from projections.engine.base import ColumnType, Key, Table
from projections.engine.sql import POSTGRES, Session, SqlCursor, column_list, upsert
from vapora.database import Database, remedy
from vapora.errors import StoreFaultError
from vapora.translation import translated

# Rows or keys that one statement takes: above some hundred, a round trip costs nothing any more.
_ROWS = 250
# What is laid to a row. All else that PostgreSQL says is about the database.
_ROWS_FAULTS = (psycopg.DataError, psycopg.IntegrityError)


class PostgresSession:
    """`projections.engine.sql.Session` over psycopg, with `?` for values as everywhere in this room."""

    dialect = POSTGRES

    def __init__(self, connection: psycopg.Connection[Any], database: Database) -> None:
        self._connection = connection
        self._database = database
        connection.row_factory = _row_factory

    @property
    def in_transaction(self) -> bool:
        return self._connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR)

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> SqlCursor:
        with self._translated():
            return self._connection.execute(_translated(statement), [_bound(value) for value in values])

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        # Not psycopg's `executemany`: it sends a pipeline, which waits for ever once the rows outgrow the socket's
        # buffer. An array for each column takes a third of the time of a placeholder for each value.
        kinds = [*table.columns.values(), "int"]
        for start in range(0, len(rows), _ROWS):
            columns = zip(*rows[start : start + _ROWS], strict=True)
            self._send(_put(table), [_ARRAYS[kind](column) for kind, column in zip(kinds, columns, strict=True)])

    def for_keys(self, statement: str, table: Table, keys: Sequence[Key]) -> None:
        kinds = [table.columns[name] for name in table.key]
        among = f"({column_list(table.key)}) IN (SELECT * FROM unnest({_arrays(kinds)}))"  # noqa: S608
        told = _translated(statement + among)
        for start in range(0, len(keys), _ROWS):
            columns = zip(*keys[start : start + _ROWS], strict=True)
            self._send(told, [_ARRAYS[kind](column) for kind, column in zip(kinds, columns, strict=True)])

    def _send(self, statement: bytes, columns: list[list[Any]]) -> None:
        with self._translated(), self._connection.cursor(binary=True) as cursor:
            cursor.execute(statement, columns)

    def wait_for_readers(self) -> None:
        # A reader's view of rows is of one moment, but that of which tables there are is not.
        self.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")

    def close(self) -> None:
        self._connection.close()

    def _translated(self) -> AbstractContextManager[None]:
        return translated(psycopg.Error, lambda error: _fault(self._database, error), but=_ROWS_FAULTS)


class Schema:
    """`projections.engine.store.Engine` on one schema."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = Identifier(database.schema).as_string()

    def writer(self) -> Session:
        session = self._connect()
        try:
            session.execute("BEGIN")
            self._lock(session, "pg_advisory_xact_lock", "make")
            found = session.execute("SELECT count(*) FROM pg_namespace WHERE nspname = ?", (self._database.schema,))
            # An administrator may have made the schema: then no right to make one is needed.
            if found.fetchone() == (0,):
                session.execute(f"CREATE SCHEMA {self._name}")
            session.execute(f"SET search_path TO {self._name}")
            session.execute(checkpoints.CREATE)
            session.execute(history_sql.CREATE_MOMENTS)
            session.execute(mark.CREATE)
            session.execute("COMMIT")
            # Held as long as the session lives: how tools see that somebody works on these.
            self._lock(session, "pg_advisory_lock_shared", "open")
        except BaseException:
            session.close()
            raise
        return session

    def reader(self) -> Session:
        session = self._connect()
        session.execute(f"SET search_path TO {self._name}")
        session.execute("SET default_transaction_read_only = on")
        try:
            session.execute("SELECT 1 FROM checkpoints LIMIT 1")
        except StoreFaultError:
            # Nobody has made them yet.
            session.close()
            raise
        return session

    def begin_write(self, session: Session) -> Session:
        session = self._begun(session, "BEGIN", self.writer)
        # No table's lock: that would make each batch wait for autovacuum.
        self._lock(session, "pg_advisory_xact_lock", "write")
        return session

    def begin_read(self, session: Session) -> Session:
        session = self._begun(session, "BEGIN ISOLATION LEVEL REPEATABLE READ", self.reader)
        # Before the first look, which fixes the moment: so no table that is known then goes until the end.
        session.execute("LOCK TABLE checkpoints IN ACCESS SHARE MODE")
        return session

    def exists(self) -> bool:
        with closing(self._connect()) as session:
            table = f"{self._name}.checkpoints"
            (there,) = session.execute("SELECT to_regclass(?) IS NOT NULL", (table,)).fetchone()
            return bool(there)

    def is_in_use(self) -> bool:
        with closing(self._connect()) as session:
            return self._lock(session, "pg_try_advisory_lock", "open") is False

    def _begun(self, session: Session, begin: str, anew: Callable[[], Session]) -> Session:
        """Nothing has happened yet, so a session that turns out to be lost is simply replaced."""
        try:
            session.execute(begin)
        except StoreFaultError:
            session.close()
            session = anew()
            session.execute(begin)
        return session

    def _lock(self, session: Session, function: str, what: str) -> Any:
        key = f"vapora:{what}:{self._database.schema}"
        return session.execute(f"SELECT {function}(hashtextextended(?, 0))", (key,)).fetchone()[0]

    def _connect(self) -> PostgresSession:
        try:
            return PostgresSession(self._database.connect(), self._database)
        except psycopg.Error as error:
            raise _fault(self._database, error) from error


def _fault(database: Database, error: Exception) -> StoreFaultError:
    return StoreFaultError(
        f"The read models at {database} cannot be used: {database.told(error)}.", remedy=remedy(error)
    )


@lru_cache(maxsize=2_000)
def _translated(statement: str) -> bytes:
    # No statement of ours holds a question mark or a percent sign but for its values.
    return statement.replace("?", "%s").encode()


@cache
def _put(table: Table) -> bytes:
    insert, _, conflict = upsert(table).partition(" ON CONFLICT ")
    head = insert.partition(" VALUES ")[0]
    kinds: list[ColumnType] = [*table.columns.values(), "int"]
    return f"{head} SELECT * FROM unnest({_arrays(kinds)}) ON CONFLICT {conflict}".encode()  # noqa: S608


def _arrays(kinds: Sequence[ColumnType]) -> str:
    return ", ".join(f"%s::{_TYPES[kind]}[]" for kind in kinds)


def _bound(value: Any) -> Any:
    if isinstance(value, str):
        return _without_nul(str(value))
    return int(value) if isinstance(value, bool) else value


def _texts(column: Iterable[Any]) -> list[Any]:
    return [_without_nul(str(one)) if isinstance(one, str) else one for one in column]


def _ints(column: Iterable[Any]) -> list[Any]:
    return [int(one) if isinstance(one, int) else one for one in column]


def _reals(column: Iterable[Any]) -> list[Any]:
    # All of one kind: an array of 1 and 0.5 is refused.
    return [float(one) if isinstance(one, int) else one for one in column]


_TYPES: dict[ColumnType, str] = {"text": "text", "int": "bigint", "real": "double precision", "json": "text"}
_ARRAYS: dict[ColumnType, Callable[[Iterable[Any]], list[Any]]] = {
    "text": _texts, "int": _ints, "real": _reals, "json": _texts,
}  # fmt: skip


def _row_factory(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    return lambda values: tuple([_with_nul(one) if type(one) is str else one for one in values])


def _without_nul(text: str) -> str:
    """PostgreSQL's texts hold no NUL, which a model's answer may. Written otherwise, so that equal texts stay equal and
    the order stays as it was."""
    return text.replace("\1", "\1\2").replace("\0", "\1\1") if "\0" in text or "\1" in text else text


def _with_nul(text: str) -> str:
    return text.replace("\1\1", "\0").replace("\1\2", "\1") if "\1" in text else text
