"""The repositories of a workspace's projects: the one actor that runs git and commands.

It holds no truth of its own. What runs and tasks are is in the log, what they made is in the repositories; after a
restart both are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from actors.repositories.landing import Lander
from actors.repositories.open import OpenRepositories
from actors.repositories.reactions import LOOK_AGAIN_S, Reactions
from actors.repositories.upkeep import Upkeep
from actors.repositories.views import Views
from actors.repositories.workplaces import Workplaces
from actors.work_messages import BeginRun, Begun, CommandRan, Place, RunChecks, SetupOutcome, ToolOutcome, Tree, UseTool
from events.work import Workplace
from vapora.blobs import Blobs
from vapora.clock import Clock
from vapora.commands import MergeTask
from vapora.domain.cell import Rest
from vapora.domain.landings import Landings
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.ports import Origin, RequestKey
from vapora.views import Changes, Examined, FileText, Merged, ProjectFile, Pushed, RepositoryView

_KEEP = timedelta(days=14)


Method = TypeVar("Method", bound=Callable[..., Any])


def _counted(method: Method) -> Method:
    """While somebody waits for its answer, the cell stays open: git may take minutes."""

    @wraps(method)
    async def counted(self: Repositories, *args: Any, **kwargs: Any) -> Any:
        self._calls += 1
        try:
            return await method(self, *args, **kwargs)
        finally:
            self._calls -= 1

    return cast(Method, counted)


class Repositories:
    """`vapora.ports.RepositoriesPort`, and `actors.work_messages.WorkplacesPort`. `keep`: how long a worktree stays
    that nobody uses."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        opened: OpenRepositories,
        blobs: Blobs,
        clock: Clock,
        *,
        saved: SavedFold[Landings] | None = None,
        keep: timedelta = _KEEP,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._opened = opened
        self._workplaces = Workplaces(opened, clock)
        self._views = Views(log, opened, blobs)
        self._lander = Lander(log, workspace, opened, clock)
        upkeep = Upkeep(opened, self._workplaces.forget, clock, keep)
        self._reactions = Reactions(log, workspace, opened, self._lander, upkeep, clock, saved, look_again_s)
        self._calls = 0

    async def start(self) -> None:
        await self._reactions.start()

    async def stop(self) -> None:
        await self._reactions.stop()
        await self._workplaces.stop()
        await self._opened.close()

    async def health(self) -> dict[str, Any]:
        return {
            "position": self._reactions.position,
            "problem": self._reactions.problem,
            "open": sorted(self._opened.opened()),
        }

    async def rest(self) -> Rest:
        return Rest("somebody waits for git, or for a command") if self._calls else await self._reactions.rest()

    # For people.

    @_counted
    async def examine(self, repo: str, base_branch: str | None = None) -> Examined:
        return await self._views.examine(repo, base_branch)

    @_counted
    async def overview(self, project_id: str) -> RepositoryView:
        return await self._views.overview(project_id)

    @_counted
    async def project_file(self, project_id: str) -> ProjectFile:
        return await self._views.project_file(project_id)

    @_counted
    async def changes(self, task_id: str, attempt: int | None = None, run_id: str | None = None) -> Changes:
        return await self._views.changes(task_id, attempt, run_id)

    @_counted
    async def file(self, task_id: str, path: str, ref: str | None = None) -> FileText:
        return await self._views.file(task_id, path, ref)

    @_counted
    async def base_tree(self, project_id: str) -> Tree:
        """What there is on the base branch, fetched anew."""
        return await self._views.base_tree(project_id)

    @_counted
    async def files_at(self, project_id: str, oid: str, paths: Sequence[str]) -> tuple[FileText, ...]:
        return await self._views.files_at(project_id, oid, paths)

    @_counted
    async def merge(self, origin: Origin, task_id: str, command: MergeTask, key: RequestKey | None = None) -> Merged:
        return await self._lander.merge(origin, task_id, command, key)

    @_counted
    async def push(self, origin: Origin, task_id: str, key: RequestKey | None = None) -> Pushed:
        return await self._lander.push(origin, task_id, key)

    # For agents.

    @_counted
    async def begin(self, run: BeginRun) -> Begun | None:
        return await self._workplaces.begin(run)

    @_counted
    async def set_up(self, place: Place, workplace: Workplace) -> SetupOutcome:
        return await self._workplaces.set_up(place, workplace)

    @_counted
    async def use_tool(self, use: UseTool) -> ToolOutcome:
        return await self._workplaces.use_tool(use)

    @_counted
    async def run_checks(self, run: RunChecks) -> tuple[CommandRan, ...]:
        return await self._workplaces.run_checks(run)

    @_counted
    async def end(self, place: Place) -> None:
        await self._workplaces.end(place)
