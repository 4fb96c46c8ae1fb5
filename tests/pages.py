"""Following a page of the documentation: its blocks of code, and where the person stands who types them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import quick
from tests.ports import free_port
from vapora.platform import Platform


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and text of each block of code that names its language."""
    return re.findall(r"^```([a-z]+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def blocks_of(text: str, language: str) -> list[str]:
    return [code for named, code in blocks(text) if named == language]


def make_repository(folder: Path) -> Path:
    """A git repository of the person's own."""
    git = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "Begin"], check=True)
    return folder


@contextmanager
def server(data: Path, repositories: Path) -> Iterator[str]:
    """The address of one on which nothing was done yet. It is the page that is tried, on a machine that may have no
    sandbox."""
    settings = quick(data, free_port()).model_copy(update={"sandbox": "none", "repo_roots": (repositories,)})
    platform = Platform(settings, {})
    try:
        yield platform.start().api.removesuffix("/api/v1")
    finally:
        platform.stop()
