"""Leases of workspaces in the database that several installations share: who may open which log, and who is alive.

The rule is `vapora.domain.lease`. Files are one installation's alone, which holds the data folder's lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from vapora.database import Database, cells_schema, remedy
from vapora.domain.lease import ALIVE, AWAY, GRACE, Installation, Lease, View, may_take
from vapora.errors import ConfigurationError, HeldElsewhereError, UnavailableError
from vapora.log.event_log import EventLog
from vapora.settings import Settings
from vapora.translation import translated

if TYPE_CHECKING:
    import psycopg

RETRY_AFTER_S = 2

# Given how its transaction carries out a statement, with `?` for values.
Guard = Callable[[Callable[[str, Sequence[Any]], Any]], None]


class Leases(Protocol):
    """Of one installation. Blocking: call it outside the event loop. Raises `UnavailableError` where the database
    cannot be asked."""

    def announce(self) -> View | None:
        """Say that the installation is alive, and look around. None: there are no others, and never will be."""
        ...

    def take(self, workspace: str) -> int:
        """The lease's term. Raises `HeldElsewhereError`."""
        ...

    def give_back(self, workspace: str, term: int) -> None:
        """Nothing where somebody has taken it since."""
        ...

    def resign(self) -> None:
        """The installation ends: others need not wait until it counts as dead. Whoever still closes what it holds has
        some seconds for it."""
        ...

    def leave(self) -> Sequence[str]:
        """Have the installation take nothing any more for `AWAY`, so that it gives back what it has. The names of those
        that are there to take over; where there are none nothing is changed, since nobody would serve. Raises
        `ConfigurationError` where nobody has heard of the installation: it has another name."""
        ...

    def held(self) -> int:
        """How many leases it has still."""
        ...

    def require(self, workspace: str) -> None:
        """Raises `HeldElsewhereError` where another installation has it, or is about to."""
        ...

    def guard(self, workspace: str) -> Guard | None:
        """What a transaction on another schema of the database asks first; it raises `HeldElsewhereError` where another
        installation holds the lease. None: nothing need be asked."""
        ...


def open_leases(settings: Settings, installation: str) -> Leases:
    url = settings.database_url
    if url is None:
        return Alone()
    return TableLeases(cells_schema(url.get_secret_value()), installation, settings.generation)


class Alone:
    """Nobody else can open these logs."""

    def announce(self) -> None:
        return None

    def take(self, workspace: str) -> int:
        return 0

    def give_back(self, workspace: str, term: int) -> None:
        pass

    def resign(self) -> None:
        pass

    def leave(self) -> Sequence[str]:
        return ()

    def held(self) -> int:
        return 0

    def require(self, workspace: str) -> None:
        pass

    def guard(self, workspace: str) -> None:
        return None


