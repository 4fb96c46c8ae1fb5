"""The git repository that the demo's project is about."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from vapora.cli.output import USAGE, stop

_README = """# Shortleaf

A self-hosted link shortener: the imaginary project that VAPORA's demo works on.
Everything in this repository was made by `vapora demo`; delete it whenever you like.
"""
_GIT_LIMIT_S = 30


def take(path: Path) -> Path:
    """The top folder of an existing repository; exit code 2 where there is none."""
    if not path.is_dir():
        stop(USAGE, f"There is no folder {path}.", "Check --repo.")
    found = _git(path, "rev-parse", "--show-toplevel")
    if found.returncode:
        stop(USAGE, f"{path} is not a git repository that can be used ({_first_line(found)}).", "Check --repo.")
    return Path(found.stdout.strip())


def make(folder: Path) -> Path:
    """A repository with one commit; the one of an earlier demo is taken as it is."""
    if (folder / ".git").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(_README, encoding="utf-8")
    # The identity is given here: a fresh machine has none, and nobody's own should stand under a demo's commit.
    commit = ("-c", "user.name=VAPORA demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false", "commit")
    steps = (("init", "--quiet"), ("add", "README.md"), (*commit, "--quiet", "-m", "Begin Shortleaf"))
    for step in steps:
        done = _git(folder, *step)
        if done.returncode:
            stop(USAGE, f"git could not make a repository in {folder} ({_first_line(done)}).", "Pass one with --repo.")
    return folder


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
