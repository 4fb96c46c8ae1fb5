"""Takes worktrees away that nobody needs any more. Branches stay, and a worktree is made again where it is needed.
Of what setups made, the newest stay (`vapora.repo.products`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from actors.repositories.open import SCRATCH, OpenRepositories, task_of
from events.ids import TaskState
from vapora.clock import Clock
from vapora.domain.task_state import Task
from vapora.errors import NotFoundError, RepositoryError
from vapora.private_dirs import delete_tree
from vapora.repo.owner import Repository

# What is old and has to stay for now is looked at again then.
_DAY = timedelta(days=1)
# Of these nobody's work is under way; their worktrees may go when they are old.
_AT_REST = (TaskState.TODO, TaskState.DONE, TaskState.FAILED)


class Upkeep:
    """`forget(project, worktree)`: told of each that is gone. `keep`: how long one stays that nobody uses."""

    def __init__(
        self, opened: OpenRepositories, forget: Callable[[str, str], None], clock: Clock, keep: timedelta
    ) -> None:
        self._opened = opened
        self._forget = forget
        self._clock = clock
        self._keep = keep
        self._journal = structlog.get_logger("repositories")

    def due(self) -> datetime | None:
        """When the next worktree will have been unused for long enough; None: there are none. Blocks."""
        used = [_used(index) for index in self._opened.folder.glob("*/repo.git/worktrees/*/index")]
        found = min((at for at in used if at is not None), default=None)
        return None if found is None else max(found + self._keep, self._clock() + _DAY)

    async def sweep(self, project_id: str | None = None) -> None:
        """Of one project, or of all that have something on the disk."""
        folder = self._opened.folder
        found = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
        for one in found if project_id is None else [project_id]:
            if self._opened.is_made(one):
                await self._sweep(one)

    async def _sweep(self, project_id: str) -> None:
        try:
            project = await self._opened.project(project_id)
            repository = await self._opened.repository(project)
        except (RepositoryError, NotFoundError) as error:
            self._journal.info("worktrees are left as they are", project=project_id, why=str(error))
            return
        names = await self._opened.thread(repository.trees.names)
        gone = [name for name in names if await self._is_done_with(project.archived, repository, name)]
        for name in gone:
            # Whatever is under way there ends first.
            async with self._opened.turn(project_id, name):
                if await self._is_done_with(project.archived, repository, name):
                    await self._opened.thread(_remove, repository, name, self._opened.home(project_id, name))
                    self._forget(project_id, name)
        await self._opened.forget_branches(project_id, self._is_settled)
        await self._opened.thread(repository.empty_trash)
        await self._opened.thread(repository.products.prune)

    async def _is_done_with(self, archived: bool, repository: Repository, name: str) -> bool:
        if name.startswith(SCRATCH):
            return False  # whoever made it takes it away; what a crash left goes when the repository is opened
        task = (await self._opened.load_task(task_of(name)[0])).state
        if task is None or task.is_over or (archived and task.state in _AT_REST):
            return True
        return task.state in _AT_REST and self._is_old(task, repository, name)

    async def _is_settled(self, name: str) -> bool:
        """Whether its branch is in the target, or was given up with its card. That of a card that is done may still be
        merged by a person."""
        task = (await self._opened.load_task(task_of(name)[0])).state
        return task is None or task.landed is not None or task.state is TaskState.ARCHIVED

    def _is_old(self, task: Task, repository: Repository, name: str) -> bool:
        used = _used(repository.trees.admin(name) / "index")
        return used is not None and self._clock() - used > self._keep


def _used(index: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(index.stat().st_mtime, UTC)
    except OSError:
        return None


def _remove(repository: Repository, name: str, home: Path) -> None:
    repository.remove(name)
    delete_tree(home)
