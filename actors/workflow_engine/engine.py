"""The workflow engine of a workspace: follows the log, and appends what its runs do next.

What it does for a run stands in one append: what came of its cards, the decisions that follow, and the cards that they
make. It is decided on the version of the run's stream, so it takes effect once, whatever crashes when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

import structlog

from actors.timers import TimedFollower
from actors.workflow_engine.cards import TaskChange, submissions
from actors.workflow_engine.hook import Scheduler
from events import Recorded
from events.base import DomainEvent
from events.ids import StreamName, task_stream, workflow_run_stream
from events.workflow import FailureKind, StageCardsMade, StageFailed, StageUndone
from vapora.clock import Clock
from vapora.dispatch import Dispatcher
from vapora.domain.cell import Rest
from vapora.domain.timers import Timer, Timers
from vapora.domain.workflow import live_runs, results
from vapora.domain.workflow.fold import evolve
from vapora.domain.workflow.live_runs import LiveRun, LiveRuns
from vapora.domain.workflow.state import Run
from vapora.domain.workflow.steps import Plan, plan
from vapora.errors import BadInputError, ConflictError, NotFoundError, VersionConflictError
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.ports import Origin
from vapora.records import Append, Conflict

ACTOR = "workflow-engine"
_SCHEDULES = "schedules"
# Of one append to the log's writer.
_AT_ONCE = 100
# Of events that are looked through at the start.
_PAGE = 2_000
# Another may be quicker, again and again; then the follower brings what it did.
_MOST_ROUNDS = 20


class Limits(Protocol):
    """The money of a run, shared out among its cards."""

    async def limited(self, origin: Origin, run: Run, made: StageCardsMade) -> StageCardsMade | None:
        """With a part of what is left for each card, which holds from now on; None: nothing is left."""
        ...


class Files(Protocol):
    """Where definitions are read from, beside the log."""

    @property
    def problems(self) -> Mapping[str, str]: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class WorkflowEngine:
    """`saved`: where it is kept which runs are under way. `limits`: for runs that have a budget. `scheduler`: shares
    its follower and its clock."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        clock: Clock,
        *,
        dispatcher: Dispatcher,
        limits: Limits,
        saved: SavedFold[LiveRuns] | None = None,
        scheduler: Scheduler | None = None,
        files: Sequence[Files] = (),
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._dispatcher = dispatcher
        self._limits = limits
        self._saved = saved
        self._scheduler = scheduler
        self._files = files
        self._live = LiveRuns()
        self._timers = Timers()
        self._caught_up = False
        topics = [*live_runs.TOPICS, *results.TOPICS, *(scheduler.topics if scheduler is not None else ())]
        self._follower = TimedFollower(
            f"workflows/{workspace}",
            log,
            self._handle,
            self._fire,
            self._due,
            clock,
            topics=tuple(dict.fromkeys(topics)),
        )
        self._journal = structlog.get_logger("workflows")

    async def start(self) -> None:
        resumed = await self._saved.load(self._log) if self._saved is not None else None
        saved = () if resumed is None else resumed.state.saved
        await self._find_live(saved, 0 if resumed is None else resumed.position)
        await self._follower.catch_up()
        self._caught_up = True
        # What ended while nobody looked, and what was decided and not recorded.
        await self._look_at(self._open_cards())
        await self._advance(list(self._live.runs))
        self._follower.start()
        for one in self._files:
            await one.start()

    async def stop(self) -> None:
        for one in self._files:
            await one.stop()
        await self._follower.stop()
        if self._saved is not None and self._caught_up:
            await self._saved.close(self._log, self._live, self._live.position)
        if self._scheduler is not None and self._caught_up:
            await self._scheduler.close()

    async def health(self) -> dict[str, Any]:
        return {
            "position": self._follower.position,
            "problem": self._follower.problem,
            "runs": len(self._live.runs),
            "files": await self.file_problems(),
            "documents": {} if self._scheduler is None else dict(self._scheduler.problems),
        }

    async def file_problems(self) -> dict[str, str]:
        """See `vapora.ports.WorkflowEnginePort`."""
        return {place: told for one in self._files for place, told in one.problems.items()}

    async def rest(self) -> Rest:
        """At rest while its runs wait for cards or people; due when the first timer is."""
        if problem := self._follower.problem:
            return Rest(f"its workflows: {problem}")
        if await self._follower.is_behind() or self._follower.is_due:
            return Rest("workflows go on")
        return Rest(due=self._follower.next_due)

    async def _find_live(self, saved: Sequence[str], after: int) -> None:
        """Which runs are under way, by how they began and ended, and each of them from its own stream: of those that
        are over nothing is opened. The scheduler sees what it needs from the beginning."""
        alive, head = dict.fromkeys(saved), await self._log.head()
        while after < head:
            polled = await self._log.poll_sealed(after, _PAGE, 0, (*live_runs.BEGIN, *live_runs.END))
            for one in polled.events:
                run_id = one.stream.partition(":")[2]
                if one.topic in live_runs.BEGIN:
                    alive[run_id] = None
                else:
                    alive.pop(run_id, None)
            after = polled.position
        for run_id in alive:
            await self._load(run_id)
        self._follower.position = self._live.position = after
        seen = 0
        while self._scheduler is not None and seen < after:
            of_schedules = await self._log.poll(seen, _PAGE, 0, tuple(self._scheduler.topics))
            for event in of_schedules.events:
                if event.position <= after:
                    await self._scheduler.apply(event)
            seen = of_schedules.position

    def _due(self) -> Timers:
        """Of the runs, and of the scheduler as a whole."""
        if self._scheduler is not None:
            self._live.timers.set(_SCHEDULES, self._scheduler.next_due())
        return self._live.timers

    # --- following ---

    async def _handle(self, events: Sequence[Recorded]) -> None:
        runs: dict[str, None] = {}
        tasks: dict[str, None] = {}
        for one in events:
            if self._scheduler is not None and one.topic in self._scheduler.topics:
                await self._scheduler.apply(one)
            if one.topic in results.TOPICS:
                task_id: str = one.event.task_id  # type: ignore[attr-defined]  # all of these topics have one
                if task_id in self._live.cards:
                    tasks[task_id] = None
            elif one.topic in live_runs.TOPICS:
                run_id = self._live.apply(one)
                if run_id is None:
                    # Of a run that had ended, which a person has taken up again.
                    run_id = one.stream.partition(":")[2]
                    await self._load(run_id)
                runs[run_id] = None
        self._live.position = events[-1].position
        if not self._caught_up:
            return
        await self._look_at(tasks)
        await self._advance(list(runs))
        if self._scheduler is not None:
            await self._scheduler.act(self._clock())
        # Only here: all up to this position is done.
        if self._saved is not None and self._saved.due(self._live.position):
            self._saved.save_soon(self._log, self._live, self._live.position)

    async def _load(self, run_id: str) -> None:
        found = live_runs.fold(await self._log.read(workflow_run_stream(run_id)))
        if found is not None:
            self._live.put(found.run, found.version)

    async def _fire(self, due: tuple[Timer, ...]) -> None:
        if self._scheduler is not None and any(one.key == _SCHEDULES for one in due):
            await self._scheduler.act(self._clock())
        await self._advance([one.key for one in due if one.key != _SCHEDULES])

    def _open_cards(self) -> list[str]:
        return [
            card.task_id
            for live in self._live.runs.values()
            for stage in live.run.stages.values()
            for card in stage.open_cards
        ]

    async def _look_at(self, tasks: Iterable[str]) -> None:
        """What came of these cards is recorded, and the runs go on."""
        by_run: dict[str, list[str]] = {}
        for task_id in tasks:
            if (run_id := self._live.cards.get(task_id)) is not None:
                by_run.setdefault(run_id, []).append(task_id)
        found = {
            task_id: results.result(one.event for one in await self._log.read(task_stream(task_id)))
            for of_run in by_run.values()
            for task_id in of_run
        }
        await self._advance(list(by_run), found)

    # --- going on ---

    async def _advance(self, run_ids: Sequence[str], found: dict[str, results.Result] | None = None) -> None:
        """Append what these runs do next, many in one go; `found`: what came of some of their cards."""
        waiting = [one for one in run_ids if one in self._live.runs]
        for _ in range(_MOST_ROUNDS):
            again: list[str] = []
            for first in range(0, len(waiting), _AT_ONCE):
                again += await self._append(waiting[first : first + _AT_ONCE], found or {})
            if not again:
                return
            waiting = again

    async def _append(self, run_ids: Sequence[str], found: dict[str, results.Result]) -> list[str]:
        """Those that have to be decided anew."""
        requests: list[Append] = []
        plans: list[tuple[LiveRun, Plan]] = []
        for run_id in run_ids:
            live = self._live.runs.get(run_id)
            if live is None:
                continue
            now = self._clock()
            planned = self._planned(live.run, found, now)
            request, planned = await self._request(live, planned, now)
            if request is not None:
                requests.append(request)
                plans.append((live, planned))
            else:
                await self._call_off(live.run, planned.call_off)
        again: list[str] = []
        results_ = await self._log.append_many(requests) if requests else []
        for (live, planned), outcome in zip(plans, results_, strict=True):
            if isinstance(outcome, Conflict):
                if outcome.stream == workflow_run_stream(live.run.id):
                    await self._load(live.run.id)
                again.append(live.run.id)
                continue
            self._live.put(planned.run, live.version + len(planned.events))
            await self._call_off(planned.run, planned.call_off)
        return again

    def _planned(self, run: Run, found: dict[str, results.Result], now: datetime) -> Plan:
        """With the news of its cards first."""
        told: list[DomainEvent] = []
        for task_id in run.cards.keys() & found.keys():
            for event in results.news(run, task_id, found[task_id]):
                told.append(event)
                run = evolve(run, event, now) or run
        after = plan(run, now)
        return Plan(after.run, (*told, *after.events), after.call_off)

    async def _request(self, live: LiveRun, planned: Plan, now: datetime) -> tuple[Append | None, Plan]:
        """The append that carries out a plan. Where a card cannot be made, its stage fails instead."""
        if not planned.events:
            return None, planned
        run, events = live.run, list(planned.events)
        origin = self._origin(run)
        changes: list[TaskChange] = []
        expected: dict[StreamName, int] = {}
        for index, event in enumerate(events):
            if isinstance(event, StageCardsMade):
                try:
                    limited = await self._limits.limited(origin, run, event)
                    if limited is None:
                        instead = _instead_of(event, "Nothing is left of the budget of the run.", "over-budget")
                        return await self._request(live, _without(live.run, events[:index], instead, now), now)
                    made, decided_on = await submissions(self._dispatcher, run, limited)
                except (BadInputError, NotFoundError, ConflictError) as error:
                    instead = _instead_of(event, str(error)[:2_000], "failed")
                    return await self._request(live, _without(live.run, events[:index], instead, now), now)
                events[index] = event = limited
                changes += made
                expected |= decided_on
            run = evolve(run, event, now) or run
        stream = workflow_run_stream(run.id)
        request = self._log.request(origin, (stream, live.version, tuple(events)), *changes, expected=expected)
        return request, Plan(run, tuple(events), planned.call_off)

    async def _call_off(self, run: Run, task_ids: Iterable[str]) -> None:
        for task_id in task_ids:
            # Where somebody moves the card meanwhile, that is looked at in the next round.
            for _ in range(_MOST_ROUNDS):
                recorded = await self._log.read(task_stream(task_id))
                events = results.call_off(one.event for one in recorded)
                if not events:
                    break
                with suppress(VersionConflictError):
                    await self._log.append(self._origin(run), (task_stream(task_id), len(recorded), events))
                    break

    def _origin(self, run: Run) -> Origin:
        return Origin(self._workspace, ACTOR, run.correlation)


def _instead_of(made: StageCardsMade, reason: str, outcome: FailureKind) -> DomainEvent:
    """Of cards that cannot be made."""
    about = {"workflow_run_id": made.workflow_run_id, "stage": made.stage}
    if made.purpose == "undo":
        return StageUndone(**about, outcome="failed", reason=reason)
    return StageFailed(**about, outcome=outcome, reason=reason)


def _without(run: Run, before: Sequence[DomainEvent], instead: DomainEvent, now: datetime) -> Plan:
    """The plan up to a card that cannot be made, and what follows from that."""
    events = (*before, instead)
    for event in events:
        run = evolve(run, event, now) or run
    after = plan(run, now)
    return Plan(after.run, (*events, *after.events), after.call_off)
