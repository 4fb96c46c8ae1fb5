"""`vapora knowledge`: what was done before, what was learned of it, and what hangs together."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType
from rich.tree import Tree

from vapora.cli.output import Json, cell, dollars, emit, local, table
from vapora.cli.remote import connect
from vapora.commands import RecordRelation
from vapora.views import Curves, Effect, ExecutionRecord, Graph, RelationView

app = typer.Typer(help="What was done before, and what was learned of it.", no_args_is_help=True)

TaskType = Annotated[str | None, typer.Option("--task-type", help="Only of this kind of work.")]
Agent = Annotated[str | None, typer.Option(help="Only of this agent.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="At most so many.")]


@app.command()
def executions(
    task_type: TaskType = None,
    agent: Agent = None,
    task: Annotated[str | None, typer.Option(help="Only of this card.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """What agents' runs came to, the newest first."""
    with connect() as client:
        found = list(client.executions(task_type=task_type, agent=agent, task=task, limit=limit))
    emit(as_json, {"items": found, "next": None}, lambda: _executions("Executions", found))


@app.command()
def similar(
    to: Annotated[str, typer.Argument(metavar="TASK|RUN|TEXT", help="The id of a card or a run, or a text.")],
    task_type: TaskType = None,
    agent: Agent = None,
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """The executions most like a card, a run or a text: by words and vectors."""
    with connect() as client:
        found = client.similar_executions(to, task_type=task_type, agent=agent, limit=limit)
    emit(as_json, found, lambda: _executions("Similar executions", list(found.items)))


@app.command()
def curves(task_type: TaskType = None, agent: Agent = None, as_json: Json = False) -> None:
    """What each agent's runs came to, by kind of work and day."""
    with connect() as client:
        found = client.curves(task_type=task_type, agent=agent)
    emit(as_json, found, lambda: _curves(found))


@app.command()
def graph(
    node: Annotated[str, typer.Argument(metavar="TASK|KIND:ID", help="A card's id, or a node such as file:src/a.py.")],
    depth: Annotated[int, typer.Option(min=0, max=6, help="So many steps far.")] = 2,
    as_json: Json = False,
) -> None:
    """What is near a card, or any other node."""
    with connect() as client:
        start = node if ":" in node else f"task:{node}"
        found = client.knowledge_graph(node=start, depth=depth)
    emit(as_json, found, lambda: _graph(found))


@app.command()
def causes(
    task: Annotated[str | None, typer.Option(help="Only of this card.")] = None,
    task_type: TaskType = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Problems, why there were any, and what solved them."""
    with connect() as client:
        found = list(client.relations(task=task, task_type=task_type, limit=limit))
    emit(as_json, {"items": found, "next": None}, lambda: _causes(found))


@app.command()
def relate(
    problem: Annotated[str, typer.Argument(help="What went wrong.")],
    cause: Annotated[str, typer.Argument(help="Why.")],
    solution: Annotated[str, typer.Option(help="What solves it.")] = "",
    task: Annotated[str | None, typer.Option(help="The card where it came up.")] = None,
    run: Annotated[str | None, typer.Option(help="The run in which it came up.")] = None,
    as_json: Json = False,
) -> None:
    """Record a problem with its cause, and its solution if there is one."""
    said = {"problem": problem, "cause": cause, "solution": solution, "task_id": task, "run_id": run}
    with connect() as client:
        made = client.record_relation(RecordRelation(**{name: value for name, value in said.items() if value}))
    emit(as_json, made, lambda: f"Recorded as {made.id}.")


@app.command()
def forget(
    relation: Annotated[str, typer.Argument(metavar="ID", help="As `vapora knowledge causes` shows it.")],
    as_json: Json = False,
) -> None:
    """Show a cause no longer, and tell no agent of it."""
    with connect() as client:
        position = client.remove_relation(relation)
    emit(as_json, {"id": relation, "position": position}, lambda: f"{cell(relation)} is not shown any more.")


@app.command()
def effect(task_type: TaskType = None, as_json: Json = False) -> None:
    """Runs that were told of past executions beside runs that were not."""
    with connect() as client:
        found = client.knowledge_effect(task_type=task_type)
    emit(as_json, found, lambda: _effect(found))


def _executions(title: str, found: list[ExecutionRecord]) -> RenderableType:
    if not found:
        return "Nothing is remembered of that. Old executions are forgotten, as the workspace's settings say."
    shown = table(title, "run", "card", "agent", "kind", "outcome", "quality", "cost", "ended", fixed=("run",))
    for one in found:
        quality = "" if one.quality is None else f"{one.quality:.2f}"
        cost = dollars(one.cost_microusd, one.simulated)
        shown.add_row(one.id, cell(one.title), one.agent, one.task_type, one.outcome, quality, cost, local(one.at))
    return shown


def _curves(found: Curves) -> RenderableType:
    if not found.points:
        return "No run has ended yet that says something about its agent."
    shown = table("Learning curves", "day", "agent", "kind", "runs", "good", "sent back", "took", "cost")
    for one in found.points:
        cost = dollars(one.cost_microusd, one.simulated)
        rate, took = f"{one.success_rate:.0%}", f"{one.latency_ms / 1_000:.1f} s"
        shown.add_row(str(one.day), one.agent, one.task_type, str(one.runs), rate, str(one.rejected), took, cost)
    return shown


def _graph(found: Graph) -> RenderableType:
    """As a tree of the nearest ways: each node once, under the one that it was found from."""
    nodes = {one.name: one for one in found.nodes}
    root = Tree(cell(_named(found, found.start)))
    branches = {found.start: root}
    for node in found.nodes[1:]:
        for edge in found.edges:
            ends = (edge.source, edge.target)
            if node.name not in ends:
                continue
            other = ends[1 - ends.index(node.name)]
            if other in branches and nodes[other].distance == node.distance - 1:
                way = f"{edge.kind} →" if edge.target == node.name else f"← {edge.kind}"
                branches[node.name] = branches[other].add(cell(f"{way} {_named(found, node.name)}"))
                break
    return root


def _named(found: Graph, name: str) -> str:
    node = next(one for one in found.nodes if one.name == name)
    state = f" ({node.state})" if node.state else ""
    title = f" {node.title}" if node.title and node.title != node.id else ""
    return f"{name}{title}{state}{' …' if node.more else ''}"


def _causes(found: list[RelationView]) -> RenderableType:
    if not found:
        return "No cause is known yet. Record one with: vapora knowledge relate PROBLEM CAUSE"
    shown = table("Causes", "id", "problem", "cause", "solution", "found in", fixed=("id",))
    for one in found:
        shown.add_row(one.id, cell(one.problem), cell(one.cause), cell(one.solution), one.origin)
    return shown


def _effect(found: Effect) -> RenderableType:
    shown = table("Past executions in briefs", "runs that were", "runs", "good", "quality", "cost", "took")
    for one in found.sums:
        cost = "" if one.median_cost_microusd is None else dollars(one.median_cost_microusd, found.simulated)
        took = "" if one.median_duration_ms is None else f"{one.median_duration_ms / 1_000:.1f} s"
        rate = "" if one.success_rate is None else f"{one.success_rate:.0%}"
        quality = "" if one.quality is None else f"{one.quality:.2f}"
        shown.add_row({"given": "told", "withheld": "kept from it", "nothing": "told nothing"}[one.arm], str(one.runs),
                      rate, quality, cost, took)  # fmt: skip
    shown.caption = f"Medians. {found.caution}".strip() if found.caution else "Medians."
    return shown
