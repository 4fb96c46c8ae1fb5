"""Where the read models live: a SQLite file or a PostgreSQL schema a workspace. It holds nothing that the log could
not give again. What differs between the two stands in `projections.engine.sqlite`, `.postgres` and `.sql`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from projections.engine import history_sql as history_sql
from projections.engine.history import EVERY
from projections.engine.sql import Engine, Session
from projections.engine.sqlite import File
from projections.engine.transaction import ReadSnapshot, Transaction
from vapora.database import Database, Place
from vapora.errors import StoreFaultError, UnavailableError


def engine(place: Place | str) -> Engine:
    if isinstance(place, Database):
        from projections.engine.postgres import Schema  # takes 0.2 s, which only who uses it shall pay

        return Schema(place)
    return File(Path(place))


class ReadStore:
    """The one writer of a read store. It may be used from any thread, by one at a time.

    `keep_every`: after how many positions rows are kept for looks into the past. `guard`: asked at the beginning of
    each transaction, by its own session; raises where somebody else writes here now.
    """

    def __init__(
        self,
        place: Place | str,
        keep_every: int = EVERY,
        guard: Callable[[Callable[[str, Sequence[Any]], Any]], None] | None = None,
    ) -> None:
        self.place = place
        self._guard = guard
        self._keep_every = keep_every
        self._lock = threading.RLock()
        self._engine = engine(place)
        self._moments: dict[tuple[str, int], int] = {}
        self._session = self._engine.writer()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            # Others who write are kept out from the beginning: a second writer waits instead of failing half-way.
            self._session = session = self._engine.begin_write(self._session)
            try:
                if self._guard is not None:
                    self._guard(session.execute)
                yield Transaction(session, self._keep_every, self._moments)
                session.execute("COMMIT")
            except BaseException:
                if session.in_transaction:
                    session.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[ReadSnapshot]:
        with self._lock:
            self._session = self._engine.begin_read(self._session)
            with _snapshot(self._session) as rows:
                yield rows

    def close(self) -> None:
        with self._lock:
            self._session.close()


class StoreReader:
    """A read-only opening for API replicas. Any number of threads may use it: each snapshot has its own connection."""

    def __init__(self, place: Place | str) -> None:
        self._place = place
        self._engine = engine(place)
        self._lock = threading.Lock()
        self._idle: list[Session] = []

    def exists(self) -> bool:
        """Whether a projector has ever started there."""
        return self._engine.exists()

    @contextmanager
    def snapshot(self, without: frozenset[str] = frozenset()) -> Iterator[ReadSnapshot]:
        """Rows and position of one moment, however many are read; those of the projects `without` are left out. Raises
        `UnavailableError` before there are any."""
        session = None
        try:
            session = self._take()
            with _snapshot(session, without) as rows:
                yield rows
        except StoreFaultError:
            if session is not None:
                session.close()  # it may be broken, or know tables that are no longer there
                session = None
            raise
        except sqlite3.OperationalError as error:
            raise UnavailableError(
                f"The read models at {self._place} cannot be read: {error}.",
                remedy="Wait until the workspace's projector has started.",
            ) from error
        finally:
            if session is not None:
                with self._lock:
                    self._idle.append(session)

    def close(self) -> None:
        """Let go of what is idle; a snapshot under way ends as it would have."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> Session:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        return self._engine.begin_read(session or self._engine.reader())


def is_storage_fault(error: Exception) -> bool:
    """Whether the store itself is in trouble (disk full, locked, damaged), rather than what was put into it."""
    return isinstance(error, (sqlite3.OperationalError, StoreFaultError)) or type(error) is sqlite3.DatabaseError


@contextmanager
def _snapshot(session: Session, without: frozenset[str] = frozenset()) -> Iterator[ReadSnapshot]:
    """The look that has begun."""
    try:
        yield ReadSnapshot(session, without)
    finally:
        if session.in_transaction:
            session.execute("ROLLBACK")
