"""Intents about plans."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from events.ids import BoardType
from vapora.commands.base import Command, Comment, Priority, Slug, Text, Title

MOST_CARDS = 50

PlanKey = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=40)
]
Goal = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=20_000),
    Field(json_schema_extra={"pattern": r"\S[\s\S]+\S"}),
]


class PlannedCard(Command):
    """A card of a plan. `key` tells it from the plan's others, `waits_for` names theirs. `risk`: what may go wrong with
    it, and how one would notice; empty: nothing in particular."""

    key: PlanKey
    title: Title
    description: Text = ""
    type: BoardType = BoardType.FEATURE
    role: Slug | None = None
    task_type: Slug | None = None
    priority: Priority = 50
    waits_for: Annotated[tuple[PlanKey, ...], Field(max_length=MOST_CARDS)] = ()
    risk: Comment = ""


class AskPlan(Command):
    """`goal`: what shall be true in the end."""

    goal: Goal
    project_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class RevisePlan(Command):
    """`text`: what shall be different."""

    text: Goal


class ReviseProposal(RevisePlan):
    """`proposal`: the last one, as JSON; empty: there is none."""

    proposal: str


class AcceptPlan(Command):
    """`seen`: the digest that the plan was shown with. `cards`: as they shall be made; absent: as they were
    proposed."""

    seen: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    cards: Annotated[tuple[PlannedCard, ...], Field(min_length=1, max_length=MOST_CARDS)] | None = None


class AcceptCards(Command):
    """With what was found: the planning card `task_id` whose proposal has the digest `seen`, and the cards to make."""

    task_id: str
    seen: str
    cards: Annotated[tuple[PlannedCard, ...], Field(min_length=1, max_length=MOST_CARDS)]


class DismissPlan(Command):
    reason: Comment = ""


PlanCommand = AskPlan | ReviseProposal | AcceptCards | DismissPlan
