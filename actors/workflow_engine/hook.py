"""What the workflow engine asks of a scheduler that it carries along: one follower and one clock for both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from events import Recorded


class Scheduler(Protocol):
    """`topics`: what it needs of the log, beside what the engine does."""

    @property
    def topics(self) -> Sequence[str]: ...

    async def apply(self, recorded: Recorded) -> None:
        """Each event of its topics, in order, from the log's beginning at each start."""
        ...

    def next_due(self) -> datetime | None:
        """When time alone moves something of it."""
        ...

    async def act(self, now: datetime) -> None:
        """Do what is due. What raises is tried again, later and later; whatever takes effect does so in one append."""
        ...
