"""Trackers: GitHub and Jira, whose issues are kept in step with cards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from events.ids import DEFAULT_WORKSPACE, LONGEST_WORKSPACE, WORKSPACE_PATTERN, task_stream, tracker_stream
from events.tracker import TrackerSet
from projections import board
from projections import trackers as model
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell, Cells
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.denials import Denials
from vapora.api.etags import Reading, Versioned, versioned_if_there
from vapora.api.pages import page_of
from vapora.api.people import People
from vapora.commands import ImportIssues, LinkTask, RemoveTracker, SetTracker
from vapora.domain.access import workspace_resource
from vapora.domain.tracker import connection as rules
from vapora.errors import NotFoundError, UnauthenticatedError, is_archived
from vapora.views import Accepted, CardLink, Page, TrackerOutcome, TrackerStatus, TrackerView

router = APIRouter(tags=["trackers"])

# As it is chosen by whoever makes it.
NewId = Annotated[str, Path(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=60)]
_WEBHOOK = "take_tracker_webhook"


@router.get("/trackers", summary="List the trackers")
async def list_trackers(cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[TrackerView]:
    """In the order in which they were connected."""
    return page_of(await cell.read(model.trackers), lambda one: one.id, limit, cursor)


@router.get("/trackers/{tracker_id}", summary="Show a tracker")
async def get_tracker(tracker_id: str, cell: FreshCell, reading: Reading) -> TrackerView:
    """With the names of its secrets, never the secrets."""
    stream = tracker_stream(tracker_id)

    def question(rows: ReadSnapshot) -> Versioned[TrackerView] | None:
        return versioned_if_there(rows, model.tracker_of(rows, tracker_id), model.Trackers.NAME, stream)

    found = await cell.find(stream, question)
    if found is None:
        raise _no_tracker(tracker_id)
    return reading.tagged(found)


@router.put("/trackers/{tracker_id}", summary="Connect a tracker, or change its connection")
async def set_tracker(tracker_id: NewId, body: SetTracker, writing: Editing) -> TrackerView:
    """All of it, under an id of your choice. Its token is stored beside, by `PUT /secrets/{name}`. What it is connected
    to stays: another repository is another tracker."""
    if await writing.answered() is None:
        known = await writing.cell.read(model.trackers)
        if all(one.id != tracker_id for one in known):
            rules.require_room(len(known))
        await writing.cell.dispatcher.project(body.project_id)
        for event in rules.decide(None, body, tracker_id):
            if isinstance(event, TrackerSet):
                await writing.cell.trackers.check(event)
    return await _as_written(writing.cell, await writing.dispatch(body, tracker_id))


@router.delete("/trackers/{tracker_id}", summary="Disconnect a tracker")
async def remove_tracker(tracker_id: str, writing: Editing) -> Accepted:
    """What waits to be carried to it is not carried any more. Cards and issues stay as they are."""
    return await writing.dispatch(RemoveTracker(), tracker_id)


@router.get("/trackers/{tracker_id}/status", summary="Show whether a tracker is in step")
async def get_tracker_status(tracker_id: str, cell: FreshCell) -> TrackerStatus:
    """How much waits, and what stands in the way."""
    found = await cell.read(lambda rows: model.tracker_of(rows, tracker_id))
    if found is None:
        raise _no_tracker(tracker_id)
    nothing = TrackerStatus(waiting=0, problem="", held_until=None)
    return (await cell.trackers.status()).get(tracker_id, nothing) if found.enabled else nothing


@router.get("/trackers/{tracker_id}/check", summary="Try a connection")
async def check_tracker(tracker_id: str, cell: FreshCell) -> TrackerOutcome:
    """Asks now for the repository or project that it is connected to; changes nothing. The answer says what came of
    it."""
    return await cell.trackers.test(tracker_id)


@router.post("/trackers/{tracker_id}/import", summary="Have issues become cards")
async def import_issues(tracker_id: str, writing: Writing, key: PostKey, body: ImportIssues | None = None) -> Accepted:
    """Those that are named, or all open ones with the tracker's labels. They come one after the other; one that has a
    card gets no second one."""
    return await writing.dispatch(body or ImportIssues(), tracker_id, key)


@router.get("/tasks/{task_id}/links", summary="List the issues and pull requests of a card")
async def list_links(task_id: str, cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[CardLink]:
    """In the order in which they were linked."""
    if await cell.find(task_stream(task_id), lambda rows: board.card(rows, task_id)) is None:
        raise NotFoundError(f"There is no task '{task_id}'.", remedy="Check the id.", task_id=task_id)
    found = await cell.read(lambda rows: model.links_of(rows, task_id))
    return page_of(found, lambda one: f"{one.tracker_id}/{one.kind}/{one.number}", limit, cursor)


@router.post("/tasks/{task_id}/issue", summary="Have an issue made of a card")
async def link_task(task_id: str, body: LinkTask, writing: Writing, key: PostKey) -> Accepted:
    """In a tracker of its project; nothing more where it has one there already."""
    return await writing.dispatch(body, task_id, key)


@router.post("/trackers/{tracker_id}/webhook", status_code=204, include_in_schema=False)
async def take_tracker_webhook(
    request: Request,
    tracker_id: str,
    workspace: Annotated[
        str, Query(pattern=WORKSPACE_PATTERN, max_length=LONGEST_WORKSPACE, description="The workspace.")
    ] = DEFAULT_WORKSPACE,
) -> Response:
    """For the tracker's own messages, which it signs. Whoever sends another one is told the same, whether there is
    such a tracker or not, and no cell is woken for it."""
    cells: Cells = request.app.state.cells
    people: People = request.app.state.people
    known = (await people.directory()).workspace(workspace)
    if known is not None and known.archived:
        raise is_archived(workspace)
    if (await cells.system.standing(workspace))[0] == "unknown":
        await cells.open(workspace)
    try:
        if not await cells.look(workspace).read(lambda rows: model.takes_webhooks(rows, tracker_id)):
            raise UnauthenticatedError("No webhook is taken here under this signature.")
        cell = await cells.open(workspace)
        headers = {name: value for name, value in request.headers.items() if name.startswith("x-hub-")}
        await cell.trackers.deliver(tracker_id, headers, await request.body())
    except (UnauthenticatedError, NotFoundError):
        denials: Denials = request.app.state.denials
        correlation: str = request.state.correlation
        reason = f"the signature of a webhook of '{tracker_id:.60}'"
        await denials.denied("visitor", _WEBHOOK, workspace_resource(workspace), reason, correlation)
        raise UnauthenticatedError(
            "No webhook is taken here under this signature.",
            remedy="Give the tracker and the webhook the same secret.",
        ) from None
    return Response(status_code=204)


async def _as_written(cell: Cell, accepted: Accepted) -> TrackerView:
    """From the log, as it stood with this write: a request that comes again is given the same answer."""
    stream = tracker_stream(accepted.id)
    state, first = await cell.dispatcher.trackers.as_of(stream, accepted.position), await cell.log.first(stream)
    if state is None or first is None:
        raise _no_tracker(accepted.id)
    known = await cell.read(lambda rows: model.tracker_of(rows, accepted.id))
    said = state.set.model_dump(mode="json", exclude={"tracker_id"})
    said["webhook_secret"] = said["webhook_secret"] or None
    more = {"id": state.id, "created_at": first.recorded_at, "position": accepted.position}
    return TrackerView.model_validate({**said, **more, "links": known.links if known else 0})


def _no_tracker(tracker_id: str) -> NotFoundError:
    return NotFoundError(f"There is no tracker '{tracker_id}'.", remedy="List the trackers.")
