"""Time and fresh names for the shells; rules get both passed in."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """A name that nobody else will make: 60 random bits."""
    return f"{prefix}-{os.urandom(8).hex()[:15]}"
