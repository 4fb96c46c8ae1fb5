"""The project's checks on a commit that is about to land, in a worktree of its own."""

from __future__ import annotations

from pathlib import Path

from actors.repositories.commands import ran
from actors.repositories.open import SCRATCH, OpenRepositories
from actors.repositories.setup import Setup
from actors.work_messages import CommandRan, Place
from vapora.domain.project import InEffect, Project
from vapora.errors import ChecksFailedError
from vapora.private_dirs import delete_tree
from vapora.repo.owner import Repository
from vapora.sandbox.values import Limits

_MOST_OUTPUT = 2_000


class Recheck:
    """What was green on a task's branch may be red once it meets what others landed meanwhile."""

    def __init__(self, opened: OpenRepositories, limits: Limits | None = None) -> None:
        self._opened = opened
        self._limits = limits or Limits()
        self._setup = Setup(opened, self._limits)

    async def run(self, project: Project, in_effect: InEffect, repository: Repository, name: str, oid: str) -> None:
        """Raises `ChecksFailedError` with the red ones, and what they said; `SandboxUnavailableError`."""
        place = Place(project.id, SCRATCH + name.replace(".", "-"), run_id="landing", agent_id="landing")
        sandbox = await self._opened.sandbox(project)
        await self._opened.thread(repository.scratch, place.name, oid)
        try:
            local = await self._opened.workplace(project, repository, place.name, sandbox, self._limits)
            setup = await self._setup.run(place, local, repository)
            if not setup.ok:
                raise _red("The project's setup fails on the merged files", setup.results[-1:])
            results = [
                ran(one.name, one.command, await local.command(one.command, one.timeout_s)) for one in in_effect.checks
            ]
        finally:
            await self._opened.thread(_remove, repository, place.name, self._opened.home(project.id, place.name))
        if red := [one for one in results if one.exit_code != 0]:
            raise _red("On the merged files a check is red", red)


def _red(what: str, results: list[CommandRan] | tuple[CommandRan, ...]) -> ChecksFailedError:
    told = "\n".join(f"{one.name} ({one.ended or one.exit_code}): {one.output[-_MOST_OUTPUT:]}" for one in results)
    return ChecksFailedError(
        f"{what}: {', '.join(one.name for one in results)}.",
        remedy="Send the card back to its agent, or merge with force: true.",
        checks=[one.name for one in results],
        output=told,
    )


def _remove(repository: Repository, name: str, home: Path) -> None:
    repository.remove(name, branch=True)
    repository.empty_trash()
    delete_tree(home)
