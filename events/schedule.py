"""Facts about schedules: when something is begun by the clock, what was begun, and what was left out."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from events.base import DomainEvent

CatchUp = Literal["none", "last", "all"]


class ScheduleSet(DomainEvent):
    """A schedule is so from now on; the first one makes it. `task`: the body of the task that it makes; else it begins
    a run of `workflow_id`. `since`: only what is due later counts. `zone`: an IANA name."""

    TOPIC: ClassVar[str] = "schedule.set"

    schedule_id: str
    name: str
    cron: str
    zone: str
    task: dict[str, JsonValue] | None = None
    workflow_id: str | None = None
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    project_id: str | None = None
    enabled: bool = True
    overlap: bool = False
    catch_up: CatchUp = "none"
    catch_up_limit: int = Field(default=10, ge=1)
    since: datetime


class ScheduleFired(DomainEvent):
    """Recorded together with what it began. `due_at`: None where a person had it fire."""

    TOPIC: ClassVar[str] = "schedule.fired"

    schedule_id: str
    due_at: datetime | None
    task_id: str | None = None
    workflow_run_id: str | None = None


class ScheduleSkipped(DomainEvent):
    """Was due and began nothing: `count` times, at last at `due_at`; `more`: there were others before, not counted.

    `missed`: nobody was there to see it in time. `overlap`: what it began before was under way. `refused`: it could not
    be begun, for the reason in `detail`.
    """

    TOPIC: ClassVar[str] = "schedule.skipped"

    schedule_id: str
    due_at: datetime
    reason: Literal["missed", "overlap", "refused"]
    count: int = Field(default=1, ge=1)
    more: bool = False
    detail: str = ""


class ScheduleRemoved(DomainEvent):
    TOPIC: ClassVar[str] = "schedule.removed"

    schedule_id: str
