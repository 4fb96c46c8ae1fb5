from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from vapora.sandbox.choice import Finding, choose, probe
from vapora.sandbox.sandbox import Sandbox
from vapora.sandbox.values import MIB, Command, Kind, Limits, Outcome, Room

PYTHON = str(Path(sys.executable).resolve())
SMALL = Limits(
    timeout_s=30,
    memory_bytes=600 * MIB,
    file_bytes=20 * MIB,
    temp_bytes=20 * MIB,
    disk_bytes=60 * MIB,
    least_free_bytes=MIB,
    processes=80,
)


@cache
def found(kind: Kind) -> Finding:
    # In a thread: where a browser is driven, a loop runs in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, probe(kind)).result()


def require(kind: Kind) -> None:
    """A person's machine may lack it; where everything is there, a sandbox that does not work is a fault."""
    problem = found(kind).problem
    if problem is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(problem)
    pytest.skip(problem)


class Place:
    """A worktree and a home, with something secret beside them."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.secret = folder / "beside" / "secret"
        self.room = Room(folder / "worktree", folder / "home", read_only=(Path(sys.base_prefix),))
        for one in (self.room.worktree, self.room.home, self.secret.parent):
            one.mkdir()
        self.secret.write_text("secret-text")
        self.secret.chmod(0o600)

    async def run(self, line: str | tuple[str, ...], limits: Limits = SMALL, *, network: bool = False) -> Outcome:
        return await self.sandbox.run(self.room, Command(line, network=network), limits)

    async def python(self, code: str, limits: Limits = SMALL, *, network: bool = False) -> Outcome:
        return await self.run((PYTHON, "-I", "-S", "-c", code), limits, network=network)


@pytest.fixture(params=["bubblewrap", "sandlock"])
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    require(kind)
    return kind


@pytest.fixture
async def place(kind: Kind, tmp_path: Path) -> Place:
    return Place(await choose(kind), tmp_path)


@pytest.fixture
def namespaces() -> None:
    require("bubblewrap")


@pytest.fixture
async def bubble(namespaces: None, tmp_path: Path) -> Place:
    """For what only namespaces give."""
    return Place(await choose("bubblewrap"), tmp_path)
