"""Small records of cells that are not open, and where each one's log ends: read without waking anybody.

They lie beside the workspaces and not in them, since the one of a deleted workspace outlives all of its data: files in
the data folder, or rows of one table where the logs are in PostgreSQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from pydantic import TypeAdapter, ValidationError

from events.ids import is_workspace
from vapora import durable
from vapora.database import Database, cells_schema, remedy
from vapora.domain.cell import CellRecord, LogEnd
from vapora.errors import LogError, UnavailableError
from vapora.settings import Settings

if TYPE_CHECKING:
    import psycopg

_RECORD = TypeAdapter(CellRecord)
_END = "SELECT position, digest FROM stored_events ORDER BY position DESC LIMIT 1"
_journal = structlog.get_logger("cells")


class CellRecords(Protocol):
    """Blocking: call it outside the event loop."""

    def every(self) -> dict[str, CellRecord]:
        """By workspace. One that cannot be read is left out, and told."""
        ...

    def get(self, workspace: str) -> CellRecord | None:
        """Raises `LogError` for one that cannot be read: it may say that the workspace is gone."""
        ...

    def put(self, record: CellRecord) -> None:
        """In place of the one before; stored for certain when this returns."""
        ...

    def forget(self, workspace: str) -> None: ...


def open_cell_records(settings: Settings) -> CellRecords:
    url = settings.database_url
    return FileRecords(settings.cells_folder) if url is None else TableRecords(cells_schema(url.get_secret_value()))


def log_ends(settings: Settings, workspaces: Iterable[str]) -> dict[str, LogEnd]:
    """Where the logs of these workspaces end; those that cannot be read are left out."""
    if settings.database_url is not None:
        return _ends_in_database(settings, workspaces)
    found = ((one, _end_of_file(settings.log_file(one))) for one in workspaces)
    return {workspace: end for workspace, end in found if end is not None}


class FileRecords:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def every(self) -> dict[str, CellRecord]:
        found: dict[str, CellRecord] = {}
        for path in sorted(self._folder.glob("*.json")):
            if is_workspace(path.stem):
                try:
                    found[path.stem] = self._read(path)
                except LogError as error:
                    _journal.warning("record left out", why=str(error))
        return found

    def get(self, workspace: str) -> CellRecord | None:
        path = self._path(workspace)
        return self._read(path) if path.exists() else None

    def put(self, record: CellRecord) -> None:
        path = self._path(record.workspace)
        try:
            durable.write(path, _RECORD.dump_json(record) + b"\n")
        except OSError as error:
            raise LogError(f"{path} cannot be written: {error}.", remedy="See that the disk has room.") from error

    def forget(self, workspace: str) -> None:
        self._path(workspace).unlink(missing_ok=True)

    def _path(self, workspace: str) -> Path:
        return self._folder / f"{workspace}.json"

    def _read(self, path: Path) -> CellRecord:
        try:
            return _RECORD.validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise LogError(
                f"{path} cannot be read: {str(error).splitlines()[0]}.",
                remedy="Where this workspace was neither archived nor deleted, delete the file; else restore it.",
            ) from error


class TableRecords:
    """One table for the installation, made by the first record. Until then there is none: looking makes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = f"{database.schema}.records"

    def every(self) -> dict[str, CellRecord]:
        found: dict[str, CellRecord] = {}
        with self._connected() as connection:
            if not self._is_made(connection):
                return found
            statement = f"SELECT workspace, record FROM {self._table}".encode()  # noqa: S608 - our own name
            for workspace, text in connection.execute(statement):
                try:
                    found[workspace] = _parse(workspace, text)
                except LogError as error:
                    _journal.warning("record left out", why=str(error))
        return found

    def get(self, workspace: str) -> CellRecord | None:
        import psycopg

        with self._connected() as connection:
            statement = f"SELECT record FROM {self._table} WHERE workspace = %s".encode()  # noqa: S608 - our own name
            try:
                row = connection.execute(statement, (workspace,)).fetchone()
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                return None  # asked several times at each wake: one look whether there is a table would double that
        return None if row is None else _parse(workspace, row[0])

    def put(self, record: CellRecord) -> None:
        with self._connected() as connection:
            self._make(connection)
            connection.execute(
                f"INSERT INTO {self._table} VALUES (%s, %s) "  # noqa: S608 - our own name
                "ON CONFLICT (workspace) DO UPDATE SET record = excluded.record".encode(),
                (record.workspace, _RECORD.dump_json(record).decode()),
            )

    def forget(self, workspace: str) -> None:
        with self._connected() as connection:
            if not self._is_made(connection):
                return
            statement = f"DELETE FROM {self._table} WHERE workspace = %s".encode()  # noqa: S608 - our own name
            connection.execute(statement, (workspace,))

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        import psycopg

        try:
            with self._database.lease() as connection:
                yield connection
        except psycopg.Error as error:
            raise UnavailableError(
                f"The database cannot be used: {self._database.told(error)}.", remedy=remedy(error)
            ) from error

    def _is_made(self, connection: psycopg.Connection[Any]) -> bool:
        return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (self._table,)).fetchone() == (True,)

    def _make(self, connection: psycopg.Connection[Any]) -> None:
        if self._is_made(connection):
            return
        with connection.transaction():
            # Two that start at once would both make it.
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self._table,))
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._database.schema}".encode())
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._table} (workspace text PRIMARY KEY, record text NOT NULL)".encode()
            )


def _parse(workspace: str, text: str) -> CellRecord:
    try:
        return _RECORD.validate_json(text)
    except ValidationError as error:
        raise LogError(
            f"The record of the cell {workspace} cannot be read: {str(error).splitlines()[0]}.",
            remedy="Where this workspace was neither archived nor deleted, delete that row.",
        ) from error


def _end_of_file(path: Path) -> LogEnd | None:
    # For reading and writing: the last one that closes a file takes its journal away, but not one that only reads.
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            row = connection.execute(_END).fetchone()
    except sqlite3.Error:
        return None
    return LogEnd(row[0], row[1].hex()) if row else LogEnd(0)


def _ends_in_database(settings: Settings, workspaces: Iterable[str]) -> dict[str, LogEnd]:
    import psycopg

    found: dict[str, LogEnd] = {}
    places = {one: settings.log_place(one) for one in workspaces}
    if not places:
        return found
    first = next(iter(places.values()))
    assert isinstance(first, Database)
    try:
        with first.lease() as connection:
            for workspace, place in places.items():
                assert isinstance(place, Database)
                try:
                    row = connection.execute(_end_in(place.schema)).fetchone()
                except psycopg.Error:
                    if connection.closed:
                        raise  # and nothing is known of the others
                    continue
                found[workspace] = LogEnd(row[0], row[1].hex()) if row else LogEnd(0)
    except psycopg.Error as error:
        raise UnavailableError(f"The database cannot be used: {first.told(error)}.", remedy=remedy(error)) from error
    return found


def _end_in(schema: str) -> bytes:
    from psycopg.sql import Identifier

    table = f"{Identifier(schema).as_string()}.stored_events"
    return f"SELECT notification_id, digest FROM {table} ORDER BY notification_id DESC LIMIT 1".encode()  # noqa: S608
