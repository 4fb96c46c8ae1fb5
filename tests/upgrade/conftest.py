"""A data folder that an older version left in the middle of its work (tests/data/README.md)."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vapora.cli import app
from vapora.log.proof import SigningKey, public_path
from vapora.settings import Settings

ARCHIVE = Path(__file__).parent.parent / "data" / "older.tar.gz"
Invoke = Callable[..., Any]


@pytest.fixture
def older(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "older"


@pytest.fixture
def settings(older: Path) -> Settings:
    """With a key of its own, behind the old one: its private half stayed where it was made."""
    old = public_path(older / "audit_key")
    pem = old.read_bytes()
    old.unlink()
    SigningKey.open(older / "audit_key")
    with old.open("ab") as file:
        file.write(pem)
    return Settings(
        data=older,
        runtime="local",
        model="rehearsal",
        rehearsal_min_delay_s=0,
        rehearsal_max_delay_s=0.01,
        resend_s=0.2,
    )


@pytest.fixture
def vapora(older: Path) -> Invoke:
    """A command on the data, without a server: the exit code and what it said."""

    def invoke(*arguments: str) -> tuple[int, str]:
        env = {"COLUMNS": "160", "TERM": "dumb", "VAPORA_URL": "http://127.0.0.1:9", "VAPORA_DATA": str(older)}
        result = CliRunner().invoke(app, arguments, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return invoke
