"""Rows of lists that a workspace's own policies forbid who asks to read: they are left out, and pages are filled up.

Every route that gives a `Page` of something that belongs to a project goes through here, by what its rows are: a new
list of such rows is filtered without a word of its own. A row is shown where the list itself, and the route that shows
one such thing, are both allowed about its place. A route that gives one such thing alone refuses where it would be
left out. What is one number of all projects, by its meaning, is for those who may read all of them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, get_args, get_type_hints

from fastapi.routing import APIRoute
from pydantic_core import from_json, to_json

from events.ids import Scope, task_stream
from events.task import TaskSubmitted
from vapora import views
from vapora.api.cells import Cell
from vapora.api.context import OpenCell
from vapora.api.gate import Admitted, LetIn
from vapora.api.places import Ref, place_of
from vapora.api.readable_projects import hidden_projects, may_read
from vapora.domain.access import ACTIONS, Resource, workspace_resource
from vapora.errors import ForbiddenError
from vapora.views import Page, View

# A page whose rows nearly all are hidden may be shorter than asked for, and still have a next one.
_MOST_ROUNDS = 20


def _one(kind: str, name: str = "id") -> Callable[[Any], tuple[Ref, ...]]:
    return lambda row: (Ref(kind, str(getattr(row, name) or "")),)


_NOTHING_KNOWN = Ref("task", "unknown")
# Every project of the workspace, of what is told in one number.
EVERYTHING: Final = Ref("everything", "every-project")
_IN_PROJECT = _one("project", "project_id")
_ID = re.compile(r"\b(project|task|plan|document|workflow-run)-[0-9a-f]{15}\b")


def _event(one: views.EventView) -> tuple[Ref, ...]:
    """The stream, and all that the event names, wherever: money stands in one stream, whatever it was spent on."""
    kind, _, id_ = one.stream.partition(":")
    return (Ref(kind, id_), *_mentioned(one.event))


def _mentioned(what: Any) -> tuple[Ref, ...]:
    return tuple(Ref(found[1], found[0], mentioned=True) for found in _ID.finditer(to_json(what).decode()))


def _budget(one: views.BudgetView) -> tuple[Ref, ...]:
    """What an agent, a role and the workspace spend, they spend in all projects."""
    own = one.scope in (Scope.PROJECT, Scope.TASK)
    return (Ref(one.scope.value, one.id) if own else EVERYTHING,)


def _all(one: Any) -> tuple[Ref, ...]:
    return (EVERYTHING,)


def _cost(one: views.Cost) -> tuple[Ref, ...]:
    """A sum of several is one of those that may be read."""
    return tuple(Ref(kind, one.key[kind]) for kind in ("project", "task") if one.key.get(kind))


# What each row of a list is about, by what the rows are: it is shown where all of that may be read.
ROWS: Final[Mapping[type[View], Callable[[Any], tuple[Ref, ...]]]] = {
    views.Project: _one("project"),
    views.BoardCard: _one("task"),
    views.Execution: _one("run", "run_id"),
    views.Named: lambda one: (Ref(str(one.kind), one.id),),
    views.WorkflowRunSummary: _one("workflow-run"),
    views.WorkflowSummary: _one("workflow"),
    views.ApprovalView: _one("approval"),
    views.DocumentSummary: _one("document"),
    views.DuplicatePair: lambda one: (Ref("document", one.one.id), Ref("document", one.other.id)),
    views.PlanSummary: _one("plan"),
    views.ScheduleView: _one("schedule"),
    views.ExecutionRecord: _one("run"),
    views.RelationView: _IN_PROJECT,
    views.TrackerView: _IN_PROJECT,
    # What it tells of, an event tells in full.
    views.AuditEntry: lambda one: (Ref("event", str(one.position)),),
    views.BudgetView: _budget,
    views.Cost: _cost,
    views.EventView: _event,
    views.Chain: lambda one: tuple(ref for event in one.items for ref in _event(event)),
    views.Learning: _all,
    views.Curves: _all,
    views.QueueView: _all,
}


async def readable(admitted: Admitted, cell: Cell, refs: Iterable[Ref]) -> dict[Ref, bool]:
    """Of each of them whether who was let in may read it."""
    asked = dict.fromkeys(refs)
    if not admitted.own.strip():
        return dict.fromkeys(asked, True)
    there = workspace_resource(cell.workspace)
    placed = [one for one in asked if one != EVERYTHING]
    places = await cell.whole.read(lambda rows: {one: place_of(rows, there, one) for one in placed})
    found = {}
    if EVERYTHING in asked:
        found[EVERYTHING] = not await hidden_projects(admitted, cell)
    for ref, place in places.items():
        if place is None and ref.kind in ("task", "run"):
            place = await _by_log(cell, ref)
        # An id that nothing has, in somebody's words, hides nothing.
        found[ref] = ref.mentioned if place is None else may_read(admitted, place, ref.kind)
    return found


async def _by_log(cell: Cell, ref: Ref) -> Resource | None:
    """Of a card that the board does not show yet."""
    task_id = ref.id if ref.kind == "task" else ref.id.rpartition(".")[0]
    first = await cell.log.first(task_stream(task_id)) if task_id else None
    if first is None or not isinstance(first.event, TaskSubmitted):
        return None
    return Resource("Task", task_id, cell.workspace, first.event.project_id, "todo")


async def only_readable(admitted: Admitted, cell: Cell, items: Sequence[Any]) -> tuple[Any, ...]:
    """Those of the rows that who was let in may read."""
    if not items or not admitted.own.strip():
        return tuple(items)
    refs = await _refs(cell, items)
    may = await readable(admitted, cell, (ref for about in refs for ref in about))
    return tuple(one for one, about in zip(items, refs, strict=True) if all(may[ref] for ref in about))


async def _refs(cell: Cell, items: Sequence[Any]) -> list[tuple[Ref, ...]]:
    if not isinstance(items[0], views.AuditEntry):
        return [ROWS[type(one)](one) for one in items]
    known: dict[int, views.EventView] = {}
    while missing := [one.position for one in items if one.position not in known]:
        told = {one.position: views.EventView.of(one) for one in await cell.log.pick(missing)}
        if not told:
            break
        known |= told
    # Of an event that is not there any more nothing is known.
    return [_event(known[one.position]) if one.position in known else (_NOTHING_KNOWN,) for one in items]


async def readable_board(admitted: Admitted, cell: Cell, found: views.Board) -> views.Board:
    """The board without what is forbidden, also in what it counts."""
    if not admitted.own.strip():
        return found
    columns = {name: await only_readable(admitted, cell, cards) for name, cards in found.columns.items()}
    may = await readable(admitted, cell, (Ref("project", one) for one in found.counts_by_project))
    of_project = {one: counts for one, counts in found.counts_by_project.items() if may[Ref("project", one)]}
    hidden = [counts for one, counts in found.counts_by_project.items() if one not in of_project]
    counts = {name: count - sum(one.get(name, 0) for one in hidden) for name, count in found.counts.items()}
    paused = tuple(
        one for one in found.paused if one.scope != "project" or may.get(Ref("project", one.id), one.id in of_project)
    )
    return found.model_copy(
        update={"columns": columns, "counts_by_project": of_project, "counts": counts, "paused": paused}
    )


def _sums_all(change: Mapping[str, Any]) -> bool:
    return change["view"] == "budget" and change["row"].get("scope") not in (Scope.PROJECT, Scope.TASK)


async def readable_frame(admitted: Admitted, cell: Cell, text: str) -> str:
    """A frame of a live socket without the rows that name what is forbidden. It keeps its position, so that a client
    knows how far it has heard."""
    if not admitted.own.strip():
        return text
    frame = from_json(text)
    refs = [(*_mentioned(row), *((EVERYTHING,) if _sums_all(row) else ())) for row in frame["rows"]]
    may = await readable(admitted, cell, (ref for about in refs for ref in about))
    rows = [row for row, about in zip(frame["rows"], refs, strict=True) if all(may[ref] for ref in about)]
    return to_json({**frame, "rows": rows}).decode()


def row_of(route: APIRoute) -> type[View] | None:
    """Of what the route gives pages, or which one thing; None: nothing of the kind."""
    model = route.response_model
    if not isinstance(model, type):
        return None
    if not issubclass(model, Page):
        return model if issubclass(model, View) else None
    [row, *_] = get_args(model.model_fields["items"].annotation)
    return row if isinstance(row, type) else None


def hide(routes: Iterable[Any]) -> None:
    """Has the lists among these routes leave out what may not be read, and those that give one thing refuse it. Once
    for each route."""
    for route in routes:
        if isinstance(route, APIRoute) and is_filtered(route) and not hasattr(route.endpoint, "_hides"):
            is_list = issubclass(route.response_model, Page)
            route.endpoint = _hiding(route.endpoint) if is_list else _refusing(route.endpoint)


def is_filtered(route: APIRoute) -> bool:
    group = ACTIONS.get(route.name)
    reads = "GET" in (route.methods or ())
    return reads and row_of(route) in ROWS and group is not None and group.level == "workspace"


def _refusing(endpoint: Callable[..., Awaitable[View]]) -> Callable[..., Awaitable[View]]:
    @wraps(endpoint)
    async def refusing(*, who_reads: LetIn, where_read: OpenCell, **given: Any) -> View:
        found = await endpoint(**given)
        if not await only_readable(who_reads, where_read, [found]):
            raise _refused(found, who_reads.action)
        return found

    return _asking_who(endpoint, refusing)


def _refused(found: View, action: str) -> ForbiddenError:
    if EVERYTHING in ROWS[type(found)](found):
        return ForbiddenError(
            f"This is one sum over all projects, and there are some that you may not read ({action}).",
            remedy="Ask for one of a project: GET /costs and GET /knowledge/profiles count what you may read alone.",
            action=action,
        )
    return ForbiddenError(
        f"This is of a project that you may not read ({action}).",
        remedy="A policy of this workspace forbids it; GET /policies shows them.",
        action=action,
    )


def _hiding(endpoint: Callable[..., Awaitable[Page[Any]]]) -> Callable[..., Awaitable[Page[Any]]]:
    @wraps(endpoint)
    async def hiding(*, who_reads: LetIn, where_read: OpenCell, **given: Any) -> Page[Any]:
        if not who_reads.own.strip():
            return await endpoint(**given)
        limit, cursor = given["limit"], given["cursor"]
        kept: list[Any] = []
        for _ in range(_MOST_ROUNDS):
            # As many as are missing, so that its `next` is that of the page as a whole.
            page = await endpoint(**{**given, "limit": limit - len(kept), "cursor": cursor})
            kept += await only_readable(who_reads, where_read, page.items)
            cursor = page.next
            if cursor is None or len(kept) >= limit:
                break
        return page.model_copy(update={"items": tuple(kept), "next": cursor})

    return _asking_who(endpoint, hiding)


def _asking_who(endpoint: Callable[..., Any], asking: Callable[..., Any]) -> Callable[..., Any]:
    """`asking` with the endpoint's parameters, and those that say who reads, and where."""
    hints = get_type_hints(endpoint, include_extras=True)
    own = inspect.signature(endpoint).parameters.values()
    parameters = [one.replace(annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    more = {"who_reads": LetIn, "where_read": OpenCell}
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in more.items()
    ]
    asking.__signature__ = inspect.Signature(parameters, return_annotation=hints["return"])  # type: ignore[attr-defined]
    asking._hides = True  # type: ignore[attr-defined]
    return asking
