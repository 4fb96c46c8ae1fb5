"""Which workspaces an installation holds, in files and in a database."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from vapora.log.places import open_log, workspaces
from vapora.settings import Settings


@pytest.fixture(params=["files", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "files":
        return Settings(data=tmp_path / "data")
    return Settings(data=tmp_path / "data", database_url=SecretStr(request.getfixturevalue("database_url")))


def test_a_workspace_is_what_has_a_log(settings: Settings) -> None:
    assert workspaces(settings) == set()
    for name in ("acme", "a-b", "x" * 51):
        open_log(settings.log_place(name), name).close()
    settings.blob_folder("bare").mkdir(parents=True)
    assert workspaces(settings) == {"acme", "a-b", "x" * 51}


@pytest.mark.parametrize("name", [".acme.1f", "Acme", "a--b", "-a", "lost+found", "x" * 52])
def test_a_folder_that_no_workspace_can_have_is_none(name: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    open_log(settings.log_file(name), name).close()
    assert workspaces(settings) == set()
