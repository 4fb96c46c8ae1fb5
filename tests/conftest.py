"""For all tests. Ray reads its environment when it is imported, so that is prepared before anything else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from actors.runtime import cluster
from tests import postgres, rounds
from tests.run import ROOMS_APART
from vapora.database import Database

cluster.prepare_environment(Path(tempfile.mkdtemp(prefix="vapora-tests-")), os.environ)

# A machine that runs other tests beside them may be slow: how long an example took to make or to try says nothing.
hypothesis.settings.register_profile(
    "beside others", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("beside others")


def pytest_report_header() -> str:
    tried = ", ".join(f"{name} {number}" for name, number in vars(rounds).items() if name.isupper())
    return f"rounds: {tried}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"ray", "browser"} & {mark.name for mark in item.iter_markers()} and not item.nodeid.startswith(ROOMS_APART):
            raise pytest.UsageError(f"{item.nodeid}: tests on Ray or in a browser stand in {' or '.join(ROOMS_APART)}.")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def shared_database(postgres_server: postgres.Server) -> Iterator[str]:
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def database_url(postgres_server: postgres.Server) -> Iterator[str]:
    """A database of one's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def database(shared_database: str) -> Database:
    """A schema that nobody has made yet."""
    return Database(shared_database, f"vapora_{uuid4().hex}")
