"""A person's repository on this machine, and ours that hangs on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from vapora.repo.bare import Person
from vapora.repo.commits import StepCommit
from vapora.repo.owner import Repository
from vapora.repo.source import parse_source

VAPORA = Person("VAPORA", "vapora@localhost")
DEVELOPER = Person("developer (VAPORA)", "developer@agents.localhost")
AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class TheirRepository:
    """What the person does in it, with plain git and an identity of their own."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *options)
        self.git("config", "user.name", "Person")
        self.git("config", "user.email", "person@example.com")

    def git(self, *arguments: str, ok: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"},
        )
        assert not ok or done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n")

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    def commit(self, files: Mapping[str, str], message: str = "Change") -> str:
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.head()

    def head(self, ref: str = "HEAD") -> str:
        return self.git("rev-parse", ref)

    def show(self, name: str, ref: str = "HEAD") -> str:
        return self.git("show", f"{ref}:{name}")

    def snapshot(self) -> dict[str, str]:
        """All that a person would see change: refs, HEAD, index and files."""
        files = {
            str(path.relative_to(self.path)): path.read_text(errors="surrogateescape")
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and ".git" not in path.parts
        }
        return files | {
            "refs": self.git("for-each-ref"),
            "head": self.git("symbolic-ref", "HEAD", ok=False),
            "index": self.git("ls-files", "--stage"),
        }


def step(message: str = "Do it", author: Person = DEVELOPER, **trailers: str) -> StepCommit:
    named = {"Vapora-Task": "task-1", "Vapora-Run": "run-1", "Vapora-Step": "3"} | trailers
    return StepCommit(message, author, AT, named)


def environ(**more: str) -> dict[str, str]:
    """Of the server: without the developer's own git configuration, so that no test depends on it."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | more


def opened(folder: Path, where: str | Path, roots: Path, **variables: str) -> Repository:
    return Repository(folder, parse_source(str(where), [roots]), environ(**variables), VAPORA)
