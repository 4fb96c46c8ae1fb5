"""Tasks: handing work in, following it, and judging it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, status

from events.ids import TaskState, task_stream
from projections import board, decisions, runs
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, versioned_if_there
from vapora.api.forms import LabelFilter
from vapora.api.pages import page_of
from vapora.api.projects import require_project
from vapora.commands import EditTask, MoveTask, Slug, SubmitTask
from vapora.errors import NotFoundError
from vapora.views import Accepted, BoardCard, Execution, Page, TaskAccepted, TaskCard, Why

router = APIRouter(prefix="/tasks", tags=["tasks"])

# As `projections.board.SORTS`.
TaskSort = Literal["-created", "created", "-updated", "updated", "-priority", "priority"]
TaskCursor = Annotated[
    str | None,
    Query(description="`next` of the page before.", pattern=r"^[0-9]{1,18}(\.[a-z0-9-]{1,80})?$", examples=["1200"]),
]


@router.post("", status_code=status.HTTP_202_ACCEPTED, summary="Hand in a task")
async def submit_task(body: SubmitTask, writing: Writing, key: PostKey) -> TaskAccepted:
    """Answered as soon as it is safe in the log; an agent takes it up from there."""
    accepted = await writing.dispatch(body, key=key)
    return TaskAccepted(task_id=accepted.id, position=accepted.position)


@router.get("", summary="List the tasks")
async def list_tasks(
    cell: FreshCell,
    project_id: Annotated[str | None, Query(description="Of this project only.")] = None,
    state: Annotated[TaskState | None, Query(description="In this state only.")] = None,
    role: Annotated[Slug | None, Query(description="That ask for this role only.")] = None,
    label: LabelFilter = None,
    sort: Annotated[TaskSort, Query(description="By what; with - the other way round.")] = "-created",
    limit: Limit = 100,
    cursor: TaskCursor = None,
) -> Page[BoardCard]:
    """The newest first if nothing else is said, archived ones too; without description and context."""
    if project_id is not None:
        await require_project(cell, project_id)
    return await cell.read(lambda rows: board.tasks(rows, project_id, state, role, cursor, limit, label, sort))


@router.get("/{task_id}", summary="Show a task's card")
async def get_task(task_id: str, cell: FreshCell, reading: Reading) -> TaskCard:
    """With its description and context, which the board and lists leave out."""
    stream, name = task_stream(task_id), board.Board.NAME
    found = await cell.find(stream, lambda rows: versioned_if_there(rows, board.card(rows, task_id), name, stream))
    if found is None:
        raise _no_task(task_id)
    return reading.tagged(found)


@router.patch("/{task_id}", summary="Edit a task")
async def edit_task(task_id: str, body: EditTask, writing: Editing) -> Accepted:
    """Only the fields that are sent change. A done or archived task stays as it was judged."""
    return await writing.dispatch(body, task_id)


@router.post("/{task_id}/move", summary="Move a card")
async def move_task(task_id: str, body: MoveTask, writing: Writing, key: PostKey) -> Accepted:
    """review→done approves, review→todo rejects, failed→todo tries again, in-progress→todo cancels the run, and
    todo, done and failed can be archived; all else is a conflict. The card's own state, with `before`, reorders."""
    return await writing.dispatch(body, task_id, key)


@router.delete("/{task_id}", summary="Archive a task")
async def archive_task(task_id: str, writing: Editing) -> Accepted:
    """The same as moving it to `archived`: its history stays."""
    return await writing.dispatch(MoveTask(state=TaskState.ARCHIVED), task_id)


@router.get("/{task_id}/why", summary="Say why it went as it did")
async def get_task_why(task_id: str, cell: FreshCell) -> Why:
    """Every choice of an agent, a model and money, in order, with what else could have been chosen."""
    await require_task(cell, task_id)
    return await cell.read(lambda rows: decisions.why(rows, task_id))


@router.get("/{task_id}/runs", summary="List a task's runs")
async def list_task_runs(task_id: str, cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[Execution]:
    """The first one first."""
    await require_task(cell, task_id)
    found = await cell.read(lambda rows: runs.runs(rows, task_id))
    return page_of(found, lambda one: one.run_id, limit, cursor)


async def require_task(cell: Cell, task_id: str) -> TaskCard:
    found = await cell.find(task_stream(task_id), lambda rows: board.card(rows, task_id))
    if found is None:
        raise _no_task(task_id)
    return found


def _no_task(task_id: str) -> NotFoundError:
    return NotFoundError(f"There is no task '{task_id}'.", remedy="Check the id.")
