"""The knowledge graph over HTTP: what runs came to, what was learned, and what hangs together."""

from __future__ import annotations

import asyncio

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from tests.waiting import DEADLINE_S


async def worked(door: Door) -> str:
    """A card that an agent did, for a person to approve."""
    project = (await door.project())["id"]
    task = (await door.ask("POST", "/tasks", 202, {"project_id": project, "title": "Parse dates"}))["task_id"]
    await door.in_state(task, "review")
    moved = await door.ask("POST", f"/tasks/{task}/move", 200, {"state": "done"})
    await door.ask("GET", "/knowledge/curves", 200, params={"after": moved["position"]})
    return str(task)


async def test_what_a_run_came_to_is_recorded_and_found(door: Door) -> None:
    task = await worked(door)
    [found] = (await door.ask("GET", "/knowledge/executions", 200, params={"task": task}))["items"]
    assert (found["task"], found["outcome"], found["success"], found["title"]) == (
        task,
        "accepted",
        True,
        "Parse dates",
    )
    assert found["simulated"] and found["models"] and found["latency_ms"] is not None
    assert found["parts"] == {"done": 1.0, "review": 1.0}
    kind = {"task_type": found["task_type"], "agent": found["agent"]}
    assert (await door.ask("GET", "/knowledge/executions", 200, params=kind))["items"] == [found]
    assert (await door.ask("GET", "/knowledge/executions", 200, params={"task_type": "other"}))["items"] == []
    assert await door.ask("GET", f"/knowledge/executions/{found['id']}", 200) == found
    [point] = (await door.ask("GET", "/knowledge/curves", 200, params=kind))["points"]
    assert (point["runs"], point["success_rate"], point["accepted"]) == (1, 1.0, 1)
    [made] = (await door.ask("GET", f"/knowledge/profiles/{found['agent']}", 200))["profiles"]
    [learned] = (await door.ask("GET", f"/agents/{found['agent']}/learning", 200))["profiles"]
    assert {name: made[name] for name in ("runs", "success_rate", "confidence")} == {
        name: learned[name] for name in ("runs", "success_rate", "confidence")
    }


async def test_the_graph_is_walked_from_a_card_and_from_what_is_near_it(door: Door) -> None:
    task = await worked(door)
    found = await door.ask("GET", "/knowledge/graph", 200, params={"task": task, "depth": 2})
    names = {one["name"] for one in found["nodes"]}
    assert {f"task:{task}", f"run:{task}.1", "person:user:local"} <= names
    assert {"agent", "project", "decision", "artifact"} <= {one["kind"] for one in found["nodes"]}
    for edge in found["edges"]:
        assert {edge["source"], edge["target"]} <= names
    agent = next(one["name"] for one in found["nodes"] if one["kind"] == "agent")
    other = await door.ask("GET", "/knowledge/graph", 200, params={"node": agent, "depth": 1})
    assert f"run:{task}.1" in {one["name"] for one in other["nodes"]}
    check_problem(await door.http.get(f"{API}/knowledge/graph", params={"task": "no-such"}), 404, "not-found")
    check_problem(await door.http.get(f"{API}/knowledge/graph", params={"node": "thing:x"}), 422, "invalid-request")
    check_problem(await door.http.get(f"{API}/knowledge/graph"), 422, "invalid-request")


async def test_a_cause_is_recorded_by_a_person_shown_and_removed(door: Door) -> None:
    task = await worked(door)
    body = {"problem": "Months are days", "cause": "The locale", "solution": "Name the format", "task_id": task}
    made = await door.ask("POST", "/knowledge/relations", 201, body)
    after = {"after": made["position"]}
    [found] = (await door.ask("GET", "/knowledge/relations", 200, params={"task": task, **after}))["items"]
    assert {name: found[name] for name in body} == body
    assert (found["origin"], found["recorded_by"]) == ("person", "user:local")
    graph = await door.ask("GET", "/knowledge/graph", 200, params={"task": task, "depth": 3})
    assert {"problem", "cause", "solution"} <= {one["kind"] for one in graph["nodes"]}
    gone = await door.ask("DELETE", f"/knowledge/relations/{made['id']}", 200)
    left = await door.ask("GET", "/knowledge/relations", 200, params={"after": gone["position"]})
    assert left["items"] == []
    check_problem(await door.http.delete(f"{API}/knowledge/relations/no-such"), 404, "not-found")
    head = await door.head()
    check_problem(
        await door.http.post(f"{API}/knowledge/relations", json={"problem": " ", "cause": "x"}), 422, "invalid-request"
    )
    assert await door.head() == head


async def test_what_telling_does_is_shown_with_a_caution(door: Door) -> None:
    await worked(door)
    found = await door.ask("GET", "/knowledge/effect", 200)
    assert (found["in_briefs"], found["simulated"], found["looked_at"]) == ("on", True, 1)
    assert [(one["arm"], one["runs"]) for one in found["sums"]] == [("given", 0), ("withheld", 0), ("nothing", 1)]
    assert found["caution"]
    settings = {"knowledge": {"in_briefs": "half", "details_days": 7}}
    changed = await door.ask("PUT", "/settings", 200, settings)
    found = await door.ask("GET", "/knowledge/effect", 200, params={"after": changed["position"]})
    assert found["in_briefs"] == "half"


async def test_executions_like_a_card_are_found_by_its_words(door: Door) -> None:
    project = (await door.project())["id"]
    titles = ("Parse dates of invoices", "Draw the logo of the shop", "Export links as CSV")
    tasks = [await door.ask("POST", "/tasks", 202, {"project_id": project, "title": title}) for title in titles]
    for one in tasks:
        await door.in_state(one["task_id"], "review")
    asked = await door.ask("POST", "/tasks", 202, {"project_id": project, "title": "Parse the dates of orders"})
    params = {"similar_to": asked["task_id"], "after": asked["position"], "limit": 1}
    async with asyncio.timeout(DEADLINE_S):
        while True:
            # The index follows the log beside the read models.
            answer = await door.http.get(f"{API}/knowledge/executions", params=params)
            if answer.status_code == 200 and answer.json()["items"]:
                break
            await asyncio.sleep(0.05)
    [found] = answer.json()["items"]
    assert (found["title"], found["task"]) == (titles[0], tasks[0]["task_id"])
    assert found["score"] > 0
    cursor = await door.http.get(f"{API}/knowledge/executions", params={"similar_to": "x", "cursor": "y"})
    check_problem(cursor, 422, "invalid-request")
