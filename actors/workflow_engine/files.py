"""Keeps the workflows that the files of a workspace's folder define: at the start, and whenever a file changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from actors.follower import cancel
from events.workflow import WorkflowDefined, WorkflowRemoved
from vapora.catalog.workflow_files import WorkflowFile, listed, read_file
from vapora.clock import new_id
from vapora.dispatch.workflows import WorkflowCommands
from vapora.errors import VaporaError
from vapora.log.client import LogClient
from vapora.ports import Origin

ACTOR = "workflow-files"
_EACH_S = 2.0
_PAGE = 2_000


class WorkflowFiles:
    """A file is read again once it says something else: what people changed since by other doors stands until then.
    One with a fault changes nothing. Without the folder nothing happens, so that one which is not mounted removes
    nothing."""

    def __init__(self, folder: Path, log: LogClient, commands: WorkflowCommands, workspace: str) -> None:
        self._folder = folder
        self._log = log
        self._commands = commands
        self._workspace = workspace
        self._seen: dict[str, tuple[int, int]] = {}
        # By workflow: what was last read from a file, and the file that its newest version is from.
        self._digests: dict[str, str] = {}
        self._files: dict[str, str] = {}
        self._position = 0
        self._again = False
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger(ACTOR)
        self.problems: dict[str, str] = {}

    async def start(self) -> None:
        await self._try()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        task, self._task = self._task, None
        await cancel(task)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_EACH_S)
            await self._try()

    async def _try(self) -> None:
        try:
            await self.look()
        except (OSError, VaporaError) as error:  # told here and in health; the next look tries again
            self._again = True
            self.problems[""] = str(error)
            self._journal.warning("workflow files not read", error=repr(error))

    async def look(self) -> None:
        """Define and remove what changed since the last look."""
        now = await asyncio.to_thread(listed, self._folder)
        if now is None or (now == self._seen and not self._again):
            return
        await self._catch_up()
        problems: dict[str, str] = {}
        for name in now:
            found = await asyncio.to_thread(read_file, self._folder / name)
            if found.problem:
                problems[name] = found.problem
                if self.problems.get(name) != found.problem:
                    self._journal.warning("workflow file has a fault", file=name, problem=found.problem)
            else:
                await self._define(found)
        for workflow_id in [one for one, name in self._files.items() if name not in now]:
            await self._commands.remove(self._origin(), workflow_id)
            self._digests.pop(workflow_id, None)
            del self._files[workflow_id]
        self._seen, self.problems, self._again = now, problems, False

    async def _define(self, found: WorkflowFile) -> None:
        if found.definition is None or self._digests.get(found.workflow_id) == found.digest:
            return
        await self._commands.define(
            self._origin(), found.workflow_id, found.definition, file=found.name, file_digest=found.digest
        )
        self._digests[found.workflow_id] = found.digest
        self._files[found.workflow_id] = found.name

    async def _catch_up(self) -> None:
        topics = (WorkflowDefined.TOPIC, WorkflowRemoved.TOPIC)
        head = await self._log.head()
        while self._position < head:
            polled = await self._log.poll(self._position, _PAGE, 0, topics)
            for one in polled.events:
                match one.event:
                    case WorkflowDefined(workflow_id=workflow_id, file=file, file_digest=digest):
                        self._files.pop(workflow_id, None)
                        if file and "/" not in file:
                            self._files[workflow_id], self._digests[workflow_id] = file, digest
                    case WorkflowRemoved(workflow_id=workflow_id):
                        self._files.pop(workflow_id, None)
                        if one.actor == ACTOR:  # the file was gone; one that comes back counts
                            self._digests.pop(workflow_id, None)
            self._position = polled.position

    def _origin(self) -> Origin:
        return Origin(self._workspace, ACTOR, new_id("cor"))
