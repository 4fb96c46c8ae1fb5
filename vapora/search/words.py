"""Texts as words. The index, the question, the snippets and the vectors all take the same ones.

A word is a run of letters and digits, in lower case and without accents. An identifier is all of its parts and itself:
`maxRetries` and `max_retries` are found by "retries", by "max retries" and by "maxretries".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

# A run of letters and digits, with the underscores that join parts of an identifier.
_TOKEN = re.compile(r"\w+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\da-zA-Z_]+")
LONGEST = 40
# Words that say nothing of what a text is about.
STOPWORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "me",
        "my",
        "no",
        "nor",
        "not",
        "of",
        "on",
        "or",
        "our",
        "shall",
        "should",
        "so",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_VOWEL = re.compile(r"[aeiouy]")


class Word(NamedTuple):
    """`text` as it is looked for; where it stands in the text that it was found in."""

    text: str
    start: int
    end: int


def words(text: str) -> Iterator[Word]:
    """All of them in order; an identifier's parts, one after the other."""
    for token in _TOKEN.finditer(text):
        start, raw = token.start(), token.group()
        if _is_plain(raw):
            yield Word(folded(raw), start, token.end())
            continue
        for part in _PARTS.finditer(raw):
            if folded(part.group()):
                yield Word(folded(part.group()), start + part.start(), start + part.end())


def wholes(text: str) -> Iterator[str]:
    """Identifiers of several parts, each as one word."""
    for token in _TOKEN.finditer(text):
        raw = token.group()
        if not _is_plain(raw) and len(_PARTS.findall(raw)) > 1:
            whole = folded(raw.replace("_", ""))
            if whole:
                yield whole


def _is_plain(raw: str) -> bool:
    """One word as people write it, and no identifier."""
    return raw.isalpha() and (raw.islower() or raw.isupper() or raw[1:].islower())


@lru_cache(50_000)
def folded(word: str) -> str:
    """In lower case, without accents, and no longer than a word is."""
    if not word.isascii():
        apart = unicodedata.normalize("NFKD", word)
        word = "".join(one for one in apart if not unicodedata.combining(one) and one.isalnum())
    return word.casefold()[:LONGEST]


@lru_cache(50_000)
def stem(word: str) -> str:
    """What the forms of an English word have in common: retry, retries, retried and retrying are one. Light on purpose:
    two words that share a stem by mistake cost more than two that do not."""
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        head = word.removesuffix(ending)
        if head != word and len(head) > 2 and _VOWEL.search(head):
            return _mended(head)
    return word.removesuffix("e") if len(word) > 4 else word


def _mended(head: str) -> str:
    """stopp(ing) → stop."""
    if head[-1] == head[-2] and head[-1] not in "aeioulsz":
        return head[:-1]
    return head.removesuffix("e") if len(head) > 4 else head


def grams(word: str) -> frozenset[str]:
    """Its pieces of three letters, with where it begins and ends."""
    marked = f"^{word}$"
    return frozenset(marked[at : at + 3] for at in range(len(marked) - 2))


def distance(one: str, other: str, most: int) -> int:
    """How many letters must be put in, taken out, changed or swapped with the next to make one of the other; `most` + 1
    where it is more than that."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
