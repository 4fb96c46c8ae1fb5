"""A workspace's log in a PostgreSQL schema of its own: the same contract as in a file, one writer by fencing.

eventsourcing's recorder with its way of inserting replaced. The library's default sends a pipeline that waits for
ever once an insert outgrows the socket's buffer, and its fast path takes no lock, so that a follower can pass a
position that is filled later. Ours is one function in the database, in one round trip (`vapora.log.postgres.schema`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Self, TypeVar

import psycopg
from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg.rows import tuple_row

from vapora import clock as system_clock
from vapora.clock import Clock
from vapora.database import MOST_CONNECTIONS, Database
from vapora.errors import LogError
from vapora.log.chain import ChainEntry, Link, Tip, end
from vapora.log.event_log import EventLog
from vapora.log.fencing import Writership
from vapora.log.postgres.schema import FORMAT, Datastore, Statements, migrate, translate_errors
from vapora.log.store import TakenError, broken, insert
from vapora.records import StoredRecord

# A connection may be lost as often as there are connections: a restart of the server ends them all at once.
_ATTEMPTS = MOST_CONNECTIONS + 2
# A changed number may have become negative; the scan must show it all the same.
_LEAST = -(2**63)
_WRITING = "vapora_writing"

T = TypeVar("T")


class PostgresLog(EventLog):
    """Made by `open` (for its one writer) or `open_for_reading` (for tools, also beside a running writer)."""

    # A server may be far, or away.
    is_at_hand = False

    @classmethod
    def open(cls, database: Database, workspace: str, clock: Clock = system_clock.now) -> Self:
        """Makes the schema where there is none and fences off whoever wrote to it before."""
        with translate_errors(database):
            recorder = Recorder(database)
            try:
                recorder.take_over(workspace)
            except BaseException:
                recorder.close()
                raise
        return cls(recorder, workspace, clock)

    @classmethod
    def open_for_reading(cls, database: Database) -> Self:
        """Leaves the writer in its place; an append is refused."""
        with translate_errors(database):
            with database.lease() as connection:
                if connection.execute(Statements(database.schema).is_there).fetchone() != (True,):
                    raise LogError(f"There is no log at {database}.", remedy="Check VAPORA_DATABASE_URL.")
            recorder = Recorder(database)
            try:
                workspace = recorder.check_format()
            except BaseException:
                recorder.close()
                raise
        return cls(recorder, workspace, system_clock.now)


class Recorder(PostgresApplicationRecorder):
    """The library's recorder with positions that are never used twice, group inserts, and fencing.

    The library's own select methods work on this table too.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(Datastore(database))
        self._database = database
        self._writer = Writership(database, FORMAT, "schema")
        self._sql = Statements(database.schema)
        # Whether an append was given up whose answer never came: the server may carry it out at any moment.
        self._is_unsure = False

    def create_table(self) -> None:
        migrate(self._database)

    def take_over(self, workspace: str) -> None:
        """Become the writer: whoever was it before finds a later epoch than its own and is refused."""
        found = self._raise_epoch(workspace)
        if not found:
            # A log is opened far more often than made: that it is to be made turns out here, and not by a look before.
            migrate(self._database)
            self._ask(self._sql.make_writer, (FORMAT, workspace))
            # Of another workspace, or of a format that is not known here: then nobody was fenced off, and this says so.
            found = self._raise_epoch(workspace) or self._ask(self._sql.writer)
        [(owner, form, epoch)] = found
        self._writer.take(workspace, owner, form, epoch)

    def _raise_epoch(self, workspace: str) -> list[tuple[Any, ...]]:
        try:
            return self._ask(self._sql.next_epoch, (workspace, FORMAT))
        except LogError as error:
            if _is_missing(error):
                return []
            raise

    def check_format(self) -> str:
        """The workspace that the log belongs to."""
        found = self._ask(self._sql.writer)
        return self._writer.owner(found[0][:2] if found else None)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        return insert(self, [(str(s.originator_id), s.originator_version, s.topic, s.state) for s in stored_events])

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        if self._writer.epoch is None:
            raise LogError(f"The log at {self._database} is open for reading only.", remedy="Open it as its writer.")
        was_unsure = self._is_unsure
        if was_unsure:
            self._end_the_lost()
        columns = [list(column) for column in zip(*entries, strict=True)]
        values = [self._writer.epoch, tip.position, tip.digest, *columns]
        # Until its answer is here; sent again where the connection was lost.
        self._is_unsure = True
        [(epoch, position, digest)] = self._ask(self._sql.append, values, writing=True)
        self._is_unsure = False
        self._writer.require(epoch)
        found = Tip(position, digest)
        # At their end already: what was sent the first time had been committed, to the bit.
        if found not in (tip, end(entries)):
            if was_unsure:
                raise TakenError(f"An append to the log at {self._database} came later than its answer was waited for.")
            raise broken(str(self._database), tip, found)

    def _end_the_lost(self) -> None:
        """The next epoch is this writer's too: what it sent in the last one takes effect before this, or never."""
        found = self._ask(self._sql.renew_epoch, (self._writer.epoch,))
        if not found:
            self.ensure_current()
        [(self._writer.epoch,)] = found
        self._is_unsure = False

    def scan(self, after: int | None, limit: int) -> list[Link]:
        return self._links(self._sql.scan, [_LEAST if after is None else after + 1, limit])

    def newest(self, count: int) -> list[Link]:
        return self._links(self._sql.newest, [count])[::-1]

    def topics(self) -> dict[str, int]:
        return dict(self._ask(self._sql.topics))

    def damage(self) -> str | None:
        """What the server's own checksums of its pages have found, where they are on."""
        found = self._ask(self._sql.faults)
        failures = found[0][0] if found else 0
        return f"PostgreSQL counts {failures} pages whose checksum is wrong" if failures else None

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        return {stream: version or 0 for stream, version in self._ask(self._sql.versions, [list(streams)])}

    def read(self, stream: str, after: int, limit: int) -> list[StoredRecord]:
        # PostgreSQL's texts hold no NUL: no stream has such a name.
        return [] if "\0" in stream else self._records(self._sql.read, [stream, after, limit])

    def after(self, position: int, limit: int, topics: Sequence[str], until: int | None) -> list[StoredRecord]:
        if topics:
            return self._records(self._sql.after_of, [position, until, list(topics), limit])
        return self._records(self._sql.after, [position, until, limit])

    def head(self) -> int:
        [(head,)] = self._ask(self._sql.head)
        return int(head)

    def last(self) -> StoredRecord | None:
        return next(iter(self._records(self._sql.last)), None)

    def ensure_current(self) -> None:
        [(_, _, epoch)] = self._ask(self._sql.writer)
        self._writer.require(epoch)

    def ensure_writable(self) -> None:
        self._ask(self._sql.touch)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:
        # The library's way to follow wants a NOTIFY in each append, for which the server lets commits pass singly.
        raise LogError("A log is not subscribed to.", remedy="Poll its writer: that is quicker, and costs no append.")

    def close(self) -> None:
        """The connections are this process's, and not this log's."""

    def _records(self, statement: bytes, values: Sequence[Any] = ()) -> list[StoredRecord]:
        return [StoredRecord(*row) for row in self._ask(statement, values)]

    def _links(self, statement: bytes, values: Sequence[Any]) -> list[Link]:
        return [Link(*row) for row in self._ask(statement, values)]

    def _ask(self, statement: bytes, values: Sequence[Any] = (), writing: bool = False) -> list[tuple[Any, ...]]:
        """One statement, a transaction by itself; once more on another connection where one was lost under way."""
        ask = self._ask_as_writer if writing else self._ask_once
        with translate_errors(self._database):
            for _ in range(_ATTEMPTS - 1):
                try:
                    return ask(statement, values)
                except (InterfaceError, OperationalError, psycopg.OperationalError, psycopg.InterfaceError) as error:
                    if not _lost(error):
                        raise
            return ask(statement, values)

    def _ask_once(self, statement: bytes, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(binary=True, row_factory=tuple_row) as cursor,
        ):
            return cursor.execute(statement, values).fetchall()

    def _ask_as_writer(self, statement: bytes, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self.datastore.get_connection() as connection:
            # Kept with the connection, since a new one would look for the way to send each array anew: 0.15 ms.
            cursor = vars(connection).get(_WRITING)
            if cursor is None:
                cursor = vars(connection)[_WRITING] = connection.cursor(binary=True, row_factory=tuple_row)
            return list(cursor.execute(statement, values).fetchall())


def _is_missing(error: BaseException | None) -> bool:
    """Whether there is no such table, or no such schema; the library's errors stand in between."""
    while error is not None and not isinstance(error, psycopg.Error):
        error = error.__cause__
    return isinstance(error, (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName))


def _lost(error: Exception) -> bool:
    """Whether the connection broke, rather than that the server refused or could not be reached."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    gone = (psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown, psycopg.errors.IdleInTransactionSessionTimeout)
    return isinstance(cause, gone) or (type(cause) in (psycopg.OperationalError, psycopg.InterfaceError))
