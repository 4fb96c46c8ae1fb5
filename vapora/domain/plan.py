"""Rules about plans: what the project manager is told, how its proposal is read, and what a person may do with it.

A proposal is data that a model wrote: it is checked whole before anybody sees it as cards, and nothing is made of it
but by a person's word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from statistics import median
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from events.base import DomainEvent
from events.plan import PlanAccepted, PlanDismissed, PlanRequested
from vapora.commands import MOST_CARDS, Comment, PlannedCard
from vapora.errors import BadInputError, ConflictError, NotFoundError, PlanOutdatedError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1
# Below so many past cards of a kind nothing is said of what one may cost.
FEWEST_PAST_CARDS = 5
# What a plan is asked for with, and known by: the rehearsal model looks for it too.
FORM = "Hand in the cards as JSON"
_BLOCK = re.compile(r"^```json\s*\n(.*?)^```\s*$", re.DOTALL | re.MULTILINE)
_EXAMPLE = {
    "cards": [
        {
            "key": "1",
            "title": "imperative, under 80 characters",
            "description": "what to do, in which files; and a line 'Done when: …'",
            "type": "feature | bugfix | enhancement | tech-debt",
            "role": "developer",
            "priority": 50,
            "waits_for": [],
            "risk": "what may go wrong, and its early sign; empty if nothing in particular",
        }
    ],
    "risks": ["of the whole plan"],
}


@dataclass(frozen=True, slots=True)
class Round:
    """What a person asked for, and the card that it is planned by."""

    text: str
    task_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    id: str
    project_id: str
    rounds: tuple[Round, ...]
    accepted: PlanAccepted | None = None
    dismissed: bool = False

    @property
    def newest(self) -> Round:
        return self.rounds[-1]


class Proposal(BaseModel):
    """As a model handed it in. What it says besides is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cards: Annotated[tuple[PlannedCard, ...], Field(min_length=1, max_length=MOST_CARDS)]
    risks: Annotated[tuple[Comment, ...], Field(max_length=50)] = ()

    @property
    def seen(self) -> str:
        """The digest of all that a person is shown of it."""
        text = json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True)
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Spread:
    """What past cards of a kind came to: `count` of them."""

    count: int
    low: int
    median: int
    high: int


def evolve(state: Plan | None, event: DomainEvent) -> Plan | None:
    match event:
        case PlanRequested():
            one = Round(event.text, event.task_id)
            return Plan(event.plan_id, event.project_id, (*(state.rounds if state else ()), one))
        case PlanAccepted() if state is not None:
            return replace(state, accepted=event)
        case PlanDismissed() if state is not None:
            return replace(state, dismissed=True)
        case _:
            return state


def require(state: Plan | None, plan_id: str) -> Plan:
    """Raises `NotFoundError`."""
    if state is None:
        raise NotFoundError(f"There is no plan '{plan_id}'.", remedy="List the plans.")
    return state


def require_open(state: Plan | None, plan_id: str) -> Plan:
    """Raises `NotFoundError`, and `ConflictError` for one that was accepted or dismissed."""
    plan = require(state, plan_id)
    if plan.accepted is not None:
        raise ConflictError("The plan was accepted: its cards are on the board.", remedy="Edit the cards.")
    if plan.dismissed:
        raise ConflictError("The plan was dismissed.", remedy="Ask for a new one.")
    return plan


def accept(plan: Plan, task_id: str, seen: str, made: Mapping[str, str]) -> PlanAccepted:
    """`made`: the ids of the new tasks by the cards' keys, in the plan's order. Raises `PlanOutdatedError` where
    another proposal was asked for since."""
    if task_id != plan.newest.task_id:
        raise PlanOutdatedError(
            "The plan was asked for anew since you looked.", remedy="Look at the new proposal, and decide on that."
        )
    return PlanAccepted(plan_id=plan.id, task_id=task_id, seen=seen, task_ids=tuple(made.values()))


