"""What the repositories do because of what the log says: land accepted work, take back what landed where a card wants
that, and take worktrees away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

import structlog

from actors.follower import Follower, Ticker, cancel
from actors.repositories.base_branch import Found
from actors.repositories.landing import Lander
from actors.repositories.open import OpenRepositories
from actors.repositories.reverting import Reverter
from actors.repositories.upkeep import Upkeep
from events import Recorded
from events.task import TaskArchived, TaskLanded
from vapora.clock import Clock
from vapora.domain import landings
from vapora.domain.cell import Rest, together
from vapora.domain.landings import Landings
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold

# What a landing waits for outside of the log: a clean checkout, a remote that answers.
LOOK_AGAIN_S = 30.0
_SWEEP_EVERY = 120
# Where all of the cell sleeps, it is not woken twice a minute for that.
_LOOK_ASLEEP = timedelta(minutes=15)


class Reactions:
    """Landings and clean-up run in the background, each task and project once at a time; the log is followed on."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        opened: OpenRepositories,
        lander: Lander,
        upkeep: Upkeep,
        clock: Clock,
        saved: SavedFold[Landings] | None = None,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._clock = clock
        self._log = log
        self._opened = opened
        self._lander = lander
        self._reverter = Reverter(log, workspace, opened, clock)
        self._upkeep = upkeep
        self._saved = saved
        self._landings = Landings()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        # Landings that something outside of the log was in the way of.
        self._later: set[str] = set()
        self._ticks = 0
        self._caught_up = False
        self._follower = Follower(f"repositories/{workspace}", log, self._handle, topics=landings.TOPICS)
        self._ticker = Ticker(f"repositories/{workspace}", self._tick, look_again_s)
        self._journal = structlog.get_logger("repositories")

    async def start(self) -> None:
        resumed = await self._saved.load(self._log) if self._saved is not None else None
        if resumed is not None:
            self._landings, self._follower.position = resumed.state, resumed.position
        await self._follower.catch_up()
        self._caught_up = True
        self._look_at(tuple(self._landings.waiting))
        self._begin("sweep", self._upkeep.sweep())
        self._follower.start()
        self._ticker.start()

    async def stop(self) -> None:
        await self._ticker.stop()
        await self._follower.stop()
        for task in list(self._under_way.values()):
            await cancel(task)
        if self._saved is not None and self._caught_up:
            await self._saved.close(self._log, self._landings, self._landings.position)

    async def rest(self) -> Rest:
        """Due where a landing waits for something outside of the log, or a worktree grows old."""
        if problem := self.problem:
            return Rest(f"its repositories: {problem}")
        if self._under_way or await self._follower.is_behind():
            return Rest("work is being landed, or worktrees are taken away")
        due = await asyncio.to_thread(self._upkeep.due)
        later = self._clock() + _LOOK_ASLEEP if self._later and not self._landings.paused else None
        return together((Rest(due=due), Rest(due=later)))

    @property
    def position(self) -> int:
        return self._follower.position

    @property
    def problem(self) -> str | None:
        return self._follower.problem or self._ticker.problem

    async def _handle(self, events: Sequence[Recorded]) -> None:
        touched: dict[str, None] = {}
        for recorded in events:
            touched.update(dict.fromkeys(self._landings.evolve(recorded)))
        if not self._caught_up:
            return
        self._look_at(tuple(touched))
        for event in (one.event for one in events):
            if isinstance(event, TaskLanded | TaskArchived):
                project = (await self._opened.task(event.task_id)).project_id
                if self._opened.is_made(project):
                    self._begin(f"sweep {project}", self._upkeep.sweep(project))

    async def _tick(self) -> None:
        self._ticks += 1
        self._look_at(tuple(self._later))
        if self._ticks % _SWEEP_EVERY == 0:
            self._begin("sweep", self._upkeep.sweep())
        if self._saved is not None and self._saved.due(self._landings.position):
            self._saved.save_soon(self._log, self._landings, self._landings.position)

    def _look_at(self, task_ids: Sequence[str]) -> None:
        if not self._landings.paused:
            for task_id in task_ids:
                self._begin(task_id, self._land(task_id))

    async def _land(self, task_id: str) -> None:
        cause = self._landings.waiting.get(task_id)
        # Where this fails, too.
        self._later.add(task_id)
        found: Found = "over"
        if cause is not None:
            reverted = await self._reverter.revert(task_id, cause)
            found = reverted or await self._lander.land_by_itself(task_id, cause)
        if found != "later":
            self._later.discard(task_id)
        if found == "over":
            self._landings.drop(task_id)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """In the background. What is under way already is done once more afterwards: it may have looked too early."""
        if name in self._under_way:
            work.close()
            self._again.add(name)
            return
        task = asyncio.create_task(self._carry_out(name, work), name=name)
        self._under_way[name] = task
        task.add_done_callback(lambda _: self._ended(name))

    async def _carry_out(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # whatever it is: it is told, and the next tick tries again
            self._journal.warning("did not succeed, will be tried again", what=name, error=repr(error))

    def _ended(self, name: str) -> None:
        task = self._under_way.pop(name)
        if name in self._again:
            self._again.discard(name)
            if not task.cancelled():
                kind, _, project = name.partition(" ")
                self._begin(name, self._upkeep.sweep(project or None) if kind == "sweep" else self._land(name))
