"""What an agent's code knows of its run. All of it is recorded when the run begins, and the same after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue, TypeAdapter


@dataclass(frozen=True, slots=True)
class Task:
    """The card. `type`: feature, bugfix, enhancement, tech-debt. `deadline`: ISO 8601. `comment`: why the last attempt
    was sent back. `comments`: what was said on the card since the last run began, oldest first."""

    id: str = "task-1"
    title: str = ""
    description: str = ""
    type: str = "feature"
    task_type: str = ""
    priority: int = 50
    context: Mapping[str, JsonValue] = field(default_factory=dict)
    deadline: str | None = None
    comment: str = ""
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """`branch`: of the worktree, where the project has a repository; empty where it has none."""

    id: str = "project-1"
    name: str = ""
    description: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """`past_work`: what is told of earlier work of the same kind; information, and no order. `attempt`: from 1.
    `failed_checks`: what the project's checks said of the work, where the code runs again because one is red."""

    run_id: str
    agent_id: str
    task: Task
    project: Project
    past_work: str = ""
    attempt: int = 1
    failed_checks: str = ""

    def to_json(self) -> str:
        return _FACTS.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Facts:
        return _FACTS.validate_json(text)


_FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)
