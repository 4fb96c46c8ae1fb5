"""Schedules: what they begin stands in one append with the event that says so, whoever has them fire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError

from events.base import DomainEvent
from events.ids import StreamName, TaskState, schedule_stream, task_stream, workflow_run_stream
from events.schedule import ScheduleFired, ScheduleSet
from events.workflow import WorkflowRunCancelled, WorkflowRunCompleted, WorkflowRunFailed
from vapora.clock import Clock, new_id
from vapora.commands import EditSchedule, FireSchedule, LookAtSchedule, RemoveSchedule, SetSchedule, SubmitTask
from vapora.dispatch.folds import SCHEDULE, TASK
from vapora.domain import schedule as rules
from vapora.domain.schedule import Schedule
from vapora.errors import BadInputError, ConflictError, NotFoundError
from vapora.log.client import Change, LogClient
from vapora.log.folds import LoadedFold, StreamFolds
from vapora.objects import Where
from vapora.ports import Origin

_OVER = frozenset({TaskState.DONE, TaskState.FAILED, TaskState.ARCHIVED})
_RUN_OVER = (WorkflowRunCompleted, WorkflowRunFailed, WorkflowRunCancelled)

ScheduleCommand = SetSchedule | EditSchedule | RemoveSchedule | FireSchedule | LookAtSchedule


@dataclass(frozen=True, slots=True)
class Begun:
    """What is begun, under a new id. `expected`: the versions of other streams that it was decided on."""

    id: str
    changes: tuple[Change, ...]
    expected: Mapping[StreamName, int] = field(default_factory=dict)


class Beginner(Protocol):
    """Each raises `NotFoundError`, `ConflictError` or `BadInputError` where it cannot be begun."""

    async def task(self, command: SubmitTask, task_id: str) -> Begun: ...

    async def run(self, origin: Origin, event: ScheduleSet, workflow_run_id: str) -> Begun: ...


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What is decided of one schedule. `id`: that the request is answered with."""

    id: str
    loaded: LoadedFold[Schedule | None]
    events: tuple[DomainEvent, ...]
    begun: Begun | None = None


class Schedules:
    """Of one workspace's log."""

    def __init__(self, log: LogClient, clock: Clock, begin: Beginner, snapshots: Where | None = None) -> None:
        self._log = log
        self._clock = clock
        self._begin = begin
        self.folds = StreamFolds(log, SCHEDULE, snapshots)
        self._tasks = StreamFolds(log, TASK, snapshots)

    async def settled(self) -> None:
        await self.folds.settled()
        await self._tasks.settled()

    async def decide(self, origin: Origin, command: ScheduleCommand, schedule_id: str) -> Scheduled:
        loaded = await self.folds.load(schedule_stream(schedule_id))
        match command:
            case FireSchedule():
                state = rules.require(loaded.state, schedule_id)
                rules.require_alone(state, await self._is_under_way(state), command.overlap)
                begun = await self._started(origin, state)
                return Scheduled(begun.id, loaded, (_fired(state, None, begun),), begun)
            case LookAtSchedule():
                return await self._looked_at(origin, loaded, schedule_id)
            case _:
                events = rules.decide(loaded.state, command, schedule_id, self._clock())
                for event in events:
                    if isinstance(event, ScheduleSet):
                        # What it begins is decided on as if it fired now.
                        await self._started(origin, Schedule(event, event.since))
                return Scheduled(schedule_id, loaded, events)

    async def _looked_at(self, origin: Origin, loaded: LoadedFold[Schedule | None], schedule_id: str) -> Scheduled:
        state = loaded.state
        if state is None:
            return Scheduled(schedule_id, loaded, ())
        match rules.look(state, self._clock(), await self._is_under_way(state)):
            case rules.Skip(skipped=skipped):
                return Scheduled(schedule_id, loaded, (skipped,))
            case rules.Fire(due_at=due_at, skipped=before):
                try:
                    begun = await self._started(origin, state)
                except (BadInputError, NotFoundError, ConflictError) as error:
                    why = " ".join(filter(None, (str(error), error.remedy)))
                    return Scheduled(schedule_id, loaded, (*before, rules.refused(state, due_at, why)))
                return Scheduled(begun.id, loaded, (*before, _fired(state, due_at, begun)), begun)
            case _:
                return Scheduled(schedule_id, loaded, ())

    async def _started(self, origin: Origin, state: Schedule) -> Begun:
        if state.set.task is None:
            return await self._begin.run(origin, state.set, new_id("workflow-run"))
        try:
            command = SubmitTask.model_validate(state.set.task)
        except ValidationError as error:  # it was one when it was set
            raise BadInputError(f"Its task is none: {error.error_count()} faults.", field="task") from None
        return await self._begin.task(command, new_id("task"))

    async def _is_under_way(self, state: Schedule) -> bool:
        if state.set.overlap:
            return False
        for made in reversed(state.made):
            if await (self._task_is_open(made) if made.startswith("task-") else self._run_is_open(made)):
                return True
        return False

    async def _task_is_open(self, task_id: str) -> bool:
        task = (await self._tasks.load(task_stream(task_id))).state
        return task is not None and task.state not in _OVER

    async def _run_is_open(self, workflow_run_id: str) -> bool:
        found = False
        async for page in self._log.pages(workflow_run_stream(workflow_run_id)):
            found = True
            if any(isinstance(one.event, _RUN_OVER) for one in page):
                return False
        return found


def _fired(state: Schedule, due_at: datetime | None, begun: Begun) -> ScheduleFired:
    task_id, run_id = (begun.id, None) if state.set.task is not None else (None, begun.id)
    return ScheduleFired(schedule_id=state.id, due_at=due_at, task_id=task_id, workflow_run_id=run_id)
