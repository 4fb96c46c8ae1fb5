"""Connections to PostgreSQL that a process shares, and that say at once where the server is away.

The library's pool leaves whoever asks it waiting, and asks the server ever more seldom: after an outage of a minute,
only once in another minute. Here a failure is told to all who wait and to all who ask within the next second; whoever
asks later has the server asked again.

Nor does the library end its wait for an answer: a server that stands still, or a way to it that swallows everything,
would be waited for as long as it lasts. How long a statement takes nobody knows beforehand, and a rebuild may take an
hour; so what is bounded is not the statement but the silence: whoever hears nothing asks over another connection
whether that statement is being worked on (`Connection`).
"""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic
from typing import Any, Self, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

# For so long a failure stands for the next ones. A server that does not even refuse costs `connect_timeout` each time.
_STANDS_S = 1.0
# How often who waits looks whether there is anything to wait for. It goes to the end of the line for it.
_LOOK_S = 1.0
# After so much silence the server is asked over another connection, and for so long that one may take.
_SILENT_S = 2.0
_ASK_S = 3
# While a statement is worked on: how often that is asked.
_AGAIN_S = 5.0
# Where nobody works on it, its answer may be on its way just now: for so long.
_ON_ITS_WAY_S = 1.0

_WORKED_ON = b"SELECT state FROM pg_stat_activity WHERE pid = %s"

Row = tuple[Any, ...]
T = TypeVar("T")


class AwayError(psycopg.OperationalError):
    """The server was not reached, did not let us in, or says nothing: its words, or those of its library."""


class Connection(psycopg.Connection[Row]):
    """It is closed where its server says nothing, and nothing over another connection either (`AwayError`), or has no
    statement of this one in work any more (`OperationalError`: another connection may do better). Whether the last
    statement took effect nobody knows then."""

    # The process that serves it, as the server numbers them; `configure` of `vapora.database` asks for it.
    backend: int | None = None
    _asked: tuple[str, dict[str, Any]]
    _failures: _Failures
    _made_at: float

    @classmethod
    def connect(cls, conninfo: str = "", **given: Any) -> Self:
        made_at = monotonic()
        connection = super().connect(conninfo, **given)
        connection._made_at = made_at
        connection._asked = (conninfo, given)
        connection._failures = _Failures()
        return connection

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        return super().wait(self._heard(gen), *args, **options)

    def _heard(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """What the library does with each readiness of the socket; every tenth of a second without one, a look at the
        time."""
        look_at, unknown = monotonic() + _SILENT_S, False
        try:
            state = next(gen)
            while True:
                ready = yield state
                now = monotonic()
                if ready:
                    look_at, unknown = now + _SILENT_S, False
                elif now >= look_at:
                    if self._is_worked_on():
                        look_at, unknown = now + _AGAIN_S, False
                    elif unknown:
                        self._failures.suspect_all()
                        self.pgconn.finish()
                        raise psycopg.OperationalError(
                            "the connection was lost: its last statement is in nobody's work"
                        )
                    else:
                        look_at, unknown = now + _ON_ITS_WAY_S, True
                state = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result

    def _is_worked_on(self) -> bool:
        """As far as the server tells. Raises `AwayError` where it does not say anything."""
        try:
            self._failures.require_none(since=monotonic() - _STANDS_S)
            return self._ask()
        except AwayError:
            self.pgconn.finish()
            raise

    def _ask(self) -> bool:
        conninfo, given = self._asked
        try:
            with _Brief.connect(conninfo, **given | {"connect_timeout": _ASK_S, "autocommit": True}) as other:
                row = other.execute(_WORKED_ON, (self.backend,)).fetchone()
        except (psycopg.errors.ConnectionTimeout, psycopg.errors._WaitTimeout) as error:
            away = AwayError(f"timeout: the server has said nothing for {_SILENT_S + _ASK_S:g} s")
            self._failures.failed(away)
            self._failures.suspect_all()
            raise away from error
        except psycopg.OperationalError:
            # It lives, and cannot take another one now; where it does not, the system ends this connection within
            # seconds (`tcp_user_timeout`).
            return True
        return row is not None and not (row[0] or "").startswith("idle")


class _Brief(psycopg.Connection[Row]):
    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        return super().wait(gen, *args, **options | {"timeout": _ASK_S})


class SharedPool(ConnectionPool[psycopg.Connection[Row]]):
    """Its `getconn` raises `AwayError`, or `PoolTimeout` where others have held all connections for `timeout`."""

    def __init__(self, url: str, **options: Any) -> None:
        self._failures = failures = _Failures()

        class Shared(Connection):
            @classmethod
            def connect(cls, conninfo: str = "", **given: Any) -> Self:
                failures.require_none(since=monotonic() - _STANDS_S)
                try:
                    connection = super().connect(conninfo, **given)
                except psycopg.Error as error:
                    failures.failed(error)
                    raise
                failures.forget()
                connection._failures = failures
                return connection

        def check(connection: psycopg.Connection[Row]) -> None:
            assert isinstance(connection, Connection)
            if connection._made_at <= failures.suspected_at:
                raise psycopg.OperationalError("others that were made before it are silent")

        # No further tries of the pool's own: the next who asks has it try.
        super().__init__(url, connection_class=Shared, reconnect_timeout=0, check=check, **options)

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
        self.suspected_at = 0.0

    def failed(self, error: psycopg.Error) -> None:
        self._last = (monotonic(), str(error))

    def suspect_all(self) -> None:
        """One that was silent is seldom alone: to find each of them out would take seconds for each."""
        self.suspected_at = monotonic()

    def forget(self) -> None:
        self._last = None

    def require_none(self, since: float) -> None:
        last = self._last
        if last is not None and last[0] >= since:
            raise AwayError(last[1])
