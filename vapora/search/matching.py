"""What the words of a question stand for among the words that there are: themselves, their other forms, what begins
so, and where nothing holds them, what was probably meant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vapora.search.query import Query, Term
from vapora.search.session import Ask, Session, counted, counting
from vapora.search.texts import Group
from vapora.search.words import distance, grams, stem

# Words that one word may stand for; of those that begin so, the most frequent ones.
_MOST_FORMS = 12
_MOST_PREFIXED = 24
# Words that share most pieces with one that nothing holds: those are measured.
_MOST_NEAR = 60
_MOST_MEANT = 3
# What so large a part of all entries holds tells too little to be looked for by itself.
_COMMON = 0.1


@dataclass(slots=True)
class Matching:
    """`groups` must all be there, or some of them; `telling` are those that are not everywhere."""

    groups: list[Group] = field(default_factory=list)
    telling: list[Group] = field(default_factory=list)
    unwanted: list[Group] = field(default_factory=list)
    corrected: dict[str, tuple[str, ...]] = field(default_factory=dict)


def questions(g: int, query: Query) -> list[Ask]:
    """What `matching` is to be given the answers of."""
    return [counting(g), *(ask for term in _terms(query) for ask in _forms(g, term))]


def matching(session: Session, g: int, query: Query, answers: Sequence[Sequence[Any]]) -> Matching:
    left = iter(answers)
    total = counted(next(left))
    # Of each term, the words that are there and stand for it, with how many entries hold each.
    held = {term: {str(w): int(n) for _ in _forms(g, term) for w, n in next(left)} for term in _terms(query)}
    meant = _meant(session, g, [term.words[0] for term in query.wanted if len(term.words) == 1 and not held[term]])
    found = Matching(corrected={word: tuple(counts) for word, counts in meant.items()})
    for term in query.wanted:
        alternatives, holding = _alternatives(term, held[term], meant)
        # As in bm25.
        weight = math.log(1 + (total - min(holding, total) + 0.5) / (min(holding, total) + 0.5))
        group = Group(alternatives, weight)
        found.groups.append(group)
        if holding <= max(_COMMON * total, 100):
            found.telling.append(group)
    for term in query.unwanted:
        forms = [term.words] if len(term.words) > 1 else [(word,) for word in _with(term.words[0], held[term])]
        found.unwanted.append(Group(tuple(forms)))
    found.telling = found.telling or found.groups
    return found


def _terms(query: Query) -> tuple[Term, ...]:
    return (*query.wanted, *query.unwanted)


def _forms(g: int, term: Term) -> list[Ask]:
    """What stands for a term of one word: what shares its stem, and what begins so."""
    if len(term.words) > 1:
        return []
    [word] = term.words
    held = f"SELECT word, entries FROM words_{g} WHERE entries > 0 AND "
    asked = [Ask(f"{held} stem = ? ORDER BY entries DESC LIMIT {_MOST_FORMS}", (stem(word),))]
    if term.prefix:
        # The letter behind all others: what begins so stands before it.
        prefixed = f"{held} word >= ? AND word < ? ORDER BY entries DESC LIMIT {_MOST_PREFIXED}"
        asked.append(Ask(prefixed, (word, word + "\U0010ffff")))
    return asked


def _alternatives(
    term: Term, held: dict[str, int], meant: dict[str, dict[str, int]]
) -> tuple[tuple[tuple[str, ...], ...], int]:
    """And how many entries about hold one of them."""
    if len(term.words) > 1:
        return (term.words, ("".join(term.words),)), 0
    [word] = term.words
    instead = {} if held else meant.get(word, {})
    forms = list(instead) or _with(word, held)
    return tuple((form,) for form in forms), sum((instead or held).values())


def _with(word: str, held: dict[str, int]) -> list[str]:
    return list(dict.fromkeys((word, *held)))


def _meant(session: Session, g: int, words: Sequence[str]) -> dict[str, dict[str, int]]:
    """Of words that nothing holds, what is there and differs by a slip or two, with how many entries hold each; the
    likeliest first. Nothing of those that nothing is like."""
    slips = {word: most for word in words if (most := _slips(word))}
    if not slips:
        return {}
    answers = session.ask([_near(session, g, word) for word in slips])
    found = {word: _closest(word, most, near) for (word, most), near in zip(slips.items(), answers, strict=True)}
    return {word: counts for word, counts in found.items() if counts}


def _slips(word: str) -> int:
    """How many it may have."""
    return 0 if len(word) < 4 or word.isdigit() else 1 if len(word) < 6 else 2


def _near(session: Session, g: int, word: str) -> Ask:
    condition, values = session.among("gram", sorted(grams(word)))
    return Ask(
        f"SELECT n.word, w.entries FROM (SELECT word, COUNT(*) AS shared FROM grams_{g} WHERE {condition} "
        f"GROUP BY word ORDER BY shared DESC LIMIT {_MOST_NEAR}) n JOIN words_{g} w ON w.word = n.word "
        "WHERE w.entries > 0",
        values,
    )


def _closest(word: str, most: int, near: Sequence[tuple[str, int]]) -> dict[str, int]:
    measured = [(distance(word, str(one), most), -int(entries), str(one)) for one, entries in near]
    close = sorted(one for one in measured if one[0] <= most)
    return {one: -entries for far, entries, one in close[:_MOST_MEANT] if far == close[0][0]}


def shown(groups: Sequence[Group]) -> frozenset[str]:
    """Every word that a snippet marks."""
    return frozenset(word for group in groups for phrase in group.alternatives for word in phrase)
