"""The board, today's or that of a past moment."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from events.ids import TaskState, project_stream
from projections import board as model
from projections import projects
from projections.engine.transaction import ReadSnapshot
from vapora.api.as_of import parse_as_of, read_as_of
from vapora.api.cells import Cell
from vapora.api.context import Cursor, FreshCell
from vapora.api.forms import At, LabelFilter
from vapora.api.gate import LetIn
from vapora.api.readable_rows import readable_board
from vapora.errors import BadInputError, NotFoundError
from vapora.views import Board

router = APIRouter(tags=["board"])

Column = Literal[TaskState.TODO, TaskState.IN_PROGRESS, TaskState.REVIEW, TaskState.DONE, TaskState.FAILED]


@router.get("/board", summary="Show the board")
async def get_board(
    cell: FreshCell,
    admitted: LetIn,
    project_id: Annotated[str | None, Query(description="Of this project only.")] = None,
    column: Annotated[Column | None, Query(description="This column only.")] = None,
    cursor: Cursor = None,
    label: LabelFilter = None,
    at: At = None,
) -> Board:
    """Todo, in-progress and review in the order in which they are worked off, done and failed the newest first: at most
    200 cards a column, without description and context. `counts` has the number of all, whatever `label` says. `column`
    with the column's `next` as `cursor` gives the following ones; with `at`, of the board as it was then."""
    if cursor is not None and column is None:
        raise BadInputError(
            "A cursor belongs to one column.", remedy="Name it with `column`.", field="column", where="query"
        )
    if at is not None:
        return await readable_board(admitted, cell, await _past(cell, project_id, column, cursor, label, at))

    def question(rows: ReadSnapshot) -> Board | None:
        if project_id is not None and projects.project_of(rows, project_id) is None:
            return None
        return model.board(rows, project_id, rows.position, column, cursor, label)

    found = await (cell.read(question) if project_id is None else cell.find(project_stream(project_id), question))
    if found is None:
        raise _no_project(project_id)
    return await readable_board(admitted, cell, found)


async def _past(
    cell: Cell, project_id: str | None, column: Column | None, cursor: str | None, label: str | None, at: str
) -> Board:
    if project_id is not None and not await cell.log.first(project_stream(project_id)):
        raise _no_project(project_id)
    then = await parse_as_of(cell, at)
    return await read_as_of(
        cell, model.Board(), then, lambda rows: model.board(rows, project_id, then.position, column, cursor, label)
    )


def _no_project(project_id: str | None) -> NotFoundError:
    return NotFoundError(f"There is no project '{project_id}'.", remedy="Check the id.")
