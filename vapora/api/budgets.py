"""Budgets: what may be spent, by whom, and how much of it is gone."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request

from events.ids import Scope, StreamName, Tier, agent_stream, project_stream, task_stream
from projections import budgets as model
from projections.engine.base import Reader
from vapora import clock
from vapora.api.as_of import as_of_position, parse_as_of, read_as_of
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, Editor, FreshCell, Limit
from vapora.api.etags import Conditional, Reading, Versioned
from vapora.api.forms import At
from vapora.api.pages import Orders, in_order, page_of
from vapora.catalog import roles
from vapora.commands import EditBudget, EditTaskBudget, SetBudget, SetTaskBudget
from vapora.domain.limits import version_of
from vapora.errors import BehindError, NotFoundError
from vapora.views import BudgetEdited, BudgetView, Limits, LimitsChanged, Page

router = APIRouter(prefix="/budgets", tags=["budgets"])

Sort = Literal["utilisation", "-utilisation", "spent", "-spent"]
_ORDERS: Orders[BudgetView] = {
    "utilisation": lambda one: one.utilisation,
    "spent": lambda one: one.monthly_spent_microusd,
}
RoleId = Annotated[str, Path(description="One of the twelve roles.", examples=["developer"])]
ScopeName = Annotated[
    str, Path(description="workspace, project, role, agent or task.", examples=["project"], max_length=40)
]


@router.get("", summary="List the budgets")
async def list_budgets(
    cell: FreshCell,
    request: Request,
    sort: Annotated[Sort | None, Query(description="By what; with - the other way round.")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
    at: At = None,
) -> Page[BudgetView]:
    """Every scope that has a limit, and all roles. While real models answer, rehearsed money is listed beside it where
    there was any, and the other way round: the two are never added up. Agents, roles and the workspace spend in all
    projects: their budgets are for those who may read all of them."""
    now, own = clock.now(), await _own_kind(cell, request)
    if at is not None:
        then = await parse_as_of(cell, at)
        found = await read_as_of(cell, model.Budgets(), then, lambda rows: _all(rows, then.at, own))
    else:
        found = await cell.read(lambda rows: _all(rows, now, own))
    return page_of(in_order(found, _ORDERS, sort), _name, limit, cursor)


@router.get("/{role}", summary="Show a role's budget")
async def get_role_budget(role: RoleId, cell: FreshCell, request: Request, reading: Reading) -> BudgetView:
    return await _show(cell, Scope.ROLE, role, request, reading)


@router.put("/{role}", summary="Limit a role's spending")
async def set_role_budget(role: RoleId, body: SetBudget, writing: Editing, request: Request) -> BudgetView:
    """`null` lifts a limit; one that is not sent stays. A limit below what is spent is allowed: it stops new calls."""
    return await _set(writing, Scope.ROLE, role, body, request)


@router.patch("/{role}", summary="Change some of a role's limits")
async def edit_role_budget(role: RoleId, body: EditBudget, writing: Editing, request: Request) -> BudgetEdited:
    """What is not sent stays as it is, whoever else changes it at the same time; null takes a limit away."""
    return await _edit(writing, Scope.ROLE, role, body, request)


@router.get("/task/{task_id}", summary="Show a task's budget")
async def get_task_budget(task_id: str, cell: FreshCell, request: Request, reading: Reading) -> BudgetView:
    return await _show(cell, Scope.TASK, task_id, request, reading)


@router.put("/task/{task_id}", summary="Limit what a task may cost")
async def set_task_budget(task_id: str, body: SetTaskBudget, writing: Editing, request: Request) -> BudgetView:
    """Over its whole life."""
    return await _set(writing, Scope.TASK, task_id, body, request)


@router.patch("/task/{task_id}", summary="Change some of a task's limits")
async def edit_task_budget(task_id: str, body: EditTaskBudget, writing: Editing, request: Request) -> BudgetEdited:
    """What is not sent stays as it is; null takes the limit away."""
    return await _edit(writing, Scope.TASK, task_id, body, request)


@router.get("/{scope}/{id}", summary="Show a budget")
async def get_budget(scope: ScopeName, id: str, cell: FreshCell, request: Request, reading: Reading) -> BudgetView:
    return await _show(cell, _scope(scope), id, request, reading)


@router.put("/{scope}/{id}", summary="Limit the spending of a workspace, project, role or agent")
async def set_budget(scope: ScopeName, id: str, body: SetBudget, writing: Editing, request: Request) -> BudgetView:
    """`null` lifts a limit; one that is not sent stays. A limit below what is spent is allowed: it stops new calls."""
    return await _set(writing, _scope(scope), id, body, request)


@router.patch("/{scope}/{id}", summary="Change some limits of a workspace, project, role or agent")
async def edit_budget(scope: ScopeName, id: str, body: EditBudget, writing: Editing, request: Request) -> BudgetEdited:
    """What is not sent stays as it is, whoever else changes it at the same time; null takes a limit away."""
    return await _edit(writing, _scope(scope), id, body, request)


async def _show(cell: Cell, scope: Scope, scope_id: str, request: Request, reading: Conditional) -> BudgetView:
    await _require(cell, scope, scope_id)
    now, own = clock.now(), await _own_kind(cell, request)
    shown = await cell.read(lambda rows: _one(rows, scope, scope_id, now, own))
    # What can be edited are the limits; money that is spent under them is in nobody's way.
    limits = Limits(**shown.model_dump(include=set(Limits.model_fields)))
    return reading.tagged(Versioned(shown, version_of(limits)))


async def _set(
    writing: Editor, scope: Scope, scope_id: str, body: SetBudget | SetTaskBudget, request: Request
) -> BudgetView:
    cell = writing.cell
    await _require(cell, scope, scope_id)
    repeated = await writing.answered() is not None
    changed = await cell.budgets.set_budget(writing.origin, scope.value, scope_id, body, writing.key, writing.if_match)
    return await _as_written(writing, scope, scope_id, changed, request, repeated=repeated)


async def _edit(
    writing: Editor, scope: Scope, scope_id: str, body: EditBudget | EditTaskBudget, request: Request
) -> BudgetEdited:
    cell = writing.cell
    await _require(cell, scope, scope_id)
    repeated = await writing.answered() is not None
    changed = await cell.budgets.edit_budget(writing.origin, scope.value, scope_id, body, writing.key, writing.if_match)
    shown = await _as_written(writing, scope, scope_id, changed, request, repeated=repeated)
    return BudgetEdited(**shown.model_dump(), before=changed.before)


async def _as_written(
    writing: Editor, scope: Scope, scope_id: str, changed: LimitsChanged, request: Request, *, repeated: bool
) -> BudgetView:
    """What the read models say once they have come that far; for a request that comes again, as they stood then."""
    cell = writing.cell
    writing.wrote(changed.position)
    # If they stay behind, the limit stands all the same; what is shown as spent is a little older.
    with suppress(BehindError):
        await cell.wait_for(changed.position)
    own = await _own_kind(cell, request)
    if repeated:
        then = await as_of_position(cell, changed.position)
        shown = await read_as_of(cell, model.Budgets(), then, lambda rows: _one(rows, scope, scope_id, then.at, own))
    else:
        now = clock.now()
        shown = await cell.read(lambda rows: _one(rows, scope, scope_id, now, own))
    return shown.model_copy(update={**changed.after.model_dump(), "position": changed.position})


async def _require(cell: Cell, scope: Scope, scope_id: str) -> None:
    """A limit on nothing would look like one that holds."""
    streams: dict[Scope, StreamName] = {
        Scope.PROJECT: project_stream(scope_id),
        Scope.AGENT: agent_stream(scope_id),
        Scope.TASK: task_stream(scope_id),
    }
    if scope is Scope.ROLE:
        if scope_id not in roles():
            raise NotFoundError(f"There is no role '{scope_id}'.", remedy=f"The roles are: {', '.join(roles())}.")
    elif scope is Scope.WORKSPACE:
        if scope_id != cell.workspace:
            raise NotFoundError(
                f"'{scope_id}' is not the workspace that is spoken to.",
                remedy=f"It is '{cell.workspace}'; the header Vapora-Workspace selects another.",
            )
    elif not await cell.log.first(streams[scope]):
        raise NotFoundError(f"There is no {scope.value} '{scope_id}'.", remedy="Check the id.")


def _name(view: BudgetView) -> str:
    return f"{view.scope.value}/{view.id}{'/simulated' if view.simulated else ''}"


def _scope(name: str) -> Scope:
    try:
        return Scope(name)
    except ValueError:
        raise NotFoundError(
            f"There are no budgets of a '{name}'.", remedy=f"There are those of: {', '.join(Scope)}."
        ) from None


async def _own_kind(cell: Cell, request: Request) -> bool:
    """Whether what is spent in this workspace today is simulated."""
    return bool(request.app.state.rehearsal) and await cell.rehearses()


def _all(rows: Reader, now: datetime, own: bool) -> tuple[BudgetView, ...]:
    limited = dict.fromkeys((view.scope, view.id) for view in model.budgets(rows, now))
    shown = {**limited, **{(Scope.ROLE, role): None for role in roles()}}
    order = {scope: place for place, scope in enumerate(Scope)}
    names = {role: place for place, role in enumerate(roles())}
    items: list[BudgetView] = []
    for scope, scope_id in sorted(shown, key=lambda one: (order[one[0]], names.get(one[1], 0), one[1])):
        items.append(_one(rows, scope, scope_id, now, own))
        other = model.budget_of(rows, scope, scope_id, now, simulated=not own)
        if other is not None and _was_used(other):
            items.append(other)
    return tuple(items)


def _one(rows: Reader, scope: Scope, scope_id: str, now: datetime, own: bool) -> BudgetView:
    """The money that is spent today, real or simulated; nothing of it where nothing was."""
    found = model.budget_of(rows, scope, scope_id, now, simulated=own)
    if found is not None:
        return found
    limits = model.budget_of(rows, scope, scope_id, now, simulated=False) if own else None
    nothing = BudgetView(
        scope=scope,
        id=scope_id,
        tier=Tier.NORMAL,
        when_exceeded=SetBudget().when_exceeded,
        monthly_limit_cents=None,
        weekly_limit_cents=None,
        overflow_cents=0,
        monthly_spent_microusd=0,
        weekly_spent_microusd=0,
        monthly_held_microusd=0,
        weekly_held_microusd=0,
        spent_microusd=0 if scope is Scope.TASK else None,
        held_microusd=0 if scope is Scope.TASK else None,
        utilisation=0.0,
        simulated=own,
        position=0,
    )
    if limits is None:
        return nothing
    kept = {*SetBudget.model_fields, *SetTaskBudget.model_fields, "position"}
    # A limit of nothing is used up before anything was spent.
    none_left = 0 in (limits.monthly_limit_cents, limits.weekly_limit_cents, limits.limit_cents)
    now_used = {"tier": Tier.EXCEEDED, "utilisation": 1.0} if none_left else {}
    return nothing.model_copy(update={**limits.model_dump(include=kept), **now_used})


def _was_used(view: BudgetView) -> bool:
    return any(
        (
            view.monthly_spent_microusd,
            view.weekly_spent_microusd,
            view.monthly_held_microusd,
            view.weekly_held_microusd,
            view.spent_microusd,
            view.held_microusd,
        )
    )
