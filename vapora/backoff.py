"""Pauses between tries that grow with each failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

# Enough for any pause to have reached its longest, and few enough for a float.
_MOST_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first_s` seconds, then `factor` times the pause before, at most `longest_s`."""

    first_s: float
    longest_s: float
    factor: float = 2.0

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, counted from 1."""
        return min(self.first_s * self.factor ** min(failures - 1, _MOST_STEPS), self.longest_s)

    def __iter__(self) -> Iterator[float]:
        """The pauses one after the other, without end. What succeeded begins a new iterator."""
        return map(self.after, count(1))
