"""Rules about what is set for a whole workspace, and what it means for a new card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from events.base import DomainEvent
from events.ids import Review
from events.workspace import SettingsChanged
from vapora.commands import ChangeSettings, SubmitTask

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """As they are until somebody sets them."""

    name: str = ""
    default_review: Review = Review.HUMAN
    default_priority: int = 50


def decide(state: WorkspaceSettings | None, command: ChangeSettings) -> tuple[DomainEvent, ...]:
    """Nothing where they are so already, said or by default."""
    event = SettingsChanged(
        name=command.name, default_review=command.default_review, default_priority=command.default_priority
    )
    return () if evolve(None, event) == (state or WorkspaceSettings()) else (event,)


def evolve(state: WorkspaceSettings | None, event: DomainEvent) -> WorkspaceSettings | None:
    if isinstance(event, SettingsChanged):
        return WorkspaceSettings(event.name, event.default_review, event.default_priority)
    return state


def complete(command: SubmitTask, settings: WorkspaceSettings | None) -> SubmitTask:
    """The task with what it leaves to the workspace. What the request named stands in `model_fields_set` as before."""
    if settings is None:
        return command
    defaults: dict[str, Any] = {"review": settings.default_review, "priority": settings.default_priority}
    left = {field: value for field, value in defaults.items() if field not in command.model_fields_set}
    return SubmitTask.model_construct(command.model_fields_set, **{**dict(command), **left})
