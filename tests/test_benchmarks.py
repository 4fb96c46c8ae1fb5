"""The benchmarks still run: each once, as small as it can be. Their figures say nothing here."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES
from tests import rounds

SMALL = {
    "log_append": ["--slices", "2", "--appends", "10", "--sizes", "0", "100"],
    # Not in the folder of a test, which is closed to the user who runs the server.
    "postgres": ["--slices", "2", "--appends", "10", "--events", "300", "--folder", tempfile.gettempdir()],
    "transport": ["--calls", "20", "--no-ray"],
    "poll_latency": ["--seconds", "1", "--no-ray"],
    "actor_start": ["--most", "1000"],
    "verify": ["--events", "1000"],
    "workflows": ["--runs", "3", "--stages", "3", "--finished", "50"],
    "decision": ["--rounds", "2", "--tasks", "2", "--agents", "12"],
    "rebuild": ["--times", "1", "--only", "board", "--", "300"],
    "past": ["1000"],
    "board": ["300"],
    "queue": ["--tasks", "50", "--whole", "3"],
    "web": ["--cards", "20", "--moves", "6"],
    "live": ["--sockets", "3", "--posts", "2", "--rounds", "1"],
    "worktree": ["--files", "50", "--rounds", "1"],
    "sandbox": ["--rounds", "1"],
    "workspaces": ["--counts", "2", "--awake", "1", "--wake", "1", "--rest-s", "0.1"],
    # Neither Ray, nor what has to be fetched.
    "engine": [
        *("--sides", "one process", "local", "raw commits", "--at-once", "2", "--models", "0", "0.02"),
        *("--seconds", "0.3", "--rounds", "1"),
    ],
    "start": ["--rounds", "1", "--sides", "local", "--rest-s", "0"],
    "intake": ["--tasks", "20", "--open", "20", "--done", "5"],
    "search": ["--sizes", "60", "--engines", "sqlite", "--queries", "1"],
    "learning": ["--tasks", "40", "--seeds", "1"],
    "knowledge": ["--cards", "10", "--walks", "2"],
    "postgres_workspaces": ["--counts", "1", "--touch", "1", "--folder", tempfile.gettempdir()],
}


def test_no_benchmark_is_left_out() -> None:
    assert SMALL.keys() == set(NAMES)


# New ones each time; the same ones for whoever collects them twice within a day.
_TRIED = sorted(random.Random(date.today().toordinal()).sample(sorted(SMALL), min(rounds.BENCHMARKS, len(SMALL))))


@pytest.mark.parametrize("name", _TRIED)
def test_the_benchmark_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *SMALL[name]],
        capture_output=True,
        text=True,
        check=False,
        timeout=380,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 1
