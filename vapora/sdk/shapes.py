"""Answers that are also tables and plots. Each is the view of the same name, and passes for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vapora import views
from vapora.sdk.frames import Rows, Table, record

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Board(views.Board, Table):
    @property
    def cards(self) -> Rows[views.BoardCard]:
        """All that it shows, column by column."""
        return Rows(card for column in self.columns.values() for card in column)

    def _records(self) -> Iterable[Mapping[str, Any]]:
        return map(record, self.cards)


class Changes(views.Changes, Table):
    """As a table: its files."""

    def _records(self) -> Iterable[Mapping[str, Any]]:
        return map(record, self.files)


class Why(views.Why, Table):
    """As a table: a row for each candidate of each decision, and one for a decision without."""

    def _records(self) -> Iterator[Mapping[str, Any]]:
        for decision in self.decisions:
            head = {"position": decision.position, "kind": decision.kind, "chosen": decision.chosen}
            if not decision.candidates:
                yield {**head, "reason": decision.reason}
            for one in decision.candidates:
                parts = one.get("parts")
                scores = {f"part.{name}": value for name, value in parts.items()} if isinstance(parts, dict) else {}
                is_chosen = str(one.get("id")) == decision.chosen
                plain = {"candidate": one.get("id"), "score": one.get("score"), "excluded": one.get("excluded")}
                yield {**head, **plain, "is_chosen": is_chosen, **scores}

    def plot(self, kind: str = "agent", ax: Axes | None = None) -> Axes:
        """The scores of the candidates of the last decision of this kind. Needs matplotlib. Raises `NotFoundError`
        where none of this kind had candidates."""
        from vapora.sdk import plots

        return plots.scores(self, kind, ax)


class Learning(views.Learning, Table):
    """As a table: the curve, a row for each day and kind of work."""

    def _records(self) -> Iterable[Mapping[str, Any]]:
        return map(record, self.curve)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The share of good runs, day by day, a line for each kind of work. Needs matplotlib."""
        from vapora.sdk import plots

        return plots.learning(((one.task_type, one.day, one.success_rate) for one in self.curve), ax)


class Curves(views.Curves, Table):
    """As a table: a row for each day, agent and kind of work."""

    def _records(self) -> Iterable[Mapping[str, Any]]:
        return map(record, self.points)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The share of good runs, day by day, a line for each agent and kind of work. Needs matplotlib."""
        from vapora.sdk import plots

        points = ((f"{one.agent}, {one.task_type}", str(one.day), one.success_rate) for one in self.points)
        return plots.learning(points, ax)


class Dashboard(views.Dashboard, Table):
    """As a table: a row for each day, with the cards of each state as `cards.done` and so on."""

    def _records(self) -> Iterable[Mapping[str, Any]]:
        return map(record, self.days)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Burn-down: the cards that were open at the end of each day, and those that were done. Needs matplotlib."""
        from vapora.sdk import plots

        return plots.burn_down(self, ax)


class Costs(Rows[views.Cost]):
    """What was spent, by what was asked for. Real and simulated money are never added up."""

    __slots__ = ()

    @property
    def microusd(self) -> int:
        """Real money alone."""
        return sum(one.cost_microusd for one in self if not one.simulated)

    @property
    def simulated_microusd(self) -> int:
        return sum(one.cost_microusd for one in self if one.simulated)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A bar for each key, the dearest first; over time where days are among the keys. Needs matplotlib."""
        from vapora.sdk import plots

        return plots.costs(self, ax)


class Budgets(Rows[views.BudgetView]):
    """Limits and what is used of them."""

    __slots__ = ()

    def plot(self, ax: Axes | None = None) -> Axes:
        """What is spent and held of each monthly limit. Needs matplotlib."""
        from vapora.sdk import plots

        return plots.budgets(self, ax)
