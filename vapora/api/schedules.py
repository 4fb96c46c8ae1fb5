"""Schedules: what the clock begins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from events.ids import schedule_stream
from events.schedule import ScheduleFired as Fired
from projections import schedules as model
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, Versioned, versioned_if_there
from vapora.api.forms import PositionCursor
from vapora.api.pages import page_of
from vapora.commands import EditSchedule, FireSchedule, RemoveSchedule, SetSchedule
from vapora.domain.schedule import Schedule, require_room
from vapora.errors import NotFoundError
from vapora.views import Accepted, FiringView, Page, ScheduleFired, ScheduleView

router = APIRouter(prefix="/schedules", tags=["schedules"])

# As it is chosen by whoever makes it.
NewId = Annotated[str, Path(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=80)]


@router.get("", summary="List the schedules")
async def list_schedules(cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[ScheduleView]:
    """In the order in which they were made."""
    return page_of(await cell.read(model.schedules), lambda one: one.id, limit, cursor)


@router.get("/{schedule_id}", summary="Show a schedule")
async def get_schedule(schedule_id: str, cell: FreshCell, reading: Reading) -> ScheduleView:
    stream = schedule_stream(schedule_id)

    def question(rows: ReadSnapshot) -> Versioned[ScheduleView] | None:
        return versioned_if_there(rows, model.schedule_of(rows, schedule_id), model.Schedules.NAME, stream)

    found = await cell.find(stream, question)
    if found is None:
        raise _no_schedule(schedule_id)
    return reading.tagged(found)


@router.put("/{schedule_id}", summary="Make or replace a schedule")
async def set_schedule(schedule_id: NewId, body: SetSchedule, writing: Editing) -> ScheduleView:
    """All of it, under an id of your choice. What it begins is checked as if it fired now. Where its times change, it
    counts from now on; else what is due goes on being due."""
    if await writing.answered() is None:
        known = await writing.cell.read(model.schedules)
        if all(one.id != schedule_id for one in known):
            require_room(len(known))
    return await _as_written(writing.cell, await writing.dispatch(body, schedule_id))


@router.patch("/{schedule_id}", summary="Change a schedule")
async def edit_schedule(schedule_id: str, body: EditSchedule, writing: Editing) -> ScheduleView:
    """What is not named stays. `enabled: false` pauses it, and `true` has it go on from now."""
    return await _as_written(writing.cell, await writing.dispatch(body, schedule_id))


@router.delete("/{schedule_id}", summary="Remove a schedule")
async def remove_schedule(schedule_id: str, writing: Editing) -> Accepted:
    """With its history. What it began goes on."""
    return await writing.dispatch(RemoveSchedule(), schedule_id)


@router.get("/{schedule_id}/history", summary="List what came of a schedule")
async def list_firings(
    schedule_id: str, cell: FreshCell, limit: Limit = 100, cursor: PositionCursor = None
) -> Page[FiringView]:
    """The newest first: what it began, and what it left out and why."""
    before = None if cursor is None else int(cursor)

    def question(rows: ReadSnapshot) -> Page[FiringView] | None:
        if model.schedule_of(rows, schedule_id) is None:
            return None
        return model.history(rows, schedule_id, before, limit)

    found = await cell.find(schedule_stream(schedule_id), question)
    if found is None:
        raise _no_schedule(schedule_id)
    return found


@router.post("/{schedule_id}/fire", summary="Have a schedule fire now")
async def fire_schedule(
    schedule_id: str, writing: Writing, key: PostKey, body: FireSchedule | None = None
) -> ScheduleFired:
    """Whether it is due or not, also while it is paused; its own times stay as they are."""
    accepted = await writing.dispatch(body or FireSchedule(), schedule_id, key)
    is_task = accepted.id.startswith("task-")
    return ScheduleFired(id=accepted.id, kind="task" if is_task else "workflow-run", position=accepted.position)


async def _as_written(cell: Cell, accepted: Accepted) -> ScheduleView:
    """From the log, as it stood with this write: a request that comes again is given the same answer."""
    stream = schedule_stream(accepted.id)
    state = await cell.dispatcher.schedules.folds.as_of(stream, accepted.position)
    first, last = await cell.log.first(stream), await cell.log.pick((accepted.position,))
    if state is None or first is None or not last:
        raise _no_schedule(accepted.id)
    fields = state.set.model_dump(mode="json", exclude={"schedule_id", "since"})
    return ScheduleView.model_validate(
        {
            **fields,
            "id": state.id,
            "next_at": state.next(),
            **_last(state),
            "created_at": first.recorded_at,
            "updated_at": last[0].recorded_at,
            "position": accepted.position,
        }
    )


def _last(state: Schedule) -> dict[str, object]:
    match state.last:
        case None:
            return {"last_outcome": None, "last_due_at": None, "last_id": None}
        case Fired(due_at=due_at, task_id=task_id, workflow_run_id=run_id):
            return {"last_outcome": "fired", "last_due_at": due_at, "last_id": task_id or run_id}
        case skipped:
            return {"last_outcome": skipped.reason, "last_due_at": skipped.due_at, "last_id": None}


def _no_schedule(schedule_id: str) -> NotFoundError:
    return NotFoundError(f"There is no schedule '{schedule_id}'.", remedy="List the schedules.")
