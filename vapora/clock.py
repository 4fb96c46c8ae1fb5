"""Time and fresh names for the shells; rules get both passed in."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

Clock = Callable[[], datetime]
# Waits so many seconds, as `asyncio.sleep` does.
Sleep = Callable[[float], Coroutine[Any, Any, None]]


def now() -> datetime:
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """What a person wrote, in UTC, as which it is also taken without a zone. `ValueError` for what is no instant, or
    lies at an edge of the calendar that UTC does not reach."""
    # An unescaped "+" of a zone arrives in a query as a space.
    found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def just_before(at: datetime) -> datetime:
    """The last moment before it, as far as a clock of ours can tell."""
    tick = timedelta(microseconds=1)
    return at - tick if at - datetime.min.replace(tzinfo=UTC) >= tick else at


def new_id(prefix: str) -> str:
    """A name that nobody else will make: 60 random bits."""
    try:
        return f"{prefix}-{_fresh.pop()}"
    except IndexError:
        # To ask the kernel is a system call, which may cost more than all the rest of an append: for many at once.
        drawn = os.urandom(_DRAWN * 8).hex()
        _fresh.extend([drawn[at : at + 15] for at in range(0, len(drawn), 16)])
        return new_id(prefix)


_DRAWN = 256
# Random parts of names that are not given out yet. A process that was forked draws its own.
_fresh: list[str] = []
os.register_at_fork(after_in_child=_fresh.clear)
