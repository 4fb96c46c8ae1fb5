from __future__ import annotations

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.waiting import DEADLINE_S, wait_for
from vapora.cli.output import console
from vapora.cli.up import open_browser, welcome
from vapora.identity import setup_token
from vapora.platform import Platform
from vapora.settings import Settings


def start(data: Path, port: int, *more: str, **given: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vapora", "up", "--local", "--json", "--port", str(port), "--data", str(data)]
    environ = os.environ | {"VAPORA_MODEL": "rehearsal"} | given
    command += more
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_its_addresses_and_stops_cleanly(number: signal.Signals, tmp_path: Path, port: int) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(
        f'#!/bin/sh\necho "$1 $RAY_AUTH_TOKEN_PATH" > "{opened}.part" && mv "{opened}.part" "{opened}"\n'
    )
    browser.chmod(0o700)
    data = tmp_path / "data"
    process = start(tmp_path / "data", port, "--open", BROWSER=f"{browser} %s")
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        page = httpx.get(told["board"], timeout=60)
        wait_for("the browser to be opened", opened.exists)
        health = httpx.get(f"{told['api_docs'].removesuffix('/docs')}/health", timeout=60).json()
        # What the browser was started with, which everybody sees, tells nothing; the file is its owner's alone.
        way = Path(urlsplit(opened.read_text().strip()).path)
        address = re.findall(r'href="([^"]+)"', way.read_text())[0]
        board, code = address.split("#code=")
        redeemed = [httpx.post(f"{told['api']}/operator/redeem", json={"code": code}, timeout=60) for _ in range(2)]
        wrong = httpx.post(f"{told['api']}/operator/redeem", json={"code": "x" * 43}, timeout=60)
        asked = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()

    assert (told["mode"], health["status"]) == ("rehearsal", "ok")
    assert told["api_docs"].endswith("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert (way, way.stat().st_mode & 0o077, board) == (data / "open.html", 0, told["board"])
    token = (data / "operator_token").read_text().strip()
    assert [one.status_code for one in redeemed] == [200, 401]
    assert redeemed[0].json() == {"token": token}
    assert (redeemed[0].headers["cache-control"], wrong.status_code) == ("no-store", 401)
    assert code not in err
    assert token not in err
    assert process.returncode == 0
    assert time.monotonic() - asked < 60
    assert out == ""
    assert "goes on where this ended" in err


@pytest.mark.parametrize("same_port", [True, False])
def test_a_second_one_on_the_same_data_is_refused_by_the_firsts_name_and_harms_nothing(
    same_port: bool, tmp_path: Path, port: int
) -> None:
    data = tmp_path / "data"
    first = start(data, port)
    try:
        assert first.stdout is not None
        told = json.loads(first.stdout.readline())
        second = start(data, port if same_port else 0)
        out, err = second.communicate(timeout=DEADLINE_S)
        health = httpx.get(f"{told['api_docs'].removesuffix('/docs')}/health", timeout=60).json()
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=DEADLINE_S)
    finally:
        first.kill()

    assert (second.returncode, out) == (2, "")
    assert f"in use by process {first.pid}" in err
    assert "Stop that one" in err
    assert (health["status"], first.returncode) == ("ok", 0)


def test_a_projection_that_stopped_keeps_nobody_from_starting_and_is_told(tmp_path: Path, port: int) -> None:
    data = tmp_path / "data"
    first = start(data, port)
    try:
        assert first.stdout is not None
        api = json.loads(first.stdout.readline())["api"]
        made, _ = (
            httpx.post(f"{api}/projects", json={"name": name}, timeout=60).json() for name in ("Parser", "Lexer")
        )
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=DEADLINE_S)
    finally:
        first.kill()
    with sqlite3.connect(data / "workspaces" / "default" / "log.db") as log:
        wrong = "CAST(replace(CAST(state AS TEXT), '\"name\":', '\"nmae\":') AS BLOB)"
        log.execute(f"UPDATE stored_events SET state = {wrong} WHERE position = ?", (made["position"],))
    log.close()
    (data / "workspaces" / "default" / "read.db").unlink()

    again = start(data, port)
    try:
        assert again.stdout is not None
        told = json.loads(again.stdout.readline())
        board = httpx.get(f"{told['api']}/board", timeout=60)
        again.send_signal(signal.SIGTERM)
        _, err = again.communicate(timeout=DEADLINE_S)
    finally:
        again.kill()

    assert (board.status_code, again.returncode) == (200, 0)
    assert f"Not well: the projection projects has stopped at {made['position']} project.created" in err


