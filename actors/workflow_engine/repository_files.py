"""Keeps the workflows that files of projects' repositories define: `.vapora/workflows/NAME.toml` on the base branch.

Of the base branch only. What an agent writes in its worktree defines nothing until it has landed, so that no agent
makes itself a workflow without approvals, or weakens those that there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from actors.follower import cancel
from actors.work_messages import Tree
from events import project as told
from events.ids import task_stream, workflow_stream
from events.task import TaskLanded, TaskSubmitted
from events.workflow import WorkflowDefined, WorkflowRemoved
from vapora.catalog.workflow_files import of_repository
from vapora.clock import new_id
from vapora.dispatch.workflows import WorkflowCommands
from vapora.domain import project as projects
from vapora.domain.project import Project
from vapora.domain.workflow.catalogue import IN_REPOSITORY
from vapora.errors import VaporaError
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.views import FileText

ACTOR = "repository-workflows"
# How long a branch that somebody else moved may go unseen; what lands here is seen at once.
EACH_S = 30.0
_PAGE = 2_000
_MOST_FILES = 100
_OF_PROJECTS = (
    told.ProjectCreated,
    told.ProjectEdited,
    told.ProjectArchived,
    told.ProjectFileAccepted,
    told.ProjectPaused,
    told.ProjectResumed,
)
TOPICS = tuple(kind.TOPIC for kind in (*_OF_PROJECTS, TaskLanded, WorkflowDefined, WorkflowRemoved))


class Repositories(Protocol):
    """Of the actor that has the repositories."""

    async def base_tree(self, project_id: str) -> Tree: ...

    async def files_at(self, project_id: str, oid: str, paths: Sequence[str]) -> tuple[FileText, ...]: ...


class RepositoryWorkflows:
    """A file with a fault changes nothing, and neither does a repository that cannot be read. `problems`: what is
    wrong, by project and file."""

    def __init__(
        self,
        repositories: Repositories,
        log: LogClient,
        commands: WorkflowCommands,
        workspace: str,
        each_s: float = EACH_S,
    ) -> None:
        self._repositories = repositories
        self._log = log
        self._commands = commands
        self._workspace = workspace
        self._each_s = each_s
        self._position = 0
        self._projects: dict[str, Project] = {}
        # By project: the commit that was read last. By workflow: the project and the file of its newest version.
        self._seen: dict[str, str] = {}
        self._files: dict[str, tuple[str, str]] = {}
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger(ACTOR)
        self.problems: dict[str, str] = {}

    async def start(self) -> None:
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        task, self._task = self._task, None
        await cancel(task)

    async def _follow(self) -> None:
        while True:
            try:
                landed = await self._catch_up()
                for project_id in landed or [one.id for one in self._projects.values() if _counts(one)]:
                    await self._look(project_id)
                await self._wait()
            except VaporaError as error:  # told here and in health; the next round tries again
                self.problems[""] = str(error)
                self._journal.warning("workflows of repositories not read", error=repr(error))
                await asyncio.sleep(self._each_s)
            else:
                self.problems.pop("", None)

    async def _wait(self) -> None:
        """Until something of it happens, or the time is over."""
        await self._log.poll(self._position, 1, self._each_s, TOPICS)

    async def _catch_up(self) -> list[str]:
        """The projects in which something has landed; none: all are to be looked at."""
        landed: dict[str, None] = {}
        head = await self._log.head()
        while self._position < head:
            polled = await self._log.poll(self._position, _PAGE, 0, TOPICS)
            for one in polled.events:
                match one.event:
                    case WorkflowDefined() as event:
                        self._defined(event)
                    case WorkflowRemoved() as event:
                        self._files.pop(event.workflow_id, None)
                    case TaskLanded() as event:
                        first = await self._log.first(task_stream(event.task_id))
                        if first is not None and isinstance(first.event, TaskSubmitted):
                            landed[first.event.project_id] = None
                    case _:
                        project_id: str = one.event.project_id  # type: ignore[attr-defined]  # all of these have one
                        project = projects.evolve(self._projects.get(project_id), one.event)
                        if project is not None:
                            self._projects[project_id] = project
            self._position = polled.position
        return [one for one in landed if one in self._projects and _counts(self._projects[one])]

    def _defined(self, event: WorkflowDefined) -> None:
        self._files.pop(event.workflow_id, None)
        if event.file.startswith(IN_REPOSITORY):
            self._files[event.workflow_id] = (str(event.definition.get("project_id")), event.file)

    async def _look(self, project_id: str) -> None:
        try:
            await self._load(project_id)
        except VaporaError as error:  # of one repository: it stands in no other's way
            self._tell(project_id, str(error))

    async def _load(self, project_id: str) -> None:
        tree = await self._repositories.base_tree(project_id)
        if self._seen.get(project_id) == tree.oid:
            return
        paths = [one.path for one in tree.files if _is_one(one.path)]
        texts = await self._repositories.files_at(project_id, tree.oid, paths[:_MOST_FILES])
        for place in [one for one in self.problems if one.partition(":")[0] == project_id]:
            del self.problems[place]
        for path in paths[_MOST_FILES:]:
            self._tell(f"{project_id}:{path}", f"Of a repository {_MOST_FILES} files are read.")
        for one in texts:
            if problem := await self._define(project_id, one):
                self._tell(f"{project_id}:{one.path}", problem)
        for workflow_id, (owner, path) in list(self._files.items()):
            if owner == project_id and path not in paths:
                await self._commands.remove(self._origin(), workflow_id)
                self._files.pop(workflow_id, None)
        self._seen[project_id] = tree.oid

    async def _define(self, project_id: str, file: FileText) -> str:
        """What is wrong with it."""
        if file.text is None or file.truncated:
            return "It is no text, or longer than what is read of a file."
        found = of_repository(file.path, file.text, project_id)
        if found.definition is None:
            return found.problem
        if await self._was_removed(found.workflow_id, found.digest):
            return ""
        try:
            await self._commands.define(
                self._origin(),
                found.workflow_id,
                found.definition,
                file=found.name,
                file_digest=found.digest,
                of_project=project_id,
            )
        except VaporaError as error:
            return f"{error.message} {error.remedy}".strip()
        self._files[found.workflow_id] = (project_id, found.name)
        return ""

    async def _was_removed(self, workflow_id: str, digest: str) -> bool:
        """By a person, who does not want what the file says; until it says something else."""
        recorded = await self._log.read(workflow_stream(workflow_id))
        last = recorded[-1] if recorded else None
        return (
            last is not None
            and isinstance(last.event, WorkflowRemoved)
            and last.actor != ACTOR
            and last.event.file_digest == digest
        )

    def _tell(self, place: str, problem: str) -> None:
        if self.problems.get(place) != problem:
            self._journal.warning("workflow of a repository has a fault", file=place, problem=problem)
        self.problems[place] = problem

    def _origin(self) -> Origin:
        return Origin(self._workspace, ACTOR, new_id("cor"))


def _counts(project: Project) -> bool:
    return project.repo is not None and not project.archived


def _is_one(path: str) -> bool:
    name = path.removeprefix(IN_REPOSITORY)
    return name != path and "/" not in name and name.endswith((".toml", ".json"))
