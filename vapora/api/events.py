"""The log itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Path, Query

from events import Recorded, topics
from events.ids import StreamName
from vapora.api.cells import Cell
from vapora.api.context import LARGEST_POSITION, Limit, OpenCell
from vapora.errors import BadInputError, NotFoundError
from vapora.views import EventView, Page

router = APIRouter(prefix="/events", tags=["events"])

# How far one request looks for events of one correlation, or a rare topic, before it hands out a cursor.
_MOST_LOOKED_AT = 20_000
_PAGE = 1_000


@router.get("", summary="Read the log")
async def list_events(
    cell: OpenCell,
    after: Annotated[int, Query(ge=0, le=LARGEST_POSITION, description="Events beyond this position.")] = 0,
    limit: Limit = 100,
    stream: Annotated[str | None, Query(max_length=300, description="Of this stream, such as task:task-1.")] = None,
    topic: Annotated[list[str] | None, Query(description="Of this topic; may be given again.")] = None,
    correlation: Annotated[str | None, Query(max_length=128, description="That go back to this request.")] = None,
) -> Page[EventView]:
    """In order of position. `next` is the position to go on from; null at the end of the log. A page may hold fewer
    than `limit`, even none, and still have a next one: there was much to look through."""
    wanted = tuple(dict.fromkeys(topic or ()))
    unknown = [one for one in wanted if one not in topics()]
    if unknown:
        known = ", ".join(sorted(topics()))
        raise BadInputError(
            f"There is no topic {unknown[0]!r}.", remedy=f"There are: {known}.", field="topic", where="query"
        )
    if stream is not None:
        found, reached = await _of_stream(cell, stream, after, limit, wanted, correlation)
    else:
        found, reached = await _of_log(cell, after, limit, wanted, correlation)
    items = tuple(map(view, found))
    return Page[EventView](items=items, next=None if reached is None else str(reached))


@router.get("/{position}", summary="Show an event")
async def get_event(position: Annotated[int, Path(ge=1, le=LARGEST_POSITION)], cell: OpenCell) -> EventView:
    return view(await event_at(cell, position))


async def event_at(cell: Cell, position: int) -> Recorded:
    polled = await cell.log.poll(position - 1, 1, 0)
    if not polled.events or polled.events[0].position != position:
        raise NotFoundError(f"No event stands at position {position}.", remedy="Numbers may be skipped; read the list.")
    return polled.events[0]


async def _of_log(
    cell: Cell, after: int, limit: int, wanted: Collection[str], correlation: str | None
) -> tuple[list[Recorded], int | None]:
    """The events, and where the next page begins; None at the end."""
    found: list[Recorded] = []
    looked_at = 0
    while True:
        page = limit if correlation is None else _PAGE
        polled = await cell.log.poll(after, page, 0, tuple(wanted), lenient=True)
        for recorded in polled.events:
            if correlation in (None, recorded.correlation):
                found.append(recorded)
                if len(found) == limit:
                    end = recorded.position >= polled.head
                    return found, None if end else recorded.position
        looked_at += len(polled.events)
        after = polled.position
        if after >= polled.head:
            return found, None
        if looked_at >= _MOST_LOOKED_AT:
            return found, after


async def _of_stream(
    cell: Cell, stream: str, after: int, limit: int, wanted: Collection[str], correlation: str | None
) -> tuple[list[Recorded], int | None]:
    found = [
        one
        for one in await cell.log.read(StreamName(stream), lenient=True)
        if one.position > after and (not wanted or one.topic in wanted) and correlation in (None, one.correlation)
    ]
    page = found[:limit]
    return page, page[-1].position if len(found) > limit else None


def view(recorded: Recorded) -> EventView:
    return EventView(
        position=recorded.position,
        stream=recorded.stream,
        version=recorded.version,
        topic=recorded.topic,
        recorded_at=recorded.recorded_at,
        workspace=recorded.workspace,
        actor=recorded.actor,
        correlation=recorded.correlation,
        causation=recorded.causation,
        event=recorded.event.as_json(),
    )
