"""How a task begins."""

from __future__ import annotations

from collections.abc import Collection

from events.base import DomainEvent
from events.task import TaskLabelled, TaskSubmitted
from vapora.commands import SubmitTask
from vapora.domain.agent import Agent
from vapora.domain.assignment import can_do
from vapora.domain.project import Project, require_open
from vapora.errors import BadInputError

Events = tuple[DomainEvent, ...]


def submit(
    task_id: str,
    command: SubmitTask,
    project: Project | None,
    task_type: str,
    task_type_reason: str,
    known_roles: Collection[str],
    known_task_types: Collection[str],
    roles_for_type: Collection[str],
) -> Events:
    """A new task under an id that the shell made.

    `task_type` is the person's, or inferred by the shell with its `task_type_reason` (empty: the person set
    it). `roles_for_type`: the roles that can do it. Raises `NotFoundError`, `ConflictError`, `BadInputError`.
    """
    require_open(project, command.project_id)
    _check_type(command.role, task_type, known_roles, known_task_types, roles_for_type)
    fields = command.model_dump(exclude={"task_type", "blocked_by", "labels"})
    submitted = TaskSubmitted(
        task_id=task_id,
        task_type=task_type,
        task_type_reason=task_type_reason,
        blocked_by=blockers(task_id, command.blocked_by),
        **fields,
    )
    labels = each_once(command.labels)
    return (submitted, TaskLabelled(task_id=task_id, labels=labels)) if labels else (submitted,)


def type_for(agent: Agent | None, agent_id: str, role: str | None, task_type: str | None) -> str:
    """The task type of a card that only this agent is to have: the person's, or the first one that it takes. Raises
    `BadInputError` where it cannot have the card."""
    if agent is None or agent.removed:
        raise BadInputError(f"There is no agent '{agent_id}'.", remedy="Name one of GET /agents.", field="agent")
    wanted = task_type or agent.task_types[0]
    if not can_do(agent, wanted, role):
        why = f"does no '{wanted}' work" if wanted not in agent.task_types else f"is no {role}"
        raise BadInputError(
            f"The agent {agent_id} {why}.", remedy=f"It takes: {', '.join(agent.task_types)}.", field="agent"
        )
    return wanted


def each_once(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(labels))


def blockers(task_id: str, blocked_by: tuple[str, ...]) -> tuple[str, ...]:
    if task_id in blocked_by:
        raise BadInputError(
            "A task cannot wait for itself.", remedy="Take its own id out of blocked_by.", field="blocked_by"
        )
    return tuple(dict.fromkeys(blocked_by))


def _check_type(
    role: str | None,
    task_type: str,
    known_roles: Collection[str],
    known_task_types: Collection[str],
    roles_for_type: Collection[str],
) -> None:
    if role is not None and role not in known_roles:
        raise BadInputError(
            f"There is no role '{role}'.", remedy=f"The roles are: {', '.join(known_roles)}.", field="role"
        )
    if task_type not in known_task_types:
        raise BadInputError(
            f"There is no task type '{task_type}'.",
            remedy=f"The task types are: {', '.join(known_task_types)}.",
            field="task_type",
        )
    if role is not None and role not in roles_for_type:
        raise BadInputError(
            f"The role {role} does no '{task_type}' work.",
            remedy=f"Roles that do: {', '.join(roles_for_type)}. Name one of them, or none.",
            field="role",
        )
