"""The agent, and the actor that holds the repositories, die at random moments of a run: in the end there is the work of
a run that nobody disturbed, done once.

`VAPORA_WORK_SEED` repeats a plan, `VAPORA_WORK_ROUNDS` makes the run longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from actors.repositories import Repositories
from actors.runtime.base import Builder
from events.ids import ChecksVerdict
from events.run import ModelCalled, QuestionAsked, RunFailed, RunStarted, RunSucceeded, ToolUsed
from events.work import Check
from tests import rounds
from tests.repo.site import opened
from tests.work.site import WORKSPACE, Site, call, scripted
from vapora.repo.owner import Repository
from vapora.testing.crash import CrashableRuntime, KillPoint
from vapora.testing.soundness import answers, money, order, tools

SEED = int(os.environ.get("VAPORA_WORK_SEED", "0")) or random.randrange(1, 1_000_000)
ROUNDS = rounds.WORK
VICTIMS = ("agent", "repositories", "agent and repositories")
# Seen in a run; a process that is left is told from all others by it.
MARK = f"vapora-killed-rounds-{os.getpid()}"
# Each command would show in the files if it were done twice.
WORK = (
    [call("file_write", path="notes.txt", content="notes\n"), call("run_command", command="echo one >> log.txt")],
    [call("run_command", command=f": {MARK}; echo two >> log.txt; sleep 0.1; echo 2 >> log.txt")],
    [call("file_edit", path="slug.txt", old="wrong", new="almost"), call("git_diff"), call("no_such_tool")],
    [call("finish", summary="Done?")],
    [call("file_edit", path="slug.txt", old="almost", new="right"), call("run_command", command="echo 3 >> log.txt")],
    [call("file_read", path="log.txt"), call("run_command", command="rm notes.txt; ln -s log.txt link; exit 3")],
    [call("finish", summary="Done.")],
)
CHECK = Check(name="right", command=f": {MARK}; date > when.txt; grep right slug.txt")
# What moves a run on; nothing changes by all other calls.
_MOVES = frozenset({"begin", "set_up", "use_tool", "run_checks", "end", "append", "complete", "reserve", "settle"})


@dataclass
class Deaths:
    """The plan: so many moments from now on, and who dies then. `late_s`: so much after that moment."""

    plan: list[tuple[int, str, float]] = field(default_factory=list)
    moments: int = 0
    died: list[str] = field(default_factory=list)
    runtime: CrashableRuntime | None = None
    freeing: set[asyncio.Task[None]] = field(default_factory=set)

    def made(self, build: Builder) -> CrashableRuntime:
        self.runtime = CrashableRuntime(build, self.watch)
        return self.runtime

    def watch(self, moment: KillPoint) -> None:
        if moment.method not in _MOVES:
            return
        self.moments += 1
        for planned in [one for one in self.plan if one[0] <= self.moments]:
            self.plan.remove(planned)
            _, who, late_s = planned
            if late_s:
                asyncio.get_running_loop().call_later(late_s, self.strike, f"{moment.method} {moment.stage}", who)
            else:
                self.strike(f"{moment.method} {moment.stage}", who)

    def strike(self, when: str, who: str) -> None:
        assert self.runtime is not None
        for address in sorted(self.runtime.running()):
            if address.kind in who.split(" and "):
                actor = self.runtime.kill(address)
                self.died.append(f"{address.kind} at {when}")
                if isinstance(actor, Repositories):
                    self._free(actor)

    def _free(self, actor: Repositories) -> None:
        """A process that ends lets go of its locks. So must the object that is dead, as soon as its git has ended."""
        for repository in actor._opened.opened().values():
            self._close(repository)
        for under_way in list(actor._opened._under_way):
            under_way.add_done_callback(self._opened_too_late)

    def _opened_too_late(self, opening: asyncio.Future[object]) -> None:
        if not opening.cancelled() and opening.exception() is None and isinstance(opening.result(), Repository):
            self._close(cast(Repository, opening.result()))

    def _close(self, repository: Repository) -> None:
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(_close, repository), context=Context())
        self.freeing.add(task)
        task.add_done_callback(self.freeing.discard)


def _close(repository: Repository) -> None:
    with repository._turn:
        repository.close()


@asynccontextmanager
async def workshop(folder: Path) -> AsyncIterator[tuple[Site, Deaths, str]]:
    deaths = Deaths()
    site = Site(folder, runtime=deaths.made, resend_s=0.05, health_interval_s=0.05)
    async with site:
        site.theirs.commit({"slug.txt": "wrong\n", "README.md": "# Slugs\n"}, "Begin")
        site.vendors.default(scripted(WORK))
        yield site, deaths, await site.project(CHECK)
        deaths.plan.clear()


async def one_round(site: Site, project: str) -> RunSucceeded:
    after = await site.log.head()
    await site.task(project, review="human")
    [end] = await site.seen(RunSucceeded, RunFailed, after=after)
    assert isinstance(end, RunSucceeded), end
    return end


def tree_of(site: Site, project: str, end: RunSucceeded) -> str:
    assert end.work is not None
    bare = site.settings.repositories_folder(WORKSPACE) / project / "repo.git"
    return site.theirs.git("--git-dir", str(bare), "rev-parse", f"{end.work.head}^{{tree}}")


def commits_of(site: Site, project: str, end: RunSucceeded) -> list[str]:
    assert end.work is not None
    bare = site.settings.repositories_folder(WORKSPACE) / project / "repo.git"
    span = f"{end.work.base}..{end.work.head}"
    return site.theirs.git("--git-dir", str(bare), "log", "--reverse", "--format=%H", span).split()


@pytest.mark.timeout(300 + 90 * ROUNDS)
async def test_a_run_whose_actors_die_at_any_moment_leaves_the_work_of_an_undisturbed_one(tmp_path: Path) -> None:
    print(f"VAPORA_WORK_SEED={SEED}")
    async with workshop(tmp_path) as (site, deaths, project):
        before = site.theirs.snapshot()
        deaths.moments = 0
        end = await one_round(site, project)
        wanted, moments = tree_of(site, project, end), deaths.moments
        for number in range(ROUNDS):
            dice = random.Random(f"{SEED}.{number}")
            deaths.moments = 0
            deaths.plan = [
                (dice.randint(1, moments), dice.choice(VICTIMS), dice.choice((0, 0, dice.random() / 10)))
                for _ in range(dice.randint(1, 3))
            ]
            struck = len(deaths.died)
            end = await one_round(site, project)
            told = f"seed {SEED}, round {number}, killed {deaths.died[struck:]}"
            assert tree_of(site, project, end) == wanted, told
            assert end.work is not None and end.work.checks is ChecksVerdict.GREEN, told
            await _recorded_once(site, project, end, told)
            assert not await site.told(QuestionAsked)
        print(f"killed: {dict(Counter(deaths.died))}")
        assert len(deaths.died) >= (ROUNDS if ROUNDS >= 30 else ROUNDS // 2)
        assert site.theirs.snapshot() == before
        recorded = await site.everything()
        assert not [*order(recorded), *answers(recorded), *tools(recorded), *money(recorded, WORKSPACE)]
        tasks = {one.task_id for one in await site.told(RunStarted)}
    _nothing_is_left(site, project, tasks, tmp_path)


async def _recorded_once(site: Site, project: str, end: RunSucceeded, told: str) -> None:
    """Each answer and each tool call has one record, and each commit of the branch is in one of them."""
    events = [one for one in await site.told(ModelCalled) if one.run_id == end.run_id]
    assert [one.step for one in events] == list(range(len(WORK))), told
    used = [one for one in await site.told(ToolUsed) if one.run_id == end.run_id]
    assert [(one.step, one.call) for one in used] == [
        (step, place) for step, turn in enumerate(WORK) for place in range(len(turn))
    ], told
    recorded = list(dict.fromkeys(one.commit for one in used if one.commit and one.commit != end.work.base))  # type: ignore[union-attr]
    assert commits_of(site, project, end) == recorded, told


def _nothing_is_left(site: Site, project: str, tasks: set[str], folder: Path) -> None:
    """Neither processes nor locks; and of worktrees, those of the tasks, which are in review."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert MARK not in listed
    home = site.settings.repositories_folder(WORKSPACE) / project
    again = opened(home, site.theirs.path, folder)
    try:
        assert set(again.trees.names()) == tasks
        assert not list(home.rglob("*.lock"))
    finally:
        again.close()
