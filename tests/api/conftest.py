"""The API over the whole actor system in this process, with the rehearsal model and real files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from tests.api.doors import Door, opened
from tests.api.persons import SLUG, WORK, Person
from tests.repo.site import TheirRepository
from tests.sandbox.conftest import require
from tests.work.site import Site, scripted
from vapora import operator_token
from vapora.api.app import create_app
from vapora.settings import Settings


@pytest.fixture
def store(request: pytest.FixtureRequest) -> str:
    """Where log and read models are: `sqlite`, unless a test asks for both (`tests.api.doors.BOTH_STORES`)."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def settings(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        database_url=SecretStr(request.getfixturevalue("database_url")) if store == "postgres" else None,
        runtime="local",
        model="rehearsal",
        rehearsal_min_delay_s=0,
        rehearsal_max_delay_s=0,
        max_body_bytes=50_000,
        repo_roots=(tmp_path,),
        webhook_allow=(ip_network("127.0.0.1/32"),),
        tracker_allow=(ip_network("127.0.0.1/32"),),
    )


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with opened(settings) as door:
        yield door


@pytest.fixture
def theirs(tmp_path: Path) -> TheirRepository:
    """A person's repository with a commit."""
    found = TheirRepository(tmp_path / "theirs")
    found.commit({"parser.py": "def parse(text):\n    return text\n"}, "Begin")
    return found


@pytest.fixture
def parser(theirs: TheirRepository) -> str:
    """Where it is."""
    return str(theirs.path)


@pytest.fixture
def namespaces() -> None:
    require("bubblewrap")


@pytest.fixture
async def person(namespaces: None, tmp_path: Path) -> AsyncIterator[Person]:
    inside = (ip_network("127.0.0.1/32"),)
    async with Site(tmp_path, webhook_allow=inside, tracker_allow=inside) as site:
        site.theirs.commit({"slug.py": SLUG}, "Begin")
        site.vendors.default(scripted(WORK))
        app = create_app(site.system, site.settings, "1.2.3", rehearsal=False)
        headers = {"Authorization": f"Bearer {operator_token.ensure(site.settings.data)}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as http:
            yield Person(site, http)
        await app.state.cells.close()
