"""The log's tables and statements in PostgreSQL, how they are made, and how its troubles are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError
from eventsourcing.postgres import PostgresDatastore
from psycopg.rows import dict_row, tuple_row
from psycopg.sql import Identifier

from vapora.database import Database, remedy
from vapora.errors import LogError
from vapora.log.chain import GENESIS
from vapora.log.store import TakenError
from vapora.records import PAGE_BYTES
from vapora.translation import translated

FORMAT = 1
_LOCK = "vapora:migrate"


class Datastore(PostgresDatastore):
    """The library's, on the connections that this process has together."""

    def __init__(self, database: Database) -> None:
        super().__init__("", "", "", "", "", schema=database.schema, originator_id_type="text")
        self.pool: Any = database.pool

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        connection: Any
        with super().get_connection() as connection:
            # The library reads rows by their names.
            connection.row_factory = dict_row
            try:
                yield connection
            finally:
                connection.row_factory = tuple_row

    def close(self) -> None:
        """They are for others as well."""

    def register_type_adapters(self) -> None:
        """Rows travel as plain arrays: there is no composite type to look up."""


class Statements:
    """In the dialect of one schema. Its name is quoted; values are always bound."""

    # The fields of a row in the order of the columns, with their types.
    ROW: ClassVar[dict[str, str]] = {
        "position": "bigint",
        "stream": "text",
        "version": "bigint",
        "topic": "text",
        "state": "bytea",
        "digest": "bytea",
    }

    def __init__(self, schema: str) -> None:
        name = Identifier(schema).as_string()
        events, writer, append = (f"{name}.{one}" for one in ("stored_events", "writer", "append_events"))
        columns = "notification_id, originator_id, originator_version, topic, state"
        names = f"{columns}, digest"
        select = f"SELECT {columns} FROM {events} "
        # As bytes, which nobody has to decode: what was damaged is told by its digest.
        links = (
            "SELECT notification_id, convert_to(originator_id, 'UTF8') AS originator_id, originator_version, "
            f"convert_to(topic, 'UTF8') AS topic, state, digest FROM {events} "
        )
        bounded = "WHERE notification_id > %b AND (notification_id <= %b::bigint) IS NOT FALSE "
        arrays = ", ".join(f"%b::{kind}[]" for kind in self.ROW.values())
        self.create = _create(name, events, writer, append, names, list(self.ROW.values()))
        self.schema_is_there = "SELECT count(*) FROM pg_namespace WHERE nspname = %s"
        self.is_there = f"SELECT to_regclass('{writer}') IS NOT NULL".encode()
        self.make_writer = f"INSERT INTO {writer} VALUES (1, %s, %s, 0) ON CONFLICT DO NOTHING RETURNING epoch".encode()
        # Not where the log is another workspace's, or of a newer format: nobody is fenced off then.
        self.next_epoch = (
            f"UPDATE {writer} SET epoch = epoch + 1 WHERE workspace = %b AND format <= %b "
            "RETURNING workspace, format, epoch"
        ).encode()
        self.renew_epoch = f"UPDATE {writer} SET epoch = epoch + 1 WHERE epoch = %b RETURNING epoch".encode()
        self.touch = f"UPDATE {writer} SET epoch = epoch RETURNING epoch".encode()
        self.writer = f"SELECT workspace, format, epoch FROM {writer}".encode()
        self.append = f"SELECT * FROM {append}(%b, %b, %b, {arrays})".encode()
        # A stream's last version is one step in the index, however long it is; MAX with GROUP BY would read it all.
        self.versions = (
            f"SELECT asked, (SELECT originator_version FROM {events} WHERE originator_id = asked "
            "ORDER BY originator_version DESC LIMIT 1) FROM unnest(%b::text[]) AS asked"
        ).encode()
        of_stream = "WHERE originator_id = %b AND originator_version > %b ORDER BY originator_version LIMIT %b"
        self.read = _page(columns, select + of_stream, "originator_version")
        self.after = _page(columns, select + bounded + "ORDER BY notification_id LIMIT %b", "notification_id")
        of_topics = bounded + "AND topic = ANY(%b) ORDER BY notification_id LIMIT %b"
        self.after_of = _page(columns, select + of_topics, "notification_id")
        self.last = (select + "ORDER BY notification_id DESC LIMIT 1").encode()
        from_position = "WHERE notification_id >= %b::bigint ORDER BY notification_id LIMIT %b"
        self.scan = _page(names, links + from_position, "notification_id")
        self.newest = (links + "ORDER BY notification_id DESC LIMIT %b").encode()
        self.topics = f"SELECT topic, max(notification_id) FROM {events} GROUP BY topic".encode()
        self.faults = b"SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
        self.head = f"SELECT coalesce(max(notification_id), 0) FROM {events}".encode()


