"""Rules about schedules: what one is, and what is to be done about it at a given time.

How far it has come is an instant, `after`: whatever was due up to then was fired or left out, and is never looked at
again. It moves in the event that says so, so nothing fires twice, also where the clock is set back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue, ValidationError

from events.base import DomainEvent
from events.schedule import ScheduleFired, ScheduleRemoved, ScheduleSet, ScheduleSkipped
from vapora.commands import EditSchedule, RemoveSchedule, SetSchedule
from vapora.domain.cron import Cron, cron
from vapora.errors import BadInputError, ConflictError, NotFoundError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1
MOST_SCHEDULES = 200
# What is seen so late is on time; later it was missed.
GRACE = timedelta(minutes=5)
# Of those left out, so many are counted.
_MOST_COUNTED = 100
# What it began and may be under way. By the clock there is one at a time, unless told; the rest were begun by people.
_MOST_MADE = 20
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`after`: see above. `made`: ids of tasks and runs that it began, the newest last, back to the last one that began
    when none was under way."""

    set: ScheduleSet
    after: datetime
    made: tuple[str, ...] = ()
    removed: bool = False
    last: ScheduleFired | ScheduleSkipped | None = None

    @property
    def id(self) -> str:
        return self.set.schedule_id

    @property
    def cron(self) -> Cron:
        return Cron(self.set.cron, self.set.zone)

    @property
    def counts(self) -> bool:
        return self.set.enabled and not self.removed

    def next(self) -> datetime | None:
        """When it is due, be it past; None: never."""
        return self.cron.after(self.after) if self.counts else None


