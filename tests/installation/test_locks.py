"""The locks hold all that an installation needs, and `make` installs nothing that they do not hold."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.installation.lock import DEV_LOCK, LOCK, NODE_LOCK, ROOT, entries, pins, roots, unbound

PLATFORM = roots("build", extra="platform")
DEV = roots("build", "dev", extra="platform")


@pytest.mark.parametrize("lock", [LOCK, DEV_LOCK, NODE_LOCK])
def test_every_package_is_pinned_with_hashes_and_no_registry_is_named(lock: Path) -> None:
    for name, entry in entries(lock).items():
        assert re.match(rf"{re.escape(name)}==[^ ;,]+( ; [^\\]+)? \\\n    --hash=sha256:", entry), entry
    assert "://" not in (lock).read_text(encoding="utf-8")


def test_the_locks_agree() -> None:
    dev = entries(DEV_LOCK)
    assert {name: dev[name] for name in entries(LOCK)} == entries(LOCK)


def test_this_environment_is_what_the_lock_says() -> None:
    pinned = pins(DEV_LOCK)
    assert {name: version(name) for name in pinned} == pinned, "run `make test`, which installs the lock"


def test_each_requirement_with_its_extras_is_pinned_at_a_version_that_it_allows() -> None:
    assert unbound(PLATFORM, pins(LOCK)) == []
    assert unbound(DEV, pins(DEV_LOCK)) == []


@pytest.mark.parametrize("name", ["google-auth", "requests", "httptools", "psycopg-binary", "hatchling"])
def test_a_package_that_a_lock_leaves_out_is_missed_also_where_only_an_extra_asks_for_it(name: str) -> None:
    pinned = pins(LOCK)
    del pinned[name]
    missed = unbound(PLATFORM, pinned)
    assert missed
    assert all(one.startswith(name) for one in missed)


def test_make_installs_locks_without_resolving_and_from_wheels_alone_and_then_checks_the_whole() -> None:
    commands = _commands("-B", "test", "VENV=elsewhere")
    # One of them only where the machine has no Node: it stands behind a condition.
    assert [one[0] for one in commands if "install" in one and "requirements-node.lock" in one] == ["{"]
    assert all("--require-hashes" in one for one in commands if "requirements-node.lock" in one)
    installs = [one for one in commands if "install" in one and "requirements-node.lock" not in one]
    assert len(installs) == 3
    for one in installs:
        assert "--no-deps" in one
        if "--editable" in one:
            assert "--no-build-isolation" in one
        else:
            assert {"--require-hashes", "--only-binary", ":all:"} <= set(one)
    checks = [position for position, one in enumerate(commands) if one[-1] == "check"]
    assert commands.index(installs[1]) < checks[0] < commands.index(installs[2]) < checks[1]


def test_make_empties_an_environment_of_its_own_for_another_lock_but_no_folder_that_it_did_not_make(
    tmp_path: Path,
) -> None:
    (tmp_path / "bin").mkdir()
    assert "-m venv  " in _dry("demo", f"VENV={tmp_path}")
    (tmp_path / ".platform").touch()
    assert "-m venv --clear " in _dry("demo", f"VENV={tmp_path}")


def test_make_takes_the_first_interpreter_that_runs_and_can_make_environments(tmp_path: Path) -> None:
    _interpreter(tmp_path / "python3.13", "exit 127")  # as a pyenv shim does
    _interpreter(tmp_path / "python3.12", 'case "$2" in *ensurepip*) exit 1;; esac')
    _interpreter(tmp_path / "python3.11", 'case "$2" in "") exit 1;; esac; [ "$2" != venv ] || echo "made" >"$3"')
    done = _made(tmp_path)
    assert (tmp_path / "env").read_text() == "made\n", done.stderr


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 127", "VAPORA needs Python 3.11 to 3.14, and found none"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "python3 has no venv module"),
    ],
)
def test_without_a_suitable_interpreter_make_says_in_one_sentence_what_to_install(
    tmp_path: Path, script: str, said: str
) -> None:
    _interpreter(tmp_path / "python3", script)
    done = _made(tmp_path)
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert said in first
    assert "apt install" in first
    assert "python3-venv" in first
    assert all(line.startswith("make: ***") for line in rest)


def test_an_interpreter_that_is_named_and_does_not_do_is_not_replaced_by_another(tmp_path: Path) -> None:
    _interpreter(tmp_path / "python3.13", 'echo "made" >"$3"')
    done = _made(tmp_path, "PYTHON=/no where/python3")
    assert done.returncode == 2
    assert "PYTHON=/no where/python3 is not that" in done.stderr
    assert not (tmp_path / "env").exists()


def _interpreter(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def _made(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`make` where only the interpreters in `folder` are found. What it makes ends before anything is installed."""
    command = [str(shutil.which("make")), f"VENV={folder}/env", *arguments, f"{folder}/env/.locked"]
    env = _environment() | {"PATH": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True)


def _commands(*arguments: str) -> list[list[str]]:
    return [shlex.split(line) for line in _dry(*arguments).splitlines() if " -m pip " in line]


def _dry(*arguments: str) -> str:
    command = ["make", "-n", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=_environment(), check=True, capture_output=True, text=True)
    return done.stdout


def _environment() -> dict[str, str]:
    """Not that of a `make` around the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "PYTHON"}
