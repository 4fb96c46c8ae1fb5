"""`vapora schedules` and `vapora channels`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]


def test_a_schedule_is_made_paused_fired_and_removed(vapora: Run) -> None:
    vapora("project", "add", "Nightly work")
    nightly = ("schedules", "set", "nightly", "--cron", "30 2 * * *", "--zone", "Europe/Berlin")
    made = vapora(*nightly, "--project", "Nightly work", "--title", "Look at the logs", "--json")
    assert made.code == 0, made.err
    assert made.json["task"]["title"] == "Look at the logs" and made.json["next_at"]
    changed = vapora("schedules", "set", "nightly", "--catch-up", "last", "--json")
    assert (changed.json["catch_up"], changed.json["cron"]) == ("last", "30 2 * * *")
    assert vapora("schedules", "pause", "nightly", "--json").json["next_at"] is None
    assert vapora("schedules", "resume", "nightly", "--json").json["next_at"]
    fired = vapora("schedules", "fire", "nightly", "--json")
    assert fired.json["kind"] == "task"
    told = vapora("schedules", "history", "nightly", "--json").json["items"]
    assert [(one["outcome"], one["task_id"]) for one in told] == [("fired", fired.json["id"])]
    assert "nightly" in vapora("schedules").out and "fired" in vapora("schedules", "history", "nightly").out
    assert vapora("schedules", "show", "nightly").code == 0
    assert vapora("schedules", "remove", "nightly").code == 0
    assert vapora("schedules", "history", "nightly").code == 1


def test_what_cannot_be_a_schedule_is_refused(vapora: Run) -> None:
    assert vapora("schedules", "set", "x").code == 2
    assert vapora("schedules", "set", "x", "--cron", "0 9 * * *").code == 2
    assert vapora("schedules", "set", "x", "--cron", "0 9 * * *", "--task", "{").code == 2
    unknown = vapora("schedules", "set", "x", "--cron", "0 9 * * *", "--workflow", "unheard-of")
    assert unknown.code == 1 and "workflow" in unknown.err
    bad = vapora("schedules", "set", "x", "--cron", "61 9 * * *", "--workflow", "release")
    assert bad.code == 1 and "minute" in bad.err


def test_a_channel_is_made_changed_and_removed(vapora: Run) -> None:
    made = vapora(
        "channels",
        "set",
        "ops",
        "--kind",
        "slack",
        "--secret",
        "channel-of-nobody",
        "--notice",
        "task-failed",
        "--json",
    )
    assert made.code == 0, made.err
    assert (made.json["kind"], made.json["notices"]) == ("slack", ["task-failed"])
    changed = vapora("channels", "set", "ops", "--template", "task-failed=$task_title", "--disable", "--json")
    assert (changed.json["templates"], changed.json["enabled"]) == ({"task-failed": "$task_title"}, False)
    tested = vapora("channels", "test", "ops")
    assert tested.code == 1 and "no secret 'channel-of-nobody'" in tested.out
    assert vapora("channels", "deliveries", "ops", "--json").json["items"] == []
    assert vapora("channels", "resend", "ops").code == 0
    assert "ops" in vapora("channels").out
    assert vapora("channels", "remove", "ops").code == 0
    assert vapora("channels", "set", "ops").code == 2
    assert vapora("channels", "set", "ops", "--kind", "email", "--host", "mail.example.com").code == 2
    assert vapora("channels", "deliveries", "ops", "--state", "lost").code == 2
