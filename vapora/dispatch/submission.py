"""The first events of a task, against the roles and kinds of work that there are."""

from __future__ import annotations

from events.base import DomainEvent
from vapora.catalog import roles, roles_for, task_types
from vapora.commands import SubmitTask
from vapora.domain import task as tasks
from vapora.domain.project import Project


def submitted(
    task_id: str, command: SubmitTask, project: Project | None, task_type: str, reason: str
) -> tuple[DomainEvent, ...]:
    """`reason`: why it is of this type; empty: a person said so. Raises `NotFoundError`, `ConflictError`,
    `BadInputError`."""
    return tasks.submit(
        task_id, command, project, task_type, reason, tuple(roles()), task_types(), roles_for(task_type)
    )
