from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo.site import TheirRepository, opened
from vapora.repo.owner import Repository


@pytest.fixture
def theirs(tmp_path: Path) -> TheirRepository:
    """With one commit on `main`, which is checked out."""
    repository = TheirRepository(tmp_path / "theirs")
    repository.commit({"README.md": "# Shortleaf\n", "src/a.py": "a = 1\n", "src/b.py": "b = 1\n"}, "Begin")
    return repository


@pytest.fixture
def ours(theirs: TheirRepository, tmp_path: Path) -> Iterator[Repository]:
    repository = opened(tmp_path / "data", theirs.path, tmp_path)
    yield repository
    repository.close()
