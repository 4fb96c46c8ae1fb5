"""Several that the workflow engine carries along, as one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from actors.workflow_engine.hook import Scheduler
from events import Recorded


class Together:
    """`actors.workflow_engine.hook.Scheduler`. One that raises stands in the way of those behind it only until it is
    tried again."""

    def __init__(self, *parts: Scheduler) -> None:
        self._parts = parts
        self.topics: Sequence[str] = tuple(dict.fromkeys(topic for one in parts for topic in one.topics))
        self._topics = [frozenset(one.topics) for one in parts]

    async def apply(self, recorded: Recorded) -> None:
        for one, topics in zip(self._parts, self._topics, strict=True):
            if recorded.topic in topics:
                await one.apply(recorded)

    def next_due(self) -> datetime | None:
        return min((due for one in self._parts if (due := one.next_due()) is not None), default=None)

    async def act(self, now: datetime) -> None:
        for one in self._parts:
            await one.act(now)

    async def close(self) -> None:
        for one in self._parts:
            await one.close()

    @property
    def problems(self) -> dict[str, str]:
        return {name: text for one in self._parts for name, text in one.problems.items()}
