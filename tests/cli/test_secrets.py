"""`vapora secrets` against a running server: values come from standard input and are never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import vapora
from tests.waiting import caught_up
from vapora.cli.main import app

CANARY = "sk-canary-90c1e7"


def test_secrets_are_set_listed_shown_rotated_and_deleted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def run(*arguments: str, given: str = "", code: int = 0) -> str:
        done = CliRunner().invoke(app, ["secrets", *arguments], input=given)
        assert done.exit_code == code, done.output
        said.append(done.output)
        caught_up(client)
        return done.stdout

    with vapora.local(tmp_path / "data", model="rehearsal") as client:
        monkeypatch.setenv("VAPORA_URL", client.url)
        monkeypatch.setenv("VAPORA_DATA", str(tmp_path / "data"))
        assert "No secrets" in run("list")
        stored = json.loads(run("set", "openai-api-key", "--json", given=f"{CANARY}\n"))
        assert (stored["name"], stored["version"]) == ("openai-api-key", 1)
        assert "version 2" in run("set", "openai-api-key", given=CANARY)
        assert "openai-api-key" in run()
        assert json.loads(run("show", "openai-api-key", "--json"))["version"] == 2
        assert json.loads(run("rotate", "--json"))["secrets"] == 2
        assert "No value" in CliRunner().invoke(app, ["secrets", "set", "openai-api-key"], input="").output
        run("delete", "openai-api-key")
        assert "no secret" in CliRunner().invoke(app, ["secrets", "show", "openai-api-key"]).output
    out = capfd.readouterr()
    assert CANARY not in "".join((*said, out.out, out.err))
    files = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not [one for one in files if CANARY.encode() in one]


def test_a_value_cannot_be_an_argument() -> None:
    assert CliRunner().invoke(app, ["secrets", "set", "openai-api-key", CANARY]).exit_code == 2
