"""Facts about tasks: what people and the coordinator did to a card."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field, JsonValue

from events.base import DomainEvent, Value
from events.ids import BoardType, Review, TaskState, WaitReason


class TaskSubmitted(DomainEvent):
    """`task_type` is the routing type; `task_type_reason` is empty where the person set it, else the rule
    that inferred it."""

    TOPIC: ClassVar[str] = "task.submitted"

    task_id: str
    project_id: str
    title: str
    description: str = ""
    type: BoardType = BoardType.FEATURE
    task_type: str
    task_type_reason: str = ""
    role: str | None = None
    priority: int = Field(default=50, ge=0, le=100)
    review: Review = Review.HUMAN
    deadline: datetime | None = None
    context: dict[str, JsonValue] = Field(default_factory=dict)
    blocked_by: tuple[str, ...] = ()


class TaskEdited(DomainEvent):
    """Fields that are None did not change; those named in `cleared` are empty from now on."""

    TOPIC: ClassVar[str] = "task.edited"
    VERSION: ClassVar[int] = 2

    task_id: str
    title: str | None = None
    description: str | None = None
    type: BoardType | None = None
    priority: int | None = Field(default=None, ge=0, le=100)
    review: Review | None = None
    deadline: datetime | None = None
    blocked_by: tuple[str, ...] | None = None
    cleared: tuple[str, ...] = ()

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 could not empty a field."""
        return data if version == 1 else super().upcast(version, data)


class ScoreParts(Value):
    """The weighted terms of an assignment score: they add up to it (M12.5)."""

    base: float
    expertise: float
    confidence: float


class Candidate(Value):
    """An agent that was looked at. `excluded` says why it could not have the task; its score is then None."""

    agent_id: str
    role: str
    score: float | None = None
    parts: ScoreParts | None = None
    success_rate: float = 0.5
    load: float = 0.0
    expertise: float = 0.5
    runs: int = 0
    reason: str = ""
    excluded: str | None = None


class TaskAssigned(DomainEvent):
    """The coordinator gave the task to an agent; the run it names begins.

    All candidates, the reason and the propensity (the probability with which `policy` makes this choice)
    are kept: they can never be added to an old log.
    """

    TOPIC: ClassVar[str] = "task.assigned"

    task_id: str
    run_id: str
    agent_id: str
    role: str
    subject: str
    candidates: tuple[Candidate, ...]
    reason: str
    policy: str
    propensity: float = Field(gt=0, le=1)


class TaskWaiting(DomainEvent):
    """Nobody can take the task now, for a reason that does not go away by itself."""

    TOPIC: ClassVar[str] = "task.waiting"

    task_id: str
    reason: WaitReason
    remedy: str


class TaskSentToReview(DomainEvent):
    """A good run of a task that somebody must approve."""

    TOPIC: ClassVar[str] = "task.sent-to-review"

    task_id: str
    run_id: str
    reviewer: Review


class TaskCompleted(DomainEvent):
    """A good run of a task that needs no approval."""

    TOPIC: ClassVar[str] = "task.completed"

    task_id: str
    run_id: str


class TaskFailed(DomainEvent):
    TOPIC: ClassVar[str] = "task.failed"

    task_id: str
    run_id: str
    reason: str


class TaskReleased(DomainEvent):
    """Its run was cancelled from within (not by a person): the task waits for an agent again."""

    TOPIC: ClassVar[str] = "task.released"

    task_id: str
    run_id: str
    reason: str


class TaskApproved(DomainEvent):
    TOPIC: ClassVar[str] = "task.approved"

    task_id: str
    run_id: str | None = None
    comment: str = ""


class TaskRejected(DomainEvent):
    """The work is sent back; it counts as a failure of `run_id` (R17)."""

    TOPIC: ClassVar[str] = "task.rejected"

    task_id: str
    run_id: str | None = None
    comment: str = ""


class TaskReopened(DomainEvent):
    """A failed task is to be tried again."""

    TOPIC: ClassVar[str] = "task.reopened"

    task_id: str
    comment: str = ""


class TaskRequeued(DomainEvent):
    """A person put a dead letter back: the task, which nobody could be given, is offered anew. `deliveries`: how often
    it had been delivered in vain."""

    TOPIC: ClassVar[str] = "task.requeued"

    task_id: str
    deliveries: int = Field(ge=0)


class TaskRecalled(DomainEvent):
    """A person took the task back from its agent: the run is cancelled."""

    TOPIC: ClassVar[str] = "task.recalled"

    task_id: str
    run_id: str | None = None
    comment: str = ""


class TaskReordered(DomainEvent):
    """The card was put before another one of its column; None: at the end."""

    TOPIC: ClassVar[str] = "task.reordered"

    task_id: str
    before: str | None = None


class TaskArchived(DomainEvent):
    TOPIC: ClassVar[str] = "task.archived"

    task_id: str
    from_state: TaskState
    comment: str = ""
