"""What people are told about budgets: each change of a limited scope's tier, once in each window (B5).

Cards have limits of their own, by the thousand; who follows a card sees it wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from events.base import DomainEvent
from events.budget import TierChanged
from events.ids import Scope, Tier
from vapora.domain.budget_status import Level, levels
from vapora.domain.ledger import AccountKey, Ledger, current

# By scope, its id, the window and whether it is simulated money: what was told last.
Told = Mapping[AccountKey, Tier]


def told(before: Told, events: Iterable[DomainEvent]) -> dict[AccountKey, Tier]:
    found = dict(before)
    for event in events:
        if isinstance(event, TierChanged):
            found[event.scope, event.scope_id, event.window, event.simulated] = event.tier
    return found


def changes(known: Told, ledger: Ledger, now: datetime) -> tuple[TierChanged, ...]:
    """What is to be told."""
    at, found = current(ledger, now), []
    for scope, scope_id in sorted(key for key in ledger.limits if key[0] is not Scope.TASK):
        for simulated in (False, True):
            for level in levels(ledger, scope, scope_id, at, simulated):
                before = known.get((scope, scope_id, level.window, simulated), Tier.NORMAL)
                # A limit of nothing is exceeded from the start, as whoever set it knows: free models only.
                if level.tier is not before and level.limit:
                    found.append(_changed(level, scope_id, simulated))
    return tuple(found)


def _changed(level: Level, scope_id: str, simulated: bool) -> TierChanged:
    return TierChanged(
        scope=level.budget.scope,
        scope_id=scope_id,
        window=level.window,
        tier=level.tier,
        spent_microusd=level.spent,
        limit_microusd=level.limit,
        simulated=simulated,
    )
