"""Facts about trackers (GitHub, Jira): which are connected, which issue belongs to which card, and what travelled.

Whatever comes in and whatever goes out is recorded once, with its id on the other side: by that nothing is taken twice,
sent twice, or sent back to where it came from. Tokens stand in the vault, never in an event.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from events.base import DomainEvent
from events.ids import Review

TrackerKind = Literal["github", "jira"]
# What travels. `comment`: of an issue or pull request; `review`: what somebody says with a verdict on a pull request;
# `line`: a comment on a line of one.
Thing = Literal["issue", "pull", "comment", "review", "line"]


class TrackerSet(DomainEvent):
    """A tracker is connected so from now on; the first one makes the connection.

    `url`: of the API's server. `remote`: the repository as `owner/name`, or the key of the Jira project. `project_id`:
    whose cards its issues are. `secret`, `webhook_secret`: names in the vault of the token, and of what webhooks are
    signed with (empty: none are taken). `username`: of a Jira account that signs in with it and a token; empty: the
    token alone. `labels`: an issue that bears one of them becomes a card; none: each issue does. `poll_s`: it is looked
    at so often, since not every webhook arrives.
    """

    TOPIC: ClassVar[str] = "tracker.set"

    tracker_id: str
    kind: TrackerKind
    url: str
    remote: str
    project_id: str
    secret: str
    username: str = ""
    webhook_secret: str = ""
    labels: tuple[str, ...] = ()
    review: Review = Review.HUMAN
    jira_api: Literal["2", "3"] = "3"
    issue_type: str = "Task"
    agent_comments: bool = False
    close_issues: bool = True
    pull_requests: bool = True
    poll_s: int = Field(default=300, gt=0)
    description: str = ""
    enabled: bool = True


class TrackerRemoved(DomainEvent):
    TOPIC: ClassVar[str] = "tracker.removed"

    tracker_id: str


class IssueWanted(DomainEvent):
    """Somebody wants an issue made of a card."""

    TOPIC: ClassVar[str] = "tracker.issue-wanted"

    tracker_id: str
    task_id: str


class ImportRequested(DomainEvent):
    """Somebody wants cards made of these issues, whatever labels they bear; none: of all that are open and bear the
    tracker's labels."""

    TOPIC: ClassVar[str] = "tracker.import-requested"

    tracker_id: str
    numbers: tuple[str, ...] = ()


class IssueLinked(DomainEvent):
    """The issue and the card are about the same from now on. `made`: which of the two was made of the other. `digest`:
    of what the issue said then; `state`: `open` or `closed`. `position`: of the event that wanted it; 0: none."""

    TOPIC: ClassVar[str] = "tracker.issue-linked"

    tracker_id: str
    task_id: str
    number: str
    url: str
    made: Literal["card", "issue"]
    digest: str
    state: Literal["open", "closed"] = "open"
    position: int = 0


class PullLinked(DomainEvent):
    """A pull request of the card's branch. `position`: of the event that it was opened for."""

    TOPIC: ClassVar[str] = "tracker.pull-linked"

    tracker_id: str
    task_id: str
    number: str
    url: str
    branch: str
    position: int = 0


class TrackerReceived(DomainEvent):
    """Something of the other side was looked at, and what it means for the card was recorded together with this.

    `digest`: of what it said; the same again means nothing new. `state`: of an issue or a pull request. `author`: the
    name that it has there.
    """

    TOPIC: ClassVar[str] = "tracker.received"

    tracker_id: str
    task_id: str
    number: str
    thing: Thing
    remote_id: str
    digest: str
    state: Literal["", "open", "closed", "merged"] = ""
    author: str = ""


class TrackerSent(DomainEvent):
    """What the event at `position` says was carried to the other side, where it has `remote_id`. `digest` and `state`:
    of the issue since then."""

    TOPIC: ClassVar[str] = "tracker.sent"

    tracker_id: str
    task_id: str
    number: str
    thing: Thing
    remote_id: str
    position: int
    digest: str = ""
    state: Literal["", "open", "closed"] = ""


class TrackerRefused(DomainEvent):
    """The other side refused, for good, what the event at `position` was to bring: it is not tried again."""

    TOPIC: ClassVar[str] = "tracker.refused"

    tracker_id: str
    task_id: str
    position: int
    reason: str
