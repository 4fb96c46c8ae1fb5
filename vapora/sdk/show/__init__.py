"""How answers show themselves, in a notebook and in a terminal. Importing it tells the views."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from vapora import views
from vapora.sdk.show import cards, changes, money, tables, why
from vapora.sdk.show.html import Html
from vapora.views.base import html_of, text_of

__all__ = ["rows_html", "rows_text"]

html_of.register(views.View, tables.fields_html)
html_of.register(views.BoardCard, cards.card_html)
html_of.register(views.Board, cards.board_html)
html_of.register(views.Changes, changes.changes_html)
html_of.register(views.Why, why.why_html)
html_of.register(views.BudgetView, money.budget_html)

text_of.register(views.BoardCard, cards.card_text)
text_of.register(views.Board, cards.board_text)
text_of.register(views.Changes, changes.changes_text)
text_of.register(views.Why, why.why_text)
text_of.register(views.BudgetView, money.budget_text)


def rows_html(rows: Sequence[BaseModel]) -> Html:
    """Many of a kind: money has tables of its own."""
    if rows and all(isinstance(one, views.Cost) for one in rows):
        return money.costs_html([one for one in rows if isinstance(one, views.Cost)])
    if rows and all(isinstance(one, views.BudgetView) for one in rows):
        return money.budgets_html([one for one in rows if isinstance(one, views.BudgetView)])
    return tables.rows_html(rows)


def rows_text(rows: Sequence[BaseModel]) -> str:
    return tables.rows_text(rows)
