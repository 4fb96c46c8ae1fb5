"""A log in PostgreSQL that nobody sees before it is whole: how an export comes in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from vapora import clock as system_clock
from vapora.database import Database
from vapora.errors import ConflictError
from vapora.log.event_log import EventLog
from vapora.log.postgres.log import PostgresLog, Recorder
from vapora.log.postgres.schema import FORMAT, Statements, make_tables, translate_errors

_HOLDS = "SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s"


@contextmanager
def draft(database: Database, workspace: str, read: Database) -> Iterator[EventLog]:
    """An empty log of the workspace: there once the block ends, and never there if it raises or the process dies.

    All of it is one transaction. `ConflictError` where the schema holds something already, or where `read`, that of
    the read models, does: they would be those of another log.
    """
    with translate_errors(database), database.connect() as connection, connection.transaction():
        # The client may be busy elsewhere for long: texts go to another store meanwhile.
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        for schema in (database, read):
            _require_empty(connection, schema)
        if not make_tables(connection, database):
            raise _taken(database)  # by somebody who was quicker
        yield PostgresLog(_Draft(database, connection, workspace), workspace, system_clock.now)


class _Draft(Recorder):
    """All in one transaction, which somebody else ends. A lost connection is the end of it: nothing is sent again."""

    def __init__(self, database: Database, connection: psycopg.Connection[Any], workspace: str) -> None:
        super().__init__(database)
        self._connection = connection
        sql = Statements(database.schema)
        connection.execute(sql.make_writer, (FORMAT, workspace))
        [(_, _, self._writer.epoch)] = connection.execute(sql.next_epoch, (workspace, FORMAT)).fetchall()

    def _ask(self, statement: bytes, values: Sequence[Any] = (), writing: bool = False) -> list[tuple[Any, ...]]:
        with translate_errors(self._database), self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            return cursor.execute(statement, values).fetchall()


def _require_empty(connection: psycopg.Connection[Any], database: Database) -> None:
    if connection.execute(_HOLDS, (database.schema,)).fetchone() != (0,):
        raise _taken(database)


def _taken(database: Database) -> ConflictError:
    return ConflictError(
        f"{database} exists already and is not empty.",
        remedy="An import makes a new workspace. Name another database, or, if nobody needs what is there, drop it "
        f'first: DROP SCHEMA "{database.schema}" CASCADE.',
    )
