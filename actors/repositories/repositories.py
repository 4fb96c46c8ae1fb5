"""The repositories of a workspace's projects: the one actor that runs git and commands.

It holds no truth of its own. What runs and tasks are is in the log, what they made is in the repositories; after a
restart both are looked at again.
"""

from __future__ import annotations

from typing import Any

from actors.repositories.open import OpenRepositories
from actors.repositories.workplaces import Workplaces
from actors.work_messages import BeginRun, Begun, CommandRan, Place, RunChecks, SetupOutcome, ToolOutcome, UseTool
from events.work import Workplace
from vapora.blobs import Blobs
from vapora.clock import Clock
from vapora.log.client import LogClient


class Repositories:
    """`vapora.ports.RepositoriesPort`, and `actors.work_messages.WorkplacesPort`."""

    def __init__(self, log: LogClient, workspace: str, opened: OpenRepositories, blobs: Blobs, clock: Clock) -> None:
        self._log = log
        self._workspace = workspace
        self._opened = opened
        self._blobs = blobs
        self._clock = clock
        self._workplaces = Workplaces(opened, clock)

    async def start(self) -> None:
        """Nothing to rebuild: a repository is opened by the first call that needs it."""

    async def stop(self) -> None:
        await self._workplaces.stop()
        await self._opened.close()

    async def health(self) -> dict[str, Any]:
        return {"open": sorted(self._opened.opened())}

    # For agents.

    async def begin(self, run: BeginRun) -> Begun | None:
        return await self._workplaces.begin(run)

    async def set_up(self, place: Place, workplace: Workplace) -> SetupOutcome:
        return await self._workplaces.set_up(place, workplace)

    async def use_tool(self, use: UseTool) -> ToolOutcome:
        return await self._workplaces.use_tool(use)

    async def run_checks(self, run: RunChecks) -> tuple[CommandRan, ...]:
        return await self._workplaces.run_checks(run)

    async def end(self, place: Place) -> None:
        await self._workplaces.end(place)
