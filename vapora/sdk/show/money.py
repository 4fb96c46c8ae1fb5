"""Budgets and costs."""

from __future__ import annotations

from collections.abc import Sequence

from events.ids import Tier
from vapora import views
from vapora.sdk.show.html import BAD, GOOD, Html, bar, box, el, table
from vapora.sdk.show.words import cents, money
from vapora.unicode import printable

_CENT = 10_000
_COLOURS = {Tier.NORMAL: GOOD, Tier.NEAR: "#9a6700", Tier.EXCEEDED: BAD}


def budget_html(budget: views.BudgetView) -> Html:
    head = el("div", el("b", f"{budget.scope.value} {budget.id}"), f" · {budget.tier.value}")
    return box(head, *(_window(budget, *one) for one in _windows(budget)), style="max-width:40em")


def _windows(budget: views.BudgetView) -> list[tuple[str, int, int, int | None]]:
    """Name, spent, held and limit in cents of each window that it has."""
    if budget.spent_microusd is not None:
        return [("in all", budget.spent_microusd, budget.held_microusd or 0, budget.limit_cents)]
    return [
        ("month", budget.monthly_spent_microusd, budget.monthly_held_microusd, budget.monthly_limit_cents),
        ("week", budget.weekly_spent_microusd, budget.weekly_held_microusd, budget.weekly_limit_cents),
    ]


def _window(budget: views.BudgetView, name: str, spent: int, held: int, limit: int | None) -> Html:
    used = _share(spent + held, limit)
    drawn = bar(used, colour=_COLOURS[budget.tier]) if limit is not None else Html("")
    return el("div", f"{name}: ", drawn, f" {_sentence(budget, spent, held, limit)}")


def _sentence(budget: views.BudgetView, spent: int, held: int, limit: int | None) -> str:
    said = [f"{money(spent, budget.simulated)} spent"]
    if held:
        said.append(f"{money(held)} held")
    return f"{' + '.join(said)} of {cents(limit)}"


def _share(microusd: int, limit_cents: int | None) -> float:
    if limit_cents is None:
        return 0.0
    return microusd / (limit_cents * _CENT) if limit_cents else float(microusd > 0)


def budget_text(budget: views.BudgetView) -> str:
    windows = [f"{name}: {_sentence(budget, spent, held, limit)}" for name, spent, held, limit in _windows(budget)]
    return printable(f"{budget.scope.value} {budget.id} ({budget.tier.value}) · {' · '.join(windows)}")


def budgets_html(budgets: Sequence[views.BudgetView]) -> Html:
    rows = []
    for one in budgets:
        for name, spent, held, limit in _windows(one):
            drawn = bar(_share(spent + held, limit), colour=_COLOURS[one.tier]) if limit is not None else ""
            who = f"{one.scope.value} {one.id}"
            rows.append((who, name, one.tier.value, money(spent, one.simulated), money(held), cents(limit), drawn))
    return table(("budget", "window", "tier", "spent", "held", "limit", "used"), rows)


def costs_html(costs: Sequence[views.Cost]) -> Html:
    names = list(dict.fromkeys(name for one in costs for name in one.key))
    dearest = max((one.cost_microusd for one in costs), default=0)
    rows = [
        (
            *(one.key.get(name, "") for name in names),
            money(one.cost_microusd, one.simulated),
            f"{one.calls:,}",
            f"{one.tokens_in:,}",
            f"{one.tokens_out:,}",
            bar(one.cost_microusd / dearest if dearest else 0),
        )
        for one in sorted(costs, key=lambda one: -one.cost_microusd)
    ]
    return table((*names, "cost", "calls", "tokens in", "tokens out", ""), rows, totals(costs))


def totals(costs: Sequence[views.Cost]) -> str:
    """Real and simulated money apart."""
    real = sum(one.cost_microusd for one in costs if not one.simulated)
    simulated = sum(one.cost_microusd for one in costs if one.simulated)
    said = [money(real)] if real or not simulated else []
    return " and ".join([*said, *([money(simulated, True)] if simulated else [])])
