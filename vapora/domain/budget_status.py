"""How a workspace's budgets stand: tiers and use (R8). Everything is compared in whole micro-dollars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from events.budget import BudgetSet, Charge, Windows
from events.ids import Scope, Tier, WhenExceeded
from vapora.domain.ledger import LIFE, Ledger, account, current, limit_in, scopes, windows_of

# Near begins above this share of the limit (M13.3).
_NEAR_PER_CENT = 80
_RANK = {Tier.NORMAL: 0, Tier.NEAR: 1, Tier.EXCEEDED: 2}


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """The worst-standing scope that a call counts against. `utilisation` is for show, the tier for decisions.

    `when_exceeded` says what to do about it; where no limit is set, the scope is the workspace.
    """

    tier: Tier
    scope: Scope
    scope_id: str
    when_exceeded: WhenExceeded
    utilisation: float
    reason: str


@dataclass(frozen=True, slots=True)
class Level:
    """How one window of one limited scope stands."""

    budget: BudgetSet
    window: str
    limit: int
    spent: int
    held: int
    refused: bool

    @property
    def tier(self) -> Tier:
        return tier_of(self.spent, self.limit, self.refused)

    @property
    def utilisation(self) -> Fraction:
        """A limit of nothing is used up from the start."""
        return Fraction(self.spent, self.limit) if self.limit else Fraction(1)

    @property
    def severity(self) -> tuple[int, bool, Fraction]:
        stops = self.tier is Tier.EXCEEDED and self.budget.when_exceeded is WhenExceeded.STOP
        return _RANK[self.tier], stops, self.utilisation


def tier_of(spent: int, limit: int, refused: bool) -> Tier:
    """`refused`: a priced call found no room, so what is left of the limit is of no use (R8)."""
    if refused or spent >= limit:
        return Tier.EXCEEDED
    return Tier.NEAR if spent * 100 > limit * _NEAR_PER_CENT else Tier.NORMAL


def levels(ledger: Ledger, scope: Scope, scope_id: str, at: Windows, simulated: bool) -> Iterator[Level]:
    """One for each window in which the scope has a limit."""
    budget = ledger.limits.get((scope, scope_id))
    if budget is None:
        return
    for window in windows_of(scope, at):
        limit = limit_in(budget, window)
        if limit is not None:
            found = account(ledger, scope, scope_id, window, simulated)
            refused = (scope, scope_id, window, simulated) in ledger.refused
            yield Level(budget, window, limit, found.spent, found.held, refused)


def standing(ledger: Ledger, charge: Charge, workspace_id: str, simulated: bool, now: datetime) -> BudgetStatus:
    """The worst of all windows and scopes; among exceeded ones, one that says stop."""
    at = current(ledger, now)
    found = [
        level
        for scope, scope_id in scopes(charge, workspace_id)
        for level in levels(ledger, scope, scope_id, at, simulated)
    ]
    if not found:
        return BudgetStatus(Tier.NORMAL, Scope.WORKSPACE, workspace_id, WhenExceeded.FALLBACK, 0.0, "no limit is set")
    worst = max(found, key=lambda level: level.severity)
    budget = worst.budget
    return BudgetStatus(
        worst.tier, budget.scope, budget.scope_id, budget.when_exceeded, float(worst.utilisation), _words(worst)
    )


def dollars(microusd: int) -> str:
    """For reading: cents from a dollar up, a hundredth of a cent below."""
    digits = 2 if abs(microusd) >= 1_000_000 else 4
    return f"${microusd / 1_000_000:,.{digits}f}"


def _words(level: Level) -> str:
    budget = level.budget
    when = "over its life" if level.window == LIFE else f"in {level.window}"
    text = f"{budget.scope} {budget.scope_id} has spent {dollars(level.spent)} of {dollars(level.limit)} {when}"
    if level.refused and level.spent < level.limit:
        text += "; a call found no room in the rest"
    return text
