"""What a workspace's own policies forbid somebody to read stands in no list, whichever route gives it; and policies
speak of workflows and their stages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.api.requests import requests
from tests.api.tenants import ACME, Tenants, tenants
from tests.api.test_isolation import served
from tests.api.test_live import connect
from vapora.api import readable_rows
from vapora.api.app import _NOUNS
from vapora.domain.access import ACTIONS
from vapora.settings import Settings
from vapora.views import Page

# Stands in everything of the project that is hidden.
MARK = "Zanzibar"
HIDING = "admin"


@pytest.fixture
async def there(settings: Settings) -> AsyncIterator[Tenants]:
    async with tenants(settings) as found:
        yield found


async def ask(there: Tenants, method: str, path: str, who: str = "owner", body: Any = None, **query: Any) -> Any:
    given = {} if body is None else {"json": body}
    return await there.http.request(method, f"/api/v1{path}", headers=there.headers(who), params=query or None, **given)


async def made(there: Tenants, path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
    answer = await ask(there, method, path, body=body)
    assert answer.is_success, f"{path}: {answer.text}"
    return dict(answer.json())


async def project(there: Tenants, name: str, approval: str) -> tuple[str, set[str]]:
    """One of everything that there may be in a project; ids of what is in it."""
    id_ = (await made(there, "/projects", {"name": name}))["id"]
    await made(there, f"/projects/{id_}/pause", {"reason": name})
    body = {"project_id": id_, "title": f"{name} card", "assignee": "anna"}
    task = (await made(there, "/tasks", body))["task_id"]
    await made(there, f"/tasks/{task}/comments", {"text": name})
    await made(there, "/documents", {"project_id": id_, "title": f"{name} page", "text": name})
    plan = await made(there, "/plans", {"goal": name, "project_id": id_})
    await made(there, f"/schedules/nightly-{name.lower()}", {"cron": "0 3 * * *", "task": body}, "PUT")
    await made(there, f"/budgets/project/{id_}", {"weekly_limit_cents": 100}, "PUT")
    relation = {"problem": name, "cause": name, "task_id": task}
    await made(there, "/knowledge/relations", relation)
    run = (await made(there, f"/workflows/{approval}/runs", {"project_id": id_, "inputs": {"goal": name}}))["id"]
    return id_, {id_, task, plan["id"], plan["task_id"], run, name}


async def gate(there: Tenants, name: str) -> str:
    stages = [{"name": "first", "approval": True}, {"name": "second", "approval": True}]
    return str((await made(there, "/workflows", {"name": name, "stages": stages}))["id"])


async def asked(there: Tenants, run: str, besides: str = "") -> dict[str, Any]:
    position = 0
    while True:
        found = (await ask(there, "GET", "/approvals", workflow_run_id=run)).json()["items"]
        if found and found[0]["id"] != besides:
            return dict(found[0])
        frames = await there.system.projector(ACME).frames(position, timeout_s=10)
        position = frames[-1]["position"] if frames else position


def hidden(project_id: str) -> str:
    return f'forbid(principal == User::"{HIDING}", action, resource in Project::"{project_id}");'


async def test_no_list_has_a_row_of_a_project_that_somebody_must_not_read(there: Tenants) -> None:
    workflow = await gate(there, "Gate")
    _, _ = await project(there, "Open", workflow)
    closed, names = await project(there, MARK, workflow)
    await asyncio.gather(*(asked(there, one) for one in names if one.startswith("workflow-run")))
    assert (await there.policies(hidden(closed))).status_code == 200
    # So that the index has them too.
    after = (await ask(there, "GET", "/position")).json()["position"]
    while (found := await ask(there, "GET", "/search", q=MARK, after=after)).status_code == 504:
        pass  # it waited for the index, some seconds each time
    assert MARK in found.text
    seen, leaks = set(), []
    queries: dict[str, dict[str, Any]] = {
        "search": {"q": MARK},
        "list_ids": {"prefix": closed},
        "get_costs": {"group_by": "project"},
    }
    for one in requests(there.app.openapi(), "thing-1"):
        if one.method != "GET" or "thing-1" in one.path or ACTIONS[one.operation].level != "workspace":
            continue
        path, query = one.path.removeprefix("/api/v1"), queries.get(one.operation, {})
        owners = await ask(there, "GET", path, **query)
        theirs = await ask(there, "GET", path, HIDING, **query)
        if any(name in owners.text for name in names):
            seen.add(one.operation)
        # Policies name it, and whoever set them; who runs the workspace has to see that.
        if one.operation != "get_policies" and (told := [name for name in names if name in theirs.text]):
            leaks.append(f"{one.operation}: {told} in {theirs.text[:300]}")
    assert not leaks, "\n".join(leaks)
    lists = {
        "list_projects", "list_tasks", "get_board", "list_events", "list_audit", "export_audit", "list_documents",
        "list_plans", "list_schedules", "list_workflow_runs", "list_approvals", "list_relations", "list_budgets",
        "list_ids", "search",
    }  # fmt: skip
    assert lists <= seen, lists - seen


async def test_an_event_of_it_is_refused_whoever_names_its_position(there: Tenants) -> None:
    ids = [(await made(there, "/projects", {"name": name}))["id"] for name in ("Open", MARK)]
    for id_ in ids:
        await made(there, "/tasks", {"project_id": id_, "title": f"Card of {id_}", "assignee": "anna"})
    events = (await ask(there, "GET", "/events")).json()["items"]
    closed = {one["position"] for one in events if ids[1] in json.dumps(one)}
    assert (await there.policies(hidden(ids[1]))).status_code == 200
    for one in events:
        expected = 403 if one["position"] in closed else 200
        answer = await ask(there, "GET", f"/events/{one['position']}", HIDING)
        chain = await ask(there, "GET", f"/events/{one['position']}/chain", HIDING)
        assert (answer.status_code, chain.status_code) == (expected, expected), one
        assert expected == 200 or not any(word in answer.text + chain.text for word in (ids[1], MARK))
    assert closed and len(closed) < len(events)


async def test_a_live_socket_says_nothing_of_it_and_says_the_rest(there: Tenants) -> None:
    ids = [(await made(there, "/projects", {"name": name}))["id"] for name in ("Open", MARK)]
    assert (await there.policies(hidden(ids[1]))).status_code == 200
    async with served(there.app) as port, connect(f"ws://127.0.0.1:{port}/api/v1/live") as client:
        token = there.headers(HIDING)["Authorization"].removeprefix("Bearer ")
        await client.send(json.dumps({"token": token, "workspace": ACME, "after": 0}))
        heard = ""
        for project_id in (ids[1], ids[0]):
            body = {"project_id": project_id, "title": f"Card of {project_id}", "assignee": "anna"}
            last = (await made(there, "/tasks", body))["task_id"]
        while last not in heard:
            heard += str(await client.recv())
    assert ids[0] in heard and ids[1] not in heard and MARK not in heard


async def test_a_page_is_filled_up_and_its_cursor_goes_on_behind_it(there: Tenants) -> None:
    ids = [(await made(there, "/projects", {"name": name}))["id"] for name in ("Open", MARK)]
    wanted = []
    for number in range(12):
        body = {"project_id": ids[number % 3 > 0], "title": f"Card {number}", "assignee": "anna"}
        task = (await made(there, "/tasks", body))["task_id"]
        wanted += [task] if number % 3 == 0 else []
    assert (await there.policies(hidden(ids[1]))).status_code == 200
    sizes, found, cursor = [], [], None
    while True:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await ask(there, "GET", "/tasks", HIDING, **query)).json()
        sizes.append(len(page["items"]))
        found += [one["id"] for one in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert found == wanted[::-1]
    assert sizes[0] == 3 and sum(sizes) == 4


def test_every_list_of_rows_that_belong_to_a_project_is_filtered() -> None:
    """By what its rows hold: one that names a project, a card or a run of a workflow, and whose path names none."""
    of_nouns = [one for noun in _NOUNS for one in noun.router.routes if isinstance(one, APIRoute)]
    routes = [one for one in of_nouns if "GET" in (one.methods or ()) and readable_rows.row_of(one) is not None]
    assert len(routes) > 30
    for route in routes:
        row = readable_rows.row_of(route)
        assert row is not None
        named = {"project_id", "task_id", "workflow_run_id"} & row.model_fields.keys()
        is_list = issubclass(route.response_model, Page)
        if is_list and named and "{" not in route.path and ACTIONS[route.name].level == "workspace":
            assert getattr(route.endpoint, "_hides", False), f"{route.name}: say in ROWS what its rows are about"


async def test_policies_say_who_starts_steers_and_decides_which_stage_of_which_workflow(there: Tenants) -> None:
    release, other = await gate(there, "Release"), await gate(there, "Other")
    open_, closed = [(await made(there, "/projects", {"name": name}))["id"] for name in ("Open", "Closed")]
    text = f"""
        forbid(principal == User::"member", action == Action::"start_workflow_run", resource == Workflow::"{release}");
        forbid(principal == User::"member", action == Action::"start_workflow_run", resource in Project::"{closed}");
        forbid(principal == User::"admin", action in Action::"steer", resource in Workflow::"{release}");
        forbid(principal == User::"admin", action == Action::"skip_stage", resource is Stage)
        when {{ resource.name == "second" }};
        forbid(principal, action == Action::"decide_approval", resource is Stage)
        when {{ resource in Workflow::"{release}" && resource.name == "second" }}
        unless {{ principal == User::"owner" }};
    """
    answer = await there.policies(text)
    assert answer.status_code == 200, answer.text

    async def start(workflow: str, project_id: str, who: str) -> Any:
        return await ask(there, "POST", f"/workflows/{workflow}/runs", who, {"project_id": project_id})

    assert (await start(release, open_, "member")).status_code == 403
    assert (await start(other, closed, "member")).status_code == 403
    assert (await start(other, open_, "member")).status_code == 202
    run = (await start(release, open_, "owner")).json()["id"]
    another = (await start(other, open_, "owner")).json()["id"]
    first = await asked(there, run)
    await asked(there, another)
    for word in ("pause", "cancel", "stages/first/skip"):
        body = {"reason": "No"} if word.endswith("skip") else None
        assert (await ask(there, "POST", f"/workflow-runs/{run}/{word}", "admin", body)).status_code == 403, word
    skip = {"reason": "Not now"}
    assert (await ask(there, "POST", f"/workflow-runs/{another}/stages/second/skip", "admin", skip)).status_code == 403
    assert (await ask(there, "POST", f"/workflow-runs/{another}/stages/first/skip", "admin", skip)).status_code == 200

    async def decide(approval: dict[str, Any], who: str) -> int:
        body = {"decision": "approve", "seen": approval["seen"]}
        return int((await ask(there, "POST", f"/approvals/{approval['id']}", who, body)).status_code)

    assert await decide(first, "admin") == 200
    second = await asked(there, run, first["id"])
    assert await decide(second, "admin") == 403
    assert await decide(second, "owner") == 200
    # A run that is not there is told so, whoever asks.
    assert (await ask(there, "GET", "/workflow-runs/nothing", "admin")).status_code == 404
