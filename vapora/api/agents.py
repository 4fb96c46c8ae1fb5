"""Agents: who works here, what each can do, and what each has learned."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query, status

from events.ids import agent_stream
from projections import profiles
from projections import registry as model
from vapora import clock
from vapora.api.as_of import parse_as_of, read_as_of
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writer, Writing
from vapora.api.etags import Reading, versioned_if_there
from vapora.api.forms import At
from vapora.api.pages import Orders, in_order, page_of
from vapora.catalog import role_defaults, roles
from vapora.commands import DrainAgent, EditAgent, RegisterAgent, RemoveAgent, ReplaceAgent, Slug
from vapora.domain import agent as rules
from vapora.errors import BadInputError, ConflictError, NotFoundError
from vapora.views import Accepted, Agent, Learning, Page

router = APIRouter(prefix="/agents", tags=["agents"])

Sort = Literal["id", "-id", "name", "-name", "role", "-role", "load", "-load"]
_ORDERS: Orders[Agent] = {
    "id": lambda one: one.id,
    "name": lambda one: one.name.casefold(),
    "role": lambda one: one.role,
    "load": lambda one: one.load,
}
# As in `vapora.views.Agent`.
AgentState = Literal["idle", "busy", "draining", "offline", "disabled"]


# A body may be left out.
DrainBody = Annotated[DrainAgent, Body(default_factory=DrainAgent)]


@router.get("", summary="List the agents")
async def list_agents(
    cell: FreshCell,
    role: Annotated[Slug | None, Query(description="Of this role.")] = None,
    capability: Annotated[list[Slug] | None, Query(description="With this capability; may be given again.")] = None,
    task_type: Annotated[Slug | None, Query(description="That take this type of task.")] = None,
    state: Annotated[AgentState | None, Query(description="In this state.")] = None,
    sort: Annotated[Sort | None, Query(description="By what; with - the other way round.")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
    at: At = None,
) -> Page[Agent]:
    """Those that fit every filter."""
    wanted = set(capability or ())

    def fits(agent: Agent) -> bool:
        return (
            role in (None, agent.role)
            and state in (None, agent.state)
            and wanted <= set(agent.capabilities)
            and (task_type is None or task_type in agent.task_types)
        )

    if at is None:
        found = await cell.read(model.agents)
    else:
        found = await read_as_of(cell, model.Registry(), await parse_as_of(cell, at), model.agents)
    return page_of(in_order([*filter(fits, found)], _ORDERS, sort), lambda one: one.id, limit, cursor)


@router.post("", status_code=status.HTTP_201_CREATED, summary="Register an agent")
async def register_agent(body: RegisterAgent, writing: Writing, key: PostKey) -> Agent:
    """What is left out comes from the role's manifest. A removed agent's id takes up its history again."""
    return await _as_written(writing.cell, await writing.dispatch(body, key=key))


@router.get("/{agent_id}", summary="Show an agent")
async def get_agent(agent_id: str, cell: FreshCell, reading: Reading) -> Agent:
    stream, name = agent_stream(agent_id), model.Registry.NAME
    found = await cell.find(stream, lambda rows: versioned_if_there(rows, model.agent_of(rows, agent_id), name, stream))
    if found is None:
        raise _no_agent(agent_id)
    return reading.tagged(found)


@router.put("/{agent_id}", summary="Replace an agent")
async def replace_agent(agent_id: str, body: ReplaceAgent, writing: Editing) -> Agent:
    """What is left out becomes what the role's manifest says; for an agent of a package it stays."""
    agent = rules.require((await writing.cell.dispatcher.agents.load(agent_stream(agent_id))).state, agent_id)
    if body.role is not None and body.role not in roles():
        known = f"The roles are: {', '.join(roles())}."
        raise BadInputError(f"There is no role '{body.role}'.", remedy=known, field="role")
    if body.role not in (None, agent.role):
        raise ConflictError(
            f"The agent '{agent_id}' is a {agent.role}: its role cannot change.",
            remedy=f"Register a {body.role} under another id.",
        )
    usual = rules.defaults_of(agent) if agent.equipment else role_defaults(agent.role)
    command = EditAgent(
        name=body.name or usual.name,
        capabilities=usual.capabilities if body.capabilities is None else body.capabilities,
        task_types=usual.task_types if body.task_types is None else body.task_types,
        capacity=body.capacity or usual.capacity,
        enabled=body.enabled,
    )
    return await _as_edited(writing, agent_id, command)


@router.patch("/{agent_id}", summary="Edit an agent")
async def edit_agent(agent_id: str, body: EditAgent, writing: Editing) -> Agent:
    """Only the fields that are sent change. `enabled: false` lets it end what it has and gives it nothing new."""
    return await _as_edited(writing, agent_id, body)


@router.post("/{agent_id}/drain", summary="Drain an agent")
async def drain_agent(agent_id: str, body: DrainBody, writing: Writing, key: PostKey) -> Accepted:
    """It gets nothing new and ends what it has; with a limit, others of its role take over what is left by then. Then
    it is disabled, until it is enabled again."""
    return await writing.dispatch(body, agent_id, key)


@router.delete("/{agent_id}", summary="Remove an agent")
async def remove_agent(agent_id: str, writing: Editing) -> Accepted:
    """It leaves the registry and ends what it has; its history stays under its id."""
    return await writing.dispatch(RemoveAgent(), agent_id)


@router.get("/{agent_id}/learning", summary="Show what an agent has learned")
async def get_learning(agent_id: str, cell: FreshCell) -> Learning:
    """Its ability in each task type as of now, and day by day how it came to that: in all projects, so that it is for
    those who may read all of them."""
    await require_agent(cell, agent_id)
    now = clock.now()
    return await cell.read(lambda rows: profiles.learning(rows, agent_id, now))


async def require_agent(cell: Cell, agent_id: str) -> Agent:
    found = await cell.find(agent_stream(agent_id), lambda rows: model.agent_of(rows, agent_id))
    if found is None:
        raise _no_agent(agent_id)
    return found


def _no_agent(agent_id: str) -> NotFoundError:
    return NotFoundError(f"There is no agent '{agent_id}'.", remedy="List the agents, or register it first.")


async def _as_edited(writing: Writer, agent_id: str, command: EditAgent) -> Agent:
    accepted = await writing.dispatch(command, agent_id)
    now = await writing.cell.read(lambda rows: model.agent_of(rows, agent_id))
    return await _as_written(writing.cell, accepted, running=now.running if now else 0)


async def _as_written(cell: Cell, accepted: Accepted, running: int = 0) -> Agent:
    """From the log, as it stood with this write: a request that comes again is given the same answer."""
    state = await cell.dispatcher.agents.as_of(agent_stream(accepted.id), accepted.position)
    agent = rules.require(state, accepted.id)
    return Agent(
        id=agent.id,
        role=agent.role,
        name=agent.name,
        state=rules.state_of(agent, running)[0],
        reason=rules.state_of(agent, running)[1],
        load=running / agent.capacity,
        capacity=agent.capacity,
        running=running,
        capabilities=agent.capabilities,
        task_types=agent.task_types,
        package=agent.equipment.package if agent.equipment else "",
        version=agent.equipment.version if agent.equipment else "",
        position=accepted.position,
    )
