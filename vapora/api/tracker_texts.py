"""What the fields of trackers mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_TRACKER = {
    "kind": "github or jira.",
    "url": "The address of the API's server: of GitHub https://api.github.com, or an own server's with /api/v3; of "
    "Jira the site, as https://example.atlassian.net. Null: GitHub's own.",
    "remote": "What it is connected to: a repository, as owner/name, or the key of a Jira project.",
    "project_id": "The project whose cards its issues become.",
    "secret": "The name of the token in the vault, beginning with tracker-.",
    "username": "Of Jira's Cloud, the account that the token belongs to; empty: the token alone says who it is.",
    "webhook_secret": "The name in the vault of what its webhooks are signed with; null: no webhook is taken.",
    "labels": "An issue becomes a card by itself where it bears one of these; none: every issue does.",
    "review": "Who approves the work of cards that were made of issues.",
    "jira_api": "The version of Jira's API: 3 for the Cloud, 2 for an own server.",
    "issue_type": "The type of Jira issues that are made here.",
    "agent_comments": "True: what agents say on a card is told on its issue as well.",
    "close_issues": "True: an issue is closed when nothing is left to be done about its card.",
    "pull_requests": "True: a card's branch that is pushed gets a pull request.",
    "poll_s": "How often it is asked for news, in seconds, since not every webhook arrives.",
    "enabled": "False: nothing is carried and nothing is looked at.",
}
SHAPES: dict[str, dict[str, str]] = {
    "SetTracker": _TRACKER,
    "TrackerView": {
        "id": "The tracker's id.",
        "links": "How many issues and pull requests belong to cards.",
        **_TRACKER,
    },
    "TrackerStatus": {
        "waiting": "How much is to be carried or looked at.",
        "problem": "What stands in the way; empty: nothing.",
        "held_until": "It is left alone until then; null: it is not.",
    },
    "TrackerOutcome": {
        "reached": "Whether it answered as it should.",
        "name": "The name of what it is connected to.",
        "error": "Why it did not; empty where it did.",
    },
    "ImportIssues": {"numbers": "Of which issues, as 7 or APP-7; none: all open ones with the tracker's labels."},
    "LinkTask": {"tracker_id": "In which tracker."},
    "CardLink": {
        "tracker_id": "The tracker that it is in.",
        "kind": "issue or pull (a pull request).",
        "number": "As the tracker has it: 7, or APP-7.",
        "url": "Where people read it.",
        "state": "open, closed, or merged.",
        "made": "Which of the two was made of the other: card, or issue.",
        "linked_at": "When they were linked.",
        "problem": "What the tracker refused last; empty: nothing.",
    },
}
PARAMETERS = {"tracker_id": "The tracker's id: small letters, digits and hyphens."}
