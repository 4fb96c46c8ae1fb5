"""What `make test` says of failures, last of all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.run import failures, shortened

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
        "failed: test_some.py::test_wrong: AssertionError: one is not two assert 1 == 2 test_some.py:9: AssertionError",
        'failed: test_some.py::test_not_begun: failed on setup with "ValueError: no disk" test_some.py:6: ValueError',
    ]


def test_of_a_long_difference_the_beginning_is_printed() -> None:
    said = ["    assert one == other", *(f"E     {number}" for number in range(100)), "test_some.py:9: AssertionError"]
    shown = list(shortened([*said, "x" * 1_000, "E  short"]))
    assert shown[:31] == said[:31]
    assert shown[31:33] == ["E   and 70 more lines", "test_some.py:9: AssertionError"]
    assert shown[33].startswith("xxx") and shown[33].endswith("x… and 700 more characters")
    assert shown[34:] == ["E  short"]
