"""Many workspaces in PostgreSQL: schemas for each, as VAPORA has them, against one set of tables for all.

    python -m benchmarks.postgres_workspaces [--counts 100 1000] [--touch 200]

Schemas: log and read models, made by VAPORA's own code. One set: the same tables once, each with a column that names
the workspace, first in every key, and row-level security that lets a session see one workspace. That second half is a
sketch that only this measures: nothing else runs on it. Both hold the events of a workspace's beginning.

Printed for each: how long making took, what the catalogue and the whole database weigh, how many files there are, what
a session weighs that has seen `--touch` workspaces (as one of a pool does), one append and one read there, a VACUUM of
all, and `pg_dump`. A server of its own that does not flush: what a disk costs is the same for both.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql

from projections import ReadStore, Runner, all_projections
from tests.postgres import Server, _package, owned
from vapora.database import log_schema, read_schema
from vapora.log.postgres.schema import migrate

_EVENTS = 13
_STATE = b"x" * 400
_CATALOGUE = (
    "pg_class",
    "pg_attribute",
    "pg_index",
    "pg_constraint",
    "pg_type",
    "pg_depend",
    "pg_proc",
    "pg_statistic",
)


def _name(number: int) -> str:
    return f"w{number:04}"


class Schemas:
    title = "a schema each"

    def __init__(self, url: str) -> None:
        self.url = url
        self.projections = all_projections()

    def make(self, number: int) -> None:
        workspace = _name(number)
        migrate(log_schema(self.url, workspace))
        store = ReadStore(read_schema(self.url, workspace))
        Runner(store, self.projections)
        store.close()
        with psycopg.connect(self.url) as connection:
            for version in range(1, _EVENTS + 1):
                self.append(connection, number, version)

    def append(self, connection: psycopg.Connection, number: int, version: int) -> None:
        connection.execute(
            sql.SQL("INSERT INTO {}.stored_events VALUES (%s, 'workspace', %s, 'topic', %s, %s)").format(
                sql.Identifier(log_schema(self.url, _name(number)).schema)
            ),
            (version, version, _STATE, b"d" * 32),
        )
        connection.commit()

    def read(self, connection: psycopg.Connection, number: int) -> None:
        name = sql.Identifier(log_schema(self.url, _name(number)).schema)
        connection.execute(sql.SQL("SELECT * FROM {}.stored_events WHERE originator_id = 'workspace'").format(name))
        read = sql.Identifier(read_schema(self.url, _name(number)).schema)
        connection.execute(sql.SQL("SELECT * FROM {}.checkpoints").format(read)).fetchall()
        connection.commit()


class OneSet:
    """Sketch: the tables of one workspace, copied with the column `tenant` in front of every key."""

    title = "one set of tables"

    def __init__(self, url: str) -> None:
        self.url = url
        Schemas(url).make(0)
        model = (log_schema(url, _name(0)).schema, read_schema(url, _name(0)).schema)
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s)", (list(model),)
            ).fetchall()
            connection.execute("CREATE SCHEMA shared")
            for schema, table in found:
                self._share(connection, schema, table)
            for schema in model:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
            connection.execute("CREATE ROLE tenant NOLOGIN")
            connection.execute("GRANT USAGE ON SCHEMA shared TO tenant")
            connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shared TO tenant")
        self.tables = [table for _, table in found]

    def _share(self, connection: psycopg.Connection, schema: str, table: str) -> None:
        source, target = sql.Identifier(schema, table), sql.Identifier("shared", table)
        connection.execute(sql.SQL("CREATE TABLE {} (tenant text NOT NULL, LIKE {})").format(target, source))
        keys = connection.execute(
            "SELECT array_agg(a.attname ORDER BY k.n) FROM pg_index i, "
            "unnest(i.indkey) WITH ORDINALITY AS k(att, n) JOIN pg_attribute a ON a.attnum = k.att "
            "WHERE i.indrelid = %s::regclass AND a.attrelid = i.indrelid GROUP BY i.indexrelid",
            (f'"{schema}"."{table}"',),
        ).fetchall()
        for (columns,) in keys:
            names = sql.SQL(", ").join(map(sql.Identifier, ["tenant", *columns]))
            connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(target, names))
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(target))
        connection.execute(
            sql.SQL("CREATE POLICY own ON {} USING (tenant = current_setting('vapora.workspace'))").format(target)
        )

    def make(self, number: int) -> None:
        with psycopg.connect(self.url) as connection:
            for version in range(1, _EVENTS + 1):
                self.append(connection, number, version)

    def append(self, connection: psycopg.Connection, number: int, version: int) -> None:
        self._become(connection, number)
        connection.execute(
            "INSERT INTO shared.stored_events VALUES (%s, %s, 'workspace', %s, 'topic', %s, %s)",
            (_name(number), version, version, _STATE, b"d" * 32),
        )
        connection.commit()

    def read(self, connection: psycopg.Connection, number: int) -> None:
        self._become(connection, number)
        connection.execute("SELECT * FROM shared.stored_events WHERE originator_id = 'workspace'")
        connection.execute("SELECT * FROM shared.checkpoints").fetchall()
        connection.commit()

    def _become(self, connection: psycopg.Connection, number: int) -> None:
        connection.execute("SET LOCAL ROLE tenant")
        connection.execute("SELECT set_config('vapora.workspace', %s, true)", (_name(number),))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(server: Server, kind: type[Schemas] | type[OneSet], counts: list[int], touch: int) -> None:
    with server.database() as url:
        way = kind(url)
        made, took = 0, 0.0
        for count in sorted(counts):
            took += _timed(lambda: [way.make(number) for number in range(made, count)])  # noqa: B023
            made = count
            _report(url, way, count, took, min(touch, count), server)


def _report(url: str, way: Schemas | OneSet, count: int, made_s: float, touch: int, server: Server) -> None:
    print(f"\n{way.title}, {count:,} workspaces")
    print(f"  made: {made_s:.1f} s, {1000 * made_s / count:.0f} ms each")
    with psycopg.connect(url, autocommit=True) as connection:
        sizes = connection.execute(
            "SELECT sum(pg_total_relation_size(one::regclass)) FROM unnest(%s::text[]) AS one", (list(_CATALOGUE),)
        ).fetchone()
        whole = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        relations = connection.execute("SELECT count(*) FROM pg_class").fetchone()
        database = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        assert sizes is not None
        assert whole is not None
        assert relations is not None
        assert database is not None
        print(f"  relations: {relations[0]:,}; catalogue {float(sizes[0]) / 1e6:.0f} MB of {whole[0] / 1e6:.0f} MB")
        if server.folder is not None:
            folder = server.folder / "data" / "base" / str(database[0])
            print(f"  files: {sum(1 for _ in folder.iterdir()):,}")
    with psycopg.connect(url) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        fresh = backend.memory_full_info().uss
        first = [_timed(lambda: way.read(connection, number)) for number in range(touch)]  # noqa: B023
        again = [_timed(lambda: way.read(connection, number)) for number in range(touch)]  # noqa: B023
        appends = [_timed(lambda: way.append(connection, number, _EVENTS + made_of(count))) for number in range(touch)]  # noqa: B023
        grown = backend.memory_full_info().uss - fresh
    print(f"  a session that saw {touch}: {grown / 1e6:.1f} MB more of its own")
    print(
        f"  read: the first time {1000 * median(first):.2f} ms, again {1000 * median(again):.2f} ms; "
        f"append {1000 * median(appends):.2f} ms"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        print(f"  VACUUM ANALYZE of all: {_timed(lambda: connection.execute('VACUUM ANALYZE')):.1f} s")
    print(f"  pg_dump: {_dump(url):.1f} s", flush=True)


def made_of(count: int) -> int:
    """A version that no append before had."""
    return count


def _dump(url: str) -> float:
    parts = urlsplit(url)
    command: list[str | Path] = [
        _package() / "pginstall" / "bin" / "pg_dump",
        "-Fc",
        "--no-sync",
        "-f",
        os.devnull,
        "-h",
        parts.hostname or "",
    ]
    command += ["-p", str(parts.port), "-U", parts.username or "", parts.path.lstrip("/")]
    # With so many tables it takes more locks than a server has room for by default.
    environ = {**os.environ, "PGPASSWORD": parts.password or ""}
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  pg_dump failed: {done.stderr.splitlines()[0]}")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--touch", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with owned(arguments.folder) as server:
        for kind in (OneSet, Schemas):
            measure(server, kind, arguments.counts, arguments.touch)


if __name__ == "__main__":
    main()
