"""What the swarm knows: executions, curves, causes, the graph, and what telling agents of it does."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from pydantic import Field

from events.ids import relation_stream
from projections.engine.transaction import ReadSnapshot
from vapora import clock
from vapora import knowledge as known
from vapora.api.agents import require_agent
from vapora.api.context import Cursor, FreshCell, Limit, PostKey, Writing
from vapora.api.forms import WHOLE, Flag
from vapora.commands import RecordRelation, RemoveRelation
from vapora.errors import BadInputError, NotFoundError
from vapora.views import (
    Accepted,
    Curves,
    Effect,
    ExecutionRecord,
    Graph,
    KnowledgeProfiles,
    Page,
    RelationView,
)

router = APIRouter(prefix="/knowledge", tags=["knowledge"])

TaskType = Annotated[str | None, Query(max_length=80, description="Only of this kind of work.")]
Agent = Annotated[str | None, Query(max_length=200, description="Only of this agent.")]
Task = Annotated[str | None, Query(max_length=200, description="Only of this card.")]
Simulated = Annotated[Flag | None, Query(description="Only rehearsals, or only real ones.")]
Node = Annotated[str | None, Query(min_length=3, max_length=500, description="Where the walk begins, as kind:id.")]
Depth = Annotated[int, Field(ge=0, le=6), WHOLE, Query(description="So many edges far.")]
Most = Annotated[int, Field(ge=1, le=500), WHOLE, Query(description="So many nodes at most, the nearest first.")]


def _where(**columns: Any) -> dict[str, Any]:
    said = {name: value for name, value in columns.items() if value is not None}
    return {name: int(value) if isinstance(value, bool) else value for name, value in said.items()}


@router.get("/executions", summary="List executions")
async def list_executions(
    cell: FreshCell,
    task_type: TaskType = None,
    agent: Agent = None,
    task: Task = None,
    similar_to: Annotated[
        str | None,
        Query(
            min_length=1, max_length=5_000, description="The most like a card or a run, by its id, or like this text."
        ),
    ] = None,
    simulated: Simulated = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ExecutionRecord]:
    """What agents' runs came to, the newest first; or those that are like something, the most alike first: by words and
    by vectors, joined by reciprocal rank. Old ones are forgotten, as the workspace's settings say."""
    where = _where(task_type=task_type, agent_id=agent, task_id=task, simulated=simulated)
    if similar_to is None:
        items, more = await cell.read(lambda rows: known.executions(rows, where, limit, cursor))
        return Page[ExecutionRecord](items=items, next=more)
    if cursor is not None:
        raise BadInputError(
            "What is alike has one page.", remedy="Ask for a larger `limit`.", field="cursor", where="query"
        )
    found = await cell.read(lambda rows: known.similar(rows, cell.likeness, similar_to, where, limit))
    return Page[ExecutionRecord](items=found)


@router.get("/curves", summary="Show learning curves")
async def get_curves(
    cell: FreshCell, task_type: TaskType = None, agent: Agent = None, simulated: Simulated = None
) -> Curves:
    """What each agent's runs came to, by kind of work and day: in all projects, so that it is for those who may read
    all of them."""
    where = _where(task_type=task_type, agent_id=agent, simulated=simulated)
    return await cell.read(lambda rows: known.curves(rows, where))


@router.get("/graph", summary="Walk the knowledge graph")
async def get_knowledge_graph(
    cell: FreshCell,
    task: Annotated[str | None, Query(max_length=200, description="The card where the walk begins.")] = None,
    node: Node = None,
    depth: Depth = 2,
    limit: Most = 120,
) -> Graph:
    """What is near a card, or any other node: runs, agents, people, files, decisions, artifacts, and problems with
    their causes and solutions."""
    if (task is None) == (node is None):
        raise BadInputError(
            "A walk begins at one place.", remedy="Name `task`, or `node` as kind:id.", field="task", where="query"
        )
    start = node or f"task:{task}"
    return await cell.read(lambda rows: known.graph(rows, start, depth, limit))


@router.get("/relations", summary="List causes")
async def list_relations(
    cell: FreshCell, task: Task = None, task_type: TaskType = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[RelationView]:
    """Problems, why there were any, and what solved them: recorded by people, and found in failed runs and reviews. The
    newest first."""
    where = _where(task_id=task, task_type=task_type)
    items, more = await cell.read(lambda rows: known.relations(rows, where, limit, cursor))
    return Page[RelationView](items=items, next=more)


@router.post("/relations", status_code=status.HTTP_201_CREATED, summary="Record a cause")
async def record_relation(body: RecordRelation, writing: Writing, key: PostKey) -> Accepted:
    """A problem, why there is one, and what solves it."""
    return await writing.dispatch(body, key=key)


@router.delete("/relations/{relation_id}", summary="Remove a cause")
async def remove_relation(
    relation_id: str, writing: Writing, reason: Annotated[str, Query(max_length=5_000, description="Why.")] = ""
) -> Accepted:
    """It is not shown any more, and no agent is told of it."""
    stream = relation_stream(relation_id)

    def question(rows: ReadSnapshot) -> RelationView | None:
        return known.relation(rows, relation_id)

    found = await writing.cell.find(stream, question)
    folded = found is not None and found.origin != "person"
    return await writing.dispatch(RemoveRelation(reason=reason, folded=folded), relation_id)


@router.get("/profiles/{agent_id}", summary="Work out a profile from history")
async def get_knowledge_profile(agent_id: str, cell: FreshCell) -> KnowledgeProfiles:
    """What an agent can do, from the executions that are remembered. It agrees with `GET /agents/{id}/learning` for as
    long as none of them was forgotten."""
    await require_agent(cell, agent_id)
    now = clock.now()
    return await cell.read(lambda rows: known.profiles(rows, agent_id, now))


@router.get("/effect", summary="Show what telling agents of past executions does")
async def get_knowledge_effect(
    cell: FreshCell,
    simulated: Annotated[Flag | None, Query(description="Of rehearsals; absent: as the workspace works now.")] = None,
    task_type: TaskType = None,
) -> Effect:
    """Runs that were told, and runs that were not, side by side; and what speaks against concluding anything."""
    rehearsed = await cell.rehearses() if simulated is None else simulated
    return await cell.read(lambda rows: known.effect(rows, rehearsed, task_type))


@router.get("/executions/{run_id}", summary="Show an execution")
async def get_execution(run_id: str, cell: FreshCell) -> ExecutionRecord:
    """With the past executions that its agent was told of."""
    found = await cell.read(lambda rows: known.of_run(rows, run_id))
    if found is None:
        raise NotFoundError(
            f"No execution '{run_id}' is remembered.", remedy="Check the id; old ones are forgotten, the log has them."
        )
    return found