def test_an_address_that_others_reach_is_refused(alone: Callable[..., Any], tmp_path: Path) -> None:
    said = alone("up", "--host", "0.0.0.0", "--data", str(tmp_path / "data"))

    assert said.code == 2
    assert "0.0.0.0" in said.err
    assert "127.0.0.1" in said.err


def test_a_setting_that_cannot_work_is_wrong_usage(alone: Callable[..., Any]) -> None:
    said = alone("up", VAPORA_RUNTIME="cloud")

    assert said.code == 2
    assert "VAPORA_RUNTIME" in said.err


@pytest.mark.parametrize("command", ["up", "demo", "doctor"])
def test_a_misspelt_variable_ends_it_at_once_with_the_right_name(command: str, alone: Callable[..., Any]) -> None:
    said = alone(command, VAPORA_MODLE="rehearsal")

    assert (said.code, said.out) == (2, "")
    assert said.err.strip() == "There is no setting VAPORA_MODLE. Did you mean VAPORA_MODEL?"


def test_a_broken_or_unknown_line_of_the_file_ends_it_at_once(
    alone: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "vapora.toml"
    file.write_text("port = 8000\nmodel = rehearsal\n")
    broken = alone("up")
    file.write_text("prot = 8000\n")
    unknown = alone("up")

    assert (broken.code, unknown.code) == (2, 2)
    assert "vapora.toml is not TOML" in broken.err
    assert "line 2" in broken.err
    assert "holds 'prot', which is no setting. Did you mean 'port'?" in unknown.err


def test_a_database_that_refuses_ends_it_at_once(alone: Callable[..., Any], tmp_path: Path, port: int) -> None:
    url = f"postgresql://vapora:very-secret@127.0.0.1:{port}/vapora"
    said = alone("up", "--data", str(tmp_path / "data"), VAPORA_DATABASE_URL=url)

    assert said.code == 2
    assert "The database cannot be used" in said.err
    assert "very-secret" not in said.err
    assert len(said.err.splitlines()) == 1


def test_the_doctor_speaks_of_the_server_that_works_on_the_data(settings: Settings, alone: Callable[..., Any]) -> None:
    platform = Platform(settings, {})
    try:
        url = platform.start().board.rstrip("/")
        said = alone("doctor", "--json", "--data", str(settings.data), ANTHROPIC_API_KEY="not-the-servers")
    finally:
        platform.stop()

    found = [one["detail"] for one in said.json["checks"] if one["check"] == "server"]
    assert f"process {os.getpid()} works on this data, at {url}" in found
    assert any(one.startswith(f"{url} is well") for one in found)
    assert "no real model answers there: it rehearses" in found
    assert not [one for one in said.json["checks"] if one["check"] in ("providers", "queue")]


def test_where_there_is_no_screen_no_browser_is_opened(capsys: pytest.CaptureFixture[str]) -> None:
    open_browser("http://127.0.0.1:8000/", {})

    assert "no screen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("public", "base"), [("", "http://127.0.0.1:8000/"), ("https://vapora.example.com/", "https://vapora.example.com/")]
)
@pytest.mark.parametrize("auth", ["auto", "required"])
def test_the_link_for_the_first_owner_begins_with_the_public_address(
    public: str, base: str, auth: str, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, public_url=public, auth=auth)
    setup_token.ensure(settings.people_folder)
    answer = {"board": "http://127.0.0.1:8000/", "api_docs": "", "dashboard": "", "mode": "real", "data": "d"}
    said = io.StringIO()
    console(said, soft_wrap=True).print(welcome(answer | {"ready_s": 1.0}, settings, shown=True))
    assert f"{base}setup#{setup_token.read(settings.people_folder)}" in said.getvalue()
