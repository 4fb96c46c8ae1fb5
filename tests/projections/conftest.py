from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from projections import ReadStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "read" / "read.db"


@pytest.fixture
def store(path: Path) -> Iterator[ReadStore]:
    store = ReadStore(path)
    yield store
    store.close()
