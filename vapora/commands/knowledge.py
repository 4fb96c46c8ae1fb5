"""Intents about what the swarm knows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from vapora.commands.base import WHOLE, Command, Comment

Saying = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000),
    Field(json_schema_extra={"pattern": r"\S"}),
]
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=3_650), WHOLE]


class RecordRelation(Command):
    """`solution` is empty while nobody knows one. `task_id`, `run_id`, `project_id`: where it came up; `solved_by`: the
    run whose work solved it."""

    problem: Saying
    cause: Saying
    solution: Comment = ""
    project_id: Id | None = None
    task_id: Id | None = None
    run_id: Id | None = None
    solved_by: Id | None = None


class RemoveRelation(Command):
    """`folded`: it was found in the log, not recorded by somebody."""

    reason: Comment = ""
    folded: bool = False


class SetKnowledge(Command):
    """For how many days of the log's time executions are kept in detail, and what they came to day by day.
    `in_briefs`: whether agents are told of past executions; `half`: every other run, by chance."""

    details_days: Days = 30
    daily_days: Days = 90
    in_briefs: Literal["on", "off", "half"] = "on"
