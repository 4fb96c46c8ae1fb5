"""Where each policy of a text stands: Cedar's own messages name no lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A string, a comment, the end of a policy, or whatever else.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|;|[^";/]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy with what stands before it. `line`: where it begins, counted from 1."""

    text: str
    line: int


def statements(text: str) -> tuple[Statement, ...]:
    """The policies of a text, in their order; the last one may lack its end."""
    return tuple(_split(text))


def _split(text: str) -> Iterator[Statement]:
    piece, begins, line = "", 0, 1
    for word in _TOKEN.findall(text):
        says_something = not word.startswith("//") and word.strip() != ""
        if says_something and not begins:
            # Lines between what stands before it and its first word.
            begins = line + word[: len(word) - len(word.lstrip())].count("\n")
        piece += word
        line += word.count("\n")
        if word == ";":
            yield Statement(piece, begins)
            piece, begins = "", 0
    if begins:
        yield Statement(piece, begins)
