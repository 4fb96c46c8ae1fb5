"""`vapora agents`: who is there, how busy, and how able."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Group, RenderableType

from vapora.cli.names import whole_id
from vapora.cli.output import USAGE, At, Json, cell, emit, stop, table
from vapora.cli.remote import connect
from vapora.commands import DrainAgent, EditAgent, RegisterAgent
from vapora.views import Agent, Learning

app = typer.Typer(help="The agents; without a command, lists them.", invoke_without_command=True)

AgentId = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's id, or enough of its beginning.")]


@app.callback()
def _default(ctx: typer.Context, at: At = None, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(at, as_json)


@app.command("list")
def list_agents(at: At = None, as_json: Json = False) -> None:
    """All agents."""
    _list(at, as_json)


@app.command()
def show(agent_id: AgentId, as_json: Json = False) -> None:
    """One agent and what it has learnt."""
    with connect() as client:
        agent_id = whole_id(client, agent_id, "agent")
        agent, learning = client.agent(agent_id), client.learning(agent_id)
    emit(as_json, {"agent": agent, "learning": learning}, lambda: Group(_agents((agent,)), "", _learning(learning)))


@app.command()
def add(
    role: Annotated[str, typer.Argument(help="One of the roles in the catalogue.")],
    agent_id: Annotated[str | None, typer.Option("--id", help="Its id; absent, one is made.")] = None,
    name: Annotated[str | None, typer.Option()] = None,
    capacity: Annotated[int | None, typer.Option(min=1, help="How many runs it may have at once.")] = None,
    task_type: Annotated[list[str] | None, typer.Option(help="What it takes; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Register another agent of a role."""
    said = {"role": role, "id": agent_id, "name": name, "capacity": capacity, "task_types": task_type}
    try:
        command = RegisterAgent.model_validate({key: value for key, value in said.items() if value is not None})
    except ValidationError as error:
        stop(USAGE, f"This cannot be registered: {error.errors(include_url=False)[0]['msg']}.")
    with connect() as client:
        accepted = client.register_agent(command)
    emit(as_json, accepted, lambda: f"Registered {cell(accepted.id)} at position {accepted.position}.")


@app.command()
def enable(agent_id: AgentId, as_json: Json = False) -> None:
    """Give it new work again."""
    _switch(agent_id, True, as_json)


@app.command()
def disable(agent_id: AgentId, as_json: Json = False) -> None:
    """Let it end what it has and give it nothing new."""
    _switch(agent_id, False, as_json)


@app.command()
def drain(
    agent_id: AgentId,
    limit: Annotated[
        int | None, typer.Option(min=0, metavar="SECONDS", help="Then others take over what it still has.")
    ] = None,
    reason: Annotated[str, typer.Option(help="For the audit trail, and for who looks at the agent.")] = "",
    as_json: Json = False,
) -> None:
    """Before a change: let it end what it has, give it nothing new, and disable it then."""
    with connect() as client:
        agent_id = whole_id(client, agent_id, "agent")
        position = client.drain_agent(agent_id, DrainAgent(reason=reason, limit_s=limit))
        left = client.agent(agent_id, after=position)
    answer = {"id": agent_id, "state": left.state, "running": left.running, "position": position}
    told = f"{cell(agent_id)} ends {left.running} runs and gets nothing new." if left.running else ""
    emit(as_json, answer, lambda: told or f"{cell(agent_id)} has no work, and is disabled.")


@app.command()
def remove(agent_id: AgentId, as_json: Json = False) -> None:
    """Take it out of the registry; its history stays."""
    with connect() as client:
        agent_id = whole_id(client, agent_id, "agent")
        position = client.remove_agent(agent_id)
    emit(as_json, {"id": agent_id, "position": position}, lambda: f"Removed {cell(agent_id)}.")


def _switch(agent_id: str, enabled: bool, as_json: bool) -> None:
    with connect() as client:
        agent_id = whole_id(client, agent_id, "agent")
        position = client.edit_agent(agent_id, EditAgent(enabled=enabled))
    answer = {"id": agent_id, "enabled": enabled, "position": position}
    emit(as_json, answer, lambda: f"{cell(agent_id)} is {'enabled' if enabled else 'disabled'}.")


def _list(at: str | None, as_json: bool) -> None:
    with connect() as client:
        found = client.agents(at=at)
    emit(as_json, {"items": found, "next": None}, lambda: _agents(found))


def _agents(found: tuple[Agent, ...]) -> RenderableType:
    if not found:
        return "No agents."
    shown = table("", "id", "role", "state", "runs", "task types", right=("runs",), fixed=("id", "state"))
    for one in found:
        shown.add_row(
            cell(one.id), cell(one.role), one.state, f"{one.running}/{one.capacity}", cell(", ".join(one.task_types))
        )
    return shown


def _learning(learning: Learning) -> RenderableType:
    if not learning.profiles:
        return "It has learnt nothing yet."
    numbers = ("runs", "success", "expertise", "confidence")
    shown = table("Learnt", "task type", *numbers, right=numbers)
    for one in learning.profiles:
        name = f"{one.task_type} (simulated)" if one.simulated else one.task_type
        shown.add_row(
            cell(name), str(one.runs), f"{one.success_rate:.0%}", f"{one.expertise:.3f}", f"{one.confidence:.2f}"
        )
    return shown
