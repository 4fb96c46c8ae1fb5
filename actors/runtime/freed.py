"""Memory that a process has no use for any more, given back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable
from functools import cache

# At most so often, and so long after the first cell that closed: those that fall asleep together are one round.
_EVERY_S = 10.0


@cache
def trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim(pad)`: gives back what lies free between pieces in use too, which `free` never does. None
    where the C library has none, as on macOS, Windows and with musl."""
    if sys.platform != "linux":
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None


class FreedMemory:
    """`soon` has it given back once within the next seconds, in a thread: ctypes lets the others run meanwhile."""

    def __init__(self, give_back: Callable[[int], int] | None = None, every_s: float = _EVERY_S) -> None:
        self._give_back = give_back or trim()
        self._every_s = every_s
        self._waiting: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        if self._give_back is not None and self._waiting is None:
            self._waiting = asyncio.get_running_loop().call_later(self._every_s, self._begin, self._give_back)

    def close(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _begin(self, give_back: Callable[[int], int]) -> None:
        self._waiting = None
        asyncio.get_running_loop().run_in_executor(None, give_back, 0)
