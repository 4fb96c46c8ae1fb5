"""The people store as a file of its own, readable to who runs VAPORA alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from vapora import durable
from vapora.errors import ConfigurationError, UnavailableError
from vapora.identity.store.base import StoredPerson, taken

_COLUMNS = "user_id, name, email, password_hash, issuer, subject, next_hash, next_version"
# In one transaction, and only where they are missing: each one alone would be flushed to the disk.
_TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS people (
    user_id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, password_hash TEXT, issuer TEXT,
    subject TEXT, next_hash TEXT, next_version INTEGER, UNIQUE (issuer, subject)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invited (invitation_id TEXT PRIMARY KEY, email TEXT NOT NULL) WITHOUT ROWID;
COMMIT;
"""
_ARE_THERE = "SELECT count(*) FROM sqlite_master WHERE name IN ('people', 'invited')"
# The page of a row that is gone is overwritten, and no journal keeps what stood there before.
_PRAGMAS = ("PRAGMA secure_delete = ON", "PRAGMA journal_mode = DELETE", "PRAGMA synchronous = EXTRA")
_BUSY_S = 10.0


class SQLitePeople:
    """`vapora.identity.store.PeopleStore` in a file."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        durable.make(path)
        try:
            connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            if connection.execute(_ARE_THERE).fetchone() != (2,):
                connection.executescript(_TABLES)
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"{path} cannot be used: {error}.", remedy="Put back the one of the last backup."
            ) from error
        return cls(connection, path)

    def put(self, person: StoredPerson) -> None:
        row = (
            person.user_id,
            person.name,
            person.email,
            person.password_hash,
            person.issuer,
            person.subject,
            person.next_hash,
            person.next_version,
        )
        updated = ", ".join(f"{one} = excluded.{one}" for one in _COLUMNS.split(", ")[1:])
        with self._translated():
            try:
                self._connection.execute(
                    f"INSERT INTO people ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                    f"ON CONFLICT (user_id) DO UPDATE SET {updated}",
                    row,
                )
            except sqlite3.IntegrityError as error:
                raise taken() from error

    def person(self, user_id: str) -> StoredPerson | None:
        return self._one("user_id = ?", user_id)

    def with_email(self, email: str) -> StoredPerson | None:
        return self._one("email = ?", email)

    def with_subject(self, issuer: str, subject: str) -> StoredPerson | None:
        return self._one("issuer = ? AND subject = ?", issuer, subject)

    def people(self, user_ids: Sequence[str] | None = None) -> list[StoredPerson]:
        with self._translated():
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM people").fetchall()
        wanted = None if user_ids is None else set(user_ids)
        return [StoredPerson(*row) for row in rows if wanted is None or row[0] in wanted]

    def erase(self, user_ids: Sequence[str]) -> None:
        self._delete("people", "user_id", user_ids)

    def put_invited(self, invitation_id: str, email: str) -> None:
        with self._translated():
            self._connection.execute("INSERT OR REPLACE INTO invited VALUES (?, ?)", (invitation_id, email))

    def invited(self, invitation_ids: Sequence[str] | None = None) -> dict[str, str]:
        with self._translated():
            rows = self._connection.execute("SELECT invitation_id, email FROM invited").fetchall()
        wanted = None if invitation_ids is None else set(invitation_ids)
        return {one: email for one, email in rows if wanted is None or one in wanted}

    def forget_invited(self, invitation_ids: Sequence[str]) -> None:
        self._delete("invited", "invitation_id", invitation_ids)

    def close(self) -> None:
        self._connection.close()

    def _one(self, where: str, *values: str) -> StoredPerson | None:
        with self._translated():
            row: tuple[Any, ...] | None = self._connection.execute(
                f"SELECT {_COLUMNS} FROM people WHERE {where}", values
            ).fetchone()
        return None if row is None else StoredPerson(*row)

    def _delete(self, table: str, column: str, ids: Sequence[str]) -> None:
        with self._translated():
            self._connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(one,) for one in ids])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise UnavailableError(
                f"What is known of people cannot be read or written: {error}.",
                remedy=f"See that there is room on the disk, and that {self._path} can be written.",
            ) from error
