"""The schedules of a workspace, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from events import DomainEvent, Recorded, schedule
from projections.engine.base import (
    Between,
    Condition,
    Handler,
    Projection,
    PublicView,
    Reader,
    Row,
    Rows,
    Table,
    format_instant,
)
from vapora import views
from vapora.domain.cron import Cron

SCHEDULES = Table(
    "schedules",
    key=("id",),
    columns={
        "id": "text",
        "name": "text",
        "cron": "text",
        "zone": "text",
        "task": "json",
        "workflow_id": "text",
        "inputs": "json",
        "project_id": "text",
        "enabled": "int",
        "overlap": "int",
        "catch_up": "text",
        "catch_up_limit": "int",
        # Whatever was due up to then was fired or left out.
        "reached": "text",
        "last_outcome": "text",
        "last_due_at": "text",
        "last_id": "text",
        "created_at": "text",
        "created_position": "int",
        "updated_at": "text",
    },
)
FIRINGS = Table(
    "schedule_firings",
    key=("schedule_id", "number"),
    columns={
        "schedule_id": "text",
        # The position of its event.
        "number": "int",
        "outcome": "text",
        "due_at": "text",
        "at": "text",
        "actor": "text",
        "task_id": "text",
        "workflow_run_id": "text",
        "count": "int",
        "more": "int",
        "detail": "text",
    },
)
_SHOWN_AS_IS = ("name", "cron", "zone", "task", "workflow_id", "inputs", "project_id", "catch_up", "catch_up_limit")


def _set(recorded: Recorded, event: schedule.ScheduleSet, rows: Rows) -> None:
    before = rows.get(SCHEDULES, (event.schedule_id,))
    at = format_instant(recorded.recorded_at)
    said = event.model_dump(mode="json")
    rows.put(
        SCHEDULES,
        {
            "id": event.schedule_id,
            **{name: said[name] for name in _SHOWN_AS_IS},
            "enabled": int(event.enabled),
            "overlap": int(event.overlap),
            "reached": format_instant(event.since),
            "last_outcome": before["last_outcome"] if before else None,
            "last_due_at": before["last_due_at"] if before else None,
            "last_id": before["last_id"] if before else None,
            "created_at": before["created_at"] if before else at,
            "created_position": before["created_position"] if before else recorded.position,
            "updated_at": at,
        },
    )


def _fired(recorded: Recorded, event: schedule.ScheduleFired, rows: Rows) -> None:
    began = {"task_id": event.task_id, "workflow_run_id": event.workflow_run_id}
    _came(recorded, event.schedule_id, rows, {"outcome": "fired", "due_at": event.due_at, **began})


def _skipped(recorded: Recorded, event: schedule.ScheduleSkipped, rows: Rows) -> None:
    said = {"count": event.count, "more": int(event.more), "detail": event.detail}
    _came(recorded, event.schedule_id, rows, {"outcome": event.reason, "due_at": event.due_at, **said})


def _came(recorded: Recorded, schedule_id: str, rows: Rows, said: dict[str, Any]) -> None:
    known = rows.get(SCHEDULES, (schedule_id,))
    if known is None:
        return
    at = format_instant(recorded.recorded_at)
    due_at = None if said["due_at"] is None else format_instant(said["due_at"])
    line: dict[str, Any] = {"task_id": None, "workflow_run_id": None, "count": 1, "more": 0, "detail": "", **said}
    key = {"schedule_id": schedule_id, "number": recorded.position}
    rows.put(FIRINGS, {**key, **line, "due_at": due_at, "at": at, "actor": recorded.actor})
    last = {"last_outcome": said["outcome"], "last_due_at": due_at}
    began = line["task_id"] or line["workflow_run_id"]
    rows.put(SCHEDULES, {**known, **last, "last_id": began, "reached": due_at or known["reached"]})


def _removed(recorded: Recorded, event: schedule.ScheduleRemoved, rows: Rows) -> None:
    rows.delete(SCHEDULES, (event.schedule_id,))
    for row in rows.select(FIRINGS, {"schedule_id": event.schedule_id}):
        rows.delete(FIRINGS, (event.schedule_id, row["number"]))


def schedules(rows: Reader) -> tuple[views.ScheduleView, ...]:
    """In the order in which they were made."""
    return tuple(map(_view, rows.select(SCHEDULES, order=("created_position",))))


def schedule_of(rows: Reader, schedule_id: str) -> views.ScheduleView | None:
    row = rows.get(SCHEDULES, (schedule_id,))
    return None if row is None else _view(row)


def history(rows: Reader, schedule_id: str, before: int | None, limit: int) -> views.Page[views.FiringView]:
    """The newest first, those of positions below `before`."""
    where: dict[str, Condition] = {"schedule_id": schedule_id}
    if before is not None:
        where["number"] = Between(high=before - 1)
    found = rows.select(FIRINGS, where, order=("-number",), limit=limit + 1)
    more = str(found[limit - 1]["number"]) if len(found) > limit else None
    return views.Page[views.FiringView](items=tuple(map(_firing, found[:limit])), next=more)


def _view(row: Row) -> views.ScheduleView:
    enabled = bool(row["enabled"])
    next_at = Cron(row["cron"], row["zone"]).after(datetime.fromisoformat(row["reached"])) if enabled else None
    fields = {name: value for name, value in row.items() if name not in ("created_position", "reached")}
    return views.ScheduleView.model_validate(
        {**fields, "enabled": enabled, "overlap": bool(row["overlap"]), "next_at": next_at}
    )


def _live(row: Row) -> dict[str, Any]:
    return _view(row).model_dump(mode="json")


def _firing(row: Row) -> views.FiringView:
    fields = {name: value for name, value in row.items() if name not in ("number", "actor")}
    return views.FiringView.model_validate(
        {**fields, "position": row["number"], "by": row["actor"], "more": bool(row["more"])}
    )


class Schedules(Projection):
    NAME = "schedules"
    VERSION = 1
    TABLES = (SCHEDULES, FIRINGS)
    VIEWS = (PublicView("schedule", SCHEDULES, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        schedule.ScheduleSet: _set,
        schedule.ScheduleFired: _fired,
        schedule.ScheduleSkipped: _skipped,
        schedule.ScheduleRemoved: _removed,
    }
