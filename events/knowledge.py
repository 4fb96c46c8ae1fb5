"""Facts about what the swarm knows: causes that somebody recorded, and past executions that an agent was told of.

Whatever can be folded from runs and tasks is folded, and not said again.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from events.base import DomainEvent, Value
from events.content import Content


class RelationRecorded(DomainEvent):
    """A problem, why there was one, and what solved it; `solution` is empty while nobody knows one. Where it came up:
    `project_id`, `task_id`, `run_id`; `solved_by`: the run whose work solved it. Recorded again under the same id: it
    reads like this from now on."""

    TOPIC: ClassVar[str] = "knowledge.relation-recorded"

    relation_id: str
    problem: str
    cause: str
    solution: str = ""
    project_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    solved_by: str | None = None


class RelationRemoved(DomainEvent):
    """It was wrong, or is of no use any more. One that was folded from runs and reviews is not shown again."""

    TOPIC: ClassVar[str] = "knowledge.relation-removed"

    relation_id: str
    reason: str = ""


class GivenExecution(Value):
    """A past execution as an agent was told of it. `helped`: what made it good, or what went wrong in it; `score`: by
    which it was chosen, for comparison within one choice only."""

    run_id: str
    task_id: str
    title: str
    outcome: Literal["accepted", "succeeded", "rejected", "failed"]
    helped: str
    score: float = Field(ge=0)


class ExecutionsGiven(DomainEvent):
    """What a run was told of past executions when it began, or, where it was `withheld` so that runs with and without
    can be compared, what it would have been told. `text` stands in the brief as it is here. Only recorded where there
    was something to tell."""

    TOPIC: ClassVar[str] = "knowledge.executions-given"

    run_id: str
    task_id: str
    task_type: str
    given: tuple[GivenExecution, ...]
    text: Content
    withheld: bool = False
    simulated: bool = False
