"""The numbers of one scope as the ledger has them, for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from events.ids import Scope, Tier
from vapora.domain.budget_status import levels
from vapora.domain.ledger import LIFE, Ledger, account, current


@dataclass(frozen=True, slots=True)
class Usage:
    """In the current windows; `lifetime_*` are kept for tasks only."""

    tier: Tier
    utilisation: float
    monthly_spent_microusd: int
    weekly_spent_microusd: int
    lifetime_spent_microusd: int
    monthly_held_microusd: int
    weekly_held_microusd: int
    lifetime_held_microusd: int


def usage(ledger: Ledger, scope: Scope, scope_id: str, now: datetime, simulated: bool = False) -> Usage:
    """Whether or not it has a limit."""
    at = current(ledger, now)
    month, week, life = (account(ledger, scope, scope_id, window, simulated) for window in (at.month, at.week, LIFE))
    found = list(levels(ledger, scope, scope_id, at, simulated))
    worst = max(found, key=lambda level: level.severity, default=None)
    return Usage(
        tier=worst.tier if worst else Tier.NORMAL,
        utilisation=float(max((one.utilisation for one in found), default=Fraction(0))),
        monthly_spent_microusd=month.spent,
        weekly_spent_microusd=week.spent,
        lifetime_spent_microusd=life.spent,
        monthly_held_microusd=month.held,
        weekly_held_microusd=week.held,
        lifetime_held_microusd=life.held,
    )
