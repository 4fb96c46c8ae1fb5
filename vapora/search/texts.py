"""What an engine of full text is given of an entry: its words, in one line each for title, text and identifiers.

Words are made here and not by the engines, so that both find the same things.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vapora.domain.search import Entry
from vapora.search.words import wholes, words


@dataclass(frozen=True, slots=True)
class WordLines:
    """In order, as often as they are said."""

    title: tuple[str, ...]
    body: tuple[str, ...]
    wholes: tuple[str, ...]

    @property
    def distinct(self) -> frozenset[str]:
        """What the vocabulary counts: each word once, and the empty one, which stands in each entry."""
        return frozenset((*self.title, *self.body, *self.wholes, ""))


def lines_of(title: str, text: str) -> WordLines:
    return WordLines(
        tuple(word.text for word in words(title)),
        tuple(word.text for word in words(text)),
        (*wholes(title), *wholes(text)),
    )


def lines_of_entry(entry: Entry) -> WordLines:
    return lines_of(entry.title, entry.text)


@dataclass(frozen=True, slots=True)
class Group:
    """One of the things that are looked for: any of these alternatives, each a word or a phrase. `weight`: how much it
    tells, for an engine that does not know by itself how rare a word is."""

    alternatives: tuple[tuple[str, ...], ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """All of `groups`, or where fewer than `enough` entries hold them, any of `telling`; none of `unwanted`."""

    groups: Sequence[Group]
    telling: Sequence[Group]
    unwanted: Sequence[Group]
    enough: int

    @property
    def is_one(self) -> bool:
        """What holds some of it holds all of it."""
        return len(self.groups) < 2


@dataclass(frozen=True, slots=True)
class Match:
    """`relevance` is at least 0, and more is better."""

    number: int
    relevance: float
    kind: str
    at: float


def plain(groups: Iterable[Group]) -> tuple[str, ...]:
    """Every word in them."""
    return tuple(dict.fromkeys(word for group in groups for phrase in group.alternatives for word in phrase))
