"""How it is known whether bubblewrap came so far as to run a command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vapora.sandbox.sandbox import Bubblewrap, _first_inside, _first_status, _Started

BEGUN = b'{"child-pid": 7}\n'


@pytest.mark.parametrize(
    ("told", "was_run"),
    [(BEGUN + b'{"exit-code": 0}\n', True), (BEGUN, False), (b"", False)],
    ids=["a command that has ended before its beginning was read", "ended from outside", "not set up"],
)
async def test_a_command_was_run_if_its_exit_code_was_told(told: bytes, was_run: bool) -> None:
    read, write = os.pipe()
    os.write(write, told)
    os.close(write)

    first = await _first_status(read)

    assert _first_inside(first) == (7 if told else None)
    with subprocess.Popen(["true"]) as process:
        started = _Started(process, 7, "mark", read, first)
        assert Bubblewrap(Path("bwrap"), "prlimit").was_run(started) is was_run
