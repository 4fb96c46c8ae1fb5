"""Limits, what was spent, and on what, as answers show them."""

from __future__ import annotations

from events.ids import Scope, Tier, WhenExceeded
from vapora.views.base import View


class BudgetView(View):
    """Limits and use of one scope. `utilisation` is the worse of both windows, spent over limit. `spent_microusd` and
    `held_microusd`, over its whole life, are a task's alone: None for everything else."""

    scope: Scope
    id: str
    tier: Tier
    when_exceeded: WhenExceeded
    monthly_limit_cents: int | None
    weekly_limit_cents: int | None
    limit_cents: int | None = None
    overflow_cents: int
    monthly_spent_microusd: int
    weekly_spent_microusd: int
    monthly_held_microusd: int
    weekly_held_microusd: int
    spent_microusd: int | None = None
    held_microusd: int | None = None
    utilisation: float
    simulated: bool = False
    position: int


class Limits(View):
    """What one scope may spend; None: no limit. `limit_cents`, over its whole life, is a task's alone."""

    monthly_limit_cents: int | None = None
    weekly_limit_cents: int | None = None
    limit_cents: int | None = None
    overflow_cents: int = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK


class LimitsChanged(View):
    """What was changed to what, at one position: whoever changes the same limits at once comes before or after."""

    before: Limits
    after: Limits
    position: int


class BudgetEdited(BudgetView):
    """The budget with its new limits, and what they were before."""

    before: Limits


class Cost(View):
    """`unknown_calls`: those among `calls` whose bill is not known, with `unknown_microusd` of `cost_microusd`.

    No answer came, or one without a usage that can be true, so the worst case was booked. Their tokens are not counted.
    """

    key: dict[str, str]
    cost_microusd: int
    tokens_in: int
    tokens_out: int
    calls: int
    unknown_calls: int = 0
    unknown_microusd: int = 0
    simulated: bool
