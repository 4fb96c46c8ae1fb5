"""Connections to PostgreSQL that a process shares, and that say at once where the server is away.

The library's pool leaves whoever asks it waiting, and asks the server ever more seldom: after an outage of a minute,
only once in another minute. Here a failure is told to all who wait and to all who ask within the next second; whoever
asks later has the server asked again.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Self

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

# For so long a failure stands for the next ones. A server that does not even refuse costs `connect_timeout` each time.
_STANDS_S = 1.0
# How often who waits looks whether there is anything to wait for. It goes to the end of the line for it.
_LOOK_S = 1.0

Row = tuple[Any, ...]


class AwayError(psycopg.OperationalError):
    """The server was not reached, or did not let us in: its words, or those of its library."""


class SharedPool(ConnectionPool[psycopg.Connection[Row]]):
    """Its `getconn` raises `AwayError`, or `PoolTimeout` where others have held all connections for `timeout`."""

    def __init__(self, url: str, **options: Any) -> None:
        self._failures = failures = _Failures()

        class Connection(psycopg.Connection[Row]):
            @classmethod
            def connect(cls, conninfo: str = "", **given: Any) -> Self:
                failures.require_none(since=monotonic() - _STANDS_S)
                try:
                    connection = super().connect(conninfo, **given)
                except psycopg.Error as error:
                    failures.failed(error)
                    raise
                failures.forget()
                return connection

        # No further tries of the pool's own: the next who asks has it try.
        super().__init__(url, connection_class=Connection, reconnect_timeout=0, **options)

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[Row]:
        began = monotonic()
        until = began + (self.timeout if timeout is None else timeout)
        self._failures.require_none(since=began - _STANDS_S)
        while True:
            left_s = until - monotonic()
            try:
                return super().getconn(min(_LOOK_S, left_s))
            except PoolTimeout:
                self._failures.require_none(since=began)
                if left_s <= _LOOK_S:
                    raise


class _Failures:
    def __init__(self) -> None:
        self._last: tuple[float, str] | None = None

    def failed(self, error: psycopg.Error) -> None:
        self._last = (monotonic(), str(error))

    def forget(self) -> None:
        self._last = None

    def require_none(self, since: float) -> None:
        last = self._last
        if last is not None and last[0] >= since:
            raise AwayError(last[1])
