"""Trackers, and which issues and pull requests belong to a card."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from events.ids import Review
from vapora.views.base import View


class TrackerView(View):
    """`secret`, `webhook_secret`: names in the vault. `waiting`, `problem`, `held_until`: see `TrackerStatus`."""

    id: str
    kind: Literal["github", "jira"]
    url: str
    remote: str
    project_id: str
    secret: str
    username: str
    webhook_secret: str | None
    labels: tuple[str, ...]
    review: Review
    jira_api: Literal["2", "3"]
    issue_type: str
    agent_comments: bool
    close_issues: bool
    pull_requests: bool
    poll_s: int
    description: str
    enabled: bool
    links: int
    created_at: datetime
    position: int


class TrackerStatus(View):
    """How far it is in step. `waiting`: how much is to be carried or looked at. `problem`: what stands in the way;
    empty: nothing. `held_until`: it is left alone until then."""

    waiting: int
    problem: str
    held_until: datetime | None


class TrackerOutcome(View):
    """What came of a try. `name`: of the repository or project that was reached."""

    reached: bool
    name: str
    error: str


class CardLink(View):
    """An issue or pull request of a card. `problem`: what the other side refused last; empty: nothing."""

    tracker_id: str
    kind: Literal["issue", "pull"]
    number: str
    url: str
    state: Literal["open", "closed", "merged"]
    made: Literal["card", "issue"]
    linked_at: datetime
    problem: str
