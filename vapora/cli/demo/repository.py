"""The git repository that the demo's project is about: one that is there, or the demo's own, Shortleaf."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from vapora.cli.output import USAGE, stop

_GIT_LIMIT_S = 30
_PYTHON_LIMIT_S = 10
# Where a command in the sandbox looks for programs; of these folders it sees what is below /usr, /bin and /sbin.
_SANDBOX_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLACEHOLDER = "@PYTHON@"
_SUITABLE = "import sys; sys.exit(sys.version_info < (3, 9))"


@dataclass(frozen=True, slots=True)
class Home:
    """`read_only`: folders outside that the project's checks need. `checks`: name → command."""

    path: Path
    checks: dict[str, str]
    read_only: tuple[Path, ...] = ()


def take(path: Path) -> Path:
    """The top folder of an existing repository; exit code 2 where there is none."""
    if not path.is_dir():
        stop(USAGE, f"There is no folder {path}.", "Check --repo.")
    found = _git(path, "rev-parse", "--show-toplevel")
    if found.returncode:
        stop(USAGE, f"{path} is not a git repository that can be used ({_first_line(found)}).", "Check --repo.")
    return Path(found.stdout.strip())


def of(path: Path) -> Home:
    """Somebody's own repository. Which checks it has is for them to say; none are guessed."""
    return Home(path, {})


def make(beside: Path) -> Home:
    """Shortleaf as a new repository, with `main` checked out, in `beside` or, where an earlier demo left one, in a
    folder numbered after it."""
    folder = beside
    number = 1
    while folder.exists():
        number += 1
        folder = beside.with_name(f"{beside.name}-{number}")
    with as_file(files("vapora.cli.demo") / "project") as sources:
        shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("__pycache__"))
    python, read_only = _interpreter()
    check = folder / "check.sh"
    check.write_text(check.read_text(encoding="utf-8").replace(_PLACEHOLDER, python), encoding="utf-8")
    # The identity is given here: a fresh machine has none, and nobody's own should stand under a demo's commit.
    commit = ("-c", "user.name=VAPORA demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false", "commit")
    steps = (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        (*commit, "--quiet", "-m", "Begin Shortleaf"),
    )
    for step in steps:
        done = _git(folder, *step)
        if done.returncode:
            stop(USAGE, f"git could not make a repository in {folder} ({_first_line(done)}).", "Pass one with --repo.")
    return Home(folder, {"tests": "sh check.sh tests", "style": "sh check.sh style"}, read_only)


def _interpreter() -> tuple[str, tuple[Path, ...]]:
    """A Python for the checks, and what has to be shown to the sandbox for it: nothing, where the system has one; else
    the one that VAPORA runs on."""
    if (program := shutil.which("python3", path=_SANDBOX_PATH)) and _works(program):
        return program, ()
    own = Path(sys.base_prefix)
    return str(own / "bin" / "python3"), (own,)


def _works(program: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            [program, "-c", _SUITABLE], capture_output=True, timeout=_PYTHON_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _first_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().partition("\n")[0]


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("git")
    if program is None:
        stop(USAGE, "The demo needs git, which is not installed.", "Install it, for example by `apt install git`.")
    # Inside a git hook these would point to quite another repository.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(  # noqa: S603
        [program, *arguments],
        cwd=folder,
        env=environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=_GIT_LIMIT_S,
        check=False,
    )
