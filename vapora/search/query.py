"""What somebody typed, taken apart. Nothing that is typed is an error, and nothing of it reaches an engine as it is.

`"two words"` is a phrase, `-word` leaves out what holds it, `word*` is the beginning of a word, and so is the last
word, since it may still be typed. Everything else is words that must all be there, if anything holds them all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vapora.domain.search import MOST_QUERY
from vapora.search.words import STOPWORDS, words

_MOST_WORDS = 12
_PART = re.compile(r'(?P<not>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """`words`: one, or those of a phrase. `prefix`: what begins so counts as well; `typed`: only because it is the last
    one, so that it must not be taken for a mistake."""

    words: tuple[str, ...]
    prefix: bool = False
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    wanted: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.wanted


def parse(text: str) -> Query:
    text = text[:MOST_QUERY]
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for part in _PART.finditer(text):
        quoted = part["phrase"] is not None
        said = part["phrase"] if quoted else part["word"]
        found = tuple(word.text for word in words(said))
        if not found:
            continue
        starred = not quoted and said.endswith("*")
        into = unwanted if part["not"] else wanted
        # What an identifier or a hyphen joins belongs together.
        into.append(Term(found, prefix=starred))
    wanted = list(dict.fromkeys(_without_noise(wanted)))[:_MOST_WORDS]
    if wanted and not text.endswith((" ", '"', "*")) and len(wanted[-1].words) == 1 and len(wanted[-1].words[0]) > 1:
        wanted[-1] = Term(wanted[-1].words, prefix=True, typed=True)
    return Query(tuple(wanted), tuple(unwanted[:_MOST_WORDS]))


def _without_noise(terms: list[Term]) -> list[Term]:
    """Words like "the" are left out, unless there is nothing else."""
    telling = [term for term in terms if len(term.words) > 1 or term.words[0] not in STOPWORDS]
    return telling or terms
