"""Finding things over HTTP: what was written a moment ago, and only what may be seen."""

from __future__ import annotations

import time

from tests.api.doors import BOTH_STORES, Door
from tests.api.tenants import ACME, BETA, tenants
from vapora.settings import Settings


@BOTH_STORES
async def test_tasks_runs_and_comments_are_found(door: Door) -> None:
    project = (await door.project())["id"]
    made = await door.task(project, title="Honour maxRetries of the gateway", description="<b>Payments</b> time out.")
    began = time.perf_counter()
    answer = await door.ask("GET", f"/search?q=gatway%20payment&after={made['position']}", 200)
    assert time.perf_counter() - began < 20
    [item] = [one for one in answer["items"] if one["kind"] == "task"]
    assert (item["id"], item["project_id"], item["link"]) == (made["task_id"], project, f"/t/{made['task_id']}")
    assert item["snippet"] == "<b>Payments</b> time out." and answer["corrected"] == {"gatway": ["gateway"]}
    assert [part["text"] for part in item["parts"] if part["hit"]] == ["Payments"]
    await door.in_state(made["task_id"], "done")
    said = await door.ask("POST", f"/tasks/{made['task_id']}/comments", 201, {"text": "A circuit breaker would do."})
    found = await door.ask("GET", f"/search?q=breaker&kinds=comment&after={said['position']}", 200)
    assert [(one["kind"], one["id"]) for one in found["items"]] == [("comment", said["id"])]
    found = await door.ask("GET", f"/search?q=gateway&kinds=run&after={said['position']}", 200)
    assert [one["task_id"] for one in found["items"]] == [made["task_id"]]
    waits = await door.idle_task(project)
    changed = await door.ask("PATCH", f"/tasks/{waits}", 200, {"title": "Something else"})
    found = await door.ask("GET", f"/search?q=something&kinds=task&after={changed['position']}", 200)
    assert [one["id"] for one in found["items"]] == [waits]


async def test_documents_are_found_also_long_ones_and_not_removed_ones(door: Door) -> None:
    long = f"{'Nothing to see here. ' * 600}The zeppelin lands."
    made = await door.ask("POST", "/documents", 201, {"title": "Airships", "text": long})
    found = await door.ask("GET", f"/search?q=zeppelin&kinds=document&after={made['position']}", 200)
    assert [(one["id"], one["link"]) for one in found["items"]] == [(made["id"], f"/documents/{made['id']}")]
    assert "zeppelin lands." in found["items"][0]["snippet"] and found["items"][0]["project_id"] is None
    gone = await door.ask("DELETE", f"/documents/{made['id']}", 200)
    found = await door.ask("GET", f"/search?q=zeppelin&kinds=document&after={gone['position']}", 200)
    assert found["items"] == []


async def test_bad_questions_are_refused(door: Door) -> None:
    problem = await door.ask("GET", "/search?q=x&kinds=task,people", 422)
    assert "people" in problem["detail"] and "comment" in problem["remedy"]
    for query in ("", "q=", "q=x&limit=0", "q=x&mode=guess", f"q={'x' * 500}"):
        await door.ask("GET", f"/search?{query}", 422)
    assert (await door.ask("GET", "/search?q='%22)(%00*-", 200))["items"] == []


async def test_only_what_one_may_see(settings: Settings) -> None:
    async with tenants(settings) as there:

        async def ask(method: str, path: str, who: str, workspace: str = ACME, json: object = None) -> dict:  # type: ignore[type-arg]
            answer = await there.http.request(
                method, f"/api/v1{path}", json=json, headers=there.headers(who, workspace)
            )
            assert answer.status_code < 300, answer.text
            return answer.json()  # type: ignore[no-any-return]

        made, last = {}, {ACME: 0, BETA: 0}
        for name, who, workspace in (("open", "owner", ACME), ("closed", "owner", ACME), ("foreign", "rival", BETA)):
            project = (await ask("POST", "/projects", who, workspace, {"name": name}))["id"]
            body = {"project_id": project, "title": f"The zeppelin of {name}", "assignee": who}
            last[workspace] = (await ask("POST", "/tasks", who, workspace, body))["position"]
            made[name] = project

        async def titles(who: str, workspace: str = ACME) -> set[str]:
            found = await ask("GET", f"/search?q=zeppelin&after={last[workspace]}", who, workspace)
            return {one["title"] for one in found["items"]}

        assert await titles("viewer") == {"The zeppelin of open", "The zeppelin of closed"}
        assert await titles("rival", BETA) == {"The zeppelin of foreign"}
        assert (await there.http.get("/api/v1/search?q=zeppelin", headers=there.headers("rival"))).status_code == 404
        closed = f'forbid(principal == User::"viewer", action, resource in Project::"{made["closed"]}");'
        assert (await there.policies(closed)).status_code == 200
        assert await titles("viewer") == {"The zeppelin of open"}
        assert await titles("owner") == {"The zeppelin of open", "The zeppelin of closed"}
        narrow = f"/api/v1/search?q=zeppelin&project_id={made['closed']}"
        assert (await there.http.get(narrow, headers=there.headers("viewer"))).status_code == 403
        when = 'when { resource has state && resource.state == "todo" };'
        state = f'forbid(principal == User::"viewer", action == Action::"get_task", resource) {when}'
        answer = await there.policies(state)
        assert answer.status_code == 200, answer.text
        assert await titles("viewer") == set()
