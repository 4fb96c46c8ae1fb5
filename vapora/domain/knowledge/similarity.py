"""Several rankings of the same things as one: by reciprocal rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# The larger, the less the first places of one ranking outweigh agreement among all.
K = 60


def joined(rankings: Iterable[Sequence[str]], k: int = K) -> list[tuple[str, float]]:
    """The ids with their scores, best first: Σ 1/(k + rank) over the rankings that name the id, ranks from 1.

    An id that a ranking names twice counts at its first place. Equal scores stand in the order of the ids, so that the
    answer does not depend on which ranking came first.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, one in enumerate(dict.fromkeys(ranking), 1):
            scores[one] = scores.get(one, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
