"""A goal becomes cards: the project manager proposes them, a person edits and accepts, and all are made at once."""

from __future__ import annotations

from typing import Any

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem


async def proposed(door: Door, goal: str = "Export links as CSV") -> dict[str, Any]:
    project = (await door.project())["id"]
    made = await door.ask("POST", "/plans", 201, {"goal": goal, "project_id": project})
    await door.in_state(made["task_id"], "done")
    plan: dict[str, Any] = await door.ask("GET", f"/plans/{made['id']}", 200)
    return plan


async def test_a_goal_is_proposed_edited_accepted_and_stands_on_the_board(door: Door) -> None:
    plan = await proposed(door)
    assert (plan["state"], plan["problem"]) == ("proposed", "")
    assert [one["role"] for one in plan["cards"]] == ["architect", "developer", "tester", "documenter"]
    assert plan["rounds"][0]["answer"].startswith("> This is a rehearsal")
    cards = [{name: value for name, value in one.items() if name != "estimate"} for one in plan["cards"]][:3]
    cards[1]["title"] = "Write the exporter"
    accepted = await door.ask("POST", f"/plans/{plan['id']}/accept", 200, {"seen": plan["seen"], "cards": cards})
    made = [
        await door.ask("GET", f"/tasks/{task_id}", 200, params={"after": accepted["position"]})
        for task_id in accepted["task_ids"]
    ]
    assert [one["title"] for one in made][1] == "Write the exporter"
    assert [one["blocked_by"] for one in made] == [[], [made[0]["id"]], [made[0]["id"]]]
    assert all(one["context"] == {"plan_id": plan["id"]} for one in made)
    shown = await door.ask("GET", f"/plans/{plan['id']}", 200)
    assert (shown["state"], shown["task_ids"]) == ("accepted", accepted["task_ids"])
    again = await door.http.post(f"{API}/plans/{plan['id']}/accept", json={"seen": plan["seen"]})
    check_problem(again, 409, "conflict")
    audit = await door.ask("GET", "/audit", 200, params={"resource": f"plan:{plan['id']}"})
    assert [one["topic"] for one in audit["items"]] == ["plan.accepted", "plan.requested"]


async def test_a_revision_outdates_what_was_seen_and_an_unusable_edit_makes_nothing(door: Door) -> None:
    plan = await proposed(door)
    path = f"/plans/{plan['id']}"
    ring = [{"key": "1", "title": "One", "waits_for": ["2"]}, {"key": "2", "title": "Two", "waits_for": ["1"]}]
    before = await door.head()
    check_problem(
        await door.http.post(f"{API}{path}/accept", json={"seen": plan["seen"], "cards": ring}), 422, "invalid-request"
    )
    assert await door.head() == before
    revised = await door.ask("POST", f"{path}/revise", 201, {"text": "Without a new dependency"})
    assert revised["task_id"] != plan["task_id"]
    await door.in_state(revised["task_id"], "done")
    told = await door.ask("GET", f"/tasks/{revised['task_id']}", 200)
    assert "> Without a new dependency" in told["description"]
    assert plan["cards"][0]["title"] in told["description"]
    stale = await door.http.post(f"{API}{path}/accept", json={"seen": "0" * 64})
    check_problem(stale, 409, "plan-outdated")
    shown = await door.ask("GET", path, 200)
    assert [one["text"] for one in shown["rounds"]] == ["Export links as CSV", "Without a new dependency"]
    gone = await door.ask("POST", f"{path}/dismiss", 200, {"reason": "Not now"})
    assert (await door.ask("GET", path, 200, params={"after": gone["position"]}))["state"] == "dismissed"
    [listed] = (await door.ask("GET", "/plans", 200))["items"]
    assert (listed["id"], listed["state"]) == (plan["id"], "dismissed")


async def test_what_cards_came_to_is_said_once_there_were_five(door: Door) -> None:
    plan = await proposed(door)
    assert all(one["estimate"]["cost_microusd"] is None for one in plan["cards"])
    assert plan["duration_ms"] is None
    kind = plan["cards"][1]["estimate"]["task_type"]
    for number in range(5):
        task = await door.task(plan["project_id"], title=f"Write part {number}", task_type=kind)
        await door.in_state(task["task_id"], "done")
    estimate = (await door.ask("GET", f"/plans/{plan['id']}", 200))["cards"][1]["estimate"]
    assert (estimate["duration_ms"]["cards"], estimate["simulated"]) == (5, True)
    assert estimate["duration_ms"]["low"] <= estimate["duration_ms"]["median"] <= estimate["duration_ms"]["high"]


async def test_a_plan_for_a_project_that_is_not_there_makes_nothing(door: Door) -> None:
    before = await door.head()
    answer = await door.http.post(f"{API}/plans", json={"goal": "Export links", "project_id": "project-none"})
    check_problem(answer, 404, "not-found")
    assert await door.head() == before
