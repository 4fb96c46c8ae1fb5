"""Which trackers there are, and which issues and pull requests belong to which card, as the log has it."""

from __future__ import annotations

from collections import defaultdict

from events import Recorded
from events.tracker import (
    IssueLinked,
    PullLinked,
    TrackerReceived,
    TrackerRefused,
    TrackerRemoved,
    TrackerSent,
    TrackerSet,
)
from vapora.domain.tracker import connection, link
from vapora.domain.tracker.connection import Tracker
from vapora.domain.tracker.link import Link

CONNECTIONS = (TrackerSet.TOPIC, TrackerRemoved.TOPIC)
LINKS = (IssueLinked.TOPIC, PullLinked.TOPIC, TrackerReceived.TOPIC, TrackerSent.TOPIC)
# Beyond these, what shows how far things had come.
ALL = (*CONNECTIONS, *LINKS, TrackerRefused.TOPIC)


class Known:
    def __init__(self) -> None:
        self.trackers: dict[str, Tracker] = {}
        self.position = 0
        self._links: dict[tuple[str, str, str], Link] = {}
        self._by_task: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)

    def take(self, recorded: Recorded) -> None:
        """Each event once, in the order of the log."""
        if recorded.position <= self.position:
            return
        self.position = recorded.position
        if recorded.topic in CONNECTIONS:
            tracker_id = recorded.stream.partition(":")[2]
            found = connection.evolve(self.trackers.get(tracker_id), recorded.event)
            if found is not None:
                self.trackers[tracker_id] = found
        elif recorded.topic in LINKS:
            kind, tracker_id, number = recorded.stream.split(":", 2)
            self._take_link((tracker_id, kind, number), recorded)

    def links_of(self, task_id: str) -> tuple[Link, ...]:
        return tuple(self._links[key] for key in sorted(self._by_task.get(task_id, ())))

    def link(self, tracker_id: str, kind: str, number: str) -> Link | None:
        return self._links.get((tracker_id, kind, number))

    def _take_link(self, key: tuple[str, str, str], recorded: Recorded) -> None:
        before = self._links.get(key)
        now = link.evolve(before, recorded.event)
        if now is None:
            return
        self._links[key] = now
        if before is not None and before.task_id != now.task_id:
            self._by_task[before.task_id].discard(key)
        self._by_task[now.task_id].add(key)
