"""What the swarm knows: executions, what they come to day by day, causes, and the graph of all of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from vapora.views.base import View


class Given(View):
    """A past execution that a run was told of. `helped`: the words that it was told."""

    run_id: str
    task_id: str
    title: str
    outcome: Literal["accepted", "succeeded", "rejected", "failed"]
    helped: str
    score: float


class ExecutionRecord(View):
    """One agent's run at one task, as it is remembered. `quality`: the mean of `parts`, each from 0 to 1 and drawn from
    the log alone (done, checks, first_time, review, landed); null while it runs, and of one that was cancelled.
    `latency_ms`: from its begin to its end. `said`: what its agent handed in, or why it failed. `given`: past
    executions that it was told of, or, where `withheld`, would have been. `score`: by which it is like what was asked
    for; null where nothing was."""

    id: str
    agent: str
    task: str
    project: str
    task_type: str
    role: str
    purpose: Literal["work", "review"]
    title: str
    description: str
    outcome: Literal["running", "cancelled", "failed", "succeeded", "accepted", "rejected"]
    success: bool | None
    quality: float | None
    parts: dict[str, float]
    latency_ms: int | None
    cost_microusd: int
    providers: tuple[str, ...]
    models: tuple[str, ...]
    checks: str | None
    landed: bool
    said: str
    at: datetime
    day: date
    given: tuple[Given, ...]
    withheld: bool
    score: float | None = None
    simulated: bool


class LearningPoint(View):
    """An agent's runs of a kind of work on one day: those that say something about it. `latency_ms`: their mean."""

    agent: str
    task_type: str
    day: date
    runs: int
    successes: int
    success_rate: float
    accepted: int
    rejected: int
    latency_ms: int
    cost_microusd: int
    simulated: bool


class Curves(View):
    points: tuple[LearningPoint, ...]


class KnowledgeProfile(View):
    """What an agent can do, worked out anew from the executions that are remembered."""

    task_type: str
    runs: int
    success_rate: float
    expertise: float
    confidence: float
    simulated: bool


class KnowledgeProfiles(View):
    agent: str
    profiles: tuple[KnowledgeProfile, ...]


class RelationView(View):
    """A problem, why there was one, and what solved it. `origin`: person, where somebody recorded it; else how it was
    found in the log: failure, review or conflict. `solution` is empty while none is known."""

    id: str
    origin: Literal["person", "failure", "review", "conflict"]
    recorded_by: str
    problem: str
    cause: str
    solution: str
    project_id: str | None
    task_id: str | None
    run_id: str | None
    solved_by: str | None
    task_type: str | None
    simulated: bool
    at: datetime
    position: int


class GraphNode(View):
    """`id` is unique among nodes of its `kind`; `name` among all. `distance`: edges from the first. `more`: it has
    neighbours that are not here."""

    name: str
    kind: str
    id: str
    title: str
    state: str
    at: datetime | None
    distance: int
    more: bool


class GraphEdge(View):
    """Reads as a sentence: `source` `kind` `target`."""

    source: str
    kind: str
    target: str


class Graph(View):
    start: str
    depth: int
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


class EffectSum(View):
    """Of the runs that were told (`given`), that were kept from it by chance (`withheld`), and that there was nothing
    to tell (`nothing`). Null where there is no run."""

    arm: Literal["given", "withheld", "nothing"]
    runs: int
    successes: int
    success_rate: float | None
    quality: float | None
    median_cost_microusd: int | None
    median_duration_ms: int | None


class Effect(View):
    """What telling agents of past executions does. `caution`: why no conclusion may be drawn yet; empty where one may.
    `looked_at`: so many of the newest runs."""

    in_briefs: Literal["on", "off", "half"]
    simulated: bool
    sums: tuple[EffectSum, ...]
    caution: str
    looked_at: int
