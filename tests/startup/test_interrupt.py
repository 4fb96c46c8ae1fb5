"""Ctrl-C at any moment of a start, in the local runtime; tests/cluster has three moments of a start on Ray."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests import rounds
from tests.ports import free_port
from tests.startup.launched import ENDS_IN_S, Launched
from vapora.startup import lock

MOMENTS = rounds.START_MOMENTS


def test_the_first_line_needs_none_of_the_slow_imports() -> None:
    slow = ("pydantic", "typer", "rich", "fastapi", "ray", "asyncio")
    code = f"import sys, vapora.__main__; sys.exit(any(name in sys.modules for name in {slow}))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ctrl_c_at_seventeen_moments_of_a_start_leaves_nothing_and_the_next_start_works(tmp_path: Path) -> None:
    data, port = tmp_path / "data", str(free_port())

    def launched() -> Launched:
        started = Launched(data, "--local", "--port", port)
        started.wait_for_line("VAPORA is starting", 60)
        return started

    whole = launched()
    begun = whole.age_s
    whole.addresses()
    # A start takes two seconds or ten, as busy as the machine is: moments are parts of it.
    lasts_s = whole.age_s - begun
    assert whole.interrupt() < 15
    assert whole.process.returncode == 0

    for moment in range(MOMENTS):
        one = launched()
        threading.Event().wait(lasts_s * moment / MOMENTS)
        ended_in_s = one.interrupt()
        note = f"moment {moment}, {one.process.returncode}: {one.text}"
        assert ended_in_s < ENDS_IN_S, note
        # 0: it was up already.
        assert one.process.returncode in (0, 130), note
        assert "Traceback" not in one.text, note
        assert "KeyboardInterrupt" not in one.text, note
        assert lock.owner(data) is None, note

    last = launched()
    told = last.addresses()
    assert httpx.get(f"{told['api']}/board", timeout=60).status_code == 200
    last.interrupt()
    assert last.process.returncode == 0


@pytest.mark.parametrize("wait_for", ["VAPORA is starting"])
def test_sigterm_at_a_start_ends_it_too(wait_for: str, tmp_path: Path) -> None:
    one = Launched(tmp_path / "data", "--local", "--port", str(free_port()))
    one.wait_for_line(wait_for, 60)

    assert one.interrupt(15) < ENDS_IN_S
    assert one.process.returncode == 143
    assert "Traceback" not in one.text
