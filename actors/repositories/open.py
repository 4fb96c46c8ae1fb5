"""The repositories that are open, with what the log says of their projects."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

import structlog

from actors.lanes import REPOSITORIES, Lane
from actors.repositories.logins import SecretLogins
from events.content import Content
from events.ids import project_stream, task_stream
from vapora.dispatch.folds import PROJECT, TASK
from vapora.domain import project as projects
from vapora.domain import project_file
from vapora.domain import task as tasks
from vapora.domain.project import InEffect, Project
from vapora.domain.task_state import Task
from vapora.errors import LogError, NoWorktreeError, RepositoryError, UnavailableError
from vapora.log.client import LogClient
from vapora.log.folds import LoadedFold, StreamFolds
from vapora.objects import Where
from vapora.repo.bare import Person
from vapora.repo.branch_bundles import BranchBundles
from vapora.repo.logins import Logins, nobodys
from vapora.repo.owner import Repository
from vapora.repo.source import parse_source
from vapora.sandbox.choice import Wish, choose
from vapora.sandbox.sandbox import Sandbox
from vapora.sandbox.values import Limits
from vapora.tools.local import LocalWorkplace

# git runs beside us; a clone of a large repository must not keep the others waiting.
_THREADS = 8
# What is under way at a stop gets so long to end; then the repository stays locked until this process ends.
_PATIENCE_S = 8.0
# What the name of a worktree begins with that is there for the checks of a landing only.
SCRATCH = "landing-"

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _Opened:
    repo: str
    repository: Repository


@dataclass(slots=True)
class _Place:
    """Of a project: one opens at a time."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    opened: _Opened | None = None


