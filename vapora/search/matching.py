"""What the words of a question stand for among the words that there are: themselves, their other forms, what begins
so, and where nothing holds them, what was probably meant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from vapora.search.query import Query, Term
from vapora.search.session import Session, count
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


def matching(session: Session, g: int, query: Query) -> Matching:
    found = Matching()
    total = count(session, g)
    for term in query.wanted:
        alternatives, holding = _alternatives(session, g, term, found)
        # As in bm25.
        weight = math.log(1 + (total - min(holding, total) + 0.5) / (min(holding, total) + 0.5))
        group = Group(alternatives, weight)
        found.groups.append(group)
        if holding <= max(_COMMON * total, 100):
            found.telling.append(group)
    for term in query.unwanted:
        forms = [term.words] if len(term.words) > 1 else [(word,) for word in _forms(session, g, term, {})]
        found.unwanted.append(Group(tuple(forms)))
    found.telling = found.telling or found.groups
    return found


def _alternatives(session: Session, g: int, term: Term, found: Matching) -> tuple[tuple[tuple[str, ...], ...], int]:
    """And how many entries about hold one of them."""
    if len(term.words) > 1:
        whole = "".join(term.words)
        return (term.words, (whole,)), 0
    counts: dict[str, int] = {}
    forms = _forms(session, g, term, counts)
    word = term.words[0]
    if not counts and (meant := _meant(session, g, word)):
        found.corrected[word] = tuple(meant)
        forms, counts = list(meant), meant
    return tuple((form,) for form in forms), sum(counts.values())


def _forms(session: Session, g: int, term: Term, counts: dict[str, int]) -> list[str]:
    """The word and what stands for it; `counts` gets those that are there."""
    word = term.words[0]
    held = f"SELECT word, entries FROM words_{g} WHERE entries > 0 AND "
    rows = session.execute(f"{held} stem = ? ORDER BY entries DESC LIMIT {_MOST_FORMS}", (stem(word),)).fetchall()
    if term.prefix:
        # The letter behind all others: what begins so stands before it.
        rows += session.execute(
            f"{held} word >= ? AND word < ? ORDER BY entries DESC LIMIT {_MOST_PREFIXED}", (word, word + "\U0010ffff")
        ).fetchall()
    counts.update({str(one): int(entries) for one, entries in rows})
    return list(dict.fromkeys((word, *counts)))


def _meant(session: Session, g: int, word: str) -> dict[str, int]:
    """Words that are there and differ by a slip or two, with how many entries hold each; the likeliest first."""
    most = 0 if len(word) < 4 else 1 if len(word) < 6 else 2
    if not most or word.isdigit():
        return {}
    condition, values = session.among("gram", sorted(grams(word)))
    near = session.execute(
        f"SELECT n.word, w.entries FROM (SELECT word, COUNT(*) AS shared FROM grams_{g} WHERE {condition} "
        f"GROUP BY word ORDER BY shared DESC LIMIT {_MOST_NEAR}) n JOIN words_{g} w ON w.word = n.word "
        "WHERE w.entries > 0",
        values,
    ).fetchall()
    measured = [(distance(word, str(one), most), -int(entries), str(one)) for one, entries in near]
    close = sorted(one for one in measured if one[0] <= most)
    return {one: -entries for far, entries, one in close[:_MOST_MEANT] if far == close[0][0]}


def shown(groups: Sequence[Group]) -> frozenset[str]:
    """Every word that a snippet marks."""
    return frozenset(word for group in groups for phrase in group.alternatives for word in phrase)
