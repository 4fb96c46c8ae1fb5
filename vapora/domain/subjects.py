"""Names under which new work is offered (R13, R14)."""

from __future__ import annotations

from typing import Literal

from events.ids import DEFAULT_WORKSPACE

PriorityLevel = Literal["low", "medium", "high"]

_LAST_LOW = 33
_LAST_MEDIUM = 66


def level(priority: int) -> PriorityLevel:
    """The subject token of a priority: low 0–33, medium 34–66, high 67–100 (R13)."""
    if priority <= _LAST_LOW:
        return "low"
    return "medium" if priority <= _LAST_MEDIUM else "high"


def subject(task_type: str, priority: int, workspace: str = DEFAULT_WORKSPACE) -> str:
    """`tasks.{type}.{priority}`, with the prefix `{workspace}.` for every workspace but the default one (R14)."""
    name = f"tasks.{task_type}.{level(priority)}"
    return name if workspace == DEFAULT_WORKSPACE else f"{workspace}.{name}"
