"""`vapora trackers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_a_tracker_is_connected_changed_and_removed(vapora: Run) -> None:
    vapora("project", "add", "Tracked app")
    said = ("--kind", "github", "--remote", "acme/app", "--project", "Tracked app", "--secret", "tracker-app")
    made = vapora("trackers", "set", "app", *said, "--disable", "--json")
    assert made.code == 0, made.err
    assert (made.json["remote"], made.json["labels"], made.json["enabled"]) == ("acme/app", ["vapora"], False)
    changed = vapora("trackers", "set", "app", "--every-issue", "--poll-s", "60", "--json")
    assert (changed.json["labels"], changed.json["poll_s"]) == ([], 60)
    assert "acme/app" in vapora("trackers").out
    assert vapora("trackers", "status", "app").out.strip() == "In step."
    tried = vapora("trackers", "check", "app")
    assert tried.code == 1 and "no secret 'tracker-app'" in tried.out
    off = vapora("trackers", "import", "app")
    assert off.code == 1 and "switched off" in off.err
    task = vapora("task", "add", "Write the parser", "--project", "Tracked app", "--json").json["task_id"]
    assert vapora("trackers", "links", task, "--json").json["items"] == []
    assert vapora("trackers", "issue", task, "--tracker", "none").code == 1
    assert vapora("trackers", "remove", "app").code == 0
    assert vapora("trackers", "set", "app").code == 2
    assert vapora("trackers", "set", "app", "--kind", "jira", "--remote", "APP").code == 2
