"""The audit trail, and why something happened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from events import Recorded
from projections import audit as model
from vapora.api import audit_export
from vapora.api.as_of import parse_instant
from vapora.api.caller import AskedBy
from vapora.api.cells import Cell, Cells
from vapora.api.context import FreshCell, Limit, OpenCell
from vapora.api.events import event_at
from vapora.api.forms import LARGEST_POSITION, WHOLE, Instant, Position, PositionCursor
from vapora.api.gate import Admitted, LetIn
from vapora.api.readable_rows import only_readable
from vapora.views import AuditEntry, AuditFilter, Chain, EventView, Page

router = APIRouter(tags=["audit"])

# Far longer than any chain of ours; a cause always stands before what it led to, so none goes round in circles.
_LONGEST = 500
_EXPORTED_PAGE = 1_000
_BEGINNING = "; with `*` behind it, what begins like that"


def _wanted(
    actor: Annotated[
        str | None, Query(max_length=200, description=f"Who did it, such as user:local{_BEGINNING}.")
    ] = None,
    action: Annotated[
        str | None, Query(max_length=40, description=f"create, update, assign, execute, deny …{_BEGINNING}.")
    ] = None,
    resource: Annotated[
        str | None, Query(max_length=300, description=f"A kind, as task, or one, as task:task-1{_BEGINNING}.")
    ] = None,
    result: Annotated[
        Literal["success", "failure", "partial-success"] | None, Query(description="How it came out.")
    ] = None,
    since: Instant = None,
    until: Instant = None,
    text: Annotated[str | None, Query(max_length=200, description="A part of anything said, in any case.")] = None,
    first: Annotated[Position | None, Query(description="From this position on.")] = None,
    last: Annotated[Position | None, Query(description="Up to this position.")] = None,
) -> AuditFilter:
    return AuditFilter(
        actor=actor,
        action=action,
        resource=resource,
        result=result,
        since=None if since is None else parse_instant(since, "since"),
        until=None if until is None else parse_instant(until, "until"),
        text=text,
        first=first,
        last=last,
    )


Wanted = Annotated[AuditFilter, Depends(_wanted)]


async def _people(
    request: Request,
    after: Annotated[
        Position | None,
        Query(description="A position, as a write about people answered it: the answer waits up to 5 s for it."),
    ] = None,
) -> Cell:
    cells: Cells = request.app.state.cells
    # Nobody follows these rows, so that what keeps them may have to be started first.
    await cells.people.wait_for(max(after or 0, await cells.people.log.head()))
    return cells.people


# What stands in the log of people: who signed in, who became whose member, who was refused outside of any workspace.
PeopleCell = Annotated[Cell, Depends(_people)]
Format = Annotated[Literal["csv", "jsonl"], Query(alias="format", description="CSV, or JSON lines.")]


@router.get("/audit", summary="Search the audit trail")
async def list_audit(
    cell: FreshCell,
    wanted: Wanted,
    admitted: LetIn,
    caller: AskedBy,
    limit: Limit = 100,
    cursor: PositionCursor = None,
) -> Page[AuditEntry]:
    """The newest first: who did what to what, when, and how it came out. That it was looked at stands there too."""
    await admitted.gate.denials.viewed(cell.workspace, caller.name, str(wanted), admitted.correlation)
    return await _page(cell, wanted, limit, cursor)


@router.get("/audit/export", response_class=StreamingResponse, summary="Export the audit trail")
async def export_audit(
    cell: FreshCell, wanted: Wanted, admitted: LetIn, caller: AskedBy, form: Format = "jsonl"
) -> StreamingResponse:
    """All entries that fit, the oldest first, up to where the trail is now."""
    await admitted.gate.denials.viewed(cell.workspace, caller.name, f"export of {wanted}", admitted.correlation)
    return await _exported(cell, wanted, form, admitted)


@router.get("/people/audit", summary="Search the audit trail of people")
async def list_people_audit(
    cell: PeopleCell,
    wanted: Wanted,
    admitted: LetIn,
    caller: AskedBy,
    limit: Limit = 100,
    cursor: PositionCursor = None,
) -> Page[AuditEntry]:
    """For administrators: who signed in or tried to, who belongs to which workspace, and who was refused where they
    are no member."""
    await admitted.gate.denials.viewed(cell.workspace, caller.name, str(wanted), admitted.correlation)
    return await _page(cell, wanted, limit, cursor)


@router.get("/people/audit/export", response_class=StreamingResponse, summary="Export the audit trail of people")
async def export_people_audit(
    cell: PeopleCell, wanted: Wanted, admitted: LetIn, caller: AskedBy, form: Format = "jsonl"
) -> StreamingResponse:
    """All entries that fit, the oldest first, up to where the trail is now."""
    await admitted.gate.denials.viewed(cell.workspace, caller.name, f"export of {wanted}", admitted.correlation)
    return await _exported(cell, wanted, form, admitted)


async def _page(cell: Cell, wanted: AuditFilter, limit: int, cursor: str | None) -> Page[AuditEntry]:
    before = None if cursor is None else int(cursor)
    found = await cell.read(lambda rows: model.entries(rows, wanted, before=before, limit=limit + 1))
    items = found[:limit]
    return Page[AuditEntry](items=items, next=str(items[-1].position) if len(found) > limit else None)


async def _exported(
    cell: Cell, wanted: AuditFilter, form: Literal["csv", "jsonl"], admitted: Admitted
) -> StreamingResponse:
    # Else an export that others write beside would have no end.
    present = await cell.read(lambda rows: rows.position)
    bounded = wanted.model_copy(update={"last": min(present, wanted.last or present)})
    name, media_type = f"audit-{cell.workspace.strip('_')}.{form}", audit_export.MEDIA_TYPES[form]
    return StreamingResponse(
        audit_export.lines(form, _pages(cell, bounded, admitted)),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _pages(cell: Cell, wanted: AuditFilter, admitted: Admitted) -> AsyncIterator[tuple[AuditEntry, ...]]:
    after = 0
    while found := await _after(cell, wanted, after):
        yield await only_readable(admitted, cell, found)
        after = found[-1].position


async def _after(cell: Cell, wanted: AuditFilter, after: int) -> tuple[AuditEntry, ...]:
    return await cell.read(lambda rows: model.oldest(rows, wanted, after=after, limit=_EXPORTED_PAGE))


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
