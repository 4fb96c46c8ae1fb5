"""The one order of cards: a rank for each, compared as text, the same for the board and for who works it off.

A rank is a hexadecimal fraction: two digits for the band, which comes from the priority, then sixteen for the place
in the band, then as many as it takes to stand between two neighbours. Ranks are never renumbered, so moving a card
changes that card alone. Whoever folds the log (the board, the coordinator) asks these functions and nothing else, so
both always agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from events.ids import TaskState

_BAND = 2
_PLACE = 16
_MIDDLE = 8  # of the digits 0 to 15

# Columns whose cards stand in the order in which they got there, and are shown newest first: nobody moves a card there.
ENDED = (TaskState.DONE, TaskState.FAILED, TaskState.ARCHIVED)


def entering(state: TaskState, priority: int, position: int) -> str:
    """Of a card that comes into a column, or whose priority changed, by the event at `position`.

    In a column that is worked off (to do, in progress, review) it stands behind all cards of its priority, and in front
    of all cards of a lower one.
    """
    band = 0 if state in ENDED else 100 - priority
    return f"{band:0{_BAND}x}{position:0{_PLACE}x}"


def before(target: str, previous: str | None) -> str:
    """Between the card with the rank `target` and the one before it (None: `target` is the first).

    It takes over the target's band, so cards that enter later with the target's priority come behind it.
    """
    start = target[:_BAND]
    low = previous if previous is not None and previous.startswith(start) else start
    width = max(len(low), len(target))
    bottom, top = (int(rank.ljust(width, "0"), 16) for rank in (low, target))
    if top - bottom > 1:
        return f"{(bottom + top) // 2:0{width}x}"
    return f"{bottom:0{width}x}{_MIDDLE:x}"


def behind(last: str, position: int) -> str:
    """Behind the last card of a column, moved there by the event at `position`."""
    return f"{last[:_BAND]}{position:0{_PLACE}x}"


class Neighbours(Protocol):
    """The cards of one column, as whoever folds the log keeps them."""

    def rank(self, task_id: str) -> str | None:
        """None where the card is not in this column."""
        ...

    def downwards(self, below: str | None) -> Iterator[tuple[str, str]]:
        """Rank and id of the cards with a rank below `below` (None: of all), the highest rank first."""
        ...


def moved(column: Neighbours, task_id: str, target: str | None, position: int) -> str | None:
    """The rank of a card that the event at `position` moved within its column before `target` (None: to the end).

    None: it stays where it is. So it does where the target has left the column: where that stood nobody knows any more.
    """
    place = None if target is None else column.rank(target)
    if target is not None and (place is None or target == task_id):
        return None
    previous = next((rank for rank, other in column.downwards(place) if other != task_id), None)
    if place is not None:
        return before(place, previous)
    return None if previous is None else behind(previous, position)
