"""What is due when: keys with an instant each, folded from events. Pure: who asks says what time it is.

That something is due is no event; what is done because of it is. So nothing is taken out by asking: the event by
which a timer fired sets it anew or cancels it, for everybody who folds the log, also after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush

# So many entries of timers that were set anew or cancelled may stay, for each that stands.
_MOST_STALE = 2


@dataclass(frozen=True, slots=True, order=True)
class Timer:
    at: datetime
    key: str


@dataclass(slots=True)
class Timers:
    """The earliest is found at once, however many there are."""

    _at: dict[str, datetime] = field(default_factory=dict)
    # In the order of a heap. What does not agree with `_at` is stale.
    _heap: list[Timer] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._at)

    def at(self, key: str) -> datetime | None:
        """When it is due; None: it is not set."""
        return self._at.get(key)

    def set(self, key: str, at: datetime | None) -> None:
        """The key has one instant, this one. None cancels it."""
        if at is None:
            self._at.pop(key, None)
            return
        if self._at.get(key) == at:
            return
        self._at[key] = at
        heappush(self._heap, Timer(at, key))
        if len(self._heap) > (1 + _MOST_STALE) * len(self._at) + 16:
            self._heap = [Timer(instant, name) for name, instant in self._at.items()]
            heapify(self._heap)

    def cancel(self, key: str) -> None:
        self.set(key, None)

    def next(self, after: datetime | None = None) -> datetime | None:
        """When the first one is due, be it past; of those later than `after`, where that is given. None: there is
        none."""
        while self._heap and self._at.get(self._heap[0].key) != self._heap[0].at:
            heappop(self._heap)
        first = self._heap[0].at if self._heap else None
        if first is None or after is None or first > after:
            return first
        return min((at for at in self._at.values() if at > after), default=None)

    def due(self, now: datetime) -> tuple[Timer, ...]:
        """Those that are due, the longest due first, and of one instant by their keys. They stay set."""
        first = self.next()
        if first is None or first > now:
            return ()
        return tuple(sorted(Timer(at, key) for key, at in self._at.items() if at <= now))
