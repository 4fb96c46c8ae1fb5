"""Facts about tasks: what people and the coordinator did to a card."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from events.base import DomainEvent, Value
from events.content import Attachment
from events.ids import BoardType, Review, TaskState, WaitReason
from events.run import RunFork, Verdict
from events.work import LineComment, Work


class TaskSubmitted(DomainEvent):
    """`task_type` is the routing type; `task_type_reason` is empty where the person set it, else the rule
    that inferred it. `agent`: the only one that is to have it, by its id. `assignee`: a person who does it; agents
    leave it alone. `workflow_run_id`, `stage`: where a run of a workflow made it."""

    TOPIC: ClassVar[str] = "task.submitted"
    VERSION: ClassVar[int] = 4

    task_id: str
    project_id: str
    title: str
    description: str = ""
    type: BoardType = BoardType.FEATURE
    task_type: str
    task_type_reason: str = ""
    role: str | None = None
    agent: str | None = None
    priority: int = Field(default=50, ge=0, le=100)
    review: Review = Review.HUMAN
    deadline: datetime | None = None
    context: dict[str, JsonValue] = Field(default_factory=dict)
    blocked_by: tuple[str, ...] = ()
    assignee: str | None = None
    workflow_run_id: str | None = None
    stage: str | None = None

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew no assignee, version 2 no workflows, version 3 no agent."""
        return data if version in (1, 2, 3) else super().upcast(version, data)


class RevertRequested(DomainEvent):
    """The card is there to take back what these cards landed. VAPORA makes its work itself, for as long as the card's
    assignee is `vapora`."""

    TOPIC: ClassVar[str] = "task.revert-requested"

    task_id: str
    of: tuple[str, ...] = Field(min_length=1)


class TaskEdited(DomainEvent):
    """Fields that are None did not change; those named in `cleared` are empty from now on."""

    TOPIC: ClassVar[str] = "task.edited"
    VERSION: ClassVar[int] = 3

    task_id: str
    title: str | None = None
    description: str | None = None
    type: BoardType | None = None
    priority: int | None = Field(default=None, ge=0, le=100)
    review: Review | None = None
    deadline: datetime | None = None
    blocked_by: tuple[str, ...] | None = None
    assignee: str | None = None
    cleared: tuple[str, ...] = ()

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 could not empty a field, version 2 knew no assignee."""
        return data if version in (1, 2) else super().upcast(version, data)


class TaskLabelled(DomainEvent):
    """The task bears these labels from now on, and no others."""

    TOPIC: ClassVar[str] = "task.labelled"

    task_id: str
    labels: tuple[str, ...]


class ScoreParts(Value):
    """The weighted terms of an assignment score: they add up to it (M12.5). `exploration`: 0 unless that is switched
    on."""

    base: float
    expertise: float
    confidence: float
    exploration: float = 0.0


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
    VERSION: ClassVar[int] = 2

    task_id: str
    run_id: str
    agent_id: str
    role: str
    subject: str
    candidates: tuple[Candidate, ...]
    reason: str
    policy: str
    propensity: float = Field(gt=0, le=1)

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew no exploration."""
        return data if version == 1 else super().upcast(version, data)


class TaskHandedOver(DomainEvent):
    """The run that works on the task, or reviews it, goes on with another agent, or with the same one started anew.

    `reason`: what became of the one before. The rest as in `TaskAssigned`.
    """

    TOPIC: ClassVar[str] = "task.handed-over"
    VERSION: ClassVar[int] = 2

    task_id: str
    run_id: str
    agent_id: str
    role: str
    from_agent: str
    purpose: Literal["work", "review"] = "work"
    reason: str
    candidates: tuple[Candidate, ...]
    choice: str
    policy: str
    propensity: float = Field(gt=0, le=1)

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew no exploration."""
        return data if version == 1 else super().upcast(version, data)


class TaskWaiting(DomainEvent):
    """Nobody can take the task now, for a reason that does not go away by itself."""

    TOPIC: ClassVar[str] = "task.waiting"
    VERSION: ClassVar[int] = 2

    task_id: str
    reason: WaitReason
    remedy: str

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Readers of version 1 took a reason that they did not know for damage."""
        return data if version == 1 else super().upcast(version, data)


class TaskSentToReview(DomainEvent):
    """A good run of a task that somebody must approve; or its review goes to somebody else than before. `work`: what is
    to be approved. `reason`: why it is not the reviewer that the task named, such as checks that stay red."""

    TOPIC: ClassVar[str] = "task.sent-to-review"
    VERSION: ClassVar[int] = 2

    task_id: str
    run_id: str
    reviewer: Review
    work: Work | None = None
    reason: str = ""

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had texts only."""
        return data if version == 1 else super().upcast(version, data)


class ReviewAssigned(DomainEvent):
    """The coordinator gave the review of `head` to an agent that is not the author; the run it names begins."""

    TOPIC: ClassVar[str] = "task.review-assigned"
    VERSION: ClassVar[int] = 2

    task_id: str
    run_id: str
    agent_id: str
    role: str
    head: str
    candidates: tuple[Candidate, ...]
    reason: str
    policy: str
    propensity: float = Field(gt=0, le=1)

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew no exploration."""
        return data if version == 1 else super().upcast(version, data)