class OpenRepositories:
    """Opens a project's repository with the first call that needs it, and keeps it open. Settings come from the log,
    never from who asks.

    `text` reads the content that events name (blocking). `logins`: those of remotes, from the workspace's secrets.
    `sandbox`: what the installation wants, where a project does not say. `bundles`: where branches are kept beside the
    folder; None: it is kept itself.
    """

    def __init__(
        self,
        log: LogClient,
        folder: Path,
        *,
        roots: Sequence[Path],
        environ: Mapping[str, str],
        committer: Person,
        sandbox: Wish,
        text: Callable[[Content], str],
        snapshots: Where | None = None,
        logins: SecretLogins | None = None,
        bundles: BranchBundles | None = None,
    ) -> None:
        self.folder = folder
        self.roots = roots
        self.environ = environ
        self.committer = committer
        self.text = text
        self._logins = logins
        self._bundles = bundles
        # By project and worktree: why its branch could not be restored.
        self._refused: dict[tuple[str, str], RepositoryError] = {}
        self._journal = structlog.get_logger("repositories")
        self._sandbox = sandbox
        self._projects = StreamFolds(log, PROJECT, snapshots)
        self._tasks = StreamFolds(log, TASK, snapshots)
        self._places: defaultdict[str, _Place] = defaultdict(_Place)
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sandboxes: dict[str, Sandbox] = {}
        self._threads = Lane(REPOSITORIES, _THREADS)
        self._under_way: set[asyncio.Future[object]] = set()
        self._closed = False

    # What the log says.

    async def load_task(self, task_id: str) -> LoadedFold[Task | None]:
        return await self._tasks.load(task_stream(task_id))

    async def task(self, task_id: str) -> Task:
        """Raises `NotFoundError`."""
        return tasks.require((await self.load_task(task_id)).state, task_id)

    async def project(self, project_id: str) -> Project:
        """Also an archived one. Raises `NotFoundError`."""
        return projects.require((await self._projects.load(project_stream(project_id))).state, project_id)

    async def in_effect(self, project: Project) -> InEffect:
        """Base branch, setup and checks, the accepted file among them."""
        accepted = project.accepted
        if accepted is None:
            return projects.in_effect(project, None)
        text = await self.thread(self.text, accepted.text)
        return projects.in_effect(project, project_file.parse(text))

    # What is open.

    async def repository(self, project: Project) -> Repository:
        """The project's, cloned if need be. Raises `NoWorktreeError` where it has none, and what the source gives cause
        for."""
        if project.repo is None:
            raise NoWorktreeError(f"The project '{project.name}' has no repository.", remedy="Set its 'repo'.")
        place = self._places[project.id]
        async with place.turn:
            if place.opened is not None and place.opened.repo == project.repo:
                return place.opened.repository
            if place.opened is not None:
                raise RepositoryError(
                    f"The project's repository was made from {place.opened.repo}, not from {project.repo}.",
                    remedy="Set it back, and make another project for another repository.",
                )
            repository = await self.thread(self._open, project.id, project.repo)
            place.opened = _Opened(project.repo, repository)
            return repository

    def opened(self) -> dict[str, Repository]:
        """By project."""
        return {id_: one.opened.repository for id_, one in self._places.items() if one.opened is not None}

    def is_made(self, project_id: str) -> bool:
        """Whether there is something of the project on the disk."""
        return (self.folder / project_id / "repo.git").is_dir()

    def require_restored(self, project_id: str, worktree: str) -> None:
        """Raises `RepositoryError` where the branch is not here and what was saved of it cannot be used: a run that
        began anew would overwrite it."""
        refused = self._refused.get((project_id, worktree))
        if refused is not None:
            raise refused

    async def save_branch(self, project_id: str, repository: Repository, worktree: str) -> None:
        """Before anybody is told of its newest commit. A store that is away stops no work: the next commit is saved
        with all before it."""
        if self._bundles is None:
            return
        try:
            await self.thread(self._bundles.save, project_id, repository, worktree)
        except LogError as error:
            self._journal.warning("branch is on this node alone", worktree=worktree, why=str(error))

    async def forget_branches(self, project_id: str, is_over: Callable[[str], Awaitable[bool]]) -> None:
        """Of what is saved, the branches of which nothing is to come any more."""
        if self._bundles is None:
            return
        try:
            for worktree in await self.thread(self._bundles.saved, project_id):
                if await is_over(worktree):
                    await self.thread(self._bundles.forget, project_id, worktree)
        except LogError as error:
            self._journal.warning("saved branches are left as they are", project=project_id, why=str(error))

    def turn(self, project_id: str, worktree: str) -> asyncio.Lock:
        """Held by whoever does something in the worktree: one at a time. `worktree` as of `worktree_name`."""
        return self._turns[project_id, worktree]

    async def sandbox(self, project: Project) -> Sandbox:
        """The project's wish, else the installation's. Raises `SandboxUnavailableError`."""
        return await self.sandbox_of(project.sandbox or self._sandbox)

    async def sandbox_of(self, wish: str) -> Sandbox:
        """Of a kind, or of a wish; found out once whether it works here. Raises `SandboxUnavailableError`."""
        known = self._sandboxes.get(wish)
        if known is None:
            found = await choose(cast(Wish, wish))
            known = self._sandboxes[wish] = self._sandboxes.setdefault(found.kind, found)
        return known

    def home(self, project_id: str, worktree: str) -> Path:
        """The home folder of the commands that run in a worktree."""
        return self.folder / project_id / "homes" / worktree

    async def workplace(
        self, project: Project, repository: Repository, worktree: str, sandbox: Sandbox, limits: Limits
    ) -> LocalWorkplace:
        """The worktree as tools and commands use it."""
        read_only = tuple(map(Path, project.read_only))
        home = self.home(project.id, worktree)
        return await self.thread(
            lambda: LocalWorkplace(repository, worktree, sandbox, limits, home, read_only=read_only)
        )

    async def thread(self, work: Callable[Concatenate[P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What blocks, in one of our threads; it goes on to its end also where nobody waits for it any more."""
        if self._closed:
            raise UnavailableError("The repositories are being closed.", remedy="Try again in a moment.")
        loop = asyncio.get_running_loop()
        if self._logins is not None:
            self._logins.loop = loop
        future = loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))
        kept = cast("asyncio.Future[object]", future)
        self._under_way.add(kept)
        kept.add_done_callback(self._under_way.discard)
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Lets go of every repository in which nothing is under way any more."""
        self._closed = True
        left: set[asyncio.Future[object]] = set()
        if self._under_way:
            _, left = await asyncio.wait(list(self._under_way), timeout=_PATIENCE_S)
        if left:
            # A lock that is given up now would let another owner in beside git's processes of this one.
            self._journal.warning("git is still at work; locked until this process ends")
        else:
            for repository in self.opened().values():
                repository.close()
        self._threads.shutdown(wait=False)
        for folds in (self._projects, self._tasks):
            await folds.settled()
        if self._logins is not None:
            await self._logins.close()

    @property
    def logins(self) -> Logins:
        """What the workspace brought for remotes; to be asked in a thread of ours."""
        return nobodys if self._logins is None else self._logins

    def _open(self, project_id: str, repo: str) -> Repository:
        source = parse_source(repo, self.roots)
        repository = Repository(self.folder / project_id, source, self.environ, self.committer, logins=self.logins)
        try:
            for name in repository.branches():
                if name.startswith(SCRATCH):
                    # Its landing was cut off, and begins anew.
                    repository.remove(name, branch=True)
            self._restore(project_id, repository)
        except BaseException:
            # Nobody else would let go of its lock.
            repository.close()
            raise
        return repository

    def _restore(self, project_id: str, repository: Repository) -> None:
        """What another node has committed since, or this one before its folder was lost. Raises `LogError` where the
        store is away: without it nobody knows what there is."""
        if self._bundles is None:
            return
        for worktree, saved in self._bundles.saved(project_id).items():
            self._refused.pop((project_id, worktree), None)
            try:
                if self._bundles.restore(saved, repository):
                    self._journal.info("branch restored", worktree=worktree, head=saved.head)
            except RepositoryError as error:
                self._journal.warning("branch not restored", worktree=worktree, why=str(error))
                if worktree not in repository.branches():
                    self._refused[project_id, worktree] = error


def task_of(worktree: str) -> tuple[str, int]:
    """Task and attempt of a worktree's name."""
    task_id, dot, number = worktree.rpartition(".")
    return (task_id, int(number)) if dot and number.isdigit() else (worktree, 1)
