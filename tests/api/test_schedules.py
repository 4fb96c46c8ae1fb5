"""Schedules as people make and look at them, over the whole actor system."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem


async def body(door: Door, **more: Any) -> dict[str, Any]:
    project = (await door.project())["id"]
    task = {"project_id": project, "title": "Look at the logs", "assignee": "anna"}
    return {"cron": "30 2 * * *", "zone": "Europe/Berlin", "task": task, **more}


async def test_a_schedule_is_made_shown_changed_and_removed(door: Door) -> None:
    wanted = await body(door, name="Every night", catch_up="last")
    made = await door.ask("PUT", "/schedules/nightly", 200, wanted)
    assert {name: made[name] for name in wanted} == wanted
    due = datetime.fromisoformat(made["next_at"])
    assert due > datetime.now(UTC) and due - datetime.now(UTC) <= timedelta(hours=25)
    shown = await door.ask("GET", "/schedules/nightly", 200, params={"after": made["position"]})
    assert shown == made
    assert (await door.ask("GET", "/schedules", 200))["items"] == [made]
    paused = await door.ask("PATCH", "/schedules/nightly", 200, {"enabled": False})
    assert paused["next_at"] is None and paused["created_at"] == made["created_at"]
    removed = await door.ask("DELETE", "/schedules/nightly", 200)
    assert (await door.ask("GET", "/schedules", 200, params={"after": removed["position"]}))["items"] == []
    for path in ("/schedules/nightly", "/schedules/nightly/history"):
        check_problem(await door.http.get(API + path), 404, "not-found")


async def test_fire_now_makes_the_card_and_the_history_tells_it(door: Door) -> None:
    await door.ask("PUT", "/schedules/nightly", 200, await body(door, enabled=False))
    fired = await door.ask("POST", "/schedules/nightly/fire", 200)
    assert fired["kind"] == "task"
    card = await door.ask("GET", f"/tasks/{fired['id']}", 200, params={"after": fired["position"]})
    assert card["title"] == "Look at the logs"
    (line,) = (await door.ask("GET", "/schedules/nightly/history", 200))["items"]
    assert (line["outcome"], line["task_id"], line["due_at"], line["by"]) == ("fired", fired["id"], None, "user:local")
    refused = await door.http.post(API + "/schedules/nightly/fire")
    assert "under way" in check_problem(refused, 409, "conflict")["detail"]
    await door.ask("POST", "/schedules/nightly/fire", 200, {"overlap": True})


async def test_what_is_due_is_begun_by_the_clock(door: Door) -> None:
    made = await door.ask("PUT", "/schedules/often", 200, await body(door, cron="* * * * *", zone="UTC"))
    # The real clock: the next full minute comes within one.
    while not (found := (await door.ask("GET", "/schedules/often/history", 200))["items"]):
        await door.ask("GET", "/events", 200, params={"after": made["position"]})
    assert (found[-1]["outcome"], found[-1]["by"]) == ("fired", "scheduler")
    assert datetime.fromisoformat(found[-1]["due_at"]) == datetime.fromisoformat(made["next_at"])
    assert await door.ask("GET", f"/tasks/{found[-1]['task_id']}", 200)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cron": "61 * * * *"}, "bad minute"),
        ({"cron": "@daily"}, "five fields"),
        ({"zone": "Europe/Atlantis"}, "no time zone"),
        ({"task": None}, "either a task or a workflow_id"),
        ({"catch_up": "some"}, "none"),
    ],
)
async def test_a_bad_one_gets_a_sentence_and_is_not_stored(door: Door, changed: dict[str, Any], said: str) -> None:
    wanted = {**await body(door), **changed}
    answer = await door.http.put(f"{API}/schedules/nightly", json=wanted)
    assert answer.status_code == 422 and said in answer.text
    check_problem(await door.http.get(f"{API}/schedules/nightly"), 404, "not-found")


async def test_what_it_cannot_begin_is_refused_when_it_is_set(door: Door) -> None:
    wanted = await body(door)
    wanted["task"]["project_id"] = "nowhere"
    check_problem(await door.http.put(f"{API}/schedules/nightly", json=wanted), 404, "not-found")
    flow = {"cron": "0 6 * * *", "workflow_id": "unheard-of"}
    check_problem(await door.http.put(f"{API}/schedules/nightly", json=flow), 404, "not-found")


async def test_a_workflow_s_own_trigger_makes_its_schedule(door: Door) -> None:
    project = (await door.project())["id"]
    definition = {
        "name": "Round",
        "trigger": {"schedule": {"cron": "0 6 * * *", "zone": "Europe/Berlin"}},
        "project_id": project,
        "stages": [{"name": "look", "role": "documenter", "task": {"title": "Look around"}}],
    }
    made = await door.ask("POST", "/workflows", 201, definition)
    path = f"/schedules/workflow-{made['id']}"
    shown = await door.ask("GET", path, 200, params={"after": made["position"]})
    assert (shown["workflow_id"], shown["cron"], shown["zone"]) == (made["id"], "0 6 * * *", "Europe/Berlin")
    fired = await door.ask("POST", f"{path}/fire", 200)
    assert fired["kind"] == "workflow-run"
    run = await door.ask("GET", f"/workflow-runs/{fired['id']}", 200, params={"after": fired["position"]})
    assert run["schedule_id"] == shown["id"]
    manual = await door.ask("PUT", f"/workflows/{made['id']}", 200, {**definition, "trigger": "manual"})
    check_problem(await door.http.get(API + path, params={"after": manual["position"]}), 404, "not-found")
