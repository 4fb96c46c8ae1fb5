"""What a run of a workflow is. How each event changes it is in `fold`, what comes next in `steps`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from events.ids import ChecksVerdict
from events.workflow import CardOutcome, CardPurpose
from vapora.domain.workflow.definition import Definition
from vapora.errors import NotFoundError

StageProgress = Literal["pending", "running", "waiting-approval", "completed", "failed", "skipped"]
SETTLED = ("completed", "failed", "skipped")


@dataclass(frozen=True, slots=True)
class Card:
    """A card of a stage. `outcome` None: it is open."""

    task_id: str
    role: str | None
    slot: int
    attempt: int
    purpose: CardPurpose
    made_at: datetime
    limit_cents: int | None = None
    outcome: CardOutcome | None = None
    run_id: str | None = None
    head: str | None = None
    checks: ChecksVerdict | None = None
    reason: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval that is open. `overdue_at`: when it expires; None: never."""

    id: str
    number: int
    seen: str
    shown: Mapping[str, Any]
    roles: tuple[str, ...]
    people: tuple[str, ...]
    expires_at: datetime | None = None
    remind_at: datetime | None = None
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class StageRun:
    """`retries`: when a card is made in the place of one that failed, by slot. `tries`: how many more attempts than the
    definition says people have granted. `asked_times`: how often an approval was asked. `cleared`: the gate before it
    is passed. `verdict`: what a person said, until the stage is settled by it. `order`: the how-manieth to be settled.
    """

    name: str
    state: StageProgress = "pending"
    outcome: str = ""
    reason: str = ""
    cards: tuple[Card, ...] = ()
    retries: Mapping[int, datetime] = field(default_factory=dict)
    tries: int = 0
    asked: Asked | None = None
    asked_times: int = 0
    cleared: bool = False
    verdict: Literal["approve", "reject"] | None = None
    comment: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    order: int = 0
    undone: Literal["done", "failed"] | None = None

    def latest(self, purpose: CardPurpose = "work") -> dict[int, Card]:
        """The newest card of each slot."""
        return {one.slot: one for one in self.cards if one.purpose == purpose}

    @property
    def open_cards(self) -> tuple[Card, ...]:
        return tuple(one for one in self.cards if one.outcome is None)

    @property
    def is_settled(self) -> bool:
        return self.state in SETTLED


@dataclass(frozen=True, slots=True)
class Run:
    """`stages`: in the order of the definition. `begun`: the engine has taken it up. `ending`: it is being undone."""

    id: str
    workflow_id: str
    number: int
    definition: Definition
    correlation: str
    project_id: str | None
    inputs: Mapping[str, Any]
    schedule_id: str | None
    started_at: datetime
    stages: Mapping[str, StageRun]
    begun: bool = False
    paused: bool = False
    ending: Literal["failed", "cancelled"] | None = None
    ended: Literal["completed", "failed", "cancelled"] | None = None
    reason: str = ""
    ended_at: datetime | None = None
    settled: int = 0

    @property
    def state(self) -> str:
        """As the interface names it."""
        if self.ended is not None:
            return self.ended
        if self.paused:
            return "paused"
        if any(one.asked is not None for one in self.stages.values()):
            return "waiting-approval"
        return "active" if self.begun else "draft"

    @property
    def cards(self) -> dict[str, tuple[str, Card]]:
        """All of its cards by task, with their stage."""
        return {card.task_id: (stage.name, card) for stage in self.stages.values() for card in stage.cards}


def task_id_of(workflow_run_id: str, stage: str, purpose: CardPurpose, slot: int, attempt: int) -> str:
    """Of a card: the same whoever makes it, and as often as it is tried."""
    text = "\n".join((workflow_run_id, stage, purpose, str(slot), str(attempt)))
    return f"task-{sha256(text.encode()).hexdigest()[:15]}"


def approval_id_of(workflow_run_id: str, stage: str, number: int) -> str:
    """Says which run it is of, so that a decision needs nothing but the log."""
    return f"{workflow_run_id}.{stage}.{number}"


def run_of_approval(approval_id: str) -> str:
    return approval_id.rsplit(".", 2)[0]


def require(run: Run | None, workflow_run_id: str) -> Run:
    if run is None:
        raise NotFoundError(f"There is no workflow run '{workflow_run_id}'.", remedy="List the runs of workflows.")
    return run
