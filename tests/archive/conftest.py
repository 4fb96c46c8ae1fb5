"""A data folder with a log of real work, made once; each test gets a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from actors.composition import LocalActorSystem
from projections import ReadStore, Runner, all_projections
from tests.api.doors import Door
from tests.cli.conftest import Said, invoke
from tests.domain.test_media import PNG
from tests.projections.story import dump
from vapora.api.app import create_app
from vapora.blobs import BlobStore
from vapora.database import Place
from vapora.log import open_record
from vapora.log.event_log import EventLog
from vapora.log.places import open_for_reading
from vapora.settings import Settings

Open = Callable[[Path], Settings]
# A file on a card: bytes that are no text.
SHOT = PNG + bytes(range(256)) * 50


def settings_of(data: Path, url: str | None = None) -> Settings:
    return Settings(
        data=data,
        database_url=None if url is None else SecretStr(url),
        runtime="local",
        model="rehearsal",
        rehearsal_min_delay_s=0,
        rehearsal_max_delay_s=0,
    )


@dataclass(frozen=True)
class Target:
    """Where an import goes: a data folder, with its log in there or in a database."""

    data: Path
    url: str | None

    @property
    def settings(self) -> Settings:
        return settings_of(self.data, self.url)

    def invoke(self, *arguments: str, **environ: str) -> Said:
        """A command that works on it."""
        database = {} if self.url is None else {"VAPORA_DATABASE_URL": self.url}
        return invoke(*arguments, "--data", str(self.data), **database, **environ)

    def holds_nothing(self) -> bool:
        """Neither a workspace in the folder nor anything of ours in the database."""
        if self.url is not None:
            with psycopg.connect(self.url) as connection:
                found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'vapora%'").fetchall()
            if found:
                return False
        return not self.data.exists() or not list(self.data.glob("workspaces/*"))


@pytest.fixture(params=["folder", "database"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """Where nothing is yet."""
    url = request.getfixturevalue("database_url") if request.param == "database" else None
    return Target(tmp_path / "target", url)


@pytest.fixture(params=["folder", "database"])
def there(request: pytest.FixtureRequest, data: Path, tmp_path: Path) -> Target:
    """The log of real work, in the data folder or moved from there to a database."""
    if request.param == "folder":
        return Target(data, None)
    moved = Target(data, request.getfixturevalue("database_url"))
    assert invoke("export", str(tmp_path / "moving.jsonl"), "--data", str(data)).code == 0
    assert moved.invoke("import", str(tmp_path / "moving.jsonl")).code == 0
    return moved


@asynccontextmanager
async def at_work(data: Path, url: str | None = None) -> AsyncIterator[Door]:
    """The whole actor system on a data folder."""
    settings = settings_of(data, url)
    system = LocalActorSystem(settings)
    await system.start()
    app = create_app(system, settings, version="1.2.3", rehearsal=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as http:
        yield Door(http, system, app, settings)
    await app.state.cells.close()
    await app.state.people.close()
    await system.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("worked") / "data"
    async with at_work(data) as door:
        project = await door.project()
        await door.ask("PUT", "/budgets/developer", 200, {"monthly_limit_cents": 100})
        for number in range(3):
            task = await door.task(project["id"], title=f"Write parser {number}")
            await door.in_state(task["task_id"], "done")
        held = await door.task(project["id"], title="Look at the picture", assignee="a person")
        sent = {"file": ("shot.png", SHOT)}
        nightly = {"project_id": project["id"], "title": "Look at the logs"}
        await door.ask("PUT", "/schedules/nightly", 200, {"cron": "30 2 * * *", "task": nightly})
        await door.ask("POST", "/documents", 201, {"title": "How to parse", "text": "ü" * 9_000})
        await door.ask("PUT", "/documentation", 200, {"rule": "batched"})
        team = {"kind": "slack", "notices": ["task-failed"], "secret": "channel-team"}
        await door.ask("PUT", "/channels/team", 200, team)
        issues = {"kind": "github", "remote": "acme/app", "project_id": project["id"], "secret": "tracker-app"}
        await door.ask("PUT", "/trackers/app", 200, {**issues, "enabled": False})
        attached = await door.http.post(f"/api/v1/tasks/{held['task_id']}/attachments", files=sent)
        assert attached.status_code == 201, attached.text
    BlobStore(settings_of(data).blob_folder("default")).put("ü".encode() * 10_000)
    return data


@pytest.fixture
def data(_worked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_worked, tmp_path / "data"))


def opened(data: Path, url: str | None = None) -> EventLog:
    return open_for_reading(settings_of(data, url).log_place("default"))


def read_models(log: EventLog, place: Place) -> dict[str, Any]:
    """Every row of every projection, folded from the log alone into a place where none are yet."""
    store = ReadStore(place)
    runner, after = Runner(store, all_projections()), 0
    while records := log.after(after, 500):
        runner.apply([open_record(record) for record in records])
        after = records[-1].position
    assert runner.status()["failed"] == {}
    with store.snapshot() as rows:
        rows_of = dump(rows, all_projections())
    store.close()
    return rows_of


def contents(folder: Path) -> dict[str, bytes]:
    """What counts of a folder: not read models, and not what SQLite keeps beside a file that is open."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if path.name not in ("read.db", "lock") and not path.name.endswith(("-shm", "-wal"))
    }
