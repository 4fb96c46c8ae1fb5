"""Plans: a goal, what the project manager proposes for it, and the cards that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from events.ids import BoardType
from vapora.views.base import View

PlanState = Literal["proposing", "proposed", "failed", "accepted", "dismissed"]


class Range(View):
    """What past cards of the same kind came to: `cards` of them, at least five."""

    cards: int
    low: int
    median: int
    high: int


class CardEstimate(View):
    """Of past cards of this `task_type`. Null: there were too few to say anything. `simulated`: they were worked on by
    the rehearsal model, so that the money is none. `duration_ms`: of the agents' work, without waiting for people."""

    task_type: str
    cost_microusd: Range | None
    duration_ms: Range | None
    simulated: bool


class ProposedCard(View):
    """As the card would be made. `waits_for`: keys of the plan's other cards."""

    key: str
    title: str
    description: str
    type: BoardType
    role: str | None
    task_type: str | None
    priority: int
    waits_for: tuple[str, ...]
    risk: str
    estimate: CardEstimate


class PlanRound(View):
    """What a person asked for, the planning card, and what the project manager said beside the cards."""

    text: str
    by: str
    at: datetime
    task_id: str
    answer: str | None


class PlanSummary(View):
    id: str
    project_id: str
    goal: str
    state: PlanState
    task_id: str
    task_ids: tuple[str, ...]
    created_at: datetime
    position: int


class PlanView(PlanSummary):
    """`cards`, `risks` and `seen`, the digest of what is shown, once there is a proposal. `problem`: why there is none,
    empty where nothing is wrong. `cost_microusd`: medians of all cards together, null where one of them has no data."""

    rounds: tuple[PlanRound, ...]
    cards: tuple[ProposedCard, ...]
    risks: tuple[str, ...]
    seen: str | None
    problem: str
    cost_microusd: int | None
    duration_ms: int | None


class PlanCards(View):
    """The cards that were made of a plan, in the order of the work."""

    id: str
    task_ids: tuple[str, ...]
    position: int


class PlanMade(View):
    id: str
    task_id: str
    position: int
