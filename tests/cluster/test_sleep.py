"""Cells that sleep have no process, and a call to one of them wakes it: on real Ray, under every placement."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

import pytest

from tests.cluster.test_installation import environment

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]


def test_a_cell_on_ray_sleeps_without_a_process_and_wakes_with_its_first_call() -> None:
    # Short: Ray's sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="v") as folder:
        command = [sys.executable, "-m", "tests.cluster.sleeping", folder]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    placements = [json.loads(line)["placement"] for line in done.stdout.splitlines() if line.startswith("{")]
    assert placements == ["separate", "packed", "shards"]
