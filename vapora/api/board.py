"""The board, today's or that of a past moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query

from events import Recorded
from events.ids import project_stream
from projections import board as model
from projections import projects
from projections.memory import MemoryRows
from projections.store import Snapshot
from vapora import clock
from vapora.api.cells import Cell
from vapora.api.context import LARGEST_POSITION, FreshCell
from vapora.errors import BadInputError, NotFoundError
from vapora.views import Board

router = APIRouter(tags=["board"])

_PAGE = 2_000
# Whatever else stands in the log has no say in how the board looked.
_TOPICS = tuple(event.TOPIC for event in model.Board.HANDLERS)


@router.get("/board", summary="Show the board")
async def get_board(
    cell: FreshCell,
    project_id: Annotated[str | None, Query(description="Of this project only.")] = None,
    at: Annotated[
        str | None,
        Query(
            description="A position, or an instant such as 2026-11-22T10:00:00Z: the board as it was then.",
            max_length=60,
        ),
    ] = None,
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
    if project_id is not None and not await cell.log.read(project_stream(project_id)):
        raise _no_project(project_id)
    until = _position(at)
    if until is None:
        return await _fold(cell, project_id, _instant(at))
    head = await cell.log.head()
    if until > head:
        raise BadInputError(
            f"The log ends at {head}: {until} is yet to come.",
            remedy="Ask for a position in the past.",
            field="at",
            where="query",
        )
    return await _fold(cell, project_id, until)


async def _fold(cell: Cell, project_id: str | None, until: int | datetime) -> Board:
    """Through the very projection that keeps today's board, so that the two cannot differ."""
    rows, projection, after, reached = MemoryRows(), model.Board(), 0, 0
    while True:
        polled = await cell.log.poll(after, _PAGE, 0, _TOPICS)
        wanted = [one for one in polled.events if _is_before(one, until)]
        # In a thread: at some 20 µs an event, a long log would hold up everybody.
        await to_thread.run_sync(rows.fold, projection, wanted, limiter=cell.historians)
        reached = wanted[-1].position if wanted else reached
        after = polled.position
        if len(wanted) < len(polled.events) or after >= polled.head or (isinstance(until, int) and after >= until):
            position = until if isinstance(until, int) else reached
            return await to_thread.run_sync(model.board, rows, project_id, position, limiter=cell.historians)


def _is_before(recorded: Recorded, until: int | datetime) -> bool:
    return recorded.position <= until if isinstance(until, int) else recorded.recorded_at <= until


def _position(at: str) -> int | None:
    if not (at.isascii() and at.isdigit()):
        return None
    return min(int(at), LARGEST_POSITION)


def _instant(at: str) -> datetime:
    try:
        # An unescaped "+" of a zone arrives as a space.
        instant = datetime.fromisoformat(at.replace(" ", "+") if "T" in at else at)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInputError(
            f"{at!r} is neither a position nor an instant.",
            remedy="Send a whole number, or an instant such as 2026-11-22T10:00:00Z.",
            field="at",
            where="query",
        ) from None
    if instant > clock.now():
        raise BadInputError(
            f"{at} is yet to come.", remedy="Ask for an instant in the past.", field="at", where="query"
        )
    return instant


def _no_project(project_id: str | None) -> NotFoundError:
    return NotFoundError(f"There is no project '{project_id}'.", remedy="Check the id.")