class ReviewSubmitted(DomainEvent):
    """An agent's review; what it leads to follows as an approval or a rejection."""

    TOPIC: ClassVar[str] = "task.review-submitted"

    task_id: str
    run_id: str
    agent_id: str
    review: Verdict


class TaskCompleted(DomainEvent):
    """A good run of a task that needs no approval."""

    TOPIC: ClassVar[str] = "task.completed"
    VERSION: ClassVar[int] = 2

    task_id: str
    run_id: str
    work: Work | None = None

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had texts only."""
        return data if version == 1 else super().upcast(version, data)


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
    """`head`: the commit that was approved, where there is a branch. `by_agent`: the reviewer, None for a person."""

    TOPIC: ClassVar[str] = "task.approved"
    VERSION: ClassVar[int] = 2

    task_id: str
    run_id: str | None = None
    comment: str = ""
    head: str | None = None
    by_agent: str | None = None

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 was of texts and by people."""
        return data if version == 1 else super().upcast(version, data)


class TaskRejected(DomainEvent):
    """The work is sent back to its author. With `cause` review it counts as a failure of `run_id` (R17); with
    `conflict` the base branch has moved, which is nobody's fault."""

    TOPIC: ClassVar[str] = "task.rejected"
    VERSION: ClassVar[int] = 2

    task_id: str
    run_id: str | None = None
    comment: str = ""
    head: str | None = None
    by_agent: str | None = None
    comments: tuple[LineComment, ...] = ()
    cause: Literal["review", "conflict"] = "review"

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 was of texts and by people."""
        return data if version == 1 else super().upcast(version, data)


class TaskCommented(DomainEvent):
    """`agent_id` and `run_id` are set where an agent said it. `answers`: the `call_id` of the question it answers."""

    TOPIC: ClassVar[str] = "task.commented"

    task_id: str
    comment_id: str
    text: str
    path: str | None = None
    line: int | None = None
    side: Literal["old", "new"] = "new"
    head: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    answers: str | None = None


class AttachmentAdded(DomainEvent):
    """A person put a file on the card. Its content was stored before this was recorded."""

    TOPIC: ClassVar[str] = "task.attachment-added"

    task_id: str
    attachment: Attachment


class AttachmentRemoved(DomainEvent):
    """The card no longer shows the file of this name, and no later run is told of it. Its content stays stored: the
    log names it."""

    TOPIC: ClassVar[str] = "task.attachment-removed"

    task_id: str
    name: str


class TaskLanded(DomainEvent):
    """The commit `head` of its branch is part of `branch` of the project's repository now, as `oid`."""

    TOPIC: ClassVar[str] = "task.landed"

    task_id: str
    run_id: str | None
    head: str
    branch: str
    oid: str
    strategy: Literal["squash", "merge", "rebase"]
    forced: bool = False


class LandingRefused(DomainEvent):
    """Its work could not be landed, and the repository is as it was. `kind` as in the problem's type, such as
    `merge-conflict`, whose paths are named."""

    TOPIC: ClassVar[str] = "task.landing-refused"

    task_id: str
    head: str
    kind: str
    message: str
    paths: tuple[str, ...] = ()


class TaskPushed(DomainEvent):
    """Its branch alone was pushed to the remote."""

    TOPIC: ClassVar[str] = "task.pushed"

    task_id: str
    branch: str
    head: str


class TaskPaused(DomainEvent):
    """Its run makes no further step until it is resumed."""

    TOPIC: ClassVar[str] = "task.paused"

    task_id: str
    run_id: str | None
    reason: str = ""


class TaskResumed(DomainEvent):
    TOPIC: ClassVar[str] = "task.resumed"

    task_id: str
    run_id: str | None


class ToolCallDecided(DomainEvent):
    """A person decided whether a run that has read text of strangers may make a call that sends something out. `seen`:
    the digest of the call, as the card showed it."""

    TOPIC: ClassVar[str] = "task.tool-call-decided"

    task_id: str
    run_id: str
    seen: str
    allowed: bool
    comment: str = ""


class AttemptRequested(DomainEvent):
    """A person wants another run of the card, on a branch of its own: attempt `number`. `agent_id`, `model`: who does
    it, if that was said. `fork`: where it begins; None: at the base."""

    TOPIC: ClassVar[str] = "task.attempt-requested"

    task_id: str
    number: int = Field(gt=1)
    agent_id: str | None = None
    model: str | None = None
    fork: RunFork | None = None


class AttemptPicked(DomainEvent):
    """The work of this attempt is the card's from now on."""

    TOPIC: ClassVar[str] = "task.attempt-picked"

    task_id: str
    number: int = Field(gt=0)
    work: Work


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
