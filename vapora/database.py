"""Where a workspace's data is: files in a folder, or schemas in a PostgreSQL database.

The URL of a database may hold a password. Nothing here shows it: neither `repr` nor an error.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from events.ids import LONGEST_WORKSPACE, PEOPLE, is_workspace
from vapora.errors import BadInputError, UnavailableError
from vapora.translation import remedy_for

if TYPE_CHECKING:
    import psycopg

    from vapora.connections import SharedPool

_PREFIX, _READ, _SEARCH = "vapora_", "_read", "_search"
_HOSTS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:@/\[\]]*)(:[0-9]+)?")
_FORM = "Write postgresql://user:password@host:port/database, with special characters percent-encoded (@ is %40)."
# A server that is away is told within seconds; a client that is gone keeps no lock for longer than a minute.
_CONNECT_S = 4
# So is one whose machine has gone without a word: the system would wait for its answer for a quarter of an hour. A
# server that stands still while its machine lives is `vapora.connections.Connection`'s to find.
_GONE: dict[str, Any] = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
# What a process has to one database at most, however many workspaces it holds: whoever wants another one waits for one
# to be given back. One that nobody used for a minute is closed, and each after ten, since a session remembers every
# schema that it has seen.
MOST_CONNECTIONS = 6
_WAIT_S = 10.0
_IDLE_S = 60.0
_LIFE_S = 600.0
# Whatever the server's defaults are: our functions rely on seeing what was committed before they got their lock.
_SESSION = (
    "SET default_transaction_isolation = 'read committed'; SET client_min_messages = 'warning'; "
    "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'; "
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; "
    "SELECT pg_backend_pid()"
)


@dataclass(frozen=True, slots=True)
class Database:
    """One schema in a PostgreSQL database. `str()` names it without user and password."""

    url: str = field(repr=False)
    schema: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "this machine")
        return f"{self.schema} in {parts.path.lstrip('/') or 'the default database'} on {host}"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection that commits each statement unless told otherwise. Raises what `psycopg` raises."""
        from vapora.connections import Connection

        connection = Connection.connect(
            self.url, autocommit=True, connect_timeout=_CONNECT_S, application_name="vapora", **_GONE
        )
        try:
            configure(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def lease(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """One of this process's connections, given back at the end; as `connect`, and nothing that was set for its
        session may stay. Who holds one must not wait for a second. Raises what `psycopg` raises."""
        connection = self._alive()
        try:
            yield connection
        finally:
            self.give(connection)

    def _alive(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A restart of the server breaks all of them at once, which each shows only when it is used."""
        import psycopg

        for _ in range(MOST_CONNECTIONS):
            connection = self.take()
            try:
                connection.execute("")
            except psycopg.OperationalError:
                self.give(connection)
            else:
                return connection
        return self.take()

    def take(self) -> psycopg.Connection[tuple[Any, ...]]:
        """For who gives it back by `give`, whatever happens."""
        return self.pool.getconn()

    def give(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        """What was begun there and not committed is undone; one that broke is replaced when it is needed."""
        self.pool.putconn(connection)

    @property
    def pool(self) -> SharedPool:
        # A process that was forked must not speak over the connections of the one it comes from.
        key = (os.getpid(), self.url)
        with _turn:
            pool = _pools.get(key)
            if pool is None:
                pool = _pools[key] = _open_pool(self.url)
            return pool

    def told(self, error: Exception) -> str:
        """What the server or its library said, in one line, without the password."""
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        for secret in _secrets(self.url):
            said = said.replace(secret, "***")
        return said


Place = Path | Database

_turn = threading.Lock()
_pools: dict[tuple[int, str], SharedPool] = {}


def let_go(url: str) -> None:
    """This process's connections to it are closed, once they are given back: for who is about to drop the database."""
    with _turn:
        pool = _pools.pop((os.getpid(), url), None)
    if pool is not None:
        pool.close()


def _open_pool(url: str) -> SharedPool:
    from vapora.connections import SharedPool

    return SharedPool(
        url,
        kwargs={"autocommit": True, "connect_timeout": _CONNECT_S, "application_name": "vapora", **_GONE},
        min_size=0,
        max_size=MOST_CONNECTIONS,
        open=True,
        configure=configure,
        timeout=_WAIT_S,
        max_idle=_IDLE_S,
        max_lifetime=_LIFE_S,
        num_workers=1,
    )


def configure(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """What every session of ours needs. A server that acknowledges before the disk has it is told not to, for us."""
    from vapora.connections import Connection

    assert isinstance(connection, Connection)
    with connection.cursor() as cursor:
        cursor.execute(_SESSION)
        while cursor.nextset():
            pass
        [connection.backend] = cursor.fetchone() or (None,)


def check_url(url: str) -> str:
    """The URL as it is. `ValueError`, without any part of it, where it is none or where a password would show."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2].split(",")
    except ValueError:
        raise ValueError(f"it is no URL. {_FORM}") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError(f"it does not begin with postgresql://. {_FORM}")
    # A password with a raw @, / or # would end up in what is shown as host or database.
    astray = parts.netloc.count("@") > 1 or "@" in parts.path + parts.query or parts.fragment
    if astray or not all(_HOSTS.fullmatch(host) for host in hosts):
        raise ValueError(f"it cannot be taken apart. {_FORM}")
    return url


def log_schema(url: str, workspace: str) -> Database:
    """Where a workspace's log is."""
    return Database(url, _schema(workspace))


def read_schema(url: str, workspace: str) -> Database:
    """Where its read models are: apart, so that nothing done to them can reach the log."""
    return Database(url, _schema(workspace) + _READ)


def search_schema(url: str, workspace: str) -> Database:
    """Where its search index is."""
    return Database(url, _schema(workspace) + _SEARCH)


def people_schema(url: str) -> Database:
    """Where it stands what is known of people beside the people log. No workspace's name has an underscore in it."""
    return Database(url, f"{_PREFIX}{PEOPLE}_store")


def drop(place: Database) -> None:
    """Remove the schema with all that it holds; nothing where there is none. Raises `UnavailableError`."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    try:
        with place.connect() as connection:
            connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(place.schema)))
    except psycopg.Error as error:
        raise UnavailableError(f"{place} cannot be removed: {place.told(error)}.", remedy=remedy(error)) from error


def cells_schema(url: str) -> Database:
    """What is known of cells that are not open. No workspace has such a name."""
    return Database(url, _PREFIX + "_cells")


def reach(url: str) -> None:
    """Asks the server once, by a connection of its own: the shared ones are tried again for longer. Raises
    `UnavailableError` where it does not let us in."""
    import psycopg

    database = Database(url, _PREFIX)
    try:
        database.connect().close()
    except psycopg.Error as error:
        raise _unusable(database, error) from error


def _unusable(database: Database, error: Exception) -> UnavailableError:
    return UnavailableError(f"The database cannot be used: {database.told(error)}.", remedy=remedy(error))


def workspaces(url: str) -> set[str]:
    """Those that have a log in the database. Raises `UnavailableError` where it cannot be asked."""
    import psycopg

    database = Database(url, _PREFIX)
    try:
        with database.lease() as connection:
            found = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE to_regclass(quote_ident(nspname) || '.writer') IS NOT NULL"
            ).fetchall()
    except psycopg.Error as error:
        raise _unusable(database, error) from error
    names = (name.removeprefix(_PREFIX) for (name,) in found if name.startswith(_PREFIX))
    return {name for name in names if is_workspace(name)}


def remedy(error: Exception) -> str:
    """What helps, as far as the error tells."""
    return remedy_for(str(error), _REMEDIES, "Check PostgreSQL's own log.")


_REMEDIES = {
    "password": "Check user and password in VAPORA_DATABASE_URL.",
    "authentication": "Check user and password in VAPORA_DATABASE_URL.",
    'role "': "Check the user in VAPORA_DATABASE_URL.",
    'database "': "Check the database's name in VAPORA_DATABASE_URL; VAPORA makes schemas, not databases.",
    "permission denied": "Let the user of VAPORA_DATABASE_URL create schemas (GRANT CREATE ON DATABASE), or own them.",
    "too many": "Raise max_connections: each process of VAPORA takes up to 8.",
    "remaining connection": "Raise max_connections: each process of VAPORA takes up to 8.",
    "no space": "Make room on the server's disk; the next try goes on.",
    "disk full": "Make room on the server's disk; the next try goes on.",
    "lock timeout": "Something holds the tables (a VACUUM FULL, an open transaction): end it; the next try goes on.",
    "read-only": "The URL names a standby: use that of the primary server.",
    "connect": "See that PostgreSQL runs, and that VAPORA_DATABASE_URL names it.",
    "could not translate": "Check the host in VAPORA_DATABASE_URL.",
    "resolve": "Check the host in VAPORA_DATABASE_URL.",
    "timeout": "See that PostgreSQL runs, and that VAPORA_DATABASE_URL names it.",
    "does not exist": "Start the workspace once: that makes its tables.",
}


def _schema(workspace: str) -> str:
    # PostgreSQL would cut off a longer name without a word, and two workspaces would share one schema.
    if workspace != PEOPLE and not is_workspace(workspace):
        raise BadInputError(
            f"The workspace {workspace!r} cannot have a schema.",
            remedy=f"Its name takes lower-case letters, digits and hyphens, at most {LONGEST_WORKSPACE} of them.",
        )
    return _PREFIX + workspace


def _secrets(url: str) -> set[str]:
    parts = urlsplit(url)
    raw = {parts.netloc.rpartition("@")[0].partition(":")[2]}
    raw |= {value for name, value in parse_qsl(parts.query) if "password" in name}
    return {one for secret in raw for one in (secret, unquote(secret)) if one}
