"""Documents that say the same, by the cosine of what their words weigh (TF-IDF)."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

# From here on two are taken for the same; a person decides.
THRESHOLD = 0.7
_WORD = re.compile(r"[^\W_]{2,}")
# Words that stand in more than this share of the documents tell nothing apart, where there are enough of them.
_EVERYWHERE = 0.5
_FEW = 10
_MOST_PAIRS = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """`score`: 1 for the same words in the same shares, 0 for no word in common."""

    one: str
    other: str
    score: float


def similar_pairs(texts: Mapping[str, str], threshold: float = THRESHOLD) -> tuple[Pair, ...]:
    """The most alike first, at most 200. Only documents that share a telling word are compared."""
    counts = {id_: Counter(_WORD.findall(text.lower())) for id_, text in sorted(texts.items())}
    rarity = _rarity(counts)
    weights = {id_: _weighed(words, rarity) for id_, words in counts.items()}
    total = len(texts)
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for id_, weighed in weights.items():
        for word in weighed:
            holders[word].append(id_)
    scores: defaultdict[tuple[str, str], float] = defaultdict(float)
    for word, ids in holders.items():
        if len(ids) > max(_FEW, total * _EVERYWHERE):
            continue
        for at, one in enumerate(ids):
            for other in ids[at + 1 :]:
                scores[one, other] += weights[one][word] * weights[other][word]
    found = [Pair(one, other, round(min(1.0, score), 4)) for (one, other), score in scores.items()]
    alike = sorted(
        (pair for pair in found if pair.score >= threshold), key=lambda one: (-one.score, one.one, one.other)
    )
    return tuple(alike[:_MOST_PAIRS])


def _rarity(counts: Mapping[str, Counter[str]]) -> dict[str, float]:
    """Smoothed, so that a word that all have still counts a little: two documents alone are compared as well."""
    holders = Counter(word for words in counts.values() for word in words)
    return {word: math.log((1 + len(counts)) / (1 + held)) + 1 for word, held in holders.items()}


def _weighed(words: Counter[str], rarity: Mapping[str, float]) -> dict[str, float]:
    weighed = {word: (1 + math.log(count)) * rarity[word] for word, count in words.items()}
    length = math.sqrt(sum(weight * weight for weight in weighed.values()))
    return {word: weight / length for word, weight in weighed.items()} if length else {}
