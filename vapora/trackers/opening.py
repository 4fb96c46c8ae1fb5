"""The client for a connection."""

from __future__ import annotations

from pydantic import SecretStr

from events.tracker import TrackerSet
from vapora.clock import Clock
from vapora.trackers import github, jira
from vapora.trackers.client import TrackerClient
from vapora.trackers.line import TIMEOUT_S, Line, PinnedAddress


def client_of(
    tracker: TrackerSet, token: SecretStr, pinned: PinnedAddress, clock: Clock, *, timeout_s: float = TIMEOUT_S
) -> TrackerClient:
    secret = token.get_secret_value().strip()
    if tracker.kind == "github":
        headers = {**github.HEADERS, "Authorization": f"Bearer {secret}"}
        return github.GitHub(Line(tracker.url, headers, pinned, clock, timeout_s=timeout_s), tracker.remote)
    headers = {**jira.HEADERS, **jira.signing_in(tracker.username, secret)}
    line = Line(tracker.url, headers, pinned, clock, timeout_s=timeout_s)
    return jira.Jira(line, tracker.remote, clock, api=tracker.jira_api, issue_type=tracker.issue_type)
