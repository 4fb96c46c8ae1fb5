"""An index in a file, and one in PostgreSQL: each test of the contract runs on both."""

from __future__ import annotations

from pathlib import Path

import pytest

from vapora.database import Place, search_schema


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "search.db"
    return search_schema(request.getfixturevalue("database_url"), "acme")
