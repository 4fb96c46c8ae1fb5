"""The operator's tools on a copy that nobody may write to, as an ordinary user meets it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from events.project import ProjectArchived
from tests.cli.conftest import Run, Said
from tests.cli.test_offline import data, write  # noqa: F401  # a fixture
from vapora.settings import Settings

# Root may write anywhere; without these two capabilities the kernel asks the folder's mode of root as well.
_AS_A_USER = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
KINDS = ("without a journal", "with a journal", "with a journal and its index")


@pytest.fixture
def whole(data: Path, alone: Run) -> Path:  # noqa: F811
    """A log of four events, with its read models."""
    assert alone("rebuild", "--data", str(data)).code == 0
    return data


@pytest.fixture(params=KINDS)
def copy(request: pytest.FixtureRequest, whole: Path, settings: Settings, tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """The copy, and how many events it holds: the last one in the journal alone, where there is one."""
    target, source = tmp_path / "copy", settings.log_file("default")
    events = 4
    with closing(sqlite3.connect(source)) as held:
        if request.param != KINDS[0]:
            # Somebody who reads keeps the last one to close from emptying the journal.
            held.execute("BEGIN")
            held.execute("SELECT count(*) FROM stored_events").fetchone()
            write(settings, "project:p", ProjectArchived(project_id="p"))
            events = 5
            assert source.with_name("log.db-wal").stat().st_size > 0
        left_out = () if request.param == KINDS[2] else ("*-shm",) if request.param == KINDS[1] else ("*-shm", "*-wal")
        shutil.copytree(whole, target, ignore=shutil.ignore_patterns(*left_out))
    for one in [target, *target.rglob("*")]:
        one.chmod(one.stat().st_mode & ~0o222)
    yield target, events
    for one in [target, *target.rglob("*")]:
        one.chmod(one.stat().st_mode | 0o200)


def run(*command: str, **environ: str) -> Said:
    done = subprocess.run(
        [*_AS_A_USER, sys.executable, "-m", "vapora", *command],
        env={**os.environ, "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def test_the_copy_cannot_be_written_to(copy: tuple[Path, int]) -> None:
    code = "import pathlib, sys; pathlib.Path(sys.argv[1], 'x').touch()"
    done = subprocess.run([*_AS_A_USER, sys.executable, "-c", code, str(copy[0])], capture_output=True, check=False)
    assert b"PermissionError" in done.stderr


def test_every_event_of_a_read_only_copy_is_read_and_proved(copy: tuple[Path, int], tmp_path: Path) -> None:
    folder, events = copy
    before = sorted(folder.rglob("*"))

    tail = run("log", "tail", "--data", str(folder), "--json")
    verified = run("audit", "verify", "--chain-only", "--data", str(folder), "--json")
    budget = run("audit", "budget", "--data", str(folder), "--json")
    trail = run("audit", "list", "--data", str(folder), "--json")
    doctor = run("doctor", "--data", str(folder), "--json")
    exported = run("export", str(tmp_path / "log.jsonl"), "--data", str(folder), "--json")

    assert (tail.code, tail.err) == (0, "")
    assert [json.loads(line)["position"] for line in tail.out.splitlines()] == list(range(1, events + 1))
    assert (verified.code, verified.json["events"]) == (0, events)
    assert (budget.code, budget.json["reservations"]) == (0, 1)
    assert (trail.code, len(trail.json["items"])) == (0, events - 2)
    assert (exported.code, exported.json["events"]) == (0, events)
    saved = run("backup", str(tmp_path / "backup"), "--data", str(folder), "--json")
    texts = run("blobs", "verify", "--data", str(folder), "--json")

    assert (saved.code, saved.json["workspaces"]["default"]["events"]) == (0, events), saved.err
    assert (texts.code, texts.json["ok"]) == (0, True)
    [workspace] = [one for one in doctor.json["checks"] if one["check"] == "workspace default"]
    assert workspace["detail"].startswith(f"{events} events")
    assert sorted(folder.rglob("*")) == before


def test_nothing_of_it_stays_in_the_temporary_folder(copy: tuple[Path, int], tmp_path: Path) -> None:
    folder, _ = copy
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert run("log", "tail", "--data", str(folder), TMPDIR=str(temporary)).code == 0
    assert list(temporary.iterdir()) == []
