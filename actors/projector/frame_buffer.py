"""The newest frames in memory, for live sockets that keep up; whoever lags further behind is told from the tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

_KEPT = 10_000

Frame = dict[str, Any]


class FrameBuffer:
    """All frames after `floor`, in the order of their positions, which never go backwards."""

    def __init__(self, floor: int = 0, size: int = _KEPT) -> None:
        self.floor = floor
        self._size = size
        self._frames: deque[Frame] = deque()

    def add(self, frames: Sequence[Frame]) -> None:
        """What lies behind the last one is left out: a projection that catches up alone tells of it late, and a socket
        that was past it would go back."""
        last = self._frames[-1]["position"] if self._frames else self.floor
        self._frames.extend(frame for frame in frames if frame["position"] > last)
        while len(self._frames) > self._size:
            self.floor = self._frames.popleft()["position"]

    def skip(self, position: int) -> None:
        """Nobody made frames up to there."""
        self._frames.clear()
        self.floor = max(self.floor, position)

    def after(self, position: int, limit: int) -> list[Frame] | None:
        """The first ones beyond `position`; None where some of them are not here any more."""
        if position < self.floor:
            return None
        # Newest last: a reader that keeps up needs only the tail.
        found: list[Frame] = []
        for frame in reversed(self._frames):
            if frame["position"] <= position:
                break
            found.append(frame)
        return found[::-1][:limit]
