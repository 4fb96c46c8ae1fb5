"""Refused attempts to sign in, as the log is told of them: the first at once, a flood of others by their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from events.identity import LogInRefused

EVERY = timedelta(minutes=1)

Why = Literal["password", "unknown", "disabled", "throttled"]


@dataclass(slots=True)
class _Counted:
    told_at: datetime
    untold: int = 0


class Refusals:
    def __init__(self) -> None:
        self._counted: dict[tuple[str, Why], _Counted] = {}

    def add(self, user_id: str, why: Why, now: datetime) -> LogInRefused | None:
        """The event to append now; None where it is only counted. `user_id` empty: nobody has that address."""
        known = self._counted.get((user_id, why))
        if known is None:
            self._counted[user_id, why] = _Counted(now)
            return LogInRefused(user_id=user_id, why=why)
        known.untold += 1
        return next(self._due((user_id, why), known, now), None)

    def due(self, now: datetime) -> tuple[LogInRefused, ...]:
        """What was counted and is to be told now. What nobody has added to for so long is forgotten."""
        told = tuple(event for key, one in [*self._counted.items()] for event in self._due(key, one, now))
        for key in [key for key, one in self._counted.items() if now - one.told_at > EVERY and not one.untold]:
            del self._counted[key]
        return told

    def _due(self, key: tuple[str, Why], one: _Counted, now: datetime) -> Iterator[LogInRefused]:
        if one.untold and now - one.told_at >= EVERY:
            yield LogInRefused(user_id=key[0], why=key[1], count=one.untold)
            one.told_at, one.untold = now, 0
