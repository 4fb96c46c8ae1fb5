"""The one form of lists: `limit`, `cursor`, `sort`; `{"items": […], "next": cursor or null}`.

A cursor names the last item of the page before, not its place: others may have come or gone since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from vapora.errors import BadInputError
from vapora.views import Page, View

T = TypeVar("T", bound=View)

# What a list orders its items by. With `-` in front the other way round; equals stay in the list's own order.
Orders = Mapping[str, Callable[[T], Any]]


def page_of(items: Sequence[T], name: Callable[[T], str], limit: int, cursor: str | None) -> Page[T]:
    """A page of a list that is small enough to be looked at as a whole. `name`: what tells its items apart."""
    start = 0
    if cursor is not None:
        names = [name(one) for one in items]
        if cursor not in names:
            raise BadInputError(
                "This cursor names no item of the list.",
                remedy="Start without one; and ask on with the same filters as before.",
                field="cursor",
                where="query",
            )
        start = names.index(cursor) + 1
    found = tuple(items[start : start + limit])
    return Page[Any](items=found, next=name(found[-1]) if start + limit < len(items) else None)


def in_order(items: Sequence[T], orders: Orders[T], sort: str | None) -> Sequence[T]:
    """None: as they are."""
    if sort is None:
        return items
    return sorted(items, key=orders[sort.lstrip("-")], reverse=sort.startswith("-"))
