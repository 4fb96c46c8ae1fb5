"""The log itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from events import Recorded, topics
from vapora.api.as_of import parse_instant
from vapora.api.cells import Cell
from vapora.api.context import Limit, OpenCell
from vapora.api.event_search import Search
from vapora.api.forms import LARGEST_POSITION, WHOLE, Instant, Position, PositionCursor
from vapora.clock import just_before
from vapora.errors import BadInputError, NotFoundError
from vapora.log.search import last_until
from vapora.views import EventFilter, EventView, Page

router = APIRouter(prefix="/events", tags=["events"])

Topic = Annotated[str, Field(json_schema_extra={"enum": sorted(topics())})]


@router.get("", summary="Read the log")
async def list_events(
    cell: OpenCell,
    after: Annotated[Position, Query(description="Events beyond this position.")] = 0,
    limit: Limit = 100,
    stream: Annotated[str | None, Query(max_length=300, description="Of this stream, such as task:task-1.")] = None,
    topic: Annotated[list[Topic] | None, Query(description="Of this topic; may be given again.")] = None,
    actor: Annotated[str | None, Query(max_length=300, description="Done by this one, such as user:local.")] = None,
    correlation: Annotated[str | None, Query(max_length=128, description="That go back to this request.")] = None,
    since: Instant = None,
    until: Instant = None,
    cursor: PositionCursor = None,
) -> Page[EventView]:
    """In order of position; those that fit every filter. `since` and `until` are instants of recording, and what was
    recorded at them counts. `next` is the position to go on from, as `cursor` or `after`; null at the end of the
    log. A page may hold fewer than `limit`, even none, and still have a next one: there was much to look through."""
    wanted = tuple(dict.fromkeys(topic or ()))
    unknown = [one for one in wanted if one not in topics()]
    if unknown:
        known = ", ".join(sorted(topics()))
        raise BadInputError(
            f"There is no topic {unknown[0]!r}.", remedy=f"There are: {known}.", field="topic", where="query"
        )
    after = max(after, int(cursor or 0))
    head = await cell.log.head()
    last = head if until is None else await last_until(cell.log, parse_instant(until, "until"), head)
    if since is not None:
        # What was recorded at the very instant is wanted too.
        after = max(after, await last_until(cell.log, just_before(parse_instant(since, "since")), head))
    filter_ = EventFilter(stream=stream, topics=wanted, actor=actor, correlation=correlation)
    found, reached = await Search(cell, filter_, last, to_present=until is None).page(after, limit)
    items = tuple(map(EventView.of, found))
    return Page[EventView](items=items, next=None if reached is None else str(reached))


@router.get("/{position}", summary="Show an event")
async def get_event(
    position: Annotated[int, Field(ge=1, le=LARGEST_POSITION), WHOLE, Path()], cell: OpenCell
) -> EventView:
    return EventView.of(await event_at(cell, position))


async def event_at(cell: Cell, position: int) -> Recorded:
    polled = await cell.log.poll(position - 1, 1, 0)
    if not polled.events or polled.events[0].position != position:
        raise NotFoundError(f"No event stands at position {position}.", remedy="Numbers may be skipped; read the list.")
    return polled.events[0]
