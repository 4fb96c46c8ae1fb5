"""Setting a worktree up: files that git does not have, and the project's own commands."""

from __future__ import annotations

import json

from actors.repositories.commands import ran
from actors.repositories.open import OpenRepositories
from actors.work_messages import CommandRan, Place, SetupOutcome
from vapora.errors import VaporaError
from vapora.repo.owner import Repository
from vapora.sandbox.values import Limits
from vapora.tools.folder import Folder
from vapora.tools.local import LocalWorkplace

# A toolchain and its packages come over the network.
_LONGEST_S = 1_800
_LARGEST_COPY = 100 * 1024**2
_DEEPEST = 20


class Setup:
    """Runs once in each worktree. That it did is noted beside what git knows of the worktree: where no command of an
    agent can write, and gone as soon as the folder is made anew."""

    def __init__(self, opened: OpenRepositories, limits: Limits) -> None:
        self._opened = opened
        self._limits = limits

    async def run(self, place: Place, local: LocalWorkplace, repository: Repository) -> SetupOutcome:
        project = await self._opened.project(place.project_id)
        commands = (await self._opened.in_effect(project)).setup
        mark, wanted = repository.trees.admin(place.name) / "vapora-setup", json.dumps([commands, project.copies])
        if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
            return SetupOutcome(ok=True, reused=bool(commands))
        copied, problem = await self._opened.thread(_copy, project.copies, repository, place.name)
        if problem:
            return SetupOutcome(False, (CommandRan("copy", ", ".join(project.copies), 1, "", 0, problem, False),))
        results = []
        for number, command in enumerate(commands, 1):
            outcome = await local.command(command, _LONGEST_S, network=True)
            results.append(ran(f"setup {number}", command, outcome))
            if outcome.exit_code != 0:
                return SetupOutcome(False, tuple(results), copied=copied)
        mark.write_text(wanted, encoding="utf-8")
        return SetupOutcome(True, tuple(results), copied=copied)

    async def again_if_lost(self, place: Place, local: LocalWorkplace, repository: Repository) -> None:
        """For a worktree that had to be made anew in the middle of a run."""
        mark = repository.trees.admin(place.name) / "vapora-setup"
        if not mark.is_file():
            await self.run(place, local, repository)


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
