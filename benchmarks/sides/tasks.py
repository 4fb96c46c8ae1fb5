"""What is handed in to VAPORA: a task for each role in turn."""

from __future__ import annotations

from vapora.catalog import roles

# So many at once for each agent: no task is to wait for one, but for what the engine takes.
CAPACITY = 48
AGENTS = tuple(roles())
_TASK_TYPES = tuple(role.task_types[0] for role in roles().values())


def title(number: int) -> str:
    return f"Write a parser {number}"


def task_type(number: int) -> str:
    return _TASK_TYPES[number % len(_TASK_TYPES)]
