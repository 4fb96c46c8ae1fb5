"""How often somebody may try to sign in.

Failures are counted for an address from one source, for a source, and for an address from anywhere. The first few are
free; each one after them doubles the pause, up to a bound. An address alone has a small bound, since anybody can fail
for somebody else: its owner shall wait, never be locked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal

Kind = Literal["both", "source", "address"]


@dataclass(frozen=True, slots=True)
class Bound:
    """`free`: failures without a pause. `longest_s`: the longest pause, in seconds."""

    free: int
    longest_s: float


BOUNDS: dict[Kind, Bound] = {
    "both": Bound(5, 900),
    # An office may stand behind one source.
    "source": Bound(20, 900),
    "address": Bound(30, 30),
}
# What failed so long ago is forgotten.
FORGOTTEN = timedelta(hours=1)
# Counts that are kept; the oldest go first. Some 200 bytes each.
_MOST_KEPT = 50_000


@dataclass(slots=True)
class _Count:
    failures: int
    last: datetime


@dataclass(slots=True)
class Throttle:
    """Changed in place, by one owner: between two looks at it nobody else may count. Addresses and sources are kept
    as digests with `salt`, so that what is saved of it names nobody."""

    salt: str = ""
    _counts: dict[tuple[Kind, str], _Count] = field(default_factory=dict)

    @classmethod
    def of(cls, salt: str, rows: Sequence[Sequence[Any]], now: datetime) -> Throttle:
        """From what `rows` gave. Raises `ValueError` or `TypeError` for what it cannot have given."""
        made = cls(salt)
        for kind, name, failures, last in rows:
            if kind not in BOUNDS:
                raise ValueError(f"{kind!r} is nothing that is counted")
            # A clock that was put back must not make anybody wait for the difference.
            made._counts[kind, str(name)] = _Count(int(failures), min(datetime.fromisoformat(last), now))
        return made

    def rows(self, now: datetime) -> list[tuple[Kind, str, int, str]]:
        """All that still counts, the oldest first."""
        return [
            (kind, name, count.failures, count.last.isoformat())
            for (kind, name), count in self._counts.items()
            if now - count.last <= FORGOTTEN
        ]

    def pause_s(self, address: str, source: str, now: datetime) -> float:
        """How many seconds the next attempt has to wait; 0: none."""
        return max(self._left_s(kind, name, now) for kind, name in self._names(address, source))

    def begin(self, address: str, source: str, now: datetime) -> None:
        """An attempt counts as a failure until it is known: else many at once would all be free."""
        for key in self._names(address, source):
            count = self._counts.pop(key, None)
            if count is None or now - count.last > FORGOTTEN:
                count = _Count(0, now)
            count.failures, count.last = count.failures + 1, now
            self._counts[key] = count
        while len(self._counts) > _MOST_KEPT:
            del self._counts[next(iter(self._counts))]

    def succeeded(self, address: str, source: str) -> None:
        """What was counted for the pair and the address is forgotten; for the source this attempt alone, since who has
        one account must not reset the count for guesses at others."""
        for key in self._names(address, source):
            if key[0] != "source":
                self._counts.pop(key, None)
            elif (count := self._counts.get(key)) is not None:
                count.failures -= 1

    def _left_s(self, kind: Kind, name: str, now: datetime) -> float:
        count, bound = self._counts.get((kind, name)), BOUNDS[kind]
        if count is None or count.failures < bound.free or now - count.last > FORGOTTEN:
            return 0.0
        pause_s = min(bound.longest_s, 2.0 ** min(count.failures - bound.free, 20))
        return max(0.0, pause_s - (now - count.last).total_seconds())

    def _names(self, address: str, source: str) -> tuple[tuple[Kind, str], ...]:
        named: tuple[tuple[Kind, str], ...] = ("both", f"{address} {source}"), ("source", source), ("address", address)
        return tuple((kind, self._digest(name)) for kind, name in named)

    def _digest(self, name: str) -> str:
        return blake2b(name.encode(), key=self.salt.encode(), digest_size=16).hexdigest()
