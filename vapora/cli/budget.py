"""`vapora budget` and `vapora costs`: what may be spent, and what was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType

from events.ids import Scope, WhenExceeded
from vapora.cli.names import project_id, task_id, whole_id
from vapora.cli.output import USAGE, At, Json, cell, dollars, emit, limit, stop, table
from vapora.cli.remote import connect
from vapora.commands import EditBudget, EditTaskBudget
from vapora.views import BudgetView, Cost, Limits

if TYPE_CHECKING:
    from vapora.sdk import Client

app = typer.Typer(help="The budgets; without a command, lists them.", invoke_without_command=True)

Cents = Annotated[int | None, typer.Option(min=0, help="In cents; absent: it stays as it is.")]


@app.callback()
def _default(ctx: typer.Context, at: At = None, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(at, as_json)


@app.command("list")
def list_budgets(at: At = None, as_json: Json = False) -> None:
    """Limits and use of every scope."""
    _list(at, as_json)


@app.command("set")
def set_budget(
    name: Annotated[str, typer.Argument(metavar="ROLE", help="A role, or the name or id that --scope speaks of.")],
    scope: Annotated[Scope, typer.Option(help="What the limit is for.")] = Scope.ROLE,
    monthly_cents: Cents = None,
    weekly_cents: Cents = None,
    limit_cents: Annotated[int | None, typer.Option(min=0, help="For a task: over its whole life.")] = None,
    no_limit: Annotated[bool, typer.Option("--no-limit", help="Take the limits away.")] = False,
    overflow_cents: Annotated[
        int | None, typer.Option(min=0, help="What cheap models may spend beyond the limit.")
    ] = None,
    when_exceeded: Annotated[WhenExceeded | None, typer.Option()] = None,
    as_json: Json = False,
) -> None:
    """Change limits of a role, or of a project, agent, task or the workspace. What is not named stays as it is."""
    limits = {"monthly_limit_cents": monthly_cents, "weekly_limit_cents": weekly_cents, "limit_cents": limit_cents}
    _require_fitting(scope, limits, no_limit)
    other = {"overflow_cents": overflow_cents, "when_exceeded": when_exceeded}
    change: dict[str, Any] = {key: value for key, value in {**limits, **other}.items() if value is not None}
    if no_limit:
        change |= dict.fromkeys(_OF_TASKS if scope is Scope.TASK else _OF_OTHERS)
    if not change:
        flags = "--limit-cents" if scope is Scope.TASK else "--monthly-cents, --weekly-cents"
        stop(USAGE, "Nothing was named.", f"Name some of {flags}, --no-limit, --overflow-cents, --when-exceeded.")
    command = EditTaskBudget(**change) if scope is Scope.TASK else EditBudget(**change)
    with connect() as client:
        scope_id = _scope_id(client, scope, name)
        after = client.edit_budget(scope, scope_id, command)
    now = Limits.model_validate(after.model_dump(include=set(Limits.model_fields)))
    answer = {"scope": scope, "id": scope_id, "before": after.before, "after": now, "position": after.position}
    emit(as_json, answer, lambda: draw_change(f"{scope.value} {scope_id}", after.before, now))


_OF_TASKS = ("limit_cents",)
_OF_OTHERS = ("monthly_limit_cents", "weekly_limit_cents")


def _require_fitting(scope: Scope, limits: dict[str, int | None], no_limit: bool) -> None:
    named = [key for key, value in limits.items() if value is not None]
    if no_limit and named:
        stop(USAGE, "--no-limit takes the limits away, and one is named beside it.", "Leave out one of them.")
    if scope is Scope.TASK and set(named) & set(_OF_OTHERS):
        stop(USAGE, "A task has one limit over its whole life.", "Use --limit-cents.")
    if scope is not Scope.TASK and set(named) & set(_OF_TASKS):
        stop(USAGE, "--limit-cents is for tasks.", "Use --monthly-cents and --weekly-cents.")


def _scope_id(client: Client, scope: Scope, name: str) -> str:
    match scope:
        case Scope.PROJECT:
            return project_id(client, name)
        case Scope.TASK:
            return task_id(client, name)
        case Scope.AGENT:
            return whole_id(client, name, "agent")
        case _:
            return name


def draw_change(of: str, before: Limits, after: Limits) -> RenderableType:
    """What changed, from what to what; and what stayed."""
    rows = [
        (what, *(limit(getattr(one, key)) for one in (before, after)))
        for what, key in (
            ("month", "monthly_limit_cents"),
            ("week", "weekly_limit_cents"),
            ("whole life", "limit_cents"),
            ("overflow", "overflow_cents"),
        )
    ]
    rows.append(("when exceeded", before.when_exceeded.value, after.when_exceeded.value))
    shown = table(of, "", "before", "", "after", right=("before", "after"))
    for what, was, now in rows:
        if was != now or was not in ("–", "$0.00"):
            shown.add_row(what, was, "→" if was != now else "=", now)
    return shown


def costs(
    by: Annotated[
        str, typer.Option(help="provider, role, task_type, agent, task, day; joined by commas.")
    ] = "provider",
    as_json: Json = False,
) -> None:
    """What was spent, grouped."""
    groups = tuple(part.strip() for part in by.split(",") if part.strip())
    if not groups:
        stop(USAGE, "Say what to group by, as --by provider,role.")
    with connect() as client:
        found = client.costs(groups)
    emit(as_json, {"items": found, "next": None}, lambda: draw_costs(found, groups))


def draw_costs(found: tuple[Cost, ...], groups: tuple[str, ...]) -> RenderableType:
    if not found:
        return "Nothing was spent."
    numbers = ("calls", "tokens in", "tokens out", "cost")
    shown = table("", *groups, *numbers, "", right=numbers)
    for one in found:
        keys = [cell(one.key.get(group, "–")) for group in groups]
        amounts = [f"{one.calls:,}", f"{one.tokens_in:,}", f"{one.tokens_out:,}", dollars(one.cost_microusd)]
        shown.add_row(*keys, *amounts, "simulated" if one.simulated else "")
    totals = [
        (simulated, sum(one.cost_microusd for one in found if one.simulated is simulated))
        for simulated in (False, True)
    ]
    lines = [f"total {dollars(total, simulated)}" for simulated, total in totals if total]
    real = [one for one in found if not one.simulated]
    if calls := sum(one.unknown_calls for one in real):
        amount = dollars(sum(one.unknown_microusd for one in real))
        lines.append(f"{amount} of it, for {calls:,} calls, is their worst case: what they cost is not known")
    return Group(shown, *lines)


def draw_budgets(found: tuple[BudgetView, ...]) -> RenderableType:
    if not found:
        return "No limits are set. `vapora budget set ROLE --monthly-cents …` sets one."
    columns = ("scope", "tier", "month", "of", "week", "of ", "used")
    shown = table("", *columns, right=columns[2:])
    for one in found:
        life = one.spent_microusd is not None
        month, week = (one.spent_microusd or one.monthly_spent_microusd, one.weekly_spent_microusd)
        shown.add_row(
            cell(f"{one.scope.value} {one.id}") + (" *" if one.simulated else ""),
            one.tier.value,
            dollars(month),
            f"{limit(one.limit_cents)} life" if life else limit(one.monthly_limit_cents),
            dollars(week),
            limit(one.weekly_limit_cents),
            f"{one.utilisation:.0%}",
        )
    return Group(shown, *(["* simulated"] if any(one.simulated for one in found) else []))


def _list(at: str | None, as_json: bool) -> None:
    with connect() as client:
        found = client.budgets(at=at)
    emit(as_json, {"items": found, "next": None}, lambda: draw_budgets(found))