def _page(columns: str, select: str, order: str) -> bytes:
    """The rows of `select` up to the one with which they hold `PAGE_BYTES`. A state's length is known unread."""
    before = f"sum(octet_length(state)) OVER (ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    return (
        f"SELECT {columns} FROM (SELECT *, {before} AS before FROM ({select}) AS wanted) AS page "
        f"WHERE before IS NULL OR before < {PAGE_BYTES} ORDER BY {order}"
    ).encode()


def _create(schema: str, events: str, writer: str, append: str, names: str, kinds: list[str]) -> tuple[bytes, ...]:
    given = ", ".join(f"${number}" for number in range(4, len(kinds) + 4))
    statements = (
        f"CREATE SCHEMA {schema}",
        # The library's names of columns. No default for the position: nobody adds an event but by `append_events`.
        f"CREATE TABLE {events} (notification_id bigint PRIMARY KEY, "
        'originator_id text COLLATE "C" NOT NULL, originator_version bigint NOT NULL, '
        'topic text COLLATE "C" NOT NULL, state bytea NOT NULL, digest bytea NOT NULL, '
        "UNIQUE (originator_id, originator_version))",
        f"CREATE TABLE {writer} (id integer PRIMARY KEY CHECK (id = 1), format integer NOT NULL, "
        "workspace text NOT NULL, epoch bigint NOT NULL)",
        # A position that was given away and taken back would be given to another event, which a follower then misses.
        f"CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'events are never changed or deleted'; END $$",
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {events} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse()",
        # The writer's row stays locked until the commit, so events become visible in the order of their positions: a
        # reader that has seen one has seen all before it. Each statement in here sees what was committed before the
        # lock was given. Why no table lock and no counter in that row: docs/adr/0005-postgresql.md.
        f"CREATE FUNCTION {append}(bigint, bigint, bytea, {', '.join(f'{kind}[]' for kind in kinds)}) "
        "RETURNS TABLE (epoch bigint, tip bigint, tip_digest bytea) LANGUAGE plpgsql AS $$\nBEGIN\n"
        f"SELECT w.epoch INTO epoch FROM {writer} AS w FOR UPDATE;\n"
        f"SELECT e.notification_id, e.digest INTO tip, tip_digest FROM {events} AS e "
        "ORDER BY e.notification_id DESC LIMIT 1;\n"
        f"IF tip IS NULL THEN tip := 0; tip_digest := '\\x{GENESIS.digest.hex()}'; END IF;\n"
        # A writer that was replaced is told today's epoch, one whose log was changed its end; neither inserts.
        f"IF epoch = $1 AND tip = $2 AND tip_digest = $3 THEN INSERT INTO {events} ({names}) SELECT {names} "
        f"FROM unnest({given}) AS given({names}); END IF;\n"
        "RETURN NEXT;\nEND $$",
    )
    return tuple(statement.encode() for statement in statements)


def migrate(database: Database) -> None:
    """Make the tables where there are none, once, however many start at the same moment."""
    with database.lease() as connection, connection.transaction():
        make_tables(connection, database)


def make_tables(connection: psycopg.Connection[Any], database: Database) -> bool:
    """In the connection's transaction, for whose end waits who else wants to make them. False: they were there."""
    statements = Statements(database.schema)
    key = f"{_LOCK}:{database.schema}"
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
    if connection.execute(statements.is_there).fetchone() == (True,):
        return False
    # An administrator may have made the schema: then no right to make one is needed.
    present = connection.execute(statements.schema_is_there, (database.schema,)).fetchone() == (1,)
    for statement in statements.create[1 if present else 0 :]:
        connection.execute(statement)
    return True


def translate_errors(database: Database) -> AbstractContextManager[None]:
    """Turns what PostgreSQL and the library raise into errors that say what to do, and never hold the password."""
    return translated((psycopg.Error, PersistenceError), lambda error: _unusable(database, error))


def _unusable(database: Database, error: Exception) -> LogError:
    said = database.told(error)
    if isinstance(error, IntegrityError | psycopg.IntegrityError):
        return TakenError(f"A version is in use in the log at {database}: {said}")
    return LogError(f"The log at {database} cannot be used: {said}.", remedy=remedy(error), path=str(database))
