from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest


def start(data: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vapora", "up", "--json", "--port", str(port), "--data", str(data)]
    environ = os.environ | {"VAPORA_RUNTIME": "local", "VAPORA_MODEL": "rehearsal"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_its_addresses_and_stops_cleanly(number: signal.Signals, tmp_path: Path, port: int) -> None:
    process = start(tmp_path / "data", port)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        health = httpx.get(f"{told['api_docs'].removesuffix('/docs')}/health").json()
        asked = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()

    assert (told["mode"], health["status"]) == ("rehearsal", "ok")
    assert told["api_docs"].endswith("/docs")
    assert process.returncode == 0
    assert time.monotonic() - asked < 15
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
        out, err = second.communicate(timeout=30)
        health = httpx.get(f"{told['api_docs'].removesuffix('/docs')}/health").json()
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=15)
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
        api = json.loads(first.stdout.readline())["board"].removesuffix("/board")
        made, _ = (httpx.post(f"{api}/projects", json={"name": name}).json() for name in ("Parser", "Lexer"))
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=15)
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
        board = httpx.get(told["board"])
        again.send_signal(signal.SIGTERM)
        _, err = again.communicate(timeout=15)
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
