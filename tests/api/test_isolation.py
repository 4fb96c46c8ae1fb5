"""Whatever somebody asks about another workspace, they hear what they would hear of one that does not exist."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from events.ids import MemberRole
from tests.api.requests import Asked, requests
from tests.api.tenants import ACME, BETA, Tenants, tenants
from vapora.api.gate import Admitted, Gate
from vapora.api.people import People
from vapora.domain import access
from vapora.domain.access import ACTIONS
from vapora.settings import Settings

UNKNOWN = "nothing-here"
# Its id is that of the agent that is to be made.
NAMES_WHAT_IS_NEW = {"register_agent"}
# What an answer may say of the request itself.
_VARYING = ("x-correlation-id", "date", "content-length")


@dataclass(frozen=True)
class Known:
    """Ids of things in beta."""

    project: str
    task: str
    run: str
    agent: str
    blocker: str


@pytest.fixture
async def there(settings: Settings) -> AsyncIterator[Tenants]:
    async with tenants(settings) as found:
        yield found


async def make(there: Tenants, who: str, workspace: str) -> Known:
    """A project, a task that was worked on, one that waits, and an agent."""

    async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await there.http.post(f"/api/v1{path}", json=body, headers=there.headers(who, workspace))
        assert answer.is_success, answer.text
        return dict(answer.json())

    project = (await post("/projects", {"name": "Parser"}))["id"]
    agent = (await post("/agents", {"role": "tester", "name": "Rita", "id": f"rita-of-{workspace}"}))["id"]
    body = {"project_id": project, "title": "Write a parser", "review": "human"}
    task = (await post("/tasks", body))["task_id"]
    runs: list[dict[str, Any]] = []
    position = 0
    while not (runs and runs[0]["state"] != "running"):
        frames = await there.system.projector(workspace).frames(position, timeout_s=10)
        position = frames[-1]["position"] if frames else position
        found = await there.http.get(f"/api/v1/tasks/{task}/runs", headers=there.headers(who, workspace))
        runs = found.json()["items"]
    blocker = (await post("/tasks", {**body, "blocked_by": [task]}))["task_id"]
    return Known(project, task, str(runs[0]["run_id"]), agent, blocker)


def told(answer: httpx.Response, *names: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text, without the names that the request itself brought."""
    text = answer.text
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "<id>")
    headers = {
        key: value
        for key, value in answer.headers.items()
        if key.lower() not in _VARYING and not key.lower().startswith("ratelimit")
    }
    return answer.status_code, headers, text


async def send(there: Tenants, asked: Asked, who: str, workspace: str) -> httpx.Response:
    given = asked.given(asked.body)
    headers = there.headers(who, workspace)
    return await there.http.request(asked.method, asked.path, params=asked.query, headers=headers, **given)


def pairs(there: Tenants, ids: Known) -> Iterator[tuple[Asked, Asked, str, str]]:
    """Each operation of a workspace that takes ids, with one of theirs and with one that nobody has; and both ids."""
    document = there.app.openapi()
    for kind in ids.__dataclass_fields__:
        name = str(getattr(ids, kind))
        # Of the same form: `task-1.1` is the id of a run.
        unknown = f"{UNKNOWN}.1" if kind == "run" else UNKNOWN
        for theirs, nobodys in zip(requests(document, name), requests(document, unknown), strict=True):
            if theirs.operation in NAMES_WHAT_IS_NEW:
                continue
            if ACTIONS[theirs.operation].level == "workspace" and theirs != nobodys:
                yield theirs, nobodys, name, unknown


async def differences(there: Tenants, ids: Known, who: str) -> list[str]:
    found = []
    for theirs, nobodys, name, unknown in pairs(there, ids):
        one, other = await send(there, theirs, who, ACME), await send(there, nobodys, who, ACME)
        if (first := told(one, name)) != (second := told(other, unknown)):
            found.append(f"{theirs.operation} {theirs.path}: {first} | {second}")
    return found


async def workspaces(there: Tenants, who: str) -> list[str]:
    """Operations whose answer tells beta from a workspace that does not exist."""
    found = []
    for asked in requests(there.app.openapi(), "thing-1"):
        if ACTIONS[asked.operation].level == "workspace":
            theirs, nobodys = (
                replace(asked, path=asked.path.replace("/workspaces/thing-1", f"/workspaces/{name}"))
                for name in (BETA, UNKNOWN)
            )
            one, other = await send(there, theirs, who, BETA), await send(there, nobodys, who, UNKNOWN)
            if told(one, BETA) != told(other, UNKNOWN):
                found.append(f"{asked.operation}: {told(one, BETA)} | {told(other, UNKNOWN)}")
    return found


class Leaky(Gate):
    """A planted fault: it takes everybody for an owner, wherever they ask."""

    def _place(self, directory: Any, caller: Any, action: str, workspace: str, correlation: str) -> Admitted | None:
        admitted = super()._place(directory, caller, action, "", correlation)
        if admitted is None or not workspace:
            return admitted
        owner = replace(admitted.principal, role=MemberRole.OWNER)
        return replace(admitted, principal=owner, resource=access.workspace_resource(workspace))


class LeakyPeople(People):
    async def require_reach(self, caller: Any, workspace: str) -> None:
        """Everybody reaches everything."""


async def test_ids_of_another_workspace_are_unknown_ids_and_it_is_an_unknown_workspace(there: Tenants) -> None:
    ids = await make(there, "rival", BETA)
    mine = await make(there, "owner", ACME)
    found = await differences(there, ids, "owner")
    assert not found, "\n".join(found)
    assert await workspaces(there, "owner") == []
    assert await workspaces(there, "token") == []
    # What is compared is not a refusal of everything: with ids of one's own the same requests find something.
    own = [(await send(there, theirs, "owner", ACME)).status_code for theirs, _, _, _ in pairs(there, mine)]
    assert sum(status < 300 for status in own) > 30
    # Nothing of it took effect there.
    listed = await there.http.get("/api/v1/tasks", headers=there.headers("rival", BETA))
    assert {one["id"] for one in listed.json()["items"]} == {ids.task, ids.blocker}


async def test_a_missing_filter_is_found(there: Tenants) -> None:
    gate: Gate = there.app.state.gate
    there.app.state.gate = Leaky(gate.engine, gate._people, gate._cells, gate.denials, gate._clock)
    honest = there.app.state.people
    there.app.state.people = LeakyPeople(there.system, gate._clock)
    found = await workspaces(there, "owner")
    await there.app.state.people.close()
    there.app.state.people = honest
    assert len(found) > 50
