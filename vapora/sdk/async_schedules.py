"""Schedules, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from vapora import commands, views
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path


class AsyncSchedules(AsyncTransport):
    """What the clock begins."""

    async def schedules(self, after: Position = None) -> Rows[views.ScheduleView]:
        """In the order in which they were made."""
        return await self._all("/schedules", views.ScheduleView, {"after": after})

    async def schedule(self, schedule_id: str, after: Position = None) -> views.ScheduleView:
        return await self._get(path("schedules", schedule_id), views.ScheduleView, {"after": after})

    async def set_schedule(self, schedule_id: str, schedule: commands.SetSchedule) -> views.ScheduleView:
        """Make it, or replace all of it."""
        return await self._ask("PUT", path("schedules", schedule_id), views.ScheduleView, schedule)

    async def edit_schedule(self, schedule_id: str, change: commands.EditSchedule) -> views.ScheduleView:
        """What is not named stays."""
        return await self._ask("PATCH", path("schedules", schedule_id), views.ScheduleView, change)

    async def remove_schedule(self, schedule_id: str) -> int:
        return await self._write("DELETE", path("schedules", schedule_id))

    def firings(self, schedule_id: str, limit: int | None = None) -> AsyncPages[views.FiringView]:
        """What came of it, the newest first, page by page as they are taken."""
        return self._items(path("schedules", schedule_id, "history"), views.FiringView, {}, limit)

    async def fire_schedule(
        self, schedule_id: str, overlap: bool = False, key: str | None = None
    ) -> views.ScheduleFired:
        """Now, whether it is due or not."""
        body = commands.FireSchedule(overlap=overlap)
        return await self._ask("POST", path("schedules", schedule_id, "fire"), views.ScheduleFired, body, key)
