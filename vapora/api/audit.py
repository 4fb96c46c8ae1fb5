"""The audit trail, and why something happened."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from events import Recorded
from projections import audit as model
from vapora.api.as_of import parse_instant
from vapora.api.context import FreshCell, Limit, OpenCell
from vapora.api.events import event_at
from vapora.api.forms import LARGEST_POSITION, WHOLE, Instant, PositionCursor
from vapora.views import AuditEntry, AuditFilter, Chain, EventView, Page

router = APIRouter(tags=["audit"])

# Far longer than any chain of ours; a cause always stands before what it led to, so none goes round in circles.
_LONGEST = 500


@router.get("/audit", summary="Search the audit trail")
async def list_audit(
    cell: FreshCell,
    actor: Annotated[str | None, Query(max_length=200, description="Who did it, such as user:local.")] = None,
    action: Annotated[str | None, Query(max_length=40, description="create, update, assign, execute …")] = None,
    resource: Annotated[str | None, Query(max_length=300, description="A kind, as task, or one: task:task-1.")] = None,
    since: Instant = None,
    until: Instant = None,
    text: Annotated[str | None, Query(max_length=200, description="A part of anything said, in any case.")] = None,
    limit: Limit = 100,
    cursor: PositionCursor = None,
) -> Page[AuditEntry]:
    """The newest first: who did what to what, when, and how it came out."""
    before = None if cursor is None else int(cursor)
    wanted = AuditFilter(
        actor=actor,
        action=action,
        resource=resource,
        since=None if since is None else parse_instant(since, "since"),
        until=None if until is None else parse_instant(until, "until"),
        text=text,
    )
    found = await cell.read(lambda rows: model.entries(rows, wanted, before=before, limit=limit + 1))
    items = found[:limit]
    return Page[AuditEntry](items=items, next=str(items[-1].position) if len(found) > limit else None)


@router.get("/events/{position}/chain", summary="Tell why an event happened")
async def get_chain(position: Annotated[int, Field(ge=1, le=LARGEST_POSITION), WHOLE, Path()], cell: OpenCell) -> Chain:
    """From the event back to the request: each item happened because of the one after it. `complete`: the last one
    was asked for by somebody, not led to by another event."""
    found = [await event_at(cell, position)]
    while (cause := _cause(found[-1])) is not None and len(found) < _LONGEST:
        found.append(await event_at(cell, cause))
    return Chain(items=tuple(map(EventView.of, found)), complete=_cause(found[-1]) is None)


def _cause(recorded: Recorded) -> int | None:
    cause = recorded.causation
    return cause if cause is not None and 0 < cause < recorded.position else None
