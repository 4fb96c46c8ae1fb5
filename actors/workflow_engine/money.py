"""What a run may cost, shared out among its cards: each gets a limit of its own before it exists, and the limits of
open cards and the costs of those that ended never add up to more than the run's budget. A part of it is kept for the
cards that undo stages, so that a run which has used up the rest can still be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from events.ids import Scope
from events.workflow import StageCardsMade
from vapora.commands import SetTaskBudget
from vapora.domain.workflow.state import Run
from vapora.domain.workflow.undo import cards_left, reverts
from vapora.ports import Origin
from vapora.views import LimitsChanged

_MICROUSD_PER_CENT = 10_000


class Money(Protocol):
    async def set_budget(self, origin: Origin, scope: str, scope_id: str, command: SetTaskBudget) -> LimitsChanged: ...

    async def spent_on(self, task_ids: Sequence[str]) -> dict[str, int]: ...


class SharedBudget:
    """`actors.workflow_engine.engine.Limits`, by the budgets that tasks have anyway."""

    def __init__(self, money: Money) -> None:
        self._money = money

    async def limited(self, origin: Origin, run: Run, made: StageCardsMade) -> StageCardsMade | None:
        """See `Limits`."""
        budget = run.definition.budget_cents
        # What VAPORA does itself costs nothing.
        if budget is None or reverts(run.definition.stage(made.stage), made.purpose):
            return made
        cards = [card for _, card in run.cards.values()]
        ended = await self._money.spent_on([one.task_id for one in cards if one.outcome is not None])
        held = sum(one.limit_cents or 0 for one in cards if one.outcome is None)
        # Rounded up: a card that has begun a cent has used it.
        used = -(-sum(ended.values()) // _MICROUSD_PER_CENT)
        if made.purpose == "undo":
            share = (budget - held - used) // max(cards_left(run), len(made.cards))
        else:
            share = (budget - run.definition.kept_cents - held - used) // len(made.cards)
        if share < 1:
            return None
        for card in made.cards:
            await self._money.set_budget(origin, Scope.TASK, card.task_id, SetTaskBudget(limit_cents=share))
        limited = tuple(one.model_copy(update={"limit_cents": share}) for one in made.cards)
        return made.model_copy(update={"cards": limited})
