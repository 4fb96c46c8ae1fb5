"""Schedules, and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from vapora.views.base import View

CatchUpChoice = Literal["none", "last", "all"]
FiringOutcome = Literal["fired", "missed", "overlap", "refused"]


class ScheduleView(View):
    """`next_at`: when it is due, which may be past while it waits for what it began; null: never, or it is disabled.
    `last_outcome`, `last_due_at`, `last_id`: of the newest line of its history, with what that began."""

    id: str
    name: str
    cron: str
    zone: str
    task: dict[str, JsonValue] | None
    workflow_id: str | None
    inputs: dict[str, JsonValue]
    project_id: str | None
    enabled: bool
    overlap: bool
    catch_up: CatchUpChoice
    catch_up_limit: int
    next_at: datetime | None
    last_outcome: FiringOutcome | None
    last_due_at: datetime | None
    last_id: str | None
    created_at: datetime
    updated_at: datetime
    position: int


class FiringView(View):
    """One line of a schedule's history. `due_at`: when it was due, null where a person had it fire; `at`: when that was
    done, or seen to be missed. `by`: who did it. `count`: how often it was due, at last at `due_at`, and began nothing;
    `more`: it was more often."""

    schedule_id: str
    position: int
    outcome: FiringOutcome
    due_at: datetime | None
    at: datetime
    by: str
    task_id: str | None
    workflow_run_id: str | None
    count: int
    more: bool
    detail: str


class ScheduleFired(View):
    """What it began: a task or a run of a workflow, by its id."""

    id: str
    kind: Literal["task", "workflow-run"]
    position: int
