"""What the demo watches: its cards and the agents, folded from live frames. Pure: no clock, no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from events.ids import Review, TaskState, WaitReason
from vapora.views import Agent, BoardCard, Frame

# Long enough for a provider's cooling-off and a budget's patience; short enough not to bore.
PATIENCE_S = 90.0
# Even a card that does not say what it waits for has lost its way by then (a call may take two minutes).
SILENCE_S = 600.0

Verdict = Literal["working", "done", "stuck"]


@dataclass(slots=True)
class DemoProgress:
    """`changed_at`: when a watched card last changed, on the caller's clock in seconds. `lands`: whether accepted work
    becomes part of the repository by itself; then a card is over only when that has happened."""

    task_ids: tuple[str, ...]
    changed_at: float
    lands: bool = False
    tasks: dict[str, BoardCard] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)

    def apply(self, frame: Frame, at: float) -> list[BoardCard]:
        """Take a frame; the watched cards whose state or agent it changed."""
        moved: list[BoardCard] = []
        for one in frame.rows:
            if one.view == "task" and one.row.id in self.task_ids:
                moved += self._put(one.row, at)
            elif one.view == "agent" and isinstance(one.row, Agent):
                self.agents[one.row.id] = one.row
            elif one.view == "agent":
                self.agents.pop(one.row.id, None)
        return moved

    def look(self, cards: Iterable[BoardCard], at: float) -> list[BoardCard]:
        """Take cards that were asked for: as frames do, but they may be older than what is known."""
        return [moved for card in cards for moved in self._put(card, at)]

    def count(self) -> Counter[TaskState]:
        counted = Counter(card.state for card in self.tasks.values())
        counted[TaskState.TODO] += len(self.task_ids) - len(self.tasks)
        return counted

    def verdict(self, at: float) -> Verdict:
        """`stuck`: nothing that is still open will move without a person."""
        open_cards = self.unfinished()
        if len(self.tasks) < len(self.task_ids):
            return "stuck" if at - self.changed_at > SILENCE_S else "working"
        if not open_cards:
            return "done"
        quiet_s = at - self.changed_at
        if all(_needs_a_person(card) for card in open_cards) or quiet_s > SILENCE_S:
            return "stuck"
        if quiet_s > PATIENCE_S and all(card.waiting or _needs_a_person(card) for card in open_cards):
            return "stuck"
        return "working"

    def unfinished(self) -> list[BoardCard]:
        return [card for card in self.tasks.values() if not is_over(card, self.lands)]

    def merged(self) -> list[BoardCard]:
        """The cards whose work is in the repository, the newest last."""
        landed = [(card.landed.at, card) for card in self.tasks.values() if card.landed is not None]
        return [card for _, card in sorted(landed, key=lambda one: one[0])]

    def spent(self) -> dict[bool, int]:
        """Micro-dollars by whether they are simulated."""
        sums = {False: 0, True: 0}
        for card in self.tasks.values():
            sums[card.simulated] += card.cost_microusd
        return sums

    def _put(self, card: BoardCard, at: float) -> list[BoardCard]:
        before = self.tasks.get(card.id)
        if before is not None and before.position >= card.position:
            return []
        self.tasks[card.id] = card
        self.changed_at = at
        # That a review has ended is told by what comes of it.
        over = before is not None and _told(before)[:-1] == _told(card)[:-1] and reviewer(card) is None
        return [] if over or (before is not None and _told(before) == _told(card)) else [card]


def _told(card: BoardCard) -> tuple[object, ...]:
    """What a line is written about."""
    return card.state, card.assigned_agent, card.landed, reviewer(card)


def is_over(card: BoardCard, lands: bool) -> bool:
    if card.state is not TaskState.DONE:
        return False
    return not lands or card.landed is not None or card.head == card.base


def reviewer(card: BoardCard) -> str | None:
    """The agent that looks at its work now."""
    run = card.runs[-1] if card.runs else None
    return run.agent_id if run and run.purpose == "review" and run.state in ("running", "waiting") else None


def waits_for(card: BoardCard) -> str:
    """Why a card is not done, in words."""
    if card.waiting is not None:
        return f"waits for {card.waiting.reason.value}: {card.waiting.remedy}"
    if card.state is TaskState.FAILED:
        last = card.runs[-1].reason if card.runs else ""
        return f"failed: {last or 'no reason was given'}"
    if card.landing_problem is not None:
        return f"could not be merged: {card.landing_problem.message}"
    if card.state is TaskState.REVIEW:
        return "waits for a review"
    if card.state is TaskState.DONE:
        return "is done and not merged"
    return f"is still {card.state.value}"


def _needs_a_person(card: BoardCard) -> bool:
    if card.state in (TaskState.FAILED, TaskState.ARCHIVED):
        return True
    if card.state is TaskState.REVIEW:
        return (card.reviewer or card.review) is Review.HUMAN
    if card.landing_problem is not None and card.landing_problem.kind != "merge-conflict":
        return True
    return card.waiting is not None and card.waiting.reason in (WaitReason.HUMAN, WaitReason.PAUSED)
