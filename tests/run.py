"""All tests, as `make test` runs them, in three processes side by side: those on Ray, in a browser and in containers,
with notebooks and documentation; those of the doors and of work in repositories; and all others.

    python -m tests.run [options of pytest]

Each of them waits more than it computes, for other processes or for the disk: on two cores the three together take
little longer than the longest alone. What the first two say is printed when all are done, and last of all what failed,
a line each: whoever sees only the end of a long output sees that. Of each difference between two values the beginning
is printed: on CI pytest prints all of it, which for two boards is most of the report. Of what is tried at random
moments this takes a sample, new ones each time; `make soak` and pytest by itself take all.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree

# Unbuffered: what it prints is passed on as it comes.
_PYTEST = (sys.executable, "-u", "-m", "pytest")
# Where the tests on Ray and in a browser stand, as `tests/conftest.py` sees to: collecting all others takes a while.
ROOMS_APART = ("tests/cluster", "tests/web")
# They take long, and wait for what they start.
_LONG = ("containers", "documentation", "examples")
_DOORS = ("access", "api", "cli", "identity", "sdk", "startup", "vault", "work")
_CHOSEN = ("-m", "not index and not ray and not browser")
_APART = {
    "On Ray, in a browser, and what takes long": (
        *("-m", "not index", *ROOMS_APART),
        *(f"tests/{room}" for room in _LONG),
    ),
    "The doors, and work in repositories": (*_CHOSEN, *(f"tests/{room}" for room in _DOORS)),
}
_OTHERS = (
    *_CHOSEN,
    *(f"--ignore=tests/{room}" for room in (*_DOORS, *_LONG)),
    *(f"--ignore={room}" for room in ROOMS_APART),
)
_REASON = 200  # characters
_LINE = 300  # characters of a line of the output
_EXPLAINED = 30  # lines of what pytest says of one value that is not as it should be
# How a traceback of pytest's ends.
_PLACE = re.compile(r"\S+\.py:\d+: ")
_NOTHING_CHOSEN = 5  # by options such as -k; of no concern while the other process has something
_SAMPLE = {
    "VAPORA_CHAOS_ROUNDS": "8",
    "VAPORA_WORK_ROUNDS": "4",
    "VAPORA_FLOW_ROUNDS": "4",
    "VAPORA_LANDING_ROUNDS": "3",
    "VAPORA_DOCUMENTING_ROUNDS": "2",
    "VAPORA_RAY_CHAOS_ROUNDS": "2",
    "VAPORA_RAY_WORK_ROUNDS": "2",
    "VAPORA_REPLAY_ROUNDS": "12",
    "VAPORA_START_MOMENTS": "5",
    "VAPORA_SCHEMA_EVERY": "2",
    "VAPORA_BENCHMARKS": "5",
    "VAPORA_DEVELOPMENT_IMAGE": "0",
}


def main(options: list[str]) -> int:
    environ = _SAMPLE | os.environ
    with ExitStack() as stack:
        reports = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        apart = {
            title: _Apart(
                [*chosen, *_reported(reports / f"apart-{number}.xml")],
                options,
                environ,
                stack.enter_context(tempfile.TemporaryFile("w+")),
            )
            for number, (title, chosen) in enumerate(_APART.items())
        }
        try:
            others = [*_PYTEST, *_OTHERS, *_reported(reports / "others.xml"), *options]
            codes = {_print_as_it_comes(others, environ)}
        finally:
            codes_apart = {one.wait() for one in apart.values()}
        for title, one in apart.items():
            print(f"\n{title}:")
            print(*shortened(one.said()), sep="\n", flush=True)
        for line in (line for report in sorted(reports.iterdir()) for line in failures(report)):
            print(line, flush=True)
    codes |= codes_apart
    if codes - {0, _NOTHING_CHOSEN}:
        return 1
    return 0 if 0 in codes else _NOTHING_CHOSEN


def _reported(to: Path) -> tuple[str, str]:
    return f"--junit-xml={to}", "-o=junit_family=xunit1"


def _print_as_it_comes(command: Sequence[str], environ: dict[str, str]) -> int:
    to = subprocess.PIPE
    with subprocess.Popen(command, env=environ, text=True, stdout=to, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for line in shortened(one.rstrip("\n") for one in process.stdout):
            print(line, flush=True)
    return process.returncode


def shortened(lines: Iterable[str]) -> Iterator[str]:
    """The output of pytest, with the beginnings of long lines and of long explanations (lines that begin with an E)."""
    explained = 0
    for line in lines:
        if not line.startswith("E "):
            if explained > _EXPLAINED:
                yield f"E   and {explained - _EXPLAINED} more lines"
            explained = 0
        else:
            explained += 1
        if explained <= _EXPLAINED:
            yield line if len(line) <= _LINE else f"{line[:_LINE]}… and {len(line) - _LINE} more characters"


def failures(report: Path) -> Iterator[str]:
    """A line for each test that failed in a report of pytest's in JUnit's form: its name, how its reason begins, and
    the line at which it ended."""
    for case in ElementTree.parse(report).iter("testcase"):
        for found in (*case.iter("failure"), *case.iter("error")):
            reason = " ".join(found.get("message", "").split())
            at = [line for line in (found.text or "").splitlines() if _PLACE.match(line)][-1:]
            yield " ".join((f"failed: {case.get('file')}::{case.get('name')}: {reason[:_REASON]}", *at))


class _Apart:
    """A process of its own, in the same process group: Ctrl-C reaches all of them."""

    def __init__(self, chosen: Sequence[str], options: list[str], environ: dict[str, str], file: TextIO) -> None:
        self._file = file
        command = [*_PYTEST, *chosen, *options]
        self._process = subprocess.Popen(command, env=environ, stdout=file, stderr=subprocess.STDOUT)

    def wait(self) -> int:
        return self._process.wait()

    def said(self) -> list[str]:
        self._file.seek(0)
        return self._file.read().splitlines()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
