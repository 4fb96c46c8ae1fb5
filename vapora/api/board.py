"""The board, today's or that of a past moment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from events.ids import project_stream
from projections import board as model
from projections import projects
from projections.store import Snapshot
from vapora.api.cells import Cell
from vapora.api.context import FreshCell
from vapora.api.forms import At
from vapora.api.moment import look_back, moment
from vapora.errors import NotFoundError
from vapora.views import Board

router = APIRouter(tags=["board"])


@router.get("/board", summary="Show the board")
async def get_board(
    cell: FreshCell,
    project_id: Annotated[str | None, Query(description="Of this project only.")] = None,
    at: At = None,
) -> Board:
    """Todo, in-progress and review by rank; done and failed with their newest 200, named in `truncated` if there
    are more."""
    if at is not None:
        return await _past(cell, project_id, at)

    def question(rows: Snapshot) -> Board | None:
        if project_id is not None and projects.project_of(rows, project_id) is None:
            return None
        return model.board(rows, project_id, rows.position)

    found = await (cell.read(question) if project_id is None else cell.find(project_stream(project_id), question))
    if found is None:
        raise _no_project(project_id)
    return found


async def _past(cell: Cell, project_id: str | None, at: str) -> Board:
    if project_id is not None and not await cell.log.first(project_stream(project_id)):
        raise _no_project(project_id)
    then = await moment(cell, at)
    return await look_back(cell, model.Board(), then, lambda rows: model.board(rows, project_id, then.position))


def _no_project(project_id: str | None) -> NotFoundError:
    return NotFoundError(f"There is no project '{project_id}'.", remedy="Check the id.")