class TableLeases:
    """Three tables for the database. What time it is, its clock says: those of the nodes may differ."""

    def __init__(self, database: Database, name: str, generation: int) -> None:
        self._database = database
        self._name = name
        self._generation = generation
        self._sql = _Statements(database.schema)
        # Of who announces; whoever takes one for a log does so as its process does all else.
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()
        self._made = False

    def announce(self) -> View:
        with self._lock, self._translated():
            try:
                connection = self._connection = self._connection or self._database.connect()
                return self._look(connection)
            except BaseException:
                self._disconnect()
                raise

    def take(self, workspace: str) -> int:
        with self._translated(), self._database.lease() as connection:
            # Before the transaction: tables that are not committed yet are there for nobody else.
            self._make(connection)
            with connection.transaction():
                connection.execute(self._sql.lock, (f"{self._database.schema}:{workspace}",))
                view = self._look(connection, workspace)
                self._require(view, workspace)
                row = connection.execute(self._sql.take, (workspace, self._name)).fetchone()
                assert row is not None
                return int(row[0])

    def give_back(self, workspace: str, term: int) -> None:
        with self._translated(), self._database.lease() as connection:
            connection.execute(self._sql.give_back, (workspace, self._name, term))

    def resign(self) -> None:
        with self._lock, self._translated():
            try:
                connection = self._connection or self._database.connect()
                self._connection = connection
                if connection.execute(self._sql.is_made).fetchone() == (True,):
                    connection.execute(self._sql.resign, (GRACE, self._name))
            finally:
                self._disconnect()

    def leave(self) -> Sequence[str]:
        with self._translated(), self._database.lease() as connection:
            self._make(connection)
            return self._leave(connection)

    def _leave(self, connection: psycopg.Connection[Any]) -> Sequence[str]:
        with connection.transaction():
            # Two that hand over to each other would leave nobody.
            connection.execute(self._sql.lock, (self._database.schema,))
            alive = dict(connection.execute(self._sql.alive).fetchall())
            if self._name not in alive:
                there = ", ".join(alive) or "none"
                raise ConfigurationError(
                    f"No installation {self._name!r} is at work on this database: there is {there}.",
                    remedy="Set VAPORA_INSTALLATION to the name of the one that is to end.",
                )
            others = [one for one, stays in alive.items() if stays and one != self._name]
            if others:
                connection.execute(self._sql.leave, (self._name, AWAY))
            return others

    def held(self) -> int:
        with self._translated(), self._database.lease() as connection:
            self._make(connection)
            row = connection.execute(self._sql.held, (self._name,)).fetchone()
            assert row is not None
            return int(row[0])

    def require(self, workspace: str) -> None:
        with self._translated(), self._database.lease() as connection:
            self._make(connection)
            self._require(self._look(connection, workspace), workspace)

    def guard(self, workspace: str) -> Guard:
        question = self._sql.holder

        def check(execute: Callable[[str, Sequence[Any]], Any]) -> None:
            row = execute(question, (workspace,)).fetchone()
            if row is not None and row[0] not in ("", self._name):
                raise held_elsewhere(workspace, f"the installation {row[0]!r} serves it")

        return check

    def _require(self, view: View, workspace: str) -> None:
        wait = may_take(view.me, view.leases.get(workspace), view.others, view.now)
        if wait is not None:
            raise held_elsewhere(workspace, str(wait))

    def _look(self, connection: psycopg.Connection[Any], workspace: str | None = None) -> View:
        """With the lease of this workspace, or of all."""
        self._make(connection)
        me: Installation | None = None
        others, now = [], datetime.min
        told = (self._name, self._generation, ALIVE, self._name)
        for name, generation, since, until, leaving, at in connection.execute(self._sql.announce, told):
            now, found = at, Installation(name, generation, since, until, leaving)
            if name == self._name:
                me = found
            else:
                others.append(found)
        assert me is not None
        asked = (self._sql.leases, ()) if workspace is None else (self._sql.lease, (workspace,))
        leases = {one: Lease(holder, term) for one, holder, term in connection.execute(*asked)}
        return View(me, tuple(others), leases, now)

    def _make(self, connection: psycopg.Connection[Any]) -> None:
        if self._made or connection.execute(self._sql.is_made).fetchone() == (True,):
            self._made = True
            return
        with connection.transaction():
            # Two that start at once would both make them.
            connection.execute(self._sql.lock, (self._database.schema,))
            for statement in self._sql.make:
                connection.execute(statement)

    def _translated(self) -> AbstractContextManager[None]:
        import psycopg

        database = self._database

        def told(error: Exception) -> Exception:
            return UnavailableError(f"The database cannot be used: {database.told(error)}.", remedy=remedy(error))

        return translated(psycopg.Error, told)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it may be broken already
                connection.close()


class LogLease:
    """That of one log, for as long as it is open. Blocking."""

    def __init__(self, leases: Leases, workspace: str) -> None:
        self._leases = leases
        self._workspace = workspace
        self._term: int | None = None

    def open(self, open_log: Callable[[], EventLog]) -> EventLog:
        """Raises `HeldElsewhereError`; then nothing was opened, and nobody fenced off."""
        self._term = self._leases.take(self._workspace)
        try:
            return open_log()
        except BaseException:
            self.give_back()
            raise

    def give_back(self) -> None:
        """Where the database is away it stays ours, and the next one who opens it is one of us."""
        term, self._term = self._term, None
        if term is not None:
            try:
                self._leases.give_back(self._workspace, term)
            except UnavailableError as error:
                structlog.get_logger("log").info("lease not given back", workspace=self._workspace, why=str(error))


