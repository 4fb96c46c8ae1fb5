"""Workflows over HTTP: definitions, runs, approvals, and what is shown of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from tests.waiting import DEADLINE_S

STAGES = [
    {"name": "design", "role": "architect", "task": {"title": "Design it", "review": "none"}, "approval": True},
    {
        "name": "build",
        "agents": ["developer", "tester"],
        "parallel": True,
        "needs": ["design"],
        "task": {"title": "Build it", "description": "As designed.", "review": "none", "priority": 70},
    },
]


async def until(door: Door, path: str, is_so: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(DEADLINE_S):
        while not is_so(found := await door.ask("GET", path, 200, params={"after": await door.head()})):
            await door.system.log("default").poll(await door.head(), timeout_s=1)
    return found


async def started(door: Door, stages: Any = STAGES, **more: Any) -> dict[str, Any]:
    project = await door.ask("POST", "/projects", 201, {"name": "Somewhere"})
    workflow = await door.ask("POST", "/workflows", 201, {"name": "Two of them", "stages": stages, **more})
    body = {"inputs": {"goal": "a goal"}, "project_id": project["id"]}
    made: dict[str, Any] = await door.ask("POST", f"/workflows/{workflow['id']}/runs", 202, body)
    return made


async def asked(door: Door) -> dict[str, Any]:
    found = await until(door, "/approvals", lambda page: bool(page["items"]))
    item: dict[str, Any] = found["items"][0]
    return item


async def test_a_run_waits_for_a_person_and_shows_all_that_it_did(door: Door) -> None:
    run = await started(door)
    path = f"/workflow-runs/{run['id']}"
    approval = await asked(door)
    assert (approval["workflow_run_id"], approval["stage"]) == (run["id"], "design")
    assert (await door.ask("GET", path, 200))["state"] == "waiting-approval"
    assert [one["id"] for one in (await door.ask("GET", "/workflow-runs", 200))["items"]] == [run["id"]]
    decide = f"/approvals/{approval['id']}"
    check_problem(
        await door.http.post(API + decide, json={"decision": "approve", "seen": "something else"}),
        409,
        "approval-outdated",
    )
    said = await door.ask("POST", decide, 200, {"decision": "approve", "seen": approval["seen"], "comment": "Good."})
    check_problem(
        await door.http.post(API + decide, json={"decision": "reject", "seen": approval["seen"]}),
        409,
        "approval-decided",
    )
    shown = await door.ask("GET", decide, 200, params={"after": said["position"]})
    assert (shown["state"], shown["decided_by"], shown["comment"]) == ("approved", "user:local", "Good.")
    over = await until(door, path, lambda one: one["state"] == "completed" and one["cost_microusd"] > 0)
    assert over["critical_path"] == ["design", "build"]
    assert over["cost_microusd"] == sum(one["cost_microusd"] for one in over["stages"]) > 0
    assert over["agents"] == 3
    assert over["simulated"]
    assert 0 < over["critical_path_s"] <= over["duration_s"]
    [design, build] = over["stages"]
    assert (design["outcome"], build["outcome"]) == ("approved", "done")
    for one in build["tasks"]:
        card = await door.ask("GET", f"/tasks/{one['task_id']}", 200)
        assert (card["title"], card["description"], card["priority"]) == ("Build it", "As designed.", 70)
        assert (card["workflow_run_id"], card["stage"], card["role"]) == (run["id"], "build", one["role"])
        [given] = card["context"]["workflow"]["needs"]["design"]["artifacts"]
        assert given["task_id"] == design["tasks"][0]["task_id"]
        assert card["context"]["workflow"]["inputs"] == {"goal": "a goal"}
    events = await door.ask("GET", "/events", 200, params={"correlation": over["correlation"], "limit": 500})
    submitted = [one for one in events["items"] if one["topic"] == "task.submitted"]
    assert len(submitted) == 3
    assert {one["topic"] for one in events["items"]} >= {
        "run.succeeded",
        "budget.spend-reserved",
        "workflow.run-completed",
    }


async def test_every_fault_of_a_definition_is_named_and_nothing_is_stored(door: Door) -> None:
    before = await door.ask("GET", "/workflows", 200)
    stages = [
        {"name": "a", "role": "developer", "needs": ["a"]},
        {"name": "b", "role": "wizard", "needs": ["c"], "inputs": ["design"]},
        {"name": "c", "role": "developer", "needs": ["b", "nowhere"]},
    ]
    answer = await door.http.post(f"{API}/workflows", json={"name": "Wrong", "stages": stages, "budget_cents": -1})
    check_problem(answer, 422, "invalid-request")
    told = {one["field"]: one["message"] for one in answer.json()["errors"]}
    assert "needs itself" in told["stages.a.needs"]
    assert "wizard" in told["stages.b.role"]
    assert "design" in told["stages.b.inputs"]
    assert "stages.c.needs" in told
    assert "budget_cents" in told
    broken = await door.http.post(f"{API}/workflows", content='name = "x', headers={"Content-Type": "application/toml"})
    check_problem(broken, 422, "invalid-request")
    assert await door.ask("GET", "/workflows", 200) == before
    assert {"feature", "bug-fix", "security-review", "release", "documentation-round", "dependency-update"} == {
        one["id"] for one in before["items"]
    }


async def test_a_workflow_in_toml_is_made_changed_and_removed(door: Door) -> None:
    text = '[[stages]]\nname = "build"\nrole = "developer"\n'
    made = await door.http.post(
        f"{API}/workflows", content=f'name = "From TOML"\n{text}', headers={"Content-Type": "application/toml"}
    )
    assert made.status_code == 201, made.text
    workflow = made.json()
    assert (workflow["id"], workflow["version"], workflow["source"]) == ("from-toml", 1, "api")
    path = f"/workflows/{workflow['id']}"
    changed = await door.ask("PUT", path, 200, {**workflow["definition"], "description": "Changed"})
    assert (changed["version"], changed["description"]) == (2, "Changed")
    assert await door.ask("GET", path, 200, params={"after": changed["position"]}) == changed
    removed = await door.ask("DELETE", path, 200)
    check_problem(await door.http.get(API + path, params={"after": removed["position"]}), 404, "not-found")
    faults = await door.ask("POST", "/workflow-checks", 200, {"text": '{"name": "x", "stages": []}'})
    assert [one["place"] for one in faults["faults"]] == ["stages"]


async def test_a_run_is_paused_resumed_and_cancelled(door: Door) -> None:
    gate = {"name": "go", "approval": True}
    run = await started(door, [gate, {"name": "build", "role": "developer", "needs": ["go"]}])
    path = f"/workflow-runs/{run['id']}"
    approval = await asked(door)
    await door.ask("POST", f"{path}/pause", 200, {"reason": "lunch"})
    await door.ask("POST", f"/approvals/{approval['id']}", 200, {"decision": "approve", "seen": approval["seen"]})
    shown = await door.ask("GET", path, 200)
    assert (shown["state"], shown["stages"][1]["tasks"]) == ("paused", [])
    await door.ask("POST", f"{path}/resume", 200)
    await until(door, path, lambda one: bool(one["stages"][1]["tasks"]))
    await door.ask("POST", f"{path}/cancel", 200, {"reason": "enough"})
    over = await until(door, path, lambda one: one["state"] == "cancelled")
    assert over["reason"] == "enough"
    check_problem(await door.http.post(f"{API}{path}/pause"), 409, "conflict")


async def test_what_is_missing_for_a_run_is_said(door: Door) -> None:
    stages = [{"name": "build", "role": "developer"}]
    await door.ask("POST", "/workflows", 201, {"name": "Needs a goal", "inputs": ["goal"], "stages": stages})
    path = f"{API}/workflows/needs-a-goal/runs"
    check_problem(await door.http.post(path, json={"inputs": {"goal": "x"}}), 422, "invalid-request")
    await door.ask("POST", "/projects", 201, {"name": "The only one"})
    answer = await door.http.post(path, json={"inputs": {}})
    check_problem(answer, 422, "invalid-request")
    assert "goal" in answer.json()["detail"]


async def test_a_workflow_of_a_file_is_listed_with_its_source_and_what_is_wrong_with_the_file_now(door: Door) -> None:
    folder = door.settings.workflow_folder("default")
    folder.mkdir(parents=True)
    stages = '[[stages]]\nname = "look"\nrole = "documenter"\ntask = { title = "Look" }\n'
    (folder / "round.toml").write_text(f'name = "Round"\n{stages}')

    async def listed() -> dict[str, dict[str, Any]]:
        found = await door.ask("GET", "/workflows", 200, params={"after": await door.head()})
        return {one["id"]: one for one in found["items"]}

    async with asyncio.timeout(DEADLINE_S):
        while "round" not in (found := await listed()):
            await door.system.log("default").poll(await door.head(), timeout_s=1)
    one = found["round"]
    assert (one["source"], one["file"], one["problem"], one["version"]) == ("file", "round.toml", "", 1)
    (folder / "round.toml").write_text("name = ")
    shown = (await listed())["round"]
    assert (shown["name"], shown["version"]) == ("Round", 1)
    assert shown["problem"]


async def test_a_file_that_never_was_good_is_listed_with_what_is_wrong(door: Door) -> None:
    folder = door.system.settings.workflow_folder("default")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.toml").write_text(
        'name = "Broken"\n[[stages]]\nname = "go"\nneeds = ["nowhere"]\n', encoding="utf-8"
    )
    (folder / "no-toml.toml").write_text("name = \n", encoding="utf-8")

    async with asyncio.timeout(60):
        while True:
            found = {one["id"]: one for one in (await door.ask("GET", "/workflows", 200))["items"]}
            if found.keys() >= {"broken", "no-toml"}:
                break
            await door.system.log("default").poll(await door.head(), timeout_s=0.2)
    broken = found["broken"]
    assert (broken["source"], broken["file"], broken["version"], broken["stages"]) == ("file", "broken.toml", 0, [])
    assert "stages.go.needs" in broken["problem"] and "line 1" in found["no-toml"]["problem"]
    await door.ask("POST", "/workflows/broken/runs", 404, {"inputs": {}})
