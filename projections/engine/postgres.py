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
from projections.engine.keeper import keeper
from projections.engine.sql import POSTGRES, Session, SqlCursor, column_list, upsert
from vapora.database import MOST_CONNECTIONS, Database, remedy
from vapora.errors import StoreFaultError
from vapora.translation import translated

# Rows or keys that one statement takes: above some hundred, a round trip costs nothing any more.
_ROWS = 250
# What is laid to a row. All else that PostgreSQL says is about the database.
_ROWS_FAULTS = (psycopg.DataError, psycopg.IntegrityError)


class PostgresSession:
    """`projections.engine.sql.Session` over psycopg, with `?` for values as everywhere in this room.

    It has a connection from its first statement to the end of the transaction that this begins, and none in between:
    those of a process are shared by many workspaces. So nothing that is set for a session may stay."""

    dialect = POSTGRES

    def __init__(self, database: Database) -> None:
        self._held: psycopg.Connection[Any] | None = None
        self._database = database

    @property
    def _connection(self) -> psycopg.Connection[Any]:
        if self._held is None:
            self._held = self._database.take()
        return self._held

    @property
    def in_transaction(self) -> bool:
        return self._held is not None and self._held.info.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        )

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> SqlCursor:
        with self._translated():
            cursor = self._connection.cursor(row_factory=_row_factory)
            cursor.execute(_translated(statement), [_bound(value) for value in values])
        if not self.in_transaction:
            self.let_go()
        return cursor

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke, rather than that the server refused or could not be reached."""
        return self._held is not None and self._held.closed

    def begin(self, begin: str) -> None:
        """Some statements, of which the first begins a transaction, in one round trip."""
        with self._translated():
            self._connection.execute(begin.encode())

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

    def let_go(self) -> None:
        """Gives the connection back, with what was not committed undone."""
        held, self._held = self._held, None
        if held is not None:
            self._database.give(held)

    def close(self) -> None:
        self.let_go()

    def _translated(self) -> AbstractContextManager[None]:
        return translated(psycopg.Error, lambda error: _fault(self._database, error), but=_ROWS_FAULTS)


class _WritersSession(PostgresSession):
    """Says as long as it is open that somebody works on these read models."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._says_so = False

    def say_so(self) -> None:
        if not self._says_so:
            with self._translated():
                keeper(self._database).hold(_key(self._database, "open"))
            self._says_so = True

    def close(self) -> None:
        super().close()
        if self._says_so:
            self._says_so = False
            with self._translated():
                keeper(self._database).release(_key(self._database, "open"))


class Schema:
    """`projections.engine.store.Engine` on one schema."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = Identifier(database.schema).as_string()

    def writer(self) -> Session:
        session = _WritersSession(self._database)
        try:
            # `mark` is the last that is made. One look, where five statements would find that there is nothing to do.
            if not self._is_there("mark"):
                self._make(session)
            session.say_so()
        except BaseException:
            session.close()
            raise
        return session

    def _make(self, session: Session) -> None:
        self._begin(session, "", self._locked("make"))
        found = session.execute("SELECT count(*) FROM pg_namespace WHERE nspname = ?", (self._database.schema,))
        # An administrator may have made the schema: then no right to make one is needed.
        if found.fetchone() == (0,):
            session.execute(f"CREATE SCHEMA {self._name}")
        session.execute(checkpoints.CREATE)
        session.execute(history_sql.CREATE_MOMENTS)
        session.execute(mark.CREATE)
        session.execute("COMMIT")

    def reader(self) -> Session:
        """Where nobody has made the tables yet, `begin_read` says so."""
        return PostgresSession(self._database)

    def begin_write(self, session: Session) -> Session:
        # No table's lock: that would make each batch wait for autovacuum.
        self._begin(session, "", self._locked("write"))
        return session

    def begin_read(self, session: Session) -> Session:
        # Before the first look, which fixes the moment: so no table that is known then goes until the end.
        lock = "LOCK TABLE checkpoints IN ACCESS SHARE MODE"
        self._begin(session, "ISOLATION LEVEL REPEATABLE READ READ ONLY", lock)
        return session

    def exists(self) -> bool:
        return self._is_there("checkpoints")

    def _is_there(self, table: str) -> bool:
        with closing(PostgresSession(self._database)) as session:
            found = session.execute("SELECT to_regclass(?) IS NOT NULL", (f"{self._name}.{table}",))
            return bool(found.fetchone() == (True,))

    def is_in_use(self) -> bool:
        with closing(PostgresSession(self._database)) as session:
            # Given back at once: with the transaction that it is alone in.
            key = _key(self._database, "open")
            found = session.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", (key,))
            return bool(found.fetchone() == (False,))

    def _begin(self, session: Session, mode: str, then: str) -> None:
        """Nothing has happened yet, so a connection that turns out to be lost is simply replaced. A restart of the
        server breaks all that there are."""
        assert isinstance(session, PostgresSession)
        begin = f"BEGIN {mode}; SET LOCAL search_path TO {self._name}; {then}"
        for _ in range(MOST_CONNECTIONS):
            try:
                session.begin(begin)
                return
            except StoreFaultError:
                lost = session.is_lost
                session.let_go()
                if not lost:
                    raise
        keeper(self._database).renew()
        session.begin(begin)

    def _locked(self, what: str) -> str:
        # Names of schemas of ours have no quotation mark in them.
        return f"SELECT pg_advisory_xact_lock(hashtextextended('{_key(self._database, what)}', 0))"


def _key(database: Database, what: str) -> str:
    return f"vapora:{what}:{database.schema}"


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
