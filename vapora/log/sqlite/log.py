"""A workspace's log in one SQLite file: write-ahead journal, `synchronous=FULL`, one writer by fencing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from eventsourcing.persistence import Notification, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteCursor,
    SQLiteDatastore,
)

from vapora import clock as system_clock
from vapora import durable
from vapora.clock import Clock
from vapora.errors import LogError
from vapora.log.chain import ChainEntry, Link, Tip, end
from vapora.log.event_log import EventLog
from vapora.log.fencing import Writership
from vapora.log.sqlite.chain_table import ChainTable, read_tip
from vapora.log.sqlite.connections import Datastore, ReadOnlyDatastore, connect
from vapora.log.sqlite.errors import translate_errors, unusable
from vapora.log.sqlite.single_statement import SingleStatementAppend, fits
from vapora.log.store import broken, insert
from vapora.readonly import is_writable
from vapora.records import StoredRecord, page

# 2: each event carries its digest in the chain.
_FORMAT = 2
_COLUMNS = "position, originator_id, originator_version, topic, state"


class SQLiteLog(EventLog):
    """Made by `open` (for its one writer) or `open_for_reading` (for tools, also beside a running writer)."""

    @classmethod
    def open(cls, path: Path, workspace: str, clock: Clock = system_clock.now) -> Self:
        """Makes the file where there is none and fences off whoever wrote to it before."""
        with translate_errors(path):
            durable.make(path, lambda draft: _make_empty_log(draft, workspace))
            recorder = Recorder(Datastore(path), path)
            try:
                # A file that is there may be empty, where the one who made it was an older version and died.
                recorder.create(workspace)
                recorder.take_over(workspace)
            except BaseException:
                recorder.close()
                raise
        return cls(recorder, workspace, clock)

    @classmethod
    def open_for_reading(cls, path: Path) -> Self:
        """Leaves the writer in its place; an append is refused."""
        with translate_errors(path):
            if not path.is_file():
                raise LogError(f"There is no log at {path}.", remedy="Check VAPORA_DATA.")
            store = Datastore(path) if is_writable(path) else ReadOnlyDatastore(path)
            recorder = Recorder(store, path)
            try:
                workspace = recorder.check_format()
            except BaseException:
                recorder.close()
                raise
        return cls(recorder, workspace, system_clock.now)


class Recorder(SQLiteApplicationRecorder):
    """eventsourcing's recorder with a position that is never used twice, group inserts, and fencing.

    The library's own select methods work on this table too.
    """

    def __init__(self, datastore: SQLiteDatastore, path: Path) -> None:
        super().__init__(datastore)
        self._path = path
        self._writer = Writership(path, _FORMAT, "file")
        self._chain = ChainTable(self.events_table_name)
        self._at_once = SingleStatementAppend(self.events_table_name, f"{_COLUMNS}, digest")
        self._own: sqlite3.Connection | None = None
        self._left: Tip | None = None
        self.insert_events_statement = f"INSERT INTO {self.events_table_name} ({_COLUMNS}, digest) VALUES (?,?,?,?,?,?)"
        self._select = f"SELECT {_COLUMNS} FROM {self.events_table_name} "

    def construct_create_table_statements(self) -> list[str]:
        # AUTOINCREMENT: plain rowids are used again once the last row is gone, and a follower would miss the new one.
        return [
            f"CREATE TABLE IF NOT EXISTS {self.events_table_name} ("
            "position INTEGER PRIMARY KEY AUTOINCREMENT, originator_id TEXT NOT NULL, "
            "originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL, "
            "digest BLOB NOT NULL, UNIQUE (originator_id, originator_version))",
            "CREATE TABLE IF NOT EXISTS writer ("
            "id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, "
            "workspace TEXT NOT NULL, epoch INTEGER NOT NULL)",
        ]

    def create(self, workspace: str) -> None:
        """Tables and writer in one transaction."""
        with self._writing() as cursor:
            for statement in self.create_table_statements:
                cursor.execute(statement)
            cursor.execute("INSERT OR IGNORE INTO writer VALUES (1, ?, ?, 0)", (_FORMAT, workspace))

    def take_over(self, workspace: str) -> None:
        """Become the writer: whoever was it before finds a later epoch than its own and is refused."""
        with self._writing() as cursor:
            cursor.execute("UPDATE writer SET epoch = epoch + 1 RETURNING workspace, epoch, format")
            owner, epoch, form = cursor.fetchone()
            self._writer.take(workspace, owner, form, epoch)
            if form < _FORMAT:
                self._chain.upgrade(cursor)
                cursor.execute("UPDATE writer SET format = ?", (_FORMAT,))

    def check_format(self) -> str:
        """The workspace that the log belongs to."""
        with self._reading() as cursor:
            cursor.execute("SELECT workspace, format FROM writer")
            row = cursor.fetchone()
        return self._writer.owner(None if row is None else (row["workspace"], row["format"]))

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        if self._own is not None and self._writer.epoch is not None and tip == self._left and fits(entries):
            try:
                self._own.execute(*self._at_once.statement(entries, self._writer.epoch, tip))
                self._left = end(entries)
                return
            except sqlite3.IntegrityError:
                pass  # nothing was written, and the transaction step by step finds out why
            except sqlite3.Error as error:
                raise unusable(self._path, error) from error
        with self._writing() as cursor:
            found = self._find_end(cursor)
            if found != tip or not found.digest:
                raise broken(str(self._path), tip, found)
            cursor.executemany(self.insert_events_statement, entries)
        self._left = end(entries)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        return insert(self, [(str(s.originator_id), s.originator_version, s.topic, s.state) for s in stored_events])

    def _find_end(self, cursor: sqlite3.Cursor) -> Tip:
        """Under the write lock: that this is the writer, and where the log ends."""
        if self._writer.epoch is None:
            raise LogError(f"The log at {self._path} is open for reading only.", remedy="Open it as its writer.")
        epoch, found = read_tip(cursor, self._chain.standing)
        self._writer.require(epoch)
        return found

    def scan(self, after: int | None, limit: int) -> list[Link]:
        with self._reading() as cursor:
            return self._chain.scan(cursor, after, limit)

    def newest(self, count: int) -> list[Link]:
        with self._reading() as cursor:
            return self._chain.newest(cursor, count)

    def topics(self) -> dict[str, int]:
        with self._reading() as cursor:
            cursor.execute(self._chain.topics)
            return dict(tuple(row) for row in cursor.fetchall())

    def damage(self) -> str | None:
        with self._reading() as cursor:
            cursor.execute("PRAGMA integrity_check(1)")
            found = str(cursor.fetchone()[0])
        return None if found == "ok" else found

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        statement = f"SELECT MAX(originator_version) FROM {self.events_table_name} WHERE originator_id = ?"
        found: dict[str, int] = {}
        with self._reading() as cursor:
            for stream in streams:
                cursor.execute(statement, (stream,))
                found[stream] = cursor.fetchone()[0] or 0
        return found

    def read(self, stream: str, after: int, limit: int) -> list[StoredRecord]:
        where = "WHERE originator_id = ? AND originator_version > ? ORDER BY originator_version LIMIT ?"
        return self._records(where, (stream, after, limit))

    def after(self, position: int, limit: int, topics: Sequence[str], until: int | None) -> list[StoredRecord]:
        where, values = "WHERE position > ? ", [position, *topics]
        if topics:
            where += f"AND topic IN ({','.join('?' * len(topics))}) "
        if until is not None:
            where += "AND position <= ? "
            values.append(until)
        return self._records(where + "ORDER BY position LIMIT ?", (*values, limit))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        # The library asks rows for "rowid", a name that a column declared as the primary key takes away.
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        return [
            Notification(record.stream, record.version, record.topic, record.state, id=record.position)
            for record in self.after(after, limit, topics, stop)
        ]

    def head(self) -> int:
        with translate_errors(self._path):
            return int(self.max_notification_id() or 0)

    def last(self) -> StoredRecord | None:
        return next(iter(self._records("ORDER BY position DESC LIMIT 1", ())), None)

    def ensure_current(self) -> None:
        with self._reading() as cursor:
            cursor.execute("SELECT epoch FROM writer")
            self._writer.require(cursor.fetchone()[0])

    def ensure_writable(self) -> None:
        with self._writing() as cursor:
            # There and back: SQLite writes no page for a value that stays as it is.
            cursor.execute("UPDATE writer SET epoch = -epoch")
            cursor.execute("UPDATE writer SET epoch = -epoch")

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
        self.datastore.close()

    def _records(self, where: str, values: Sequence[Any]) -> list[StoredRecord]:
        with self._reading() as cursor:
            cursor.execute(self._select + where, values)
            return page(cursor.sqlite_cursor)

    @contextmanager
    def _reading(self) -> Iterator[SQLiteCursor]:
        with translate_errors(self._path), self.datastore.transaction(commit=False) as cursor:
            yield cursor

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """Takes the write lock at once, and rolls back also when the commit fails.

        The library begins with a read lock, which cannot always be raised, and leaves a failed commit open.
        """
        with translate_errors(self._path):
            connection = self._own or self._connect()
            cursor = connection.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def _connect(self) -> sqlite3.Connection:
        """The writer's own, not taken from the pool and given back for each transaction."""
        self._own = connect(str(self._path.absolute()))
        return self._own


def _make_empty_log(path: Path, workspace: str) -> None:
    recorder = Recorder(Datastore(path), path)
    try:
        recorder.create(workspace)
    finally:
        recorder.close()
