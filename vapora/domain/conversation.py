"""How a conversation with tools is kept within a model's context: what of it is left out, by rule.

The rule is folded over the whole conversation from its beginning, so that a run that is taken up again sends what it
would have sent. It cuts in big steps: over the limit, down to half of it. Between two cuts the conversation only grows
at its end, which keeps vendors' caches warm and signed thoughts valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

# No conversation is sent that is longer, however much the model could read: each step pays for all of it again.
LONGEST_BYTES = 400_000
# The longest that stands for what was left out.
STAND_IN_BYTES = 100
NOTE_BYTES = 250


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn's size in bytes; `thoughts`: how many more it has in its vendor's own form."""

    role: Literal["user", "assistant", "tool"]
    size: int
    thoughts: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """What to do with the turns of a conversation, by their place in it.

    `shortened`: their text is replaced by a line. `dropped`: they are gone, and a note stands behind the brief. What
    the vendor gave as its own form holds from `cut_at` on: it is bound to what stood before it. `size` is what is left,
    in bytes; it is over the limit where not even the least fits.
    """

    shortened: frozenset[int] = frozenset()
    dropped: frozenset[int] = frozenset()
    cut_at: int = 0
    size: int = 0


def cut(turns: Sequence[Turn], limit: int) -> Cut:
    """The brief (the user's turns before the first answer) and the newest answer with its results stay whole as long as
    anything else can go: results first, then answers with theirs, the oldest first. What the user said goes last."""
    whole = sum(turn.size + turn.thoughts for turn in turns)
    if whole <= limit:
        return Cut(size=whole)
    scissors = _Scissors(turns, limit)
    for place, turn in enumerate(turns):
        if turn.role == "assistant":
            scissors.sent(place)  # it answers what stands before it
        scissors.size += turn.size + turn.thoughts
    scissors.sent(len(turns))
    shortened = frozenset(scissors.shortened - scissors.dropped)
    return Cut(shortened, frozenset(scissors.dropped), scissors.cut_at, scissors.size)


def least(turns: Sequence[Turn]) -> int:
    """Bytes that no cut can do without."""
    brief = _brief(turns)
    newest = _newest(turns, len(turns))
    small = sum(min(turn.size, STAND_IN_BYTES) for turn in turns[brief:] if turn.role == "user")
    answer = sum(
        turn.size if turn.role == "assistant" else min(turn.size, STAND_IN_BYTES)
        for turn in turns[newest:]
        if turn.role != "user"
    )
    note = NOTE_BYTES if brief < newest else 0
    return sum(turn.size for turn in turns[:brief]) + small + answer + note


class _Scissors:
    """The state of the fold: what is left out so far, and the size of the rest."""

    def __init__(self, turns: Sequence[Turn], limit: int) -> None:
        self._turns = turns
        self._limit = limit
        self._brief = _brief(turns)
        self.shortened: set[int] = set()
        self.dropped: set[int] = set()
        self.cut_at = 0
        self.size = 0

    def sent(self, end: int) -> None:
        """The turns before `end` are sent: cut where they are too long."""
        if self.size <= self._limit:
            return
        self.size -= sum(self._turns[place].thoughts for place in range(self.cut_at, end))
        self.cut_at = end
        newest = _newest(self._turns, end)
        for place in self._of("tool", self._brief, newest):
            self._shorten(place, self._limit // 2)
        for group in self._groups(newest):
            self._drop(group, self._limit // 2)
        for place in self._of("user", self._brief, end):
            self._shorten(place, self._limit)
        for place in self._of("tool", newest, end):
            self._shorten(place, self._limit)

    def _of(self, role: str, start: int, end: int) -> Iterator[int]:
        return (place for place in range(start, end) if self._turns[place].role == role)

    def _groups(self, newest: int) -> Iterator[list[int]]:
        """Answers with their results, which stand right behind them."""
        for start in self._of("assistant", self._brief, newest):
            end = start + 1
            while end < newest and self._turns[end].role == "tool":
                end += 1
            yield list(range(start, end))

    def _shorten(self, place: int, wanted: int) -> None:
        saved = self._turns[place].size - STAND_IN_BYTES
        if self.size > wanted and saved > 0 and place not in self.shortened | self.dropped:
            self.shortened.add(place)
            self.size -= saved

    def _drop(self, group: list[int], wanted: int) -> None:
        if self.size <= wanted or group[0] in self.dropped:
            return
        if not self.dropped:
            self.size += NOTE_BYTES
        self.dropped |= set(group)
        self.size -= sum(self._left(place) for place in group)

    def _left(self, place: int) -> int:
        return STAND_IN_BYTES if place in self.shortened else self._turns[place].size


def _brief(turns: Sequence[Turn]) -> int:
    """Where the first answer stands."""
    return next((place for place, turn in enumerate(turns) if turn.role != "user"), len(turns))


def _newest(turns: Sequence[Turn], end: int) -> int:
    """Where the last answer before `end` stands; `end` where there is none."""
    return next((place for place in range(end - 1, -1, -1) if turns[place].role == "assistant"), end)
