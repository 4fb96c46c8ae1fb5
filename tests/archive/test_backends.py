"""From SQLite to PostgreSQL and back: the same log, the same read models, the same export; or nothing at all."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from time import monotonic
from typing import Any

import psycopg
import pytest

from benchmarks.synthetic import write
from tests.archive.conftest import Target, at_work, opened, read_models, settings_of
from tests.archive.test_archive import exported
from tests.disk import no_file_grows_beyond
from tests.golden.examples import EXAMPLES
from tests.postgres import PASSWORD, Server
from tests.projections.test_replay import Teller
from tests.proxy import Proxy
from vapora.archive.export import export
from vapora.archive.importer import import_new
from vapora.archive.load import ExportFile
from vapora.blobs import BlobStore
from vapora.clock import now
from vapora.database import Database
from vapora.errors import ConflictError, LogError, VaporaError
from vapora.log.chain import Link, Tip
from vapora.log.mapper import encode
from vapora.log.places import open_log, workspaces
from vapora.records import Append, StreamAppend
from vapora.settings import Settings


class Stop(VaporaError):
    pass


AT = datetime(2026, 11, 22, tzinfo=UTC)
# More than three batches of an import, and more than one of everything else.
EVENTS = 6_500
FRESH = "vapora_fresh_read"


@pytest.fixture(scope="session")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a long log, with a text."""
    folder = tmp_path_factory.mktemp("long")
    write(Settings(data=folder / "data"), EVENTS)
    BlobStore(settings_of(folder / "data").blob_folder("default")).put("ü".encode() * 10_000)
    return folder / "data"


def exported_at(settings: Settings, file: Path) -> bytes:
    """An export that was made at a certain time, so that it can be compared byte for byte."""
    with closing(opened(settings.data, _url(settings))) as log:
        export(log, BlobStore(settings.blob_folder("default")), "default", file, AT, "1.2.3")
    return file.read_bytes()


def _url(settings: Settings) -> str | None:
    return None if settings.database_url is None else settings.database_url.get_secret_value()


def imported_from(file: Path, settings: Settings) -> None:
    with closing(ExportFile(file)) as export_file:
        import_new(export_file, settings, now)


def random_log(folder: Path, seed: int) -> Path:
    """Whatever people and agents may do, in any order, with texts that a database may stumble over."""
    dice, teller = random.Random(seed), Teller()
    for number in range(300):
        teller.step(dice.randrange(10), dice.randrange(12), dice.randrange(200))
        teller.story.submit(f"odd-{number}", title=dice.choice(ODD), description="".join(dice.choices(ODD, k=5)))
    # And one of each event that there is, so that few read models stay empty.
    teller.story.tell(*EXAMPLES)
    log = open_log(settings_of(folder).log_place("default"), "default")
    for version, told in enumerate(teller.story.log):
        part = StreamAppend("task:odd", version, (encode(told.event),))
        log.append([Append(told.request_id, dice.choice(["anna", "ü\0"]), f"c{version % 7}", None, (part,))])
    log.close()
    BlobStore(settings_of(folder).blob_folder("default")).put(dice.randbytes(5_000))
    return folder


ODD = ["a\0b", "\1\2", "𝄞 é ß", "'; DROP TABLE stored_events --", '"', "\\", "%s ? $1", "\u2028\r\n\t", "{}", " "]


