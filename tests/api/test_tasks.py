from __future__ import annotations

from tests.api.doors import BOTH_STORES, Door

pytestmark = BOTH_STORES


async def test_a_task_goes_from_post_to_done_under_one_correlation(door: Door) -> None:
    project = await door.project()
    headers = {"X-Correlation-Id": "my request 1"}
    body = {"project_id": project["id"], "title": "Write a parser", "review": "none", "context": '{"depth": [1, {}]}'}
    answer = await door.http.post("/api/v1/tasks", json=body, headers=headers)
    assert answer.status_code == 202
    accepted = answer.json()
    assert answer.headers["vapora-position"] == str(accepted["position"])
    assert answer.headers["x-correlation-id"] == "my request 1"

    card = await door.in_state(accepted["task_id"], "done")
    assert card["context"] == {"depth": [1, {}]}
    assert card["task_type"] == "code-generation"
    assert card["simulated"] is True
    assert card["cost_microusd"] > 0
    assert card["waiting"] is None
    assert card["assigned_agent"] == card["runs"][0]["agent_id"]

    found = await door.ask("GET", "/events", 200, params={"correlation": "my request 1", "limit": 500})
    topics = [event["topic"] for event in found["items"]]
    for topic in ("task.submitted", "task.assigned", "run.started", "run.model-called", "task.completed"):
        assert topic in topics
    assert {event["workspace"] for event in found["items"]} == {"default"}


async def test_why_a_task_went_as_it_did_stands_in_order(door: Door) -> None:
    project = await door.project()
    task = await door.task(project["id"])
    card = await door.in_state(task["task_id"], "done")
    path = f"/tasks/{task['task_id']}/why"
    decisions = (await door.ask("GET", path, 200, params={"after": card["position"]}))["decisions"]
    assert {one["kind"] for one in decisions} == {"agent", "provider", "budget"}
    assert [one["position"] for one in decisions] == sorted(one["position"] for one in decisions)
    agent = next(one for one in decisions if one["kind"] == "agent")
    assert len(agent["candidates"]) == 12
    assert agent["chosen"] in [candidate["id"] for candidate in agent["candidates"] if not candidate["excluded"]]
    assert 0 < agent["propensity"] <= 1


async def test_the_runs_of_a_task_and_what_they_made_can_be_read(door: Door) -> None:
    project = await door.project()
    task = await door.task(project["id"])
    await door.in_state(task["task_id"], "done")
    [run] = (await door.ask("GET", f"/tasks/{task['task_id']}/runs", 200))["items"]
    assert run["state"] == "succeeded"
    assert run["steps_done"] == len(run["steps"])
    assert (await door.ask("GET", f"/runs/{run['run_id']}", 200)) == run
    artifacts = (await door.ask("GET", f"/runs/{run['run_id']}/artifacts", 200))["items"]
    assert artifacts
    path = f"/api/v1/runs/{run['run_id']}/artifacts/{artifacts[0]['name']}"
    read = await door.http.get(path)
    assert read.status_code == 200
    assert read.headers["content-type"].startswith("text/plain")
    assert len(read.content) == artifacts[0]["size"]
    await door.ask("GET", f"/runs/{run['run_id']}/artifacts/nothing.md", 404)
    await door.ask("GET", "/runs/none.1", 404)


async def test_reviewed_work_is_approved_or_sent_back(door: Door) -> None:
    project = await door.project()
    task = (await door.task(project["id"], review="human"))["task_id"]
    waiting = await door.in_state(task, "review")
    assert waiting["waiting"]["reason"] == "human"
    assert waiting["waiting"]["remedy"]

    rejected = await door.ask("POST", f"/tasks/{task}/move", 200, {"state": "todo", "comment": "No tests"})
    assert rejected["id"] == task
    again = await door.card(task, lambda card: card["state"] == "review" and len(card["runs"]) == 2)
    assert again["comment"] == "No tests"
    await door.ask("POST", f"/tasks/{task}/move", 200, {"state": "done"})
    await door.in_state(task, "done")

    refused = await door.ask("POST", f"/tasks/{task}/move", 409, {"state": "todo"})
    assert "archived" in refused["remedy"]
    await door.ask("DELETE", f"/tasks/{task}", 200)
    await door.in_state(task, "archived")
    await door.ask("POST", f"/tasks/{task}/move", 409, {"state": "todo"})


