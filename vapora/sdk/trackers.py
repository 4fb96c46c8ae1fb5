"""Made from async_trackers.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Sequence

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path
from vapora.sdk.transport import Transport


class Trackers(Transport):
    """GitHub and Jira, whose issues are kept in step with cards."""

    def trackers(self, after: Position = None) -> Rows[views.TrackerView]:
        """In the order in which they were connected."""
        return self._all("/trackers", views.TrackerView, {"after": after})

    def tracker(self, tracker_id: str, after: Position = None) -> views.TrackerView:
        return self._get(path("trackers", tracker_id), views.TrackerView, {"after": after})

    def set_tracker(self, tracker_id: str, tracker: commands.SetTracker) -> views.TrackerView:
        """Connect it, or replace all of its connection. Its secrets are stored by `store_secret`."""
        return self._ask("PUT", path("trackers", tracker_id), views.TrackerView, tracker)

    def remove_tracker(self, tracker_id: str) -> int:
        return self._write("DELETE", path("trackers", tracker_id))

    def tracker_status(self, tracker_id: str) -> views.TrackerStatus:
        """Whether it is in step, and what stands in the way."""
        return self._get(path("trackers", tracker_id, "status"), views.TrackerStatus, {})

    def check_tracker(self, tracker_id: str) -> views.TrackerOutcome:
        """Ask now for what it is connected to; what came of it."""
        return self._get(path("trackers", tracker_id, "check"), views.TrackerOutcome, {})

    def import_issues(self, tracker_id: str, numbers: Sequence[str] = (), key: str | None = None) -> views.Accepted:
        """Have these become cards, or all open ones with the tracker's labels."""
        body = commands.ImportIssues(numbers=tuple(numbers))
        return self._ask("POST", path("trackers", tracker_id, "import"), views.Accepted, body, key)

    def card_links(self, task_id: str, after: Position = None) -> Rows[views.CardLink]:
        """The issues and pull requests of a card."""
        return self._all(path("tasks", task_id, "links"), views.CardLink, {"after": after})

    def make_issue(self, task_id: str, tracker_id: str, key: str | None = None) -> views.Accepted:
        """Have an issue made of a card."""
        body = commands.LinkTask(tracker_id=tracker_id)
        return self._ask("POST", path("tasks", task_id, "issue"), views.Accepted, body, key)
