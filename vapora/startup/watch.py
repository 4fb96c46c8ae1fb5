"""Notices that the Ray under a running platform is dead, or that nobody answers any more.

Ray starts our actors, Serve's controller, its proxy and the API's replicas again by itself, mostly within seconds.
Nobody starts Ray: where its control store or its raylet ends (the raylet also ends with its agents), only a new start
helps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

# Longer than a restart of whatever Ray restarts; with the stop after it, shorter than 30 s.
PATIENCE_S = 20.0


class Watch:
    """`pillars`: processes that must live, with their names; `alive(pid)`: whether one does; `answers()`: whether the
    API does, asked now."""

    def __init__(
        self,
        pillars: Sequence[tuple[int, str]],
        alive: Callable[[int], bool],
        answers: Callable[[], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pillars = tuple(pillars)
        self._alive = alive
        self._answers = answers
        self._now = now
        # Counted from the first look: nobody has asked before.
        self._heard_at: float | None = None

    def look(self) -> str | None:
        """What is beyond recovery, in a sentence; None while there is hope."""
        if dead := self._dead():
            return dead
        if self._heard_at is None:
            self._heard_at = self._now()
        if self._answers():
            self._heard_at = self._now()
        # The question may have taken seconds, in which the rest died.
        if dead := self._dead():
            return dead
        silent_s = self._now() - self._heard_at
        return f"The API has not answered for {silent_s:.0f} s." if silent_s > PATIENCE_S else None

    def _dead(self) -> str | None:
        ended = [f"{name} ({pid})" for pid, name in self._pillars if not self._alive(pid)]
        return f"Ray has died: its process {' and '.join(ended)} has ended." if ended else None
