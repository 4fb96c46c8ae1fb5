"""Lists have one form: `limit`, `cursor`, `sort`, `{items, next}`."""

from __future__ import annotations

from typing import Any

from tests.api.doors import API, BOTH_STORES, Door
from tests.api.test_refusals import check_problem
from vapora.api.openapi import operations


async def pages(door: Door, path: str, limit: int, **params: Any) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"limit": limit, **params}
    while True:
        page = await door.ask("GET", path, 200, params=asked)
        assert set(page) == {"items", "next"} and len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        asked["cursor"] = page["next"]


async def test_every_list_takes_a_limit_and_a_cursor(door: Door) -> None:
    document = (await door.http.get("/openapi.json")).json()
    for path, method, operation in operations(document):
        answer = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if method == "get" and answer.get("$ref", "").rpartition("/")[2].startswith("Page_"):
            names = {one["name"] for one in operation["parameters"]}
            assert {"limit", "cursor"} <= names, path


async def test_a_list_in_pages_is_the_list(door: Door) -> None:
    made = [(await door.project(name=f"Project {number}"))["id"] for number in range(5)]
    task = (await door.task(made[0]))["task_id"]
    card = await door.in_state(task, "done")
    run = card["runs"][0]["run_id"]
    await door.ask("PUT", f"/budgets/project/{made[0]}", 200, {"monthly_limit_cents": 10})
    for path, params in (
        ("/projects", {}),
        ("/agents", {}),
        ("/budgets", {}),
        ("/costs", {"group_by": "provider,role"}),
        ("/roles", {}),
        ("/task-types", {}),
        (f"/tasks/{task}/runs", {}),
        (f"/runs/{run}/artifacts", {}),
        ("/tasks", {}),
        ("/events", {}),
        ("/ids", {"prefix": "p"}),
    ):
        whole = (await door.ask("GET", path, 200, params={"limit": 500, **params}))["items"]
        assert await pages(door, path, 3, **params) == whole, path
        assert whole, path


async def test_lists_come_in_the_order_that_is_asked_for(door: Door) -> None:
    for name in ("Beta", "alpha", "Gamma"):
        await door.project(name=name)
    named = [one["name"] for one in await pages(door, "/projects", 2, sort="name")]
    assert named == ["alpha", "Beta", "Gamma"]
    assert [one["name"] for one in await pages(door, "/projects", 2, sort="-name")] == named[::-1]
    roles = [one["role"] for one in await pages(door, "/agents", 5, sort="-role")]
    assert roles == sorted(roles, reverse=True)
    check_problem(await door.http.get(f"{API}/agents", params={"sort": "age"}), 422, "invalid-request")


@BOTH_STORES
async def test_tasks_are_listed_by_age_change_and_priority(door: Door) -> None:
    project = (await door.project())["id"]
    idle = await door.idle_task(project)
    made = [idle]
    for priority in (10, 90, 10):
        made.append((await door.task(project, blocked_by=[idle], priority=priority))["task_id"])
    changed = await door.ask("PATCH", f"/tasks/{made[1]}", 200, {"description": "More."})
    asked = {"project_id": project, "state": "todo", "after": changed["position"]}

    async def ids(sort: str) -> list[str]:
        return [one["id"] for one in await pages(door, "/tasks", 2, **asked, sort=sort)]

    assert await ids("created") == made
    assert await ids("-created") == made[::-1]
    assert (await ids("-updated"))[0] == made[1]
    assert await ids("updated") == (await ids("-updated"))[::-1]
    assert await ids("-priority") == [made[2], made[0], made[3], made[1]]
    assert await ids("priority") == [made[1], made[3], made[0], made[2]]
    wrong = await door.http.get(f"{API}/tasks", params={"sort": "-priority", "cursor": "12"})
    check_problem(wrong, 422, "invalid-request")


async def test_a_cursor_that_names_nothing_is_refused_with_what_to_do(door: Door) -> None:
    for path in ("/projects", "/agents", "/budgets", "/costs", "/roles"):
        problem = check_problem(await door.http.get(API + path, params={"cursor": "nobody"}), 422, "invalid-request")
        assert "Start without one" in problem["remedy"]


@BOTH_STORES
async def test_cards_are_found_by_their_labels(door: Door) -> None:
    project = (await door.project())["id"]
    idle = await door.idle_task(project)
    first = await door.task(project, blocked_by=[idle], labels=["mobile", "sprint 7"])
    second = await door.task(project, blocked_by=[idle], labels=["mobile"])
    card = await door.ask("GET", f"/tasks/{first['task_id']}", 200, params={"after": second["position"]})
    assert card["labels"] == ["mobile", "sprint 7"]

    async def found(label: str, after: int = 0) -> list[str]:
        asked = {"label": label, "after": after, "project_id": project}
        board = await door.ask("GET", "/board", 200, params=asked)
        listed = await door.ask("GET", "/tasks", 200, params=asked)
        on_board = [one["id"] for one in board["columns"]["todo"]]
        assert sorted(on_board) == sorted(one["id"] for one in listed["items"])
        return on_board

    assert await found("mobile") == [first["task_id"], second["task_id"]]
    assert await found("sprint 7") == [first["task_id"]]
    assert await found("sprint") == []
    edited = await door.ask("PATCH", f"/tasks/{first['task_id']}", 200, {"labels": ["web"]})
    assert await found("mobile", edited["position"]) == [second["task_id"]]
    assert await found("web") == [first["task_id"]]
    before = await door.ask("GET", "/board", 200, params={"label": "mobile", "at": second["position"]})
    assert len(before["columns"]["todo"]) == 2
    audit = await door.ask("GET", "/audit", 200, params={"resource": f"task:{first['task_id']}"})
    assert audit["items"][0]["details"] == "labelled web"


async def test_too_many_labels_or_too_long_ones_are_refused(door: Door) -> None:
    project = (await door.project())["id"]
    for labels in (["x" * 51], [str(number) for number in range(21)], ["a,b"], [""]):
        body = {"project_id": project, "title": "Write it", "labels": labels}
        check_problem(await door.http.post(f"{API}/tasks", json=body), 422, "invalid-request")
