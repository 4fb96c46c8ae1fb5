"""Trackers, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from collections.abc import Sequence

from vapora import commands, views
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path


class AsyncTrackers(AsyncTransport):
    """GitHub and Jira, whose issues are kept in step with cards."""

    async def trackers(self, after: Position = None) -> Rows[views.TrackerView]:
        """In the order in which they were connected."""
        return await self._all("/trackers", views.TrackerView, {"after": after})

    async def tracker(self, tracker_id: str, after: Position = None) -> views.TrackerView:
        return await self._get(path("trackers", tracker_id), views.TrackerView, {"after": after})

    async def set_tracker(self, tracker_id: str, tracker: commands.SetTracker) -> views.TrackerView:
        """Connect it, or replace all of its connection. Its secrets are stored by `store_secret`."""
        return await self._ask("PUT", path("trackers", tracker_id), views.TrackerView, tracker)

    async def remove_tracker(self, tracker_id: str) -> int:
        return await self._write("DELETE", path("trackers", tracker_id))

    async def tracker_status(self, tracker_id: str) -> views.TrackerStatus:
        """Whether it is in step, and what stands in the way."""
        return await self._get(path("trackers", tracker_id, "status"), views.TrackerStatus, {})

    async def check_tracker(self, tracker_id: str) -> views.TrackerOutcome:
        """Ask now for what it is connected to; what came of it."""
        return await self._get(path("trackers", tracker_id, "check"), views.TrackerOutcome, {})

    async def import_issues(
        self, tracker_id: str, numbers: Sequence[str] = (), key: str | None = None
    ) -> views.Accepted:
        """Have these become cards, or all open ones with the tracker's labels."""
        body = commands.ImportIssues(numbers=tuple(numbers))
        return await self._ask("POST", path("trackers", tracker_id, "import"), views.Accepted, body, key)

    async def card_links(self, task_id: str, after: Position = None) -> Rows[views.CardLink]:
        """The issues and pull requests of a card."""
        return await self._all(path("tasks", task_id, "links"), views.CardLink, {"after": after})

    async def make_issue(self, task_id: str, tracker_id: str, key: str | None = None) -> views.Accepted:
        """Have an issue made of a card."""
        body = commands.LinkTask(tracker_id=tracker_id)
        return await self._ask("POST", path("tasks", task_id, "issue"), views.Accepted, body, key)
