"""Facts about plans: a goal that the project manager turns into cards, and what a person made of the proposal.

The proposal itself is no event: it is what the run of the planning card handed in, which stands in the log already.
"""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent


class PlanRequested(DomainEvent):
    """A planning card was made for a goal; the first one makes the plan, each later one is a revision. `text`: the
    goal, or what shall be different."""

    TOPIC: ClassVar[str] = "plan.requested"

    plan_id: str
    project_id: str
    task_id: str
    text: str


class PlanAccepted(DomainEvent):
    """The cards are there from now on, in the plan's order. `seen`: the digest of the proposal that the person looked
    at; `task_id`: the planning card that it came from."""

    TOPIC: ClassVar[str] = "plan.accepted"

    plan_id: str
    task_id: str
    seen: str
    task_ids: tuple[str, ...]


class PlanDismissed(DomainEvent):
    TOPIC: ClassVar[str] = "plan.dismissed"

    plan_id: str
    reason: str = ""
