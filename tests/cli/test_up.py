from __future__ import annotations

import json
import os
import signal
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


def test_an_address_that_others_reach_is_refused(alone: Callable[..., Any], tmp_path: Path) -> None:
    said = alone("up", "--host", "0.0.0.0", "--data", str(tmp_path / "data"))

    assert said.code == 2
    assert "0.0.0.0" in said.err
    assert "127.0.0.1" in said.err


def test_a_setting_that_cannot_work_is_wrong_usage(alone: Callable[..., Any]) -> None:
    said = alone("up", VAPORA_RUNTIME="cloud")

    assert said.code == 2
    assert "VAPORA_RUNTIME" in said.err
