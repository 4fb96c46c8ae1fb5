"""The product of a project's setup: taken from what is kept, or kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from actors.repositories.open import OpenRepositories
from vapora.errors import VaporaError
from vapora.repo import products
from vapora.repo.owner import Repository
from vapora.repo.products import Pinned
from vapora.sandbox.values import Room

# An upgrade of one of them may make the product useless.
_INTERPRETERS = ("python3", "node", "ruby", "php", "java", "go", "cargo", "rustc", "gcc")
_WHERE = ("/usr/local/bin", "/usr/bin", "/bin")
# As many paths as surely fit into one command line.
_AT_ONCE = 500


class KeptProducts:
    """`largest`: bytes of a product that is kept."""

    def __init__(self, opened: OpenRepositories, largest: int = products.LARGEST_BYTES) -> None:
        self._opened = opened
        self._largest = largest
        self._journal = structlog.get_logger("repositories")

    async def take(self, key: str, repository: Repository, room: Room) -> int | None:
        """Copies the product into the empty worktree and home: how many ms it took; None where there is none that
        fits. What was copied in vain is still there then."""
        product = await self._opened.thread(repository.products.find, key)
        if product is None:
            return None
        begun = time.monotonic()
        try:
            for part, target in (("worktree", room.worktree), ("home", room.home)):
                if await self._opened.thread(products.in_the_way, product / part, target):
                    return None
                problem = await _copy(product / part, _entries(product / part), target, repository)
                if problem:
                    raise OSError(problem)
        except OSError as error:
            self._journal.warning("what setup made could not be copied", why=str(error), product=str(product))
            await self._opened.thread(repository.products.drop, product)
            return None
        return round((time.monotonic() - begun) * 1_000)

    async def keep(
        self, key: str, pinned: Pinned, branch: str | None, repository: Repository, name: str, room: Room
    ) -> str:
        """Of a worktree in which nothing but setup was run: why its product is not kept; empty where it is."""
        if not pinned.locked:
            return "there is no lock file that says what it depends on"
        try:
            if not await self._opened.thread(repository.is_at_base, name, branch):
                return "it was not made from a commit of the base branch"
            return await self._keep(key, repository, name, room)
        except (OSError, VaporaError) as error:
            # The worktree itself is ready, whatever the matter is here.
            return str(error)

    async def _keep(self, key: str, repository: Repository, name: str, room: Room) -> str:
        paths = await self._opened.thread(products.ignored, repository.trees, name)
        parts = [*(room.worktree / path for path in paths), *room.home.iterdir()]
        places = (room.worktree, room.home)
        if why := await self._opened.thread(products.unfit, parts, places, self._largest):
            return why
        unfinished = await self._opened.thread(repository.products.begin)
        try:
            problem = await _copy(room.worktree, paths, unfinished / "worktree", repository, parents=True)
            problem = problem or await _copy(room.home, _entries(room.home), unfinished / "home", repository)
            # A power cut must not leave a product under its final name whose files are empty.
            problem = problem or await _run(("sync", "-f", str(unfinished)), repository)
            if not problem:
                await self._opened.thread(repository.products.finish, unfinished, key)
            return problem
        finally:
            await self._opened.thread(repository.products.drop, unfinished)


def key_of(
    pinned: Pinned, commands: Sequence[str], copies: Sequence[tuple[str, str]], sandbox: str, toolchains: Sequence[Path]
) -> str:
    """`copies`: path and digest of each file of the person's that setup finds."""
    folders = [*map(str, toolchains), *(f"{one}/bin" for one in toolchains), *_WHERE]
    parts = [
        list(commands),
        sorted(copies),
        sorted(pinned.files.items()),
        sandbox,
        list(map(str, toolchains)),
        [platform.system(), platform.machine(), *platform.libc_ver()],
        [_program(name, os.pathsep.join(folders)) for name in _INTERPRETERS],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _program(name: str, path: str) -> list[str | int]:
    """Tells one version of a program from another, without running it."""
    found = shutil.which(name, path=path)
    if found is None:
        return []
    place = Path(found).resolve()
    return [str(place), place.stat().st_size, place.stat().st_mtime_ns]


def _entries(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()]


async def _copy(
    source: Path, paths: Sequence[str], target: Path, repository: Repository, *, parents: bool = False
) -> str:
    """What went wrong; empty where nothing did. Symlinks are copied as they are; owners, rights and times stay."""
    options = ("--archive", "--reflink=auto", *(("--parents",) if parents else ()))
    for begin in range(0, len(paths), _AT_ONCE):
        some = (f"./{path}" for path in paths[begin : begin + _AT_ONCE])
        if problem := await _run(("cp", *options, "--target-directory", str(target), "--", *some), repository, source):
            return problem
    return ""


async def _run(command: Sequence[str], repository: Repository, folder: Path = Path("/")) -> str:
    """As git does, it holds the repository's lock for as long as it lives. Cancelling ends it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=repository.bare.git.held,
    )
    try:
        _, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return ""
    said = told.decode("utf-8", "replace").strip().splitlines()
    return said[0] if said else f"{command[0]} ended with {process.returncode}"
