"""Worktrees of runs: where each begins, what its tools do there, and whether its checks are green.

A call may come again, after a crash of the agent or of ours. So it says which commit it starts from, and the worktree
is set back to that one unless it is known to be there; and the same call that is still under way is joined.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from actors.repositories.authorship import commit_of
from actors.repositories.commands import ran
from actors.repositories.open import OpenRepositories
from actors.repositories.setup import Setup
from actors.repositories.wishes import read_wishes
from actors.work_messages import BeginRun, Begun, CommandRan, Place, RunChecks, SetupOutcome, ToolOutcome, UseTool
from events.work import Workplace
from vapora.clock import Clock
from vapora.errors import GitFailedError, NoWorktreeError, RepositoryError, UncommittableError
from vapora.repo.bare import branch_name
from vapora.repo.commits import StepCommit
from vapora.repo.owner import Repository
from vapora.repo.words import shown
from vapora.sandbox.values import Limits
from vapora.tools.local import LocalWorkplace
from vapora.tools.table import TOOLS
from vapora.tools.toolbox import Toolbox
from vapora.tools.values import ToolResult

# Of the patch that a reviewer is shown at once; it can read the files, and the rest of the patch by git_diff.
_PATCH_BYTES = 60_000
_LONGEST_SUBJECT = 72
_CONFLICTS = "conflict markers"

T = TypeVar("T")
# Which worktree: project and name.
Key = tuple[str, str]


@dataclass(slots=True)
class _Tree:
    """What is known of a worktree. `clean_at`: the commit that its files are as of, None where that is not known.
    `last`: the newest call and what came of it, for an agent that died before it recorded that."""

    repository: Repository
    local: LocalWorkplace
    clean_at: str | None = None
    last: tuple[tuple[Any, ...], Any] | None = None


class Workplaces:
    """`vapora`'s side of `WorkplacesPort`; `opened` holds the repositories and knows the projects."""

    def __init__(self, opened: OpenRepositories, clock: Clock, limits: Limits | None = None) -> None:
        self._opened = opened
        self._clock = clock
        self._limits = limits or Limits()
        self._setup = Setup(opened, self._limits)
        self._trees: dict[Key, _Tree] = {}
        self._under_way: dict[tuple[Any, ...], tuple[Place, asyncio.Task[Any]]] = {}

    async def stop(self) -> None:
        await self._cancel(lambda _: True)

    async def begin(self, run: BeginRun) -> Begun | None:
        project = await self._opened.project(run.place.project_id)
        if project.repo is None:
            return None
        # Whoever was to end an earlier run of this worktree may have died before it could say so.
        await self._cancel(
            lambda place: (
                place.name == run.place.name
                and place.project_id == run.place.project_id
                and place.run_id != run.place.run_id
            )
        )
        return await self._once(("begin", run.place.run_id), run.place, lambda: self._begin(run))

    async def set_up(self, place: Place, workplace: Workplace) -> SetupOutcome:
        return await self._once(("setup", place.run_id), place, lambda: self._set_up(place, workplace))

    async def use_tool(self, use: UseTool) -> ToolOutcome:
        key = ("tool", use.place.run_id, use.step, use.call, use.at)
        return await self._once(key, use.place, lambda: self._remembered(key, use.place, lambda: self._use(use)))

    async def run_checks(self, run: RunChecks) -> tuple[CommandRan, ...]:
        key = ("checks", run.place.run_id, run.round, run.head)
        return await self._once(key, run.place, lambda: self._remembered(key, run.place, lambda: self._check(run)))

    async def end(self, place: Place) -> None:
        """Nothing of the run goes on. Its worktree stays, for its review and for the next run."""
        await self._cancel(lambda other: other.run_id == place.run_id)

    def forget(self, project_id: str, name: str) -> None:
        """The worktree was changed or removed by somebody else."""
        self._trees.pop((project_id, name), None)

    # One thing at a time, and each of them once.

    async def _once(self, key: tuple[Any, ...], place: Place, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        known = self._under_way.get(key)
        if known is None:
            task = asyncio.create_task(self._in_turn(place, work), name=" ".join(map(str, key)))
            known = self._under_way[key] = (place, task)
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        result: T = await asyncio.shield(known[1])
        return result

    async def _in_turn(self, place: Place, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._opened.turn(place.project_id, place.name):
            return await work()

    async def _remembered(self, key: tuple[Any, ...], place: Place, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        tree = self._trees.get((place.project_id, place.name))
        if tree is not None and tree.last is not None and tree.last[0] == key:
            known: T = tree.last[1]
            return known
        found = await work()
        self._trees[place.project_id, place.name].last = (key, found)
        return found

    async def _cancel(self, wanted: Callable[[Place], bool]) -> None:
        """End what is under way, with the commands that it runs."""
        tasks = [task for place, task in self._under_way.values() if wanted(place)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # Beginning.

    async def _begin(self, run: BeginRun) -> Begun:
        project = await self._opened.project(run.place.project_id)
        in_effect = await self._opened.in_effect(project)
        sandbox = await self._opened.sandbox(project)
        repository = await self._opened.repository(project)
        self._opened.require_restored(project.id, run.place.name)
        self.forget(project.id, run.place.name)
        branch = in_effect.base_branch
        begin = self._judge if run.place.purpose == "review" else self._start
        base_branch, conflicts = await self._opened.thread(begin, repository, run, branch)
        tree = repository.trees.get(run.place.name)
        # A base that was merged in, or the commit of another attempt.
        await self._opened.save_branch(project.id, repository, run.place.name)
        workplace = Workplace(
            branch=tree.branch,
            base_branch=base_branch,
            base=tree.base,
            head=tree.head,
            attempt=run.place.attempt,
            conflicts=conflicts,
            tools=run.tools,
            writable=run.writable,
            checks=in_effect.checks,
            sandbox=sandbox.kind,
        )
        local = await self._local(run.place, workplace, repository)
        self._trees[project.id, run.place.name] = _Tree(repository, local, clean_at=tree.head)
        name, wishes = await self._opened.thread(read_wishes, local.folder)
        if run.place.purpose == "work":
            return Begun(workplace, wishes, name)
        changes = await self._opened.thread(repository.changes, run.place.name, _PATCH_BYTES)
        return Begun(workplace, wishes, name, changes.patch, changes.truncated)

    def _start(self, repository: Repository, run: BeginRun, branch: str | None) -> tuple[str, tuple[str, ...]]:
        """The base branch, and the paths that are in conflict with it; in a thread."""
        name = run.place.name
        known = name in repository.branches()
        repository.start(name, branch)
        conflicts: tuple[str, ...] = ()
        if not known and run.at is not None:
            repository.fork(name, run.at, branch)
        elif known:
            step = self._commit_of(run.place, 0, "Bring the branch up to its base")
            conflicts = repository.bring_up(name, step, branch)[1]
        head = repository.trees.get(name).head
        # What an earlier run did and did not commit is nobody's.
        repository.set_back(name, head)
        left = repository.unresolved(name)
        return repository.base(branch).branch, tuple(dict.fromkeys((*conflicts, *left)))

    def _judge(self, repository: Repository, run: BeginRun, branch: str | None) -> tuple[str, tuple[str, ...]]:
        name = run.place.name
        head = repository.branches().get(name)
        if head is None or head != run.at:
            raise RepositoryError(
                f"The branch {branch_name(name)} is not at {run.at and run.at[:12]}, which was to be reviewed.",
                remedy="Review what it holds now.",
            )
        repository.start(name)
        repository.set_back(name, head)
        return repository.base(branch).branch, ()

    async def _local(self, place: Place, workplace: Workplace, repository: Repository) -> LocalWorkplace:
        """In the sandbox that its run was begun with, and in no other."""
        project = await self._opened.project(place.project_id)
        sandbox = await self._opened.sandbox_of(workplace.sandbox)
        return await self._opened.workplace(project, repository, place.name, sandbox, self._limits)

    async def _ready(self, place: Place, workplace: Workplace, at: str) -> _Tree:
        """The worktree with its files as of the commit `at`."""
        key = (place.project_id, place.name)
        tree = self._trees.get(key)
        if tree is None:
            project = await self._opened.project(place.project_id)
            repository = await self._opened.repository(project)
            self._opened.require_restored(project.id, place.name)
            if place.name not in await self._opened.thread(repository.branches):
                raise NoWorktreeError(f"The branch {workplace.branch} is gone.", remedy="Have the task done anew.")
            await self._opened.thread(repository.start, place.name)
            tree = _Tree(repository, await self._local(place, workplace, repository))
            self._trees[key] = tree
        if tree.clean_at != at:
            await self._opened.thread(tree.repository.set_back, place.name, at)
            tree.clean_at = at
            if place.purpose == "work":
                await self._setup.again_if_lost(place, tree.local, tree.repository)
        return tree

    # Working.

    async def _set_up(self, place: Place, workplace: Workplace) -> SetupOutcome:
        tree = await self._ready(place, workplace, workplace.head)
        tree.clean_at = None
        return await self._setup.run(place, tree.local, tree.repository)

    async def _use(self, use: UseTool) -> ToolOutcome:
        tree = await self._ready(use.place, use.workplace, use.at)
        tool = TOOLS.get(use.name)
        leaves = tool is not None and tool.effect not in ("pure", "asks", "ends")
        if leaves:
            tree.clean_at = None
        toolbox = Toolbox(tree.local, use.workplace.tools, use.workplace.writable)
        begun = time.monotonic()
        result = await toolbox.call(use.name, use.arguments)
        took = round((time.monotonic() - begun) * 1_000)
        commit = use.at
        if leaves:
            commit, result = await self._commit(use, tree, result)
            tree.clean_at = commit
        code, kind = result.data.get("exit_code"), result.data.get("sandbox")
        return ToolOutcome(
            ok=result.ok,
            text=result.text,
            commit=commit,
            duration_ms=took,
            truncated=result.truncated,
            exit_code=code if isinstance(code, int) else None,
            sandbox=kind if isinstance(kind, str) else None,
            data=result.data,
        )

    async def _commit(self, use: UseTool, tree: _Tree, result: ToolResult) -> tuple[str, ToolResult]:
        """What the call left is committed, whatever became of it. What cannot be committed is undone: after a crash the
        files are as of the last commit too, and the agent must not find others than it was told."""
        about = use.arguments.get("path") or use.arguments.get("command") or ""
        subject = " ".join(f"{use.name} {about}".split())[:_LONGEST_SUBJECT]
        step = self._commit_of(use.place, use.step, subject)
        try:
            commit = await self._opened.thread(tree.repository.commit, use.place.name, step)
        except (UncommittableError, GitFailedError) as error:
            await self._opened.thread(tree.repository.set_back, use.place.name, use.at)
            text = f"{result.text}\n[all changes of this call were undone: {error}]"
            return use.at, replace(result, ok=False, text=text)
        await self._opened.save_branch(use.place.project_id, tree.repository, use.place.name)
        return commit, result

    def _commit_of(self, place: Place, step: int, message: str) -> StepCommit:
        return commit_of(place.agent_id, place.task_id, place.run_id, message, self._clock(), step)

    async def _check(self, run: RunChecks) -> tuple[CommandRan, ...]:
        """Each check, on the commit alone; what a check writes is set back before the next call."""
        tree = await self._ready(run.place, run.workplace, run.head)
        found = []
        if run.workplace.conflicts:
            left = await self._opened.thread(tree.repository.unresolved, run.place.name)
            told = "".join(f"{shown(path)} still holds a conflict marker of git\n" for path in left)
            found.append(CommandRan(_CONFLICTS, "", 1 if left else 0, "", 0, told, False))
        tree.clean_at = None
        for check in run.checks:
            outcome = await tree.local.command(check.command, check.timeout_s)
            found.append(ran(check.name, check.command, outcome))
        return tuple(found)
