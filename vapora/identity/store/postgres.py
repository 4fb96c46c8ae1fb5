"""The people store as a schema of its own in PostgreSQL.

A connection for each question: they are few, and one that was lost is nobody's trouble.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.sql import SQL, Composable, Identifier

from vapora.database import Database, remedy
from vapora.errors import UnavailableError
from vapora.identity.store.base import StoredPerson, taken

_COLUMNS = SQL("user_id, name, email, password_hash, issuer, subject, next_hash, next_version")
_TABLES = (
    "CREATE SCHEMA IF NOT EXISTS {schema}",
    "CREATE TABLE IF NOT EXISTS {schema}.people (user_id text PRIMARY KEY, name text NOT NULL, "
    "email text NOT NULL UNIQUE, password_hash text, issuer text, subject text, next_hash text, next_version bigint, "
    "UNIQUE (issuer, subject))",
    "CREATE TABLE IF NOT EXISTS {schema}.invited (invitation_id text PRIMARY KEY, email text NOT NULL)",
)
_LOCK = "vapora:people"


class PostgresPeople:
    """`vapora.identity.store.PeopleStore` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        schema = Identifier(database.schema)
        self._people = Identifier(database.schema, "people")
        self._invited = Identifier(database.schema, "invited")
        self._create = [SQL(one).format(schema=schema) for one in _TABLES]

    @classmethod
    def open(cls, database: Database) -> Self:
        store = cls(database)
        with store._connected() as connection, connection.transaction():
            # Two that make it at once would be told of each other's tables.
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (_LOCK,))
            present = connection.execute(
                "SELECT to_regclass(%s) IS NOT NULL", (f'"{database.schema}".invited',)
            ).fetchone()
            if present != (True,):
                for statement in store._create:
                    connection.execute(statement)
        return store

    def put(self, person: StoredPerson) -> None:
        names = ("name", "email", "password_hash", "issuer", "subject", "next_hash", "next_version")
        updated = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(one)) for one in names)
        statement = SQL(
            "INSERT INTO {} ({}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (user_id) DO UPDATE SET {}"
        ).format(self._people, _COLUMNS, updated)
        row = (person.user_id, *(getattr(person, one) for one in names))
        with self._connected() as connection:
            try:
                connection.execute(statement, row)
            except psycopg.IntegrityError as error:
                raise taken() from error

    def person(self, user_id: str) -> StoredPerson | None:
        return self._one(SQL("user_id = %s"), user_id)

    def with_email(self, email: str) -> StoredPerson | None:
        return self._one(SQL("email = %s"), email)

    def with_subject(self, issuer: str, subject: str) -> StoredPerson | None:
        return self._one(SQL("issuer = %s AND subject = %s"), issuer, subject)

    def people(self, user_ids: Sequence[str] | None = None) -> list[StoredPerson]:
        wanted = None if user_ids is None else list(user_ids)
        statement = SQL("SELECT {} FROM {} WHERE %s::text[] IS NULL OR user_id = ANY(%s)").format(
            _COLUMNS, self._people
        )
        with self._connected() as connection:
            return [StoredPerson(*row) for row in connection.execute(statement, (wanted, wanted)).fetchall()]

    def erase(self, user_ids: Sequence[str]) -> None:
        self._delete(self._people, "user_id", user_ids)

    def put_invited(self, invitation_id: str, email: str) -> None:
        statement = SQL(
            "INSERT INTO {} VALUES (%s, %s) ON CONFLICT (invitation_id) DO UPDATE SET email = excluded.email"
        ).format(self._invited)
        with self._connected() as connection:
            connection.execute(statement, (invitation_id, email))

    def invited(self, invitation_ids: Sequence[str] | None = None) -> dict[str, str]:
        wanted = None if invitation_ids is None else list(invitation_ids)
        statement = SQL(
            "SELECT invitation_id, email FROM {} WHERE %s::text[] IS NULL OR invitation_id = ANY(%s)"
        ).format(self._invited)
        with self._connected() as connection:
            return dict(connection.execute(statement, (wanted, wanted)).fetchall())

    def forget_invited(self, invitation_ids: Sequence[str]) -> None:
        self._delete(self._invited, "invitation_id", invitation_ids)

    def close(self) -> None:
        """Nothing is open between two questions."""

    def _one(self, where: Composable, *values: str) -> StoredPerson | None:
        statement = SQL("SELECT {} FROM {} WHERE {}").format(_COLUMNS, self._people, where)
        with self._connected() as connection:
            row = connection.execute(statement, values).fetchone()
        return None if row is None else StoredPerson(*row)

    def _delete(self, table: Identifier, column: str, ids: Sequence[str]) -> None:
        statement = SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(table, Identifier(column))
        with self._connected() as connection:
            connection.execute(statement, (list(ids),))

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with self._database.lease() as connection:
                yield connection
        except psycopg.Error as error:
            raise UnavailableError(
                f"What is known of people cannot be read or written: {self._database.told(error)}.",
                remedy=remedy(error),
            ) from error
