"""What `make test` says of failures, last of all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.run import failures

_SOME = """
import pytest

@pytest.fixture
def broken():
    raise ValueError("no disk")

def test_wrong():
    assert 1 == 2, "one is\\nnot two"

def test_not_begun(broken):
    pass

def test_good():
    pass
"""


def test_each_failure_has_a_line_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(_SOME)
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", f"--junit-xml={report}", "-o=junit_family=xunit1"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert list(failures(report)) == [
        "failed: test_some.py::test_wrong: AssertionError: one is not two assert 1 == 2",
        'failed: test_some.py::test_not_begun: failed on setup with "ValueError: no disk"',
    ]
