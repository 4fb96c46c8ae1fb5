"""Plots, with matplotlib. Each draws on `ax`, or on a new figure, and gives the axes back to be changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vapora import views
from vapora.errors import NotFoundError
from vapora.sdk.frames import required
from vapora.sdk.show.words import shortened
from vapora.unicode import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vapora.sdk.shapes import Budgets, Costs, Dashboard, Why

_MICRO = 1_000_000
_CENT = 10_000
_MOST_BARS = 20
_LONGEST = 40
_OPEN = ("todo", "in-progress", "review")


def costs(rows: Costs, ax: Axes | None = None) -> Axes:
    ax = _axes(ax)
    if rows and all("day" in one.key for one in rows):
        _costs_by_day(rows, ax)
    else:
        sums: dict[str, int] = defaultdict(int)
        for one in rows:
            sums[_key(one)] += one.cost_microusd
        dearest = sorted(sums.items(), key=lambda item: -item[1])[:_MOST_BARS]
        ax.barh([_label(name) for name, _ in reversed(dearest)], [cost / _MICRO for _, cost in reversed(dearest)])
        ax.set_xlabel("US dollars")
    ax.set_title("Costs" + _simulated(any(one.simulated for one in rows)))
    return ax


def _costs_by_day(rows: Costs, ax: Axes) -> None:
    """Stacked: a colour for each key but the day."""
    days = sorted({one.key["day"] for one in rows})
    stacks: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(days, 0.0))
    for one in rows:
        stacks[_key(one, without="day")][one.key["day"]] += one.cost_microusd / _MICRO
    below = [0.0] * len(days)
    for name, by_day in sorted(stacks.items(), key=lambda item: -sum(item[1].values())):
        heights = [by_day[day] for day in days]
        ax.bar(days, heights, bottom=below, label=_label(name or "all"))
        below = [low + height for low, height in zip(below, heights, strict=True)]
    ax.set_ylabel("US dollars")
    _slanted(ax)
    if len(stacks) > 1:
        ax.legend(fontsize="small")


def _key(cost: views.Cost, without: str = "") -> str:
    # Real and simulated money never stand in one bar.
    mark = ("simulated",) if cost.simulated else ()
    return " · ".join([*(value or "–" for name, value in cost.key.items() if name != without), *mark])


def budgets(rows: Budgets, ax: Axes | None = None) -> Axes:
    ax = _axes(ax)
    limited = [one for one in rows if one.monthly_limit_cents is not None][:_MOST_BARS]
    names = [_label(f"{one.scope.value} {one.id}") for one in limited]
    spent = [one.monthly_spent_microusd / _MICRO for one in limited]
    ax.barh(names, [(one.monthly_limit_cents or 0) * _CENT / _MICRO for one in limited], color="0.85", label="limit")
    ax.barh(names, spent, height=0.5, label="spent")
    held = [one.monthly_held_microusd / _MICRO for one in limited]
    ax.barh(names, held, left=spent, height=0.5, label="held")
    ax.set_xlabel("US dollars this month")
    ax.set_title("Budgets" + _simulated(any(one.simulated for one in limited)))
    ax.legend(fontsize="small")
    return ax


def learning(points: Iterable[tuple[str, str, float]], ax: Axes | None = None) -> Axes:
    """`points`: what the line is of, the day, and the share of good runs."""
    ax = _axes(ax)
    lines: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for name, day, rate in points:
        lines[name].append((day, rate))
    # Days are words to matplotlib, in the order in which it first sees them.
    ax.plot(
        sorted({day for line in lines.values() for day, _ in line}), [float("nan")] * len(_days(lines)), color="none"
    )
    for name, line in sorted(lines.items()):
        line.sort()
        ax.plot([day for day, _ in line], [rate for _, rate in line], marker="o", label=_label(name))
    ax.set_ylim(-0.05, 1.05)
    ax.set_ylabel("share of good runs")
    ax.set_title("Learning")
    _slanted(ax)
    if lines:
        ax.legend(fontsize="small")
    return ax


def _days(lines: dict[str, list[tuple[str, float]]]) -> set[str]:
    return {day for line in lines.values() for day, _ in line}


def burn_down(dashboard: Dashboard, ax: Axes | None = None) -> Axes:
    ax = _axes(ax)
    days = [one.day for one in dashboard.days]
    still_open = [sum(one.cards.get(state, 0) for state in _OPEN) for one in dashboard.days]
    ax.plot(days, still_open, marker="o", label="open at the end of the day")
    ax.bar(days, [one.done for one in dashboard.days], alpha=0.4, label="done on it")
    ax.set_ylabel("cards")
    ax.set_title("Burn-down")
    _slanted(ax)
    ax.legend(fontsize="small")
    return ax


def scores(why: Why, kind: str = "agent", ax: Axes | None = None) -> Axes:
    found = [one for one in why.decisions if one.kind == kind and one.candidates]
    if not found:
        there = sorted({one.kind for one in why.decisions if one.candidates})
        raise NotFoundError(
            f"No decision about the {kind} had candidates.", remedy=f"There are: {', '.join(there) or 'none yet'}."
        )
    decision = found[-1]
    able = [one for one in decision.candidates if not one.get("excluded")][:_MOST_BARS]
    ax = _axes(ax, bars=len(able))
    names = [_label(str(one.get("id"))) for one in reversed(able)]
    colours = ["C0" if str(one.get("id")) == decision.chosen else "0.7" for one in reversed(able)]
    ax.barh(names, [_number(one.get("score")) for one in reversed(able)], color=colours)
    ax.set_xlabel("score")
    ax.set_title(_label(f"Why {decision.chosen}"))
    return ax


def _axes(ax: Axes | None, bars: int = 10) -> Axes:
    """`bars`: how many will stand one above the other. Raises `ModuleNotFoundError` with what to install."""
    if ax is not None:
        return ax
    size = (8.0, 1.2 + 0.3 * bars)
    made: Axes = required("matplotlib.pyplot").subplots(figsize=size, layout="constrained")[1]
    return made


def _slanted(ax: Axes) -> None:
    ax.tick_params(axis="x", labelrotation=45)


def _label(text: str) -> str:
    """Somebody else's words, which matplotlib would otherwise read as formulas."""
    return shortened(printable(text), _LONGEST).replace("\\", "\\\\").replace("$", r"\$")


def _simulated(is_simulated: bool) -> str:
    return ", simulated" if is_simulated else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
