"""Whatever has no form of its own: its fields, and many of a kind as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from vapora.sdk.frames import record
from vapora.sdk.show.html import Html, el, table
from vapora.sdk.show.words import instant, money, shortened
from vapora.unicode import printable
from vapora.views import BoardCard

MOST_ROWS = 60
_MOST_LINES = 20
_LONGEST_CELL = 120
_LONGEST_LINE = 32
# What a reader looks for first; the rest follows as it was declared.
_FIRST = ("id", "name", "title", "state")
# Cards have more fields than a page has room for: to_frame() has them all.
_OF_CARDS = ("id", "title", "state", "waiting.reason", "assigned_agent", "priority", "checks", "cost_microusd")


def fields_html(shown: BaseModel) -> Html:
    cells = record(shown)
    rows = [(name, cell(name, value, cells)) for name, value in cells.items() if said(value)]
    return table(("field", type(shown).__name__), rows)


def rows_html(rows: Sequence[BaseModel]) -> Html:
    if not rows:
        return el("i", "nothing")
    records = [record(one) for one in rows[:MOST_ROWS]]
    heads = _heads(records, rows)
    body = [[cell(head, one.get(head), one) for head in heads] for one in records]
    more = len(rows) - len(records)
    rest = el("div", f"and {more} more: to_frame() has all", style="opacity:.7") if more > 0 else ""
    return el("div", table([_name(head) for head in heads], body, f"{len(rows)} in all" if more > 0 else ""), rest)


def rows_text(rows: Sequence[BaseModel]) -> str:
    """Aligned columns."""
    if not rows:
        return "nothing"
    records = [record(one) for one in rows[:_MOST_LINES]]
    heads = _heads(records, rows)[:7]
    lines = [[_name(head) for head in heads]]
    lines += [
        [shortened(printable(cell(head, one.get(head), one)).replace("\n", " "), _LONGEST_LINE) for head in heads]
        for one in records
    ]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    text = ["  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    more = len(rows) - len(records)
    return "\n".join([*text, f"and {more} more"] if more > 0 else text)


def _heads(records: Sequence[dict[str, Any]], rows: Sequence[BaseModel]) -> list[str]:
    """The columns in which anything is said."""
    names = dict.fromkeys(name for one in records for name in one)
    if all(isinstance(one, BoardCard) for one in rows):
        names = dict.fromkeys(name for name in _OF_CARDS if name in names)
    used = [name for name in names if any(said(one.get(name)) for one in records)]
    return sorted(used, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


def said(value: object) -> bool:
    return value is not None and value != "" and value != []


def cell(name: str, value: Any, row: Mapping[str, Any]) -> str:
    """`row`: says whether its money is real."""
    if not said(value):
        return ""
    if name.endswith("_microusd") and isinstance(value, int):
        return money(value, bool(row.get("simulated")))
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, float):
        return f"{value:.3g}"
    return shortened(", ".join(value) if isinstance(value, list) else str(value), _LONGEST_CELL)


def _name(head: str) -> str:
    return head.removesuffix("_microusd").replace("_", " ")
