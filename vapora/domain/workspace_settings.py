"""Rules about what is set for a whole workspace, and what it means for a new card."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from events.base import DomainEvent
from events.ids import Review
from events.workspace import KnowledgeSettings, SettingsChanged
from vapora.commands import ChangeSettings, SubmitTask
from vapora.errors import BadInputError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 4


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """As they are until somebody sets them."""

    name: str = ""
    default_review: Review = Review.HUMAN
    default_priority: int = 50
    most_runs: int | None = None
    most_runs_of: dict[str, int] = field(default_factory=dict)
    knowledge: KnowledgeSettings = field(default_factory=KnowledgeSettings)
    search_vectors: str | None = None


def decide(
    state: WorkspaceSettings | None, command: ChangeSettings, known_roles: Collection[str]
) -> tuple[DomainEvent, ...]:
    """Nothing where they are so already, said or by default. `BadInputError` for a limit of a role that is not."""
    if strangers := [role for role in command.most_runs_of if role not in known_roles]:
        known = f"The roles are: {', '.join(known_roles)}."
        raise BadInputError(f"There is no role '{strangers[0]}'.", remedy=known, field="most_runs_of")
    event = SettingsChanged(
        name=command.name,
        default_review=command.default_review,
        default_priority=command.default_priority,
        most_runs=command.most_runs,
        most_runs_of=dict(command.most_runs_of),
        knowledge=KnowledgeSettings(**command.knowledge.model_dump()),
        search_vectors=command.search_vectors,
    )
    return () if evolve(None, event) == (state or WorkspaceSettings()) else (event,)


def evolve(state: WorkspaceSettings | None, event: DomainEvent) -> WorkspaceSettings | None:
    if isinstance(event, SettingsChanged):
        return WorkspaceSettings(
            event.name,
            event.default_review,
            event.default_priority,
            event.most_runs,
            dict(event.most_runs_of),
            event.knowledge,
            event.search_vectors,
        )
    return state


def complete(command: SubmitTask, settings: WorkspaceSettings | None) -> SubmitTask:
    """The task with what it leaves to the workspace. What the request named stands in `model_fields_set` as before."""
    if settings is None:
        return command
    defaults: dict[str, Any] = {"review": settings.default_review, "priority": settings.default_priority}
    left = {field: value for field, value in defaults.items() if field not in command.model_fields_set}
    return SubmitTask.model_construct(command.model_fields_set, **{**dict(command), **left})
