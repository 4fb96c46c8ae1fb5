"""The API over the whole actor system in this process, with the rehearsal model and real files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.api.doors import Door, opened
from tests.repo.site import TheirRepository
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