def title(goal: str) -> str:
    first = " ".join(goal.split())
    return f"Plan: {first if len(first) <= 100 else first[:97].rstrip() + '…'}"


def brief(rounds: Sequence[Round], earlier: str, task_types: Collection[str]) -> str:
    """The description of a planning card. `earlier`: the last proposal as JSON; empty: none."""
    goal, *wishes = (one.text for one in rounds)
    parts = ["Turn this goal into cards for the board.", _quoted("The goal", goal)]
    if earlier:
        parts.append(f"Your last proposal was:\n\n```json\n{earlier}\n```")
    if wishes:
        parts.append(_quoted("What shall be different", "\n\n".join(wishes)))
    example = json.dumps(_EXAMPLE, ensure_ascii=False, indent=1)
    parts.append(
        f"{FORM}: the last thing in your answer is one block of exactly this shape, of at most {MOST_CARDS} cards, "
        f"in the order in which they are to be done. `waits_for` names keys of other cards.\n\n```json\n{example}\n```"
    )
    parts.append(f"A card may name its kind of work as `task_type`: {', '.join(task_types)}. Else it is inferred.")
    parts.append("Above the block say in a few sentences why the plan is so, and what you did not look at.")
    return "\n\n".join(parts)


def _quoted(heading: str, text: str) -> str:
    return "\n".join((f"{heading}:", *(f"> {line}" for line in text.splitlines())))


def read(text: str, known_roles: Collection[str], known_task_types: Collection[str]) -> Proposal:
    """The proposal in the text that a planning card's run handed in: its last block of JSON. Raises `BadInputError`,
    which says what is wrong with it."""
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise _unusable("it has no block of JSON")
    try:
        proposal = Proposal.model_validate_json(blocks[-1])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _unusable(f"{place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}") from None
    check(proposal.cards, known_roles, known_task_types)
    return proposal


def beside_cards(text: str) -> str:
    """What was said around the last block of JSON."""
    blocks = list(_BLOCK.finditer(text))
    around = (text,) if not blocks else (text[: blocks[-1].start()], text[blocks[-1].end() :])
    return "\n\n".join(part.strip() for part in around if part.strip())


def check(cards: Sequence[PlannedCard], known_roles: Collection[str], known_task_types: Collection[str]) -> None:
    """Whether they can be made: each key once, known roles and kinds, no ring. Raises `BadInputError` for the first
    that cannot."""
    keys = [card.key for card in cards]
    for card in cards:
        if keys.count(card.key) > 1:
            raise _unusable(f"two cards have the key {card.key!r}")
        if card.role is not None and card.role not in known_roles:
            raise _unusable(f"card {card.key!r} is for the role {card.role!r}, which there is not")
        if card.task_type is not None and card.task_type not in known_task_types:
            raise _unusable(f"card {card.key!r} has the task type {card.task_type!r}, which there is not")
        for other in card.waits_for:
            if other not in keys:
                raise _unusable(f"card {card.key!r} waits for {other!r}, which is none of the plan's cards")
    in_order(cards)


def in_order(cards: Sequence[PlannedCard]) -> tuple[PlannedCard, ...]:
    """Each behind those that it waits for, else as they came. Raises `BadInputError` where they wait in a ring."""
    left, done = list(cards), dict[str, PlannedCard]()
    while left:
        free = next((one for one in left if done.keys() >= set(one.waits_for)), None)
        if free is None:
            ring = ", ".join(repr(one.key) for one in left)
            raise _unusable(f"cards wait for each other, or for one that does: {ring}")
        left.remove(free)
        done[free.key] = free
    return tuple(done.values())


def spread(values: Sequence[int]) -> Spread | None:
    """None: too few to say anything."""
    if len(values) < FEWEST_PAST_CARDS:
        return None
    return Spread(len(values), min(values), round(median(values)), max(values))


def _unusable(why: str) -> BadInputError:
    return BadInputError(
        f"The plan cannot be used: {why}.", remedy="Say what shall be different, or correct the cards.", field="cards"
    )
