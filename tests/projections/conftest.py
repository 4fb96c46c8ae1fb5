from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from projections import ReadStore
from vapora.database import Database, Place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "read" / "read.db"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> Place:
    """Where no read models are yet."""
    if request.param == "sqlite":
        return path
    database: Database = request.getfixturevalue("database")
    return database


@pytest.fixture
def store(place: Place) -> Iterator[ReadStore]:
    store = ReadStore(place)
    yield store
    store.close()
