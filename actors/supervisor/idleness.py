"""For how long nobody has asked for a cell, and its log has not moved."""

from __future__ import annotations

import asyncio
import math


class Idleness:
    """Of open cells. One that was opened without anybody asking is idle from the beginning."""

    def __init__(self) -> None:
        self._asked_at: dict[str, float] = {}
        self._moved_at: dict[str, tuple[int, float]] = {}

    def begin(self, workspace: str, head: int) -> None:
        """It was opened, with its log at `head`."""
        self._moved_at[workspace] = (head, -math.inf)

    def asked(self, workspace: str) -> None:
        self._asked_at[workspace] = now()

    def saw(self, workspace: str, head: int) -> None:
        """Where its log is now."""
        if head != self._moved_at.get(workspace, (head, 0.0))[0]:
            self._moved_at[workspace] = (head, now())

    def quiet_s(self, workspace: str) -> float:
        moved_at = self._moved_at.get(workspace, (0, -math.inf))[1]
        return now() - max(self._asked_at.get(workspace, -math.inf), moved_at)

    def forget(self, workspace: str) -> None:
        self._asked_at.pop(workspace, None)
        self._moved_at.pop(workspace, None)


def now() -> float:
    return asyncio.get_running_loop().time()