@pytest.mark.parametrize("history", ["a long one", "of real work", "random 1", "random 2"])
def test_there_and_back_again_all_is_the_same_to_the_byte(
    history: str, long_log: Path, data: Path, database_url: str, tmp_path: Path
) -> None:
    """SQLite, export, PostgreSQL, export, SQLite, export; read models are folded anew at each."""
    if history.startswith("random"):
        data = random_log(tmp_path / "random", int(history[-1]))
    first = settings_of(long_log if history == "a long one" else data)
    second, third = settings_of(tmp_path / "second", database_url), settings_of(tmp_path / "third")
    whole = exported_at(first, tmp_path / "1.jsonl")
    imported_from(tmp_path / "1.jsonl", second)
    assert exported_at(second, tmp_path / "2.jsonl") == whole
    imported_from(tmp_path / "2.jsonl", third)
    assert exported_at(third, tmp_path / "3.jsonl") == whole
    models = []
    for settings, place in (
        (first, tmp_path / "first.db"),
        (second, Database(database_url, FRESH)),
        (third, tmp_path / "third.db"),
    ):
        with closing(opened(settings.data, _url(settings))) as log:
            models.append(read_models(log, place))
    assert models[0] == models[1] == models[2]
    # The long one is of the board's work alone.
    assert sum(map(bool, models[0].values())) > (20 if history == "a long one" else len(models[0]) // 2)


async def test_work_goes_on_in_the_other_backend_and_comes_back(data: Path, database_url: str, tmp_path: Path) -> None:
    database = Target(tmp_path / "second", database_url)
    said = database.invoke("import", str(exported(data)), "--json")
    assert said.code == 0, said.err
    assert said.json["database"].startswith("vapora_default in ")
    async with at_work(database.data, database_url) as door:
        board = await door.ask("GET", f"/board?after={await door.head()}", 200)
        assert len(board["columns"]["done"]) == 3
        project = await door.project(name="In PostgreSQL")
        task = await door.task(project["id"])
        await door.in_state(task["task_id"], "done")
    assert database.invoke("audit", "verify").code == 0
    assert database.invoke("export", str(tmp_path / "back.jsonl")).code == 0
    folder = Target(tmp_path / "third", None)
    assert folder.invoke("import", str(tmp_path / "back.jsonl")).code == 0
    async with at_work(folder.data) as door:
        board = await door.ask("GET", f"/board?after={await door.head()}", 200)
        assert len(board["columns"]["done"]) == 4
        projects = await door.ask("GET", "/projects", 200)
        assert "In PostgreSQL" in {one["name"] for one in projects["items"]}
    assert folder.invoke("audit", "verify").code == 0


def test_a_data_folder_moves_to_a_database_with_the_texts_and_checkpoints_that_it_has(
    data: Path, database_url: str
) -> None:
    there = Target(data, database_url)
    signed = there.settings.checkpoint_file("default").read_bytes()
    assert there.invoke("import", str(exported(data))).code == 0
    said = there.invoke("audit", "verify", "--json")
    assert (said.code, said.json["checkpoints"]) == (0, signed.count(b"\n") + 1)
    assert there.settings.checkpoint_file("default").read_bytes().startswith(signed)
    assert [path.name for path in there.settings.workspace_folder("default").glob(".*")] == []


def test_a_log_that_is_shorter_than_what_was_signed_of_it_is_refused(data: Path, database_url: str) -> None:
    file, there = exported(data), Target(data, database_url)
    lines = file.read_text().splitlines(keepends=True)
    events = [json.loads(line) for line in lines if '"stream"' in line][:20]
    head = json.loads(lines[0]) | {"position": 20, "digest": events[-1]["digest"]}
    end = {"end": {"events": 20, "blobs": 0}}
    file.write_text("".join([json.dumps(head, separators=(",", ":")) + "\n", *lines[1:21], json.dumps(end) + "\n"]))
    before = there.settings.checkpoint_file("default").read_bytes()
    said = there.invoke("import", str(file))
    assert (said.code, "no longer holds what was signed" in said.err) == (1, True), said.err
    assert str(there.settings.checkpoint_file("default")) in said.err.replace("\n", "")
    assert schemas(database_url) == []
    assert there.settings.checkpoint_file("default").read_bytes() == before


@pytest.mark.parametrize("schema", ["vapora_default", "vapora_default_read"])
def test_nothing_is_imported_over_what_is_there(schema: str, data: Path, database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        connection.execute(f"CREATE TABLE {schema}.mine AS SELECT 1 AS one".encode())
    there = Target(tmp_path / "target", database_url)
    said = there.invoke("import", str(exported(data)))
    assert (said.code, "exists already" in said.err) == (1, True), said.err
    assert schemas(database_url) == [schema]
    assert not there.data.exists()


def test_a_log_that_was_opened_once_is_no_place_for_an_import_even_if_it_is_empty(
    data: Path, database_url: str, tmp_path: Path
) -> None:
    there = Target(tmp_path / "target", database_url)
    open_log(there.settings.log_place("default"), "default").close()
    assert "exists already" in there.invoke("import", str(exported(data))).err
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM vapora_default.stored_events").fetchone() == (0,)


def test_schemas_that_an_administrator_made_are_taken(data: Path, database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE SCHEMA vapora_default")
        connection.execute("CREATE SCHEMA vapora_default_read")
    there = Target(tmp_path / "target", database_url)
    assert there.invoke("import", str(exported(data))).code == 0
    assert there.invoke("audit", "verify").code == 0


def test_of_two_imports_at_the_same_moment_one_is_refused(long_log: Path, database_url: str, tmp_path: Path) -> None:
    file, together = tmp_path / "log.jsonl", Barrier(2)
    whole = exported_at(settings_of(long_log), file)

    def attempt(number: int) -> str:
        together.wait()
        try:
            imported_from(file, settings_of(tmp_path / str(number), database_url))
        except ConflictError as error:
            return error.message
        return ""

    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(attempt, range(2)))
    assert said[0] == ""
    assert "exists already" in said[1]
    winner = next(number for number in range(2) if (tmp_path / str(number)).exists())
    assert exported_at(settings_of(tmp_path / str(winner), database_url), tmp_path / "again") == whole


class Interrupted(ExportFile):
    """Once it has come to a position, something happens."""

    def __init__(self, path: Path, at: int, happens: Callable[[], object]) -> None:
        super().__init__(path)
        self._at, self._happens = at, happens

    def _link(self, members: dict[str, Any], before: Tip) -> Link:
        if before.position == self._at:
            self._happens()
        return super()._link(members, before)


@pytest.mark.parametrize("at", [0, 1, 2_000, 5_999, EVENTS - 1])
def test_an_import_that_breaks_off_leaves_nothing_and_the_next_one_works(
    at: int, long_log: Path, target: Target, tmp_path: Path
) -> None:
    def give_up() -> None:
        raise Stop("The power went.")

    file = tmp_path / "log.jsonl"
    whole = exported_at(settings_of(long_log), file)
    with closing(Interrupted(file, at, give_up)) as export_file, pytest.raises(Stop):
        import_new(export_file, target.settings, now)
    assert target.holds_nothing()
    imported_from(file, target.settings)
    assert exported_at(target.settings, tmp_path / "again.jsonl") == whole


def test_a_connection_that_is_lost_in_the_middle_leaves_nothing(
    long_log: Path, database_url: str, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    exported_at(settings_of(long_log), file)
    with Proxy.before(Database(database_url, database.schema)) as proxy:
        there = Target(tmp_path / "target", proxy.database.url)
        with closing(Interrupted(file, 4_500, proxy.close)) as export_file, pytest.raises(LogError):
            import_new(export_file, there.settings, now)
    until_alone(database_url)
    assert Target(tmp_path / "target", database_url).holds_nothing()


def test_kill_9_in_the_middle_leaves_no_workspace_and_the_next_import_works(
    long_log: Path, target: Target, tmp_path: Path
) -> None:
    file = tmp_path / "log.jsonl"
    whole = exported_at(settings_of(long_log), file)
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(file), str(target.data), target.url or ""],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_same_packages(),
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "in the middle\n"
    child.kill()
    child.communicate()
    if target.url is not None:
        until_alone(target.url)
        assert schemas(target.url) == []
    # What it left in a folder has a name that counts for nothing.
    assert workspaces(target.settings) == set()
    for left in target.data.glob("workspaces/*"):
        shutil.rmtree(left)
    imported_from(file, target.settings)
    assert exported_at(target.settings, tmp_path / "again.jsonl") == whole


_CHILD = """
import sys
from pathlib import Path
from tests.archive.conftest import settings_of
from tests.archive.test_backends import Interrupted, import_new, now

def wait() -> None:
    print("in the middle", flush=True)
    sys.stdin.read()

file, data, url = sys.argv[1:]
import_new(Interrupted(Path(file), 5_000, wait), settings_of(Path(data), url or None), now)
"""


def test_a_full_disk_leaves_nothing_in_the_database(data: Path, database_url: str, tmp_path: Path) -> None:
    file, there = exported(data), Target(tmp_path / "target", database_url)
    with no_file_grows_beyond(10_000):
        said = there.invoke("import", str(file))
    assert said.code == 1
    assert "disk" in said.err, said.err
    assert there.holds_nothing()


def test_a_database_that_is_away_or_refuses_is_told_and_nothing_is_made(data: Path, tmp_path: Path) -> None:
    there = Target(tmp_path / "target", f"postgresql://vapora:{PASSWORD}@127.0.0.1:9/none")
    said = there.invoke("import", str(exported(data)))
    assert said.code == 1
    assert "cannot be used" in said.err
    assert PASSWORD not in said.err
    assert not there.data.exists()


def test_a_user_who_may_make_no_schema_is_told_what_to_grant(
    data: Path, database_url: str, postgres_server: Server, tmp_path: Path
) -> None:
    file = exported(data)
    with postgres_server.user(database_url) as (_, url):
        there = Target(tmp_path / "target", url)
        said = there.invoke("import", str(file))
        assert (said.code, "GRANT CREATE" in said.err) == (1, True), said.err
        assert there.holds_nothing()
        assert not there.data.exists()


def schemas(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'vapora%' ORDER BY 1")
        return [name for (name,) in found]


def until_alone(url: str) -> None:
    """The server has noticed that a client is gone."""
    deadline = monotonic() + 20
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(others.encode()).fetchone() != (0,):
            assert monotonic() < deadline, "a session stays"


def _same_packages() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
