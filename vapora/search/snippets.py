"""The part of a text that shows why it was found: plain text in pieces, some of which are what was looked for."""

from __future__ import annotations

import re
from collections.abc import Collection

from vapora.domain.search import Piece
from vapora.search.words import words

_LENGTH = 200
_BEFORE = 50
_MOST_LOOKED_AT = 100


def snippet(text: str, wanted: Collection[str], length: int = _LENGTH) -> tuple[Piece, ...]:
    """Around the place where most of the `wanted` words stand together; else the beginning. White space is made one
    blank; where something was left out stands an ellipsis."""
    start = _best(text, wanted, length)
    if start:
        # Not in the middle of a word.
        blank = text.find(" ", start, start + 30)
        start = blank + 1 if blank >= 0 else start
    end = min(start + length, len(text))
    if end < len(text):
        blank = text.rfind(" ", start + length // 2, end)
        end = blank if blank >= 0 else end
    window = text[start:end]
    pieces: list[Piece] = []
    at = 0
    for word in words(window):
        if word.text in wanted:
            pieces += [Piece(window[at : word.start]), Piece(window[word.start : word.end], hit=True)]
            at = word.end
    pieces.append(Piece(window[at:]))
    ends = (Piece("… ") if start else None, *pieces, Piece(" …") if end < len(text) else None)
    return _joined(tuple(one for one in ends if one is not None and one.text))


def _best(text: str, wanted: Collection[str], length: int) -> int:
    """Where the window begins."""
    if not wanted:
        return 0
    # Only to find places quickly: what is really one of the words is looked at in the window.
    places = re.compile("|".join(sorted(map(re.escape, wanted), key=len, reverse=True)), re.IGNORECASE)
    found = []
    for one in places.finditer(text):
        found.append((one.start(), one.group().lower()))
        if len(found) == _MOST_LOOKED_AT:
            break
    best, most = 0, 0
    for place, _ in found:
        inside = len({word for at, word in found if place <= at < place + length - _BEFORE})
        if inside > most:
            best, most = max(place - _BEFORE, 0), inside
    return best


def _joined(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Neighbours of one kind are one piece, and white space is a blank."""
    joined: list[Piece] = []
    for piece in pieces:
        text = re.sub(r"\s+", " ", piece.text)
        if joined and joined[-1].hit == piece.hit:
            text = joined.pop().text + text
        joined.append(Piece(text, piece.hit))
    return tuple(joined)
