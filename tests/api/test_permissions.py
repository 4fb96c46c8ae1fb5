"""Every operation, asked for by everybody: the running API answers as the policies say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from events.access import AccessDenied
from events.ids import ACCESS, PEOPLE, MemberRole
from tests.api.requests import Asked, requests
from tests.api.tenants import ACME, BETA, Tenants, tenants
from vapora.access import Engine
from vapora.api.problems import MEDIA_TYPE
from vapora.domain.access import ACTIONS, INSTALLATION, Principal, Question, workspace_resource
from vapora.log.client import LogClient
from vapora.settings import Settings

WHO = {
    "": Principal("Visitor", "visitor"),
    "stranger": Principal("User", "stranger"),
    "administrator": Principal("User", "administrator", administrator=True),
    **{one.value: Principal("User", one.value, one) for one in MemberRole},
    "token": Principal("Token", "token", MemberRole.MEMBER),
}
# They would end what is being looked at; who may is asked of the engine above.
LEFT_OUT = {"delete_workspace"}


@pytest.fixture
async def there(settings: Settings) -> AsyncIterator[Tenants]:
    async with tenants(settings) as found:
        yield found


async def ask(there: Tenants, asked: Asked, who: str, workspace: str = ACME) -> httpx.Response:
    """With a body that no operation takes: what is allowed is refused as wrong, and changes nothing."""
    headers, given = there.headers(who, workspace), asked.given([])
    return await there.http.request(asked.method, asked.path, params=asked.query, headers=headers, **given)


def outcome(answer: httpx.Response) -> str:
    """What of it the policies decided."""
    body = answer.json() if answer.headers.get("content-type", "") == MEDIA_TYPE else {}
    said = body.get("detail", "")
    if answer.status_code == 401:
        return "unauthenticated"
    if answer.status_code == 403:
        assert body["code"] == "forbidden", answer.text
        return "forbidden"
    if answer.status_code == 404 and said.startswith("There is no workspace"):
        return "no workspace"
    assert answer.status_code < 500 and answer.status_code != 429, answer.text
    return "allowed"


def expected(engine: Engine, action: str, asks: Principal) -> str:
    group = ACTIONS[action]
    if asks.kind == "Visitor" and group.name != "enter":
        return "unauthenticated"
    there = INSTALLATION
    if group.level == "workspace":
        if asks.role is None:
            return "no workspace"
        there = workspace_resource(ACME)
    return "allowed" if engine.may(Question(asks, action, there)) else "forbidden"


def every(there: Tenants, workspace: str = ACME) -> Iterator[Asked]:
    for one in requests(there.app.openapi(), "nothing-1"):
        if one.operation not in LEFT_OUT:
            # What is the workspace itself is found in the path.
            yield replace(one, path=one.path.replace("/workspaces/nothing-1", f"/workspaces/{workspace}"))


async def test_the_api_answers_as_the_policies_say_in_ones_own_workspace_and_in_another(there: Tenants) -> None:
    engine, wrong = Engine(), dict[tuple[str, str], Any]()
    for asked in every(there):
        for who, asks in WHO.items():
            found, wanted = outcome(await ask(there, asked, who)), expected(engine, asked.operation, asks)
            if found != wanted:
                wrong[asked.operation, who] = (found, wanted)
    for asked in every(there, BETA):
        for who in ("owner", "token"):
            foreign = replace(WHO[who], role=None)
            found = outcome(await ask(there, asked, who, BETA))
            if found != (wanted := expected(engine, asked.operation, foreign)):
                wrong[asked.operation, f"{who} in beta"] = (found, wanted)
    assert wrong == {}


async def test_what_a_route_does_only_sometimes_is_asked_apart(there: Tenants) -> None:
    for who, repo, status in (("member", None, 201), ("member", "/tmp/x", 403), ("viewer", None, 403)):
        body = {"name": "Parser"} | ({"repo": repo, "setup": ["true"]} if repo else {})
        answer = await there.http.post("/api/v1/projects", json=body, headers=there.headers(who))
        assert answer.status_code == status, answer.text
    assert "at least the role member; yours is viewer" in answer.json()["remedy"]


async def test_own_policies_are_checked_hold_at_once_and_only_in_their_workspace(there: Tenants) -> None:
    project = {"name": "Parser"}

    async def make(who: str, workspace: str) -> int:
        answer = await there.http.post("/api/v1/projects", json=project, headers=there.headers(who, workspace))
        return answer.status_code

    refused = await there.policies('\nforbid(principal, action == Action::"fly", resource);')
    assert refused.status_code == 422
    assert "Line 2" in refused.json()["detail"]
    text = '@id("freeze")\nforbid(principal, action == Action::"create_project", resource);'
    answer = await there.policies(text)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["text"], answer.headers["vapora-position"]) == (text, str(answer.json()["position"]))
    assert [await make("owner", ACME), await make("rival", BETA)] == [403, 201]
    shown = await there.http.get("/api/v1/policies", headers=there.headers("viewer"))
    assert shown.json()["text"] == text
    assert '@id("viewers-look")' in shown.json()["shipped"]
    await there.policies("")
    assert await make("owner", ACME) == 201


async def test_me_names_what_one_may_do(there: Tenants) -> None:
    async def actions(who: str, workspace: str = ACME) -> set[str]:
        answer = await there.http.get("/api/v1/auth/me", headers=there.headers(who, workspace))
        return set(answer.json()["actions"])

    assert "list_tasks" in await actions("viewer")
    assert "submit_task" not in await actions("viewer")
    assert {"merge_task", "create_project"} <= await actions("member")
    assert "create_project:commands" in await actions("admin") - await actions("member")
    assert not any(ACTIONS[one].level == "workspace" for one in await actions("owner", BETA))


async def test_refusals_stand_in_the_log_once_and_floods_are_counted(there: Tenants) -> None:
    async def denied(workspace: str) -> list[tuple[str, str, str, int]]:
        events = await LogClient(there.system.log(workspace), workspace).read(ACCESS)
        return [
            (one.event.principal, one.event.action, one.event.resource, one.event.count)
            for one in events
            if isinstance(one.event, AccessDenied)
        ]

    for _ in range(20):
        await there.http.post("/api/v1/tasks/task-1/approve", json={}, headers=there.headers("viewer"))
        await there.http.get("/api/v1/tasks", headers=there.headers("owner", BETA))
        await there.http.get("/api/v1/tasks", headers=there.headers("owner", "nowhere"))
    assert await denied(ACME) == [("user:viewer", "approve_task", "task/task-1", 1)]
    await there.app.state.denials.close()
    assert await denied(ACME) == [
        ("user:viewer", "approve_task", "task/task-1", 1),
        ("user:viewer", "approve_task", "task/task-1", 19),
    ]
    assert await denied(BETA) == []
    assert await denied(PEOPLE) == [
        ("user:owner", "list_tasks", "workspace/beta", 1),
        ("user:owner", "list_tasks", "workspace/beta", 19),
    ]


async def test_who_looks_at_the_trail_stands_in_it_and_it_can_be_taken_out(there: Tenants, tmp_path: Path) -> None:
    seen = there.headers("admin")
    found = await there.http.get("/api/v1/audit", params={"actor": "user:*", "result": "failure"}, headers=seen)
    assert found.status_code == 200, found.text
    viewed = await LogClient(there.system.log(ACME), ACME).last_position(ACCESS)
    lines = await there.http.get("/api/v1/audit", params={"action": "view-*", "after": viewed}, headers=seen)
    assert [one["details"] for one in lines.json()["items"]][-1] == "actor=user:*, result=failure"
    csv = await there.http.get("/api/v1/audit/export", params={"format": "csv", "last": viewed}, headers=seen)
    assert csv.text.startswith("position,timestamp,actor,action")
    assert str(viewed) in csv.text.splitlines()[-1]
    people = await there.http.get("/api/v1/people/audit", headers=there.headers("administrator"))
    assert {one["resource_type"] for one in people.json()["items"]} >= {"user", "workspace", "member", "token"}
    exported = await there.http.get("/api/v1/people/audit/export", headers=there.headers("administrator"))
    assert exported.headers["content-type"].startswith("application/x-ndjson")
    assert len(exported.text.splitlines()) >= len(people.json()["items"])
