"""What the workflow engine asks of a scheduler that it carries along: one follower and one clock for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    async def close(self) -> None:
        """Save what spares time at the next start."""
        ...

    @property
    def problems(self) -> Mapping[str, str]:
        """What does not work at the moment, for health."""
        ...
