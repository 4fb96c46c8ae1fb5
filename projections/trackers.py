"""The trackers of a workspace, and which issues and pull requests belong to which card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from events import DomainEvent, Recorded, tracker
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, format_instant
from vapora import views

TRACKERS = Table(
    "trackers",
    key=("id",),
    columns={
        "id": "text",
        "kind": "text",
        "url": "text",
        "remote": "text",
        "project_id": "text",
        "secret": "text",
        "username": "text",
        "webhook_secret": "text",
        "labels": "json",
        "review": "text",
        "jira_api": "text",
        "issue_type": "text",
        "agent_comments": "int",
        "close_issues": "int",
        "pull_requests": "int",
        "poll_s": "int",
        "description": "text",
        "enabled": "int",
        "created_at": "text",
        "created_position": "int",
    },
)
LINKS = Table(
    "tracker_links",
    key=("tracker_id", "kind", "number"),
    columns={
        "tracker_id": "text",
        "kind": "text",
        "number": "text",
        "task_id": "text",
        "url": "text",
        "state": "text",
        "made": "text",
        "linked_at": "text",
        "linked_position": "int",
        "problem": "text",
    },
)
_SWITCHES = ("agent_comments", "close_issues", "pull_requests", "enabled")


def _set(recorded: Recorded, event: tracker.TrackerSet, rows: Rows) -> None:
    before = rows.get(TRACKERS, (event.tracker_id,))
    said = event.model_dump(mode="json", exclude={"tracker_id"})
    rows.put(
        TRACKERS,
        {
            **said,
            "id": event.tracker_id,
            "webhook_secret": event.webhook_secret or None,
            **{name: int(said[name]) for name in _SWITCHES},
            "created_at": before["created_at"] if before else format_instant(recorded.recorded_at),
            "created_position": before["created_position"] if before else recorded.position,
        },
    )


def _removed(recorded: Recorded, event: tracker.TrackerRemoved, rows: Rows) -> None:
    """Its links stay on the cards: the issues are there still."""
    rows.delete(TRACKERS, (event.tracker_id,))


def _issue_linked(recorded: Recorded, event: tracker.IssueLinked, rows: Rows) -> None:
    _link(rows, recorded, (event.tracker_id, "issue", event.number), event.task_id, event.url, event.state, event.made)


def _pull_linked(recorded: Recorded, event: tracker.PullLinked, rows: Rows) -> None:
    _link(rows, recorded, (event.tracker_id, "pull", event.number), event.task_id, event.url, "open", "issue")


def _link(
    rows: Rows, recorded: Recorded, key: tuple[str, str, str], task_id: str, url: str, state: str, made: str
) -> None:
    tracker_id, kind, number = key
    before = rows.get(LINKS, key)
    rows.put(
        LINKS,
        {
            "tracker_id": tracker_id,
            "kind": kind,
            "number": number,
            "task_id": task_id,
            "url": url,
            "state": before["state"] if before and kind == "pull" else state,
            "made": made,
            "linked_at": format_instant(recorded.recorded_at),
            "linked_position": recorded.position,
            "problem": "",
        },
    )


def _travelled(recorded: Recorded, event: tracker.TrackerReceived | tracker.TrackerSent, rows: Rows) -> None:
    key = (event.tracker_id, recorded.stream.partition(":")[0], event.number)
    before = rows.get(LINKS, key)
    if before is not None:
        sent = isinstance(event, tracker.TrackerSent)
        rows.put(
            LINKS,
            {**before, "state": event.state or before["state"], "problem": "" if sent else before["problem"]},
        )


def _refused(recorded: Recorded, event: tracker.TrackerRefused, rows: Rows) -> None:
    for row in rows.select(LINKS, {"task_id": event.task_id, "tracker_id": event.tracker_id}):
        rows.put(LINKS, {**row, "problem": event.reason})


class Trackers(Projection):
    NAME = "trackers"
    VERSION = 1
    TABLES = (TRACKERS, LINKS)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        tracker.TrackerSet: _set,
        tracker.TrackerRemoved: _removed,
        tracker.IssueLinked: _issue_linked,
        tracker.PullLinked: _pull_linked,
        tracker.TrackerReceived: _travelled,
        tracker.TrackerSent: _travelled,
        tracker.TrackerRefused: _refused,
    }


def trackers(rows: Reader) -> tuple[views.TrackerView, ...]:
    """In the order in which they were connected."""
    return tuple(_view(rows, row) for row in rows.select(TRACKERS, order=("created_position",)))


def tracker_of(rows: Reader, tracker_id: str) -> views.TrackerView | None:
    row = rows.get(TRACKERS, (tracker_id,))
    return None if row is None else _view(rows, row)


def takes_webhooks(rows: Reader, tracker_id: str) -> bool:
    """Whether messages of its webhooks are worth a look: asked before anybody has proved who they are."""
    row = rows.get(TRACKERS, (tracker_id,))
    return row is not None and bool(row["enabled"]) and bool(row["webhook_secret"])


def is_connected(rows: Reader) -> bool:
    """Whether any tracker is, so that their actor has to run."""
    return bool(rows.select(TRACKERS, {"enabled": 1}, limit=1))


def links_of(rows: Reader, task_id: str) -> tuple[views.CardLink, ...]:
    """The card's, in the order in which they came."""
    found = rows.select(LINKS, {"task_id": task_id}, order=("linked_position",))
    hidden = ("task_id", "linked_position", "position")
    return tuple(
        views.CardLink.model_validate({name: value for name, value in row.items() if name not in hidden})
        for row in found
    )


def _view(rows: Reader, row: Row) -> views.TrackerView:
    fields = {name: value for name, value in row.items() if name != "created_position"}
    counted = rows.select(LINKS, {"tracker_id": row["id"]})
    return views.TrackerView.model_validate(
        {**fields, **{name: bool(row[name]) for name in _SWITCHES}, "links": len(counted)}
    )
