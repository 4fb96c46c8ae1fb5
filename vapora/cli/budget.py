"""`vapora budget` and `vapora costs`: what may be spent, and what was."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group, RenderableType

from events.ids import Scope, WhenExceeded
from vapora.cli.output import USAGE, At, Json, cell, dollars, emit, limit, stop, table
from vapora.cli.remote import connect
from vapora.commands import SetBudget, SetTaskBudget
from vapora.views import BudgetView, Cost

app = typer.Typer(help="The budgets; without a command, lists them.", invoke_without_command=True)

Cents = Annotated[int | None, typer.Option(min=0, help="In cents; absent: no limit.")]


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
    name: Annotated[str, typer.Argument(metavar="ROLE", help="A role, or the id that --scope speaks of.")],
    scope: Annotated[Scope, typer.Option(help="What the limit is for.")] = Scope.ROLE,
    monthly_cents: Cents = None,
    weekly_cents: Cents = None,
    limit_cents: Annotated[int | None, typer.Option(min=0, help="For a task: over its whole life.")] = None,
    overflow_cents: Annotated[int, typer.Option(min=0, help="What cheap models may spend beyond the limit.")] = 0,
    when_exceeded: Annotated[WhenExceeded, typer.Option()] = WhenExceeded.FALLBACK,
    as_json: Json = False,
) -> None:
    """Set the limits of a role, or of a project, agent, task or the workspace. It replaces what was set before."""
    limits: SetBudget | SetTaskBudget
    if scope is Scope.TASK:
        if monthly_cents is not None or weekly_cents is not None:
            stop(USAGE, "A task has one limit over its whole life.", "Use --limit-cents.")
        limits = SetTaskBudget(limit_cents=limit_cents, overflow_cents=overflow_cents, when_exceeded=when_exceeded)
    else:
        if limit_cents is not None:
            stop(USAGE, "--limit-cents is for tasks.", "Use --monthly-cents and --weekly-cents.")
        limits = SetBudget(
            monthly_limit_cents=monthly_cents,
            weekly_limit_cents=weekly_cents,
            overflow_cents=overflow_cents,
            when_exceeded=when_exceeded,
        )
    with connect() as client:
        position = client.set_budget(scope, name, limits)
    answer = {"scope": scope, "id": name, "position": position}
    emit(as_json, answer, lambda: f"Set the limits of {scope.value} {cell(name)} (position {position}).")


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
