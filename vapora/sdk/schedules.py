"""Made from async_schedules.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.pages import Pages
from vapora.sdk.paths import Position, path
from vapora.sdk.transport import Transport


class Schedules(Transport):
    """What the clock begins."""

    def schedules(self, after: Position = None) -> Rows[views.ScheduleView]:
        """In the order in which they were made."""
        return self._all("/schedules", views.ScheduleView, {"after": after})

    def schedule(self, schedule_id: str, after: Position = None) -> views.ScheduleView:
        return self._get(path("schedules", schedule_id), views.ScheduleView, {"after": after})

    def set_schedule(self, schedule_id: str, schedule: commands.SetSchedule) -> views.ScheduleView:
        """Make it, or replace all of it."""
        return self._ask("PUT", path("schedules", schedule_id), views.ScheduleView, schedule)

    def edit_schedule(self, schedule_id: str, change: commands.EditSchedule) -> views.ScheduleView:
        """What is not named stays."""
        return self._ask("PATCH", path("schedules", schedule_id), views.ScheduleView, change)

    def remove_schedule(self, schedule_id: str) -> int:
        return self._write("DELETE", path("schedules", schedule_id))

    def firings(self, schedule_id: str, limit: int | None = None) -> Pages[views.FiringView]:
        """What came of it, the newest first, page by page as they are taken."""
        return self._items(path("schedules", schedule_id, "history"), views.FiringView, {}, limit)

    def fire_schedule(self, schedule_id: str, overlap: bool = False, key: str | None = None) -> views.ScheduleFired:
        """Now, whether it is due or not."""
        body = commands.FireSchedule(overlap=overlap)
        return self._ask("POST", path("schedules", schedule_id, "fire"), views.ScheduleFired, body, key)