async def test_a_task_is_edited_and_reordered(door: Door) -> None:
    project = await door.project()
    idle = await door.idle_task(project["id"])
    other = (await door.task(project["id"], title="Last of all", blocked_by=[idle]))["task_id"]
    edited = await door.ask("PATCH", f"/tasks/{idle}", 200, {"title": "Write a lexer", "priority": 90})
    card = await door.ask("GET", f"/tasks/{idle}", 200, params={"after": edited["position"]})
    assert (card["title"], card["priority"], card["state"]) == ("Write a lexer", 90, "todo")
    assert card["waiting"]["reason"] == "dependency"

    moved = await door.ask("POST", f"/tasks/{other}/move", 200, {"state": "todo", "before": idle})
    board = await door.ask("GET", "/board", 200, params={"after": moved["position"]})
    assert [one["id"] for one in board["columns"]["todo"]] == [other, idle]


async def test_a_deadline_is_taken_away_by_null_which_nothing_else_takes(door: Door) -> None:
    project = await door.project()
    task = (await door.task(project["id"], review="human", deadline="2030-01-01T00:00:00Z"))["task_id"]
    await door.in_state(task, "review")
    kept = await door.ask("PATCH", f"/tasks/{task}", 200, {"title": "Another title"})
    card = await door.ask("GET", f"/tasks/{task}", 200, params={"after": kept["position"]})
    assert card["deadline"] == "2030-01-01T00:00:00Z"
    emptied = await door.ask("PATCH", f"/tasks/{task}", 200, {"deadline": None})
    card = await door.ask("GET", f"/tasks/{task}", 200, params={"after": emptied["position"]})
    assert card["deadline"] is None
    for field in ("title", "description", "type", "priority", "review", "blocked_by"):
        problem = await door.ask("PATCH", f"/tasks/{task}", 422, {field: None})
        assert problem["errors"][0]["field"] == field
    await door.ask("PATCH", "/agents/tester", 422, {"capacity": None})


async def test_a_ring_of_dependencies_is_a_conflict_that_names_it(door: Door) -> None:
    project = await door.project()
    first = await door.idle_task(project["id"])
    second = (await door.task(project["id"], blocked_by=[first]))["task_id"]
    problem = await door.ask("PATCH", f"/tasks/{first}", 409, {"blocked_by": [second]})
    assert problem["type"] == "urn:vapora:problem:dependency-ring"
    assert f"{first} → {second} → {first}" in problem["detail"]
    assert (await door.ask("GET", f"/tasks/{second}", 200))["waiting"]["reason"] == "dependency"


async def test_tasks_are_listed_by_filter_and_in_pages(door: Door) -> None:
    project, other = await door.project(), await door.project(name="Other")
    idle = await door.idle_task(project["id"])
    made = [await door.task(project["id"], blocked_by=[idle], role="tester", task_type="unit-test") for _ in range(3)]
    last = await door.task(other["id"], blocked_by=[idle])
    query = {"after": last["position"], "project_id": project["id"], "role": "tester", "state": "todo", "limit": 2}
    first = await door.ask("GET", "/tasks", 200, params=query)
    rest = await door.ask("GET", "/tasks", 200, params={**query, "cursor": first["next"]})
    assert rest["next"] is None
    listed = [one["id"] for one in first["items"] + rest["items"]]
    assert listed == [one["task_id"] for one in reversed(made)]
    await door.ask("GET", "/tasks", 404, params={"project_id": "project-none"})


async def test_an_instant_without_a_zone_is_taken_as_utc(door: Door) -> None:
    project = await door.project()
    task = await door.task(project["id"], deadline="2030-01-02T03:04:05")
    card = await door.ask("GET", f"/tasks/{task['task_id']}", 200, params={"after": task["position"]})
    assert card["deadline"].startswith("2030-01-02T03:04:05")
    assert card["deadline"].endswith(("Z", "+00:00"))