@dataclass(frozen=True, slots=True)
class Fire:
    """For what was due at `due_at`. `skipped`: what is left out before."""

    due_at: datetime
    skipped: tuple[ScheduleSkipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    skipped: ScheduleSkipped


@dataclass(frozen=True, slots=True)
class Wait:
    """Until what it began before is over."""


def decide(
    state: Schedule | None,
    command: SetSchedule | EditSchedule | RemoveSchedule,
    schedule_id: str,
    now: datetime,
) -> tuple[DomainEvent, ...]:
    """Raises `NotFoundError`, `BadInputError`. Whether there is such a project or workflow is asked by the shell."""
    if isinstance(command, RemoveSchedule):
        require(state, schedule_id)
        return (ScheduleRemoved(schedule_id=schedule_id),)
    if isinstance(command, EditSchedule):
        command = _edited(require(state, schedule_id), command)
    fields = command.model_dump(mode="json", exclude={"task"})
    task = None if command.task is None else command.task.model_dump(mode="json", exclude_unset=True)
    cron(command.cron, command.zone)
    event = ScheduleSet(schedule_id=schedule_id, task=task, since=now, **fields)
    if state is None or state.removed:
        return (event,)
    if _goes_on(state.set, event):
        # Nothing that is due now is lost by a change of what it begins.
        event = event.model_copy(update={"since": state.after})
        if event == state.set.model_copy(update={"since": state.after}):
            return ()
    return (event,)


def of_workflow(state: Schedule | None, workflow_id: str, trigger: Any, now: datetime) -> tuple[DomainEvent, ...]:
    """What a workflow's own trigger, as its definition has it, means for the schedule `schedule_id_of(workflow_id)`.
    What a person set beside the times, as a pause, stays. None: it is gone with its workflow."""
    standing = state is not None and not state.removed
    said = trigger.get("schedule") if isinstance(trigger, dict) else None
    schedule_id = schedule_id_of(workflow_id)
    if said is None:
        return (ScheduleRemoved(schedule_id=schedule_id),) if standing else ()
    times = {"cron": said["cron"], "zone": said.get("zone", "UTC"), "inputs": said.get("inputs", {})}
    if standing:
        return decide(state, EditSchedule(**times), schedule_id, now)
    return decide(state, SetSchedule(workflow_id=workflow_id, **times), schedule_id, now)


def schedule_id_of(workflow_id: str) -> str:
    return f"workflow-{workflow_id}"


def look(state: Schedule, now: datetime, under_way: bool) -> Fire | Skip | Wait | None:
    """What is to be done about it; None: nothing is due. `under_way`: something of `made` is."""
    if not state.counts or not (due := state.cron.last(state.after, now, _wanted(state.set))):
        return None
    waits = under_way and not state.set.overlap
    if state.set.catch_up == "all":
        return Wait() if waits else Fire(due[0], _skipped(state, due[0] - _SECOND, "missed"))
    latest = due[-1]
    if state.set.catch_up == "none" and now - latest > GRACE:
        [skipped] = _skipped(state, latest, "missed")
        return Skip(skipped)
    if waits:
        [skipped] = _skipped(state, latest, "overlap")
        return Skip(skipped)
    return Fire(latest, _skipped(state, latest - _SECOND, "missed"))


def refused(state: Schedule, due_at: datetime, why: str) -> ScheduleSkipped:
    return ScheduleSkipped(schedule_id=state.id, due_at=due_at, reason="refused", detail=why)


def evolve(state: Schedule | None, event: DomainEvent) -> Schedule | None:
    match event:
        case ScheduleSet():
            before = None if state is None or state.removed else state.last
            return Schedule(event, event.since, () if state is None else state.made, last=before)
        case ScheduleFired() if state is not None:
            made = event.task_id or event.workflow_run_id or ""
            alone = event.due_at is not None and not state.set.overlap
            together = (made,) if alone else (*state.made, made)[-_MOST_MADE:]
            return replace(state, after=event.due_at or state.after, made=together, last=event)
        case ScheduleSkipped() if state is not None:
            return replace(state, after=event.due_at, last=event)
        case ScheduleRemoved() if state is not None:
            return replace(state, removed=True)
        case _:
            return state


def require(state: Schedule | None, schedule_id: str) -> Schedule:
    if state is None or state.removed:
        raise NotFoundError(f"There is no schedule '{schedule_id}'.", remedy="List the schedules.")
    return state


def require_alone(state: Schedule, under_way: bool, overlap: bool) -> None:
    """Of one that a person has fire now."""
    if under_way and not (overlap or state.set.overlap):
        raise ConflictError(
            f"What '{state.id}' began before is under way.",
            remedy="Wait until it is over, or send overlap: true.",
        )


def require_room(count: int) -> None:
    if count >= MOST_SCHEDULES:
        raise ConflictError(f"A workspace has {MOST_SCHEDULES} schedules at most.", remedy="Remove one.")


def _wanted(one: ScheduleSet) -> int:
    return one.catch_up_limit if one.catch_up == "all" else 1


def _skipped(state: Schedule, until: datetime, reason: Any) -> tuple[ScheduleSkipped, ...]:
    left_out = state.cron.last(state.after, until, _MOST_COUNTED + 1)
    if not left_out:
        return ()
    more, count = len(left_out) > _MOST_COUNTED, min(len(left_out), _MOST_COUNTED)
    return (ScheduleSkipped(schedule_id=state.id, due_at=left_out[-1], reason=reason, count=count, more=more),)


def _goes_on(before: ScheduleSet, after: ScheduleSet) -> bool:
    """Whether its times are the same: else what was due by the old ones is of no use."""
    times = ("cron", "zone", "enabled")
    return before.enabled and all(getattr(before, name) == getattr(after, name) for name in times)


def _edited(state: Schedule, command: EditSchedule) -> SetSchedule:
    changes = command.changes()
    before: dict[str, JsonValue] = state.set.model_dump(mode="json", exclude={"schedule_id", "since"})
    if "task" in changes:
        assert command.task is not None
        changes["task"] = command.task.model_dump(mode="json", exclude_unset=True)
        changes.setdefault("workflow_id", None)
    elif "workflow_id" in changes:
        changes["task"] = None
    try:
        return SetSchedule.model_validate({**before, **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "workflow_id"
        raise BadInputError(first["msg"].removeprefix("Value error, ") + ".", field=field) from None
