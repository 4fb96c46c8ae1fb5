"""`vapora plan`: from a goal to cards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType

from vapora.cli.names import project_id
from vapora.cli.output import FAILED, Json, cell, dollars, emit, local, stop, table
from vapora.cli.remote import connect
from vapora.views import PlanCards, PlanSummary, PlanView, ProposedCard

if TYPE_CHECKING:
    from vapora.sdk import Client

app = typer.Typer(help="From a goal to cards, by the project manager's proposal and your word.", no_args_is_help=True)

PlanId = Annotated[str, typer.Argument(metavar="PLAN", help="Its id.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Until the proposal is there.")]
_PAUSE_S = 0.5


@app.command()
def ask(
    goal: Annotated[str, typer.Argument(help="What shall be true in the end.")],
    project: Annotated[str, typer.Option(help="The project: its name, or the beginning of its id.")],
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Have the project manager propose cards. Nothing is made before you accept them."""
    with connect() as client:
        made = client.ask_plan(project_id(client, project), goal)
        found = _shown(client, made.id, made.position, wait)
    emit(as_json, found, lambda: _drawn(found))


@app.command()
def revise(
    plan: PlanId,
    text: Annotated[str, typer.Argument(help="What shall be different.")],
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Ask for another proposal."""
    with connect() as client:
        made = client.revise_plan(plan, text)
        found = _shown(client, plan, made.position, wait)
    emit(as_json, found, lambda: _drawn(found))


@app.command()
def show(plan: PlanId, as_json: Json = False) -> None:
    """The cards that are proposed, and what they may cost and take."""
    with connect() as client:
        found = client.plan(plan)
    emit(as_json, found, lambda: _drawn(found))


@app.command("list")
def list_plans(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50, as_json: Json = False
) -> None:
    """What was planned."""
    with connect() as client:
        found = list(client.plans(limit=limit))
    emit(as_json, {"items": found, "next": None}, lambda: _listed(found))


@app.command()
def accept(
    plan: PlanId,
    seen: Annotated[str | None, typer.Option(help="The digest that you looked at; else what it shows now.")] = None,
    as_json: Json = False,
) -> None:
    """Have its cards made, all at once."""
    with connect() as client:
        digest = seen or client.plan(plan).seen
        if digest is None:
            stop(FAILED, "There is no proposal yet.", f"Look at it with: vapora plan show {plan}")
        made = client.accept_plan(plan, digest)
    emit(as_json, made, lambda: _made(made))


@app.command()
def dismiss(plan: PlanId, reason: Annotated[str, typer.Option()] = "", as_json: Json = False) -> None:
    """Nothing shall come of it."""
    with connect() as client:
        position = client.dismiss_plan(plan, reason)
    emit(as_json, {"id": plan, "position": position}, lambda: f"{cell(plan)} is dismissed.")


def _shown(client: Client, plan: str, position: int, wait: bool) -> PlanView:
    found = client.plan(plan, after=position)
    while wait and found.state == "proposing":
        time.sleep(_PAUSE_S)
        found = client.plan(plan)
    return found


def _drawn(plan: PlanView) -> RenderableType:
    if plan.state == "proposing":
        return f"{plan.id}: the project manager is at work on {plan.task_id}."
    if plan.problem:
        return f"{plan.id}: {cell(plan.problem)}"
    shown = table(plan.goal, "key", "title", "role", "waits for", "may cost", "may take", fixed=("key", "role"))
    for one in plan.cards:
        shown.add_row(one.key, cell(one.title), one.role or "anybody", ", ".join(one.waits_for), _cost(one), _took(one))
    parts: list[RenderableType] = [f"{plan.id}: {plan.state}", shown]
    parts += [f"Risk: {cell(one)}" for one in plan.risks]
    if plan.state == "proposed":
        parts.append(f"Make the cards with: vapora plan accept {plan.id}")
    return Group(*parts)


def _cost(card: ProposedCard) -> str:
    found = card.estimate.cost_microusd
    if found is None:
        return "no data"
    simulated = card.estimate.simulated
    return f"{dollars(found.median, simulated)} ({dollars(found.low)} to {dollars(found.high)})"


def _took(card: ProposedCard) -> str:
    found = card.estimate.duration_ms
    if found is None:
        return "no data"
    return f"{found.median / 1_000:.0f} s ({found.low / 1_000:.0f} to {found.high / 1_000:.0f})"


def _listed(found: list[PlanSummary]) -> RenderableType:
    if not found:
        return "Nothing was planned yet. Begin with: vapora plan ask 'What shall be true' --project NAME"
    shown = table("Plans", "id", "goal", "state", "asked for", fixed=("id",))
    for one in found:
        shown.add_row(one.id, cell(one.goal), one.state, local(one.created_at))
    return shown


def _made(made: PlanCards) -> str:
    return "\n".join((f"{len(made.task_ids)} cards are on the board:", *made.task_ids))
