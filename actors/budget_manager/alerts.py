"""Tells of budgets that come near their limits, and beyond."""

from __future__ import annotations

from collections.abc import Callable

from events.ids import BUDGET_ALERTS
from vapora.clock import Clock, new_id
from vapora.domain import budget_alerts as rules
from vapora.domain.ledger import Ledger
from vapora.errors import VersionConflictError
from vapora.log.client import LogClient
from vapora.ports import Origin

ACTOR = "budget-manager"


class Alerts:
    """`ledger`: as it stands. What was told stands in a stream that it alone appends to, so nothing is told twice."""

    def __init__(self, log: LogClient, workspace: str, clock: Clock, ledger: Callable[[], Ledger]) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._ledger = ledger
        self._told: rules.Told = {}
        self._version = 0
        self._read = False

    @property
    def has_news(self) -> bool:
        return not self._read or bool(rules.changes(self._told, self._ledger(), self._clock()))

    async def look(self) -> None:
        """Tell what has changed since the last look."""
        if not self._read:
            await self._catch_up()
        events = rules.changes(self._told, self._ledger(), self._clock())
        if not events:
            return
        origin = Origin(self._workspace, ACTOR, new_id("cor"))
        try:
            await self._log.append(origin, (BUDGET_ALERTS, self._version, events))
        except VersionConflictError:
            self._read = False  # another manager, that was going, told it
            return
        self._told, self._version = rules.told(self._told, events), self._version + len(events)

    async def _catch_up(self) -> None:
        async for page in self._log.pages(BUDGET_ALERTS, self._version):
            self._told = rules.told(self._told, (one.event for one in page))
            self._version = page[-1].version
        self._read = True
