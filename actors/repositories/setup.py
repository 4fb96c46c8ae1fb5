"""Setting a worktree up: files that git does not have, and the project's own commands."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from actors.repositories.commands import ran
from actors.repositories.kept import KeptProducts, key_of
from actors.repositories.open import OpenRepositories
from actors.work_messages import CommandRan, Place, SetupOutcome
from vapora.errors import VaporaError
from vapora.private_dirs import delete_tree
from vapora.repo.owner import Repository
from vapora.repo.products import LARGEST_BYTES, Pinned
from vapora.repo.products import pinned as pinned_by
from vapora.sandbox.values import Limits, Room
from vapora.tools.folder import Folder
from vapora.tools.local import LocalWorkplace

# A toolchain and its packages come over the network.
_LONGEST_S = 1_800
_LARGEST_COPY = 100 * 1024**2
_DEEPEST = 20
# What a result is called that tells how long the product of an earlier setup took to be copied.
_REUSED = "kept product"


class Setup:
    """Runs in each worktree, once for each state of what decides what it makes (`kept.key_of`). Which one that was is
    noted beside what git knows of the worktree: where no command of an agent can write, and gone as soon as the folder
    is made anew.

    Commands begin in a worktree and a home that hold nothing else, so what they make is theirs alone: an agent cannot
    have put anything in that other cards would then find.
    """

    def __init__(self, opened: OpenRepositories, limits: Limits, largest: int = LARGEST_BYTES) -> None:
        self._opened = opened
        self._limits = limits
        self._kept = KeptProducts(opened, largest)

    async def run(self, place: Place, local: LocalWorkplace, repository: Repository) -> SetupOutcome:
        project = await self._opened.project(place.project_id)
        commands = (await self._opened.in_effect(project)).setup
        name, room = place.name, local.room
        pinned = await self._opened.thread(pinned_by, repository.trees, name)
        theirs = await self._opened.thread(_digests, project.copies, repository)
        key = await self._opened.thread(key_of, pinned, commands, theirs, local.sandbox, room.read_only)
        mark = repository.trees.admin(name) / "vapora-setup"
        if mark.is_file() and mark.read_text(encoding="utf-8") == key:
            return SetupOutcome(ok=True, reused=bool(commands))
        took = None
        if commands:
            await self._opened.thread(_empty, repository, name, room)
            took = await self._kept.take(key, repository, room)
            if took is None:
                await self._opened.thread(_empty, repository, name, room)
        copied, problem = await self._opened.thread(_copy, project.copies, repository, name)
        if problem:
            return SetupOutcome(False, (CommandRan("copy", ", ".join(project.copies), 1, "", 0, problem, False),))
        if took is not None:
            mark.write_text(key, encoding="utf-8")
            return SetupOutcome(True, (CommandRan(_REUSED, "", 0, "", took, "", False),), reused=True, copied=copied)
        results = []
        for number, command in enumerate(commands, 1):
            outcome = await local.command(command, _LONGEST_S, network=True)
            results.append(ran(f"setup {number}", command, outcome))
            if outcome.exit_code != 0:
                return SetupOutcome(False, tuple(results), copied=copied)
        mark.write_text(key, encoding="utf-8")
        if results and (why := await self._keep(place, key, pinned, local, repository)):
            told = f"{results[-1].output}\n[not kept for other worktrees: {why}]"
            results[-1] = replace(results[-1], output=told.lstrip())
        return SetupOutcome(True, tuple(results), copied=copied)

    async def _keep(self, place: Place, key: str, pinned: Pinned, local: LocalWorkplace, repository: Repository) -> str:
        """Why what was made is not kept; empty where it is."""
        in_effect = await self._opened.in_effect(await self._opened.project(place.project_id))
        # Of what setup changed, only what git ignores stays; which files those are, the commit says.
        await self._opened.thread(lambda: repository.set_back(place.name, repository.trees.get(place.name).head))
        if not (repository.trees.admin(place.name) / "vapora-setup").is_file():
            return "the worktree had to be made anew"
        return await self._kept.keep(key, pinned, in_effect.base_branch, repository, place.name, local.room)

    async def again_if_lost(self, place: Place, local: LocalWorkplace, repository: Repository) -> None:
        """For a worktree that had to be made anew in the middle of a run."""
        mark = repository.trees.admin(place.name) / "vapora-setup"
        if not mark.is_file():
            await self.run(place, local, repository)


def _empty(repository: Repository, name: str, room: Room) -> None:
    """In a thread."""
    repository.empty(name)
    if any(room.home.iterdir()):
        delete_tree(room.home)
        room.home.mkdir(mode=0o700)


def _digests(paths: tuple[str, ...], repository: Repository) -> list[tuple[str, str]]:
    """Of the files that are copied; in a thread."""
    if not paths or repository.bare.source.kind != "path":
        return []
    theirs = Folder(repository.bare.source.path)
    found = ((path, theirs.read(path, limit=_LARGEST_COPY)[0]) for path in _files(theirs, paths))
    return [(path, hashlib.sha256(data).hexdigest()) for path, data in found]


def _copy(paths: tuple[str, ...], repository: Repository, name: str) -> tuple[tuple[str, ...], str]:
    """Which files were copied from the person's folder, or why that must not be; in a thread."""
    if not paths or repository.bare.source.kind != "path":
        return (), ""
    theirs, ours = Folder(repository.bare.source.path), Folder(repository.trees.path(name))
    copied = []
    for path in _files(theirs, paths):
        data, size = theirs.read(path, limit=_LARGEST_COPY)
        if size > len(data):
            return (), f"{path} has {size:,} bytes; at most {_LARGEST_COPY:,} are copied."
        ours.write(path, data)
        copied.append(path)
    tracked = set(repository.changed_paths(name)) & set(copied)
    if tracked:
        repository.restore(name, sorted(tracked))
        return (
            (),
            f"{', '.join(sorted(tracked))}: not ignored by git, so it would be committed. Add it to .gitignore.",
        )
    return tuple(copied), ""


def _files(folder: Folder, paths: tuple[str, ...]) -> list[str]:
    found = []
    for path in paths:
        try:
            below = [one.path for one in folder.entries(path, _DEEPEST) if not one.path.endswith("/")]
        except VaporaError:
            below = [path]  # a file
        found += below
    return found
