"""Has schedules fire when they are due. The workflow engine, which follows the log and the clock, carries it along.

What fires is decided where requests are decided, on the version of the schedule's own stream, and stands in one append
with what it begins: whatever crashes, an instant fires once or is told as left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from events import Recorded
from events.schedule import ScheduleFired, ScheduleRemoved, ScheduleSet, ScheduleSkipped
from events.task import TaskArchived, TaskCompleted, TaskFailed
from events.workflow import WorkflowRunCancelled, WorkflowRunCompleted, WorkflowRunFailed
from vapora.clock import new_id
from vapora.commands import LookAtSchedule
from vapora.dispatch import Dispatcher
from vapora.domain import schedule as rules
from vapora.domain.schedule import Schedule
from vapora.domain.timers import Timers
from vapora.ports import Origin

TOPICS: Final = tuple(
    kind.TOPIC
    for kind in (
        ScheduleSet,
        ScheduleFired,
        ScheduleSkipped,
        ScheduleRemoved,
        TaskCompleted,
        TaskFailed,
        TaskArchived,
        WorkflowRunCompleted,
        WorkflowRunFailed,
        WorkflowRunCancelled,
    )
)
ACTOR = "scheduler"
# One that could not be looked at, as where a part of the cell does not answer, or whose event has not come by yet.
_AGAIN = timedelta(seconds=10)


class Scheduler:
    """`actors.workflow_engine.hook.Scheduler`."""

    def __init__(self, dispatcher: Dispatcher, workspace: str) -> None:
        self._dispatcher = dispatcher
        self._workspace = workspace
        self._schedules: dict[str, Schedule] = {}
        # Those whose next time is to be computed: not for each event of a long history.
        self._changed: set[str] = set()
        self._timers = Timers()
        # Which schedule began what.
        self._made: dict[str, str] = {}
        # Those that are due, and wait until what they began is over.
        self._waiting: set[str] = set()
        self.problems: dict[str, str] = {}  # one that is not looked at raises
        self._journal = structlog.get_logger(ACTOR)

    @property
    def topics(self) -> Sequence[str]:
        return TOPICS

    async def apply(self, recorded: Recorded) -> None:
        match recorded.event:
            case ScheduleSet() | ScheduleFired() | ScheduleSkipped() | ScheduleRemoved() as event:
                self._evolve(event)
            case TaskCompleted() | TaskFailed() | TaskArchived() as event:
                self._over(event.task_id)
            case WorkflowRunCompleted() | WorkflowRunFailed() | WorkflowRunCancelled() as event:
                self._over(event.workflow_run_id)

    def next_due(self) -> datetime | None:
        self._set_timers()
        return self._timers.next()

    async def act(self, now: datetime) -> None:
        """One that fails stands in nobody's way."""
        self._set_timers()
        failed: Exception | None = None
        for timer in self._timers.due(now):
            try:
                await self._look_at(timer.key, now)
            except Exception as error:  # told here and by the engine, which shows it in health
                self._journal.warning("schedule not looked at", schedule=timer.key, error=repr(error))
                self._timers.set(timer.key, now + _AGAIN)
                failed = error
        if failed is not None:
            raise failed

    async def close(self) -> None:
        """Its schedules are read again."""

    async def _look_at(self, schedule_id: str, now: datetime) -> None:
        """What was done comes by as an event, which sets the timer anew."""
        known = self._schedules.get(schedule_id)
        origin = Origin(self._workspace, ACTOR, new_id("cor"))
        await self._dispatcher.dispatch(origin, LookAtSchedule(), schedule_id)
        if known is not None and isinstance(rules.look(known, now, under_way=True), rules.Wait):
            # Perhaps it waits for what it began, whose end comes by as well.
            self._waiting.add(schedule_id)
            self._timers.cancel(schedule_id)
        else:
            self._timers.set(schedule_id, now + _AGAIN)

    def _evolve(self, event: ScheduleSet | ScheduleFired | ScheduleSkipped | ScheduleRemoved) -> None:
        known = rules.evolve(self._schedules.get(event.schedule_id), event)
        if known is None:
            return
        for made in self._schedules[event.schedule_id].made if event.schedule_id in self._schedules else ():
            self._made.pop(made, None)
        if known.removed:
            self._schedules.pop(event.schedule_id, None)
        else:
            self._schedules[event.schedule_id] = known
            self._made.update(dict.fromkeys(known.made, event.schedule_id))
        self._changed.add(event.schedule_id)

    def _over(self, made: str) -> None:
        schedule_id = self._made.get(made)
        if schedule_id in self._waiting:
            self._changed.add(schedule_id)

    def _set_timers(self) -> None:
        for schedule_id in self._changed:
            known = self._schedules.get(schedule_id)
            self._timers.set(schedule_id, None if known is None else known.next())
            self._waiting.discard(schedule_id)
        self._changed.clear()
