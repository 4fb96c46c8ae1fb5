"""Several rankings made one: reciprocal rank fusion. What stands high in any of them stands high, and what stands in
several stands higher; scores of different kinds, which cannot be compared, are not looked at."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, TypeVar

# How little the first places differ from those behind them.
K: Final = 60

T = TypeVar("T", bound=Hashable)


def reciprocal_rank(rankings: Sequence[Sequence[T]], k: int = K) -> list[tuple[T, float]]:
    """Each item once, the best first, with the sum of 1 ÷ (k + rank) over the rankings in which it stands; the first
    rank is 1. An item that stands twice in one ranking counts there where it stands first. Equals keep the order in
    which they first appear."""
    scores: dict[T, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(dict.fromkeys(ranking), 1):
            scores[item] = scores.get(item, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda one: -one[1])
