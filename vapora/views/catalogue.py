"""What the catalogue says: roles and types of task."""

from __future__ import annotations

from vapora.views.base import View


class Role(View):
    """A role's manifest. `concurrency`: the most runs that one agent of it holds at a time. `prompt`: the system prompt
    of its agents, as Markdown."""

    id: str
    title: str
    group: str
    description: str
    capabilities: tuple[str, ...]
    task_types: tuple[str, ...]
    model_tier: str
    concurrency: int
    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    may: tuple[str, ...]
    may_not: tuple[str, ...]
    steps: tuple[str, ...]
    prompt: str


class TaskType(View):
    """A routing type, with the roles that can do it; the one that is meant for it first."""

    id: str
    roles: tuple[str, ...]
