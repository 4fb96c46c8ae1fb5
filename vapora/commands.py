"""Intents, and at the same time the bodies of requests.

A request body is parsed straight into one of these; the path supplies what the body does not carry.
Validation here is about form; whether the thing may happen now is decided by the rules in `vapora.domain`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints
from pydantic_core import from_json

from events.ids import BoardType, Review, TaskState, WhenExceeded

# A kebab-case word: role ids, task types, agent ids.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=80)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=100_000)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
Priority = Annotated[int, Field(strict=True, ge=0, le=100)]
Cents = Annotated[int, Field(strict=True, ge=0, le=10**12)]


def _json_object(value: Any) -> Any:
    """`context` may come as an object or as a JSON string of one (B3)."""
    if isinstance(value, str):
        try:
            # Stricter than `json`: no NaN, no half characters, no depth that would break a reader.
            return from_json(value or "{}", allow_inf_nan=False)
        except ValueError as error:
            raise ValueError(f"not valid JSON: {error}") from None
    return value


def _in_utc(value: datetime) -> datetime:
    """An instant without a zone is taken as UTC. One at the edge of the calendar has no UTC form to be stored in."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


Context = Annotated[dict[str, JsonValue], BeforeValidator(_json_object)]
Instant = Annotated[datetime, AfterValidator(_in_utc)]
Blockers = Annotated[tuple[str, ...], Field(max_length=200)]


class Command(BaseModel):
    # No NaN, no infinity: no event could hold them.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CreateProject(Command):
    name: Name
    description: Text = ""
    repo: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_096)] | None = None


class EditProject(Command):
    name: Name | None = None
    description: Text | None = None
    repo: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_096)] | None = None


class ArchiveProject(Command):
    pass


class SubmitTask(Command):
    """`task_type` is the routing type; absent, it is inferred and marked so. `role` narrows the candidates."""

    project_id: str
    title: Title
    description: Text = ""
    type: BoardType = BoardType.FEATURE
    task_type: Slug | None = None
    role: Slug | None = None
    priority: Priority = 50
    review: Review = Review.HUMAN
    deadline: Instant | None = None
    context: Context = Field(default_factory=dict)
    blocked_by: Blockers = ()


class EditTask(Command):
    title: Title | None = None
    description: Text | None = None
    type: BoardType | None = None
    priority: Priority | None = None
    review: Review | None = None
    deadline: Instant | None = None
    blocked_by: Blockers | None = None


class MoveTask(Command):
    """`before`: the id of the card to stand in front of; with the card's own state it only reorders."""

    state: TaskState
    before: str | None = None
    comment: Comment = ""


class RequeueTask(Command):
    """`deliveries`: of the dead letter that is put back."""

    deliveries: Annotated[int, Field(strict=True, ge=0)]


class RegisterAgent(Command):
    """`task_types`, `capabilities` and `capacity` default to what the role's manifest says."""

    role: Slug
    id: Slug | None = None
    name: Name | None = None
    capabilities: tuple[Slug, ...] | None = None
    task_types: tuple[Slug, ...] | None = None
    capacity: Annotated[int, Field(strict=True, ge=1, le=1_000)] | None = None


class EditAgent(Command):
    """`enabled: false` lets the agent end what it has and gives it nothing new."""

    name: Name | None = None
    capabilities: tuple[Slug, ...] | None = None
    task_types: tuple[Slug, ...] | None = None
    capacity: Annotated[int, Field(strict=True, ge=1, le=1_000)] | None = None
    enabled: bool | None = None


class RemoveAgent(Command):
    pass


class SetBudget(Command):
    """The limits of a role, project, agent or workspace; null: no limit. A limit that is not named stays as it is, as
    does `when_exceeded`; an `overflow_cents` that is not named is 0."""

    monthly_limit_cents: Cents | None = None
    weekly_limit_cents: Cents | None = None
    overflow_cents: Cents = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK


class SetTaskBudget(Command):
    """What a task may cost over its whole life; null: no limit. What is not named is as in `SetBudget`."""

    limit_cents: Cents | None = None
    overflow_cents: Cents = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK


BudgetScopeName = Literal["workspace", "project", "role", "agent", "task"]