def held_elsewhere(workspace: str, why: str) -> HeldElsewhereError:
    return HeldElsewhereError(
        f"The workspace '{workspace}' is not open here: {why}.",
        remedy="Ask that one; or ask here again, where it has ended.",
        retry_after_s=RETRY_AFTER_S,
    )


class _Statements:
    """The schema is our own name; values are always bound."""

    def __init__(self, schema: str) -> None:
        installations, leases, departures = (f"{schema}.{one}" for one in ("installations", "leases", "departures"))
        # The last one that is made.
        self.is_made = f"SELECT to_regclass('{departures}') IS NOT NULL".encode()
        self.make = (
            f"CREATE SCHEMA IF NOT EXISTS {schema}".encode(),
            f"CREATE TABLE IF NOT EXISTS {installations} (name text PRIMARY KEY, generation bigint NOT NULL, "
            "since timestamptz NOT NULL, until timestamptz NOT NULL)".encode(),
            f"CREATE TABLE IF NOT EXISTS {leases} "
            "(workspace text PRIMARY KEY, holder text NOT NULL, term bigint NOT NULL)".encode(),
            f"CREATE TABLE IF NOT EXISTS {departures} "
            "(name text PRIMARY KEY, since timestamptz NOT NULL, until timestamptz NOT NULL)".encode(),
        )
        self.lock = b"SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
        left = f"one LEFT JOIN {departures} left_ ON left_.name = one.name AND left_.until > clock_timestamp()"
        # Says that we are alive, and who else is. Who was away begins anew: the older one is given its time again.
        self.announce = (
            f"WITH mine AS (INSERT INTO {installations} AS mine "  # noqa: S608
            "VALUES (%s, %s, clock_timestamp(), clock_timestamp() + %s) ON CONFLICT (name) DO UPDATE SET "
            "since = CASE WHEN mine.until <= clock_timestamp() OR mine.generation <> excluded.generation "
            "THEN excluded.since ELSE mine.since END, generation = excluded.generation, until = excluded.until "
            "RETURNING name, generation, since, until), everybody AS (SELECT * FROM mine UNION ALL "
            f"SELECT name, generation, since, until FROM {installations} "
            "WHERE name <> %s AND until > clock_timestamp()) "
            "SELECT one.name, one.generation, one.since, one.until, left_.since, clock_timestamp() "
            f"FROM everybody {left}"
        ).encode()
        self.alive = (
            f"SELECT one.name, left_.name IS NULL FROM {installations} {left} "  # noqa: S608
            "WHERE one.until > clock_timestamp() ORDER BY 1"
        ).encode()
        self.leave = (
            f"INSERT INTO {departures} VALUES (%s, clock_timestamp(), clock_timestamp() + %s) "  # noqa: S608
            "ON CONFLICT (name) DO UPDATE SET since = excluded.since, until = excluded.until"
        ).encode()
        self.held = f"SELECT count(*) FROM {leases} WHERE holder = %s".encode()  # noqa: S608
        self.leases = f"SELECT workspace, holder, term FROM {leases} WHERE holder <> ''".encode()  # noqa: S608
        self.lease = f"SELECT workspace, holder, term FROM {leases} WHERE workspace = %s AND holder <> ''".encode()  # noqa: S608
        self.holder = f"SELECT holder FROM {leases} WHERE workspace = ?"  # noqa: S608
        self.take = (
            f"INSERT INTO {leases} AS it VALUES (%s, %s, 1) ON CONFLICT (workspace) "  # noqa: S608
            "DO UPDATE SET holder = excluded.holder, term = it.term + 1 RETURNING term"
        ).encode()
        self.give_back = (
            f"UPDATE {leases} SET holder = '' WHERE workspace = %s AND holder = %s AND term = %s".encode()  # noqa: S608
        )
        self.resign = (
            f"UPDATE {installations} SET until = least(until, clock_timestamp() + %s) WHERE name = %s".encode()  # noqa: S608
        )
