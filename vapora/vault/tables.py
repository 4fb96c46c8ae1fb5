"""Where the embedded vault keeps its rows: a SQLite file in the data folder, or a schema of PostgreSQL.

One statement is written for both, with `?` for values.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vapora import database, durable
from vapora.database import Database
from vapora.errors import UnavailableError
from vapora.translation import remedy_for, translated

if TYPE_CHECKING:
    import psycopg

# Beside no workspace's schema: a workspace's name does not begin with an underscore.
SCHEMA = "vapora__vault"
_LOCK_TIMEOUT_S = 5.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS vault_keys ("
    "workspace TEXT NOT NULL, number INTEGER NOT NULL, installation_key TEXT NOT NULL, wrapped {bytes} NOT NULL, "
    "created_at TEXT NOT NULL, PRIMARY KEY (workspace, number))",
    # A version without a value says that the secret was deleted, so that its numbers go on.
    "CREATE TABLE IF NOT EXISTS vault_secrets ("
    "workspace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, key INTEGER, wrapped {bytes}, "
    "value {bytes}, updated_at TEXT NOT NULL, PRIMARY KEY (workspace, name, version))",
)

Rows = list[tuple[Any, ...]]


class Statements(Protocol):
    """Those of one transaction."""

    def __call__(self, statement: str, values: Sequence[Any] = ()) -> Rows: ...


class Tables(Protocol):
    """Every transaction that writes to a workspace comes after the one before; readers wait for nobody."""

    def exists(self) -> bool:
        """Whether anything was ever stored: until then a look makes no file and no schema."""
        ...

    def reading(self) -> AbstractContextManager[Statements]: ...

    def writing(self, workspace: str) -> AbstractContextManager[Statements]:
        """Durable when the block has ended well; else nothing happened."""
        ...

    def forget(self) -> None:
        """Make sure that what was deleted cannot be found in the store's files, as far as the store can."""
        ...

    def close(self) -> None: ...


class SqliteTables:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.RLock()

    def exists(self) -> bool:
        return self._path.exists()

    @contextmanager
    def reading(self) -> Iterator[Statements]:
        with self._turn, self._translated():
            yield self._statements(self._open())

    @contextmanager
    def writing(self, workspace: str) -> Iterator[Statements]:
        with self._turn, self._translated():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._statements(connection)
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def forget(self) -> None:
        # `secure_delete` has overwritten it in the file; the journal still holds the pages as they were.
        with self.reading() as run:
            run("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._turn:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            # Whoever finds the file finds its tables in it: two that open it at once have nothing to make.
            durable.make(self._path, _make_tables)
            self._connection = _connect(self._path)
        return self._connection

    @staticmethod
    def _statements(connection: sqlite3.Connection) -> Statements:
        return lambda statement, values=(): connection.execute(statement, values).fetchall()

    def _translated(self) -> AbstractContextManager[None]:
        def unusable(error: Exception) -> Exception:
            remedy = remedy_for(str(error), _REMEDIES, "Check the disk and the file.")
            return UnavailableError(f"The secrets in {self._path} cannot be used: {error}.", remedy=remedy)

        return translated((sqlite3.Error, OSError), unusable)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(path: Path) -> None:
    with closing(_connect(path)) as connection:
        for table in _TABLES:
            connection.execute(table.format(bytes="BLOB"))


_REMEDIES = {
    "not a database": "The file is something else: put the vault's database back from a backup.",
    "malformed": "The file is damaged: put it back from a backup.",
    "full": "Make room on the disk.",
    "readonly": "Make the file and its folder writable for this user.",
    "permission": "Make the file and its folder writable for this user.",
    "unable to open": "Make the file and its folder writable for this user.",
    "locked": "Another process holds the file: try again.",
}


class PostgresTables:
    """On the connections that this process has together."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, SCHEMA)
        self._is_there = False

    def exists(self) -> bool:
        if not self._is_there:
            with self._translated(), self._database.lease() as connection:
                self._look(connection)
        return self._is_there

    @contextmanager
    def reading(self) -> Iterator[Statements]:
        with self._translated(), self._opened() as connection:
            yield self._statements(connection)

    @contextmanager
    def writing(self, workspace: str) -> Iterator[Statements]:
        with self._translated(), self._opened() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"{SCHEMA} {workspace}",))
            yield self._statements(connection)

    def forget(self) -> None:
        # What a server's files and its write-ahead log still hold of deleted rows is in the hands of who runs it.
        with self.reading() as run:
            run("VACUUM vault_keys")
            run("VACUUM vault_secrets")

    def close(self) -> None:
        """Nothing is open between two questions."""

    def _look(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        found = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.vault_secrets",)).fetchone()
        self._is_there = found is not None and found[0] is not None

    @contextmanager
    def _opened(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with self._database.lease() as connection:
            if not self._is_there:
                self._look(connection)
            if not self._is_there:
                self._make(connection)
            yield connection

    def _make(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        with connection.transaction():
            # Two processes that make it at once would each find that it is not there.
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (SCHEMA,))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            connection.execute(f"SET LOCAL search_path TO {SCHEMA}")
            for table in _TABLES:
                connection.execute(table.format(bytes="BYTEA").encode())
        self._is_there = True

    @staticmethod
    def _statements(connection: psycopg.Connection[tuple[Any, ...]]) -> Statements:
        def run(statement: str, values: Sequence[Any] = ()) -> Rows:
            named = statement.replace("vault_", f"{SCHEMA}.vault_").replace("?", "%s")
            cursor = connection.execute(named.encode(), values)
            return cursor.fetchall() if cursor.description else []

        return run

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import psycopg

        def unusable(error: Exception) -> Exception:
            return UnavailableError(
                f"The secrets cannot be used: {self._database.told(error)}.", remedy=database.remedy(error)
            )

        with translated(psycopg.Error, unusable):
            yield
