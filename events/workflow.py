"""Facts about workflows: what one is, and what came of its runs.

A run's stream tells all of it: the definition that it began with, each card that its stages made and what came of it,
what people were asked and decided.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from events.base import DomainEvent, Value
from events.ids import ChecksVerdict

CardPurpose = Literal["work", "undo"]
FailureKind = Literal["failed", "rejected", "timed-out", "over-budget"]
CardOutcome = Literal["done", "failed", "archived"]


class WorkflowDefined(DomainEvent):
    """A new version of a workflow: `number` counts from 1. Runs keep the version that they began with. `file`: the
    file that it was read from, by its name, and `file_digest` the SHA-256 of its text; empty: it came otherwise.
    `package`: the package that it is from; empty: none."""

    TOPIC: ClassVar[str] = "workflow.defined"
    VERSION: ClassVar[int] = 2

    workflow_id: str
    number: int = Field(ge=1)
    definition: dict[str, JsonValue]
    file: str = ""
    file_digest: str = ""
    package: str = ""

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew no packages."""
        return data if version == 1 else super().upcast(version, data)


class WorkflowRemoved(DomainEvent):
    """No run of it begins any more. Those under way go on."""

    TOPIC: ClassVar[str] = "workflow.removed"

    workflow_id: str
    file: str = ""
    file_digest: str = ""


class WorkflowRunStarted(DomainEvent):
    """`definition`: as it was then, whole. `schedule_id`: the schedule that began it, None: a person or program."""

    TOPIC: ClassVar[str] = "workflow.run-started"

    workflow_run_id: str
    workflow_id: str
    number: int = Field(ge=0)
    definition: dict[str, JsonValue]
    correlation: str
    project_id: str | None = None
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    schedule_id: str | None = None


class StageCard(Value):
    """A card that a stage made. `slot`: which of the stage's agents, from 0; `attempt` counts from 1.
    `limit_cents`: its part of the run's budget."""

    task_id: str
    role: str | None
    slot: int = Field(ge=0)
    attempt: int = Field(ge=1)
    limit_cents: int | None = Field(default=None, ge=0)


class StageCardsMade(DomainEvent):
    """Recorded together with the submission of these cards. `purpose` undo: they undo what the stage did."""

    TOPIC: ClassVar[str] = "workflow.cards-made"

    workflow_run_id: str
    stage: str
    cards: tuple[StageCard, ...]
    purpose: CardPurpose = "work"


class StageCardEnded(DomainEvent):
    """What came of a card. `run_id` and `head`: the run that did it and the commit that it ends with, where there is
    one; they are what later stages are pointed to."""

    TOPIC: ClassVar[str] = "workflow.card-ended"

    workflow_run_id: str
    stage: str
    task_id: str
    outcome: CardOutcome
    run_id: str | None = None
    head: str | None = None
    checks: ChecksVerdict | None = None
    reason: str = ""


class StageCardReopened(DomainEvent):
    """Somebody had a card done once more that had ended: what came of it before no longer counts."""

    TOPIC: ClassVar[str] = "workflow.card-reopened"

    workflow_run_id: str
    stage: str
    task_id: str


class StageRetryPlanned(DomainEvent):
    """A card failed, and another is made in its place at `at`."""

    TOPIC: ClassVar[str] = "workflow.retry-planned"

    workflow_run_id: str
    stage: str
    slot: int = Field(ge=0)
    attempt: int = Field(ge=2)
    at: datetime


class StageCompleted(DomainEvent):
    """`outcome`: `done`, or `approved` where somebody was asked and said so."""

    TOPIC: ClassVar[str] = "workflow.stage-completed"

    workflow_run_id: str
    stage: str
    outcome: Literal["done", "approved"]


class StageFailed(DomainEvent):
    """For good. `outcome` rejected: a person, or the time-out of an approval, said no."""

    TOPIC: ClassVar[str] = "workflow.stage-failed"

    workflow_run_id: str
    stage: str
    outcome: FailureKind
    reason: str


class StageSkipped(DomainEvent):
    """Its condition did not hold, or a person skipped it; its open cards are called off then."""

    TOPIC: ClassVar[str] = "workflow.stage-skipped"

    workflow_run_id: str
    stage: str
    reason: str
    by_person: bool = False


class StageRetried(DomainEvent):
    """A person has a failed stage tried again: the run goes on."""

    TOPIC: ClassVar[str] = "workflow.stage-retried"

    workflow_run_id: str
    stage: str
    reason: str = ""


class ApprovalRequested(DomainEvent):
    """`seen`: the digest of exactly what is shown; a decision names it. `number` counts how often the stage asked."""

    TOPIC: ClassVar[str] = "workflow.approval-requested"

    workflow_run_id: str
    approval_id: str
    stage: str
    number: int = Field(ge=1)
    title: str
    seen: str
    shown: dict[str, JsonValue]
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    expires_at: datetime | None = None
    remind_at: datetime | None = None


class ApprovalReminded(DomainEvent):
    """Half of the time is over, and nobody has decided."""

    TOPIC: ClassVar[str] = "workflow.approval-reminded"

    workflow_run_id: str
    approval_id: str
    stage: str


class ApprovalEscalated(DomainEvent):
    """The time is over: owners and administrators of the workspace may decide from now on, without an end."""

    TOPIC: ClassVar[str] = "workflow.approval-escalated"

    workflow_run_id: str
    approval_id: str
    stage: str
    roles: tuple[str, ...]


class ApprovalWithdrawn(DomainEvent):
    """It is asked no more. `outdated`: what it showed has changed, and it is asked anew; `expired`: its time is over;
    `ended`: the run or stage is over."""

    TOPIC: ClassVar[str] = "workflow.approval-withdrawn"

    workflow_run_id: str
    approval_id: str
    stage: str
    cause: Literal["outdated", "expired", "ended"]


class ApprovalDecided(DomainEvent):
    """By a person, as the envelope names them. `seen`: what they looked at."""

    TOPIC: ClassVar[str] = "workflow.approval-decided"

    workflow_run_id: str
    approval_id: str
    stage: str
    decision: Literal["approve", "reject"]
    seen: str
    comment: str = ""


class WorkflowRunPaused(DomainEvent):
    """No card of it is made until it is resumed; those there are go on."""

    TOPIC: ClassVar[str] = "workflow.run-paused"

    workflow_run_id: str
    reason: str = ""


class WorkflowRunResumed(DomainEvent):
    TOPIC: ClassVar[str] = "workflow.run-resumed"

    workflow_run_id: str


class WorkflowRunEnding(DomainEvent):
    """It will not be completed: its open cards are called off, and what its stages did is undone, the last first."""

    TOPIC: ClassVar[str] = "workflow.run-ending"

    workflow_run_id: str
    state: Literal["failed", "cancelled"]
    reason: str = ""


class StageUndone(DomainEvent):
    """The stage's compensation is over. `outcome` failed: a person has to look after what is left."""

    TOPIC: ClassVar[str] = "workflow.stage-undone"

    workflow_run_id: str
    stage: str
    outcome: Literal["done", "failed"]
    reason: str = ""


class WorkflowRunCompleted(DomainEvent):
    TOPIC: ClassVar[str] = "workflow.run-completed"

    workflow_run_id: str


class WorkflowRunFailed(DomainEvent):
    TOPIC: ClassVar[str] = "workflow.run-failed"

    workflow_run_id: str
    reason: str = ""


class WorkflowRunCancelled(DomainEvent):
    TOPIC: ClassVar[str] = "workflow.run-cancelled"

    workflow_run_id: str
    reason: str = ""
