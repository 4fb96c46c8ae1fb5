"""Whatever somebody asks about another workspace, they hear what they would hear of one that does not exist."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from events.ids import MemberRole
from tests.api.requests import Asked, requests
from tests.api.tenants import ACME, BETA, Tenants, tenants
from tests.api.test_live import connect as websocket
from tests.waiting import DEADLINE_S
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
        # An approval's id begins with that of a run of a workflow, which an answer may name alone.
        names = [(given, given.removesuffix(".1")) for given in (name, unknown)]
        if (first := told(one, *names[0])) != (second := told(other, *names[1])):
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


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """On a port of this machine."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0)
    yield int(listening.getsockname()[1])
    server.should_exit = True
    await serving


async def raw(port: int, target: str, headers: dict[str, str], first: dict[str, Any] | None) -> tuple[bytes, bytes]:
    """What a socket is sent until the server closes it: the head of the answer without its date, and all frames."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fixed = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade"}
    fixed |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (fixed | headers).items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(DEADLINE_S):
        head = await reader.readuntil(b"\r\n\r\n")
        if first is not None:
            # One masked frame of text; with a mask of zeros it stands there as it is.
            text = json.dumps(first).encode()
            length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
            writer.write(b"\x81" + length + bytes(4) + text)
        # The close frame alone: the connection itself ends only when the client has answered it.
        start = await reader.readexactly(2)
        frames = start + await reader.readexactly(start[1])
    writer.close()
    return re.sub(rb"(?im)^date:.*\r\n", b"", head), frames


async def test_a_socket_says_of_another_workspace_byte_for_byte_what_it_says_of_none(there: Tenants) -> None:
    await make(there, "rival", BETA)
    # As long as the other name: a frame says how long it is.
    nowhere = "zeta"
    assert len(nowhere) == len(BETA)
    async with served(there.app) as port:

        async def said(who: str, workspace: str, way: str, after: int | None) -> tuple[bytes, bytes]:
            token = there.headers(who)["Authorization"]
            headers: dict[str, str] = {}
            first: dict[str, Any] = {}
            query: list[str] = []
            if way == "handshake":
                headers["Authorization"] = token
            else:
                first["token"] = token.removeprefix("Bearer ")
            if way == "address":
                query.append(f"workspace={workspace}")
            elif way == "handshake":
                headers["Vapora-Workspace"] = workspace
            else:
                first["workspace"] = workspace
            if after is not None and way == "frame":
                first["after"] = after
            elif after is not None:
                query.append(f"after={after}")
            target = "/api/v1/live" + (f"?{'&'.join(query)}" if query else "")
            head, frames = await raw(port, target, headers, first if way != "handshake" else None)
            assert frames[:1] == b"\x88", frames
            return head, frames.replace(workspace.encode(), b"____")

        for who in ("owner", "stranger", "administrator", "token"):
            for way in ("frame", "address", "handshake"):
                for after in (None, 0, 1, 10**9):
                    theirs, nobodys = await said(who, BETA, way, after), await said(who, nowhere, way, after)
                    assert theirs == nobodys, (who, way, after)
        # It is no refusal of everything: who belongs there is told of what there is.
        async with websocket(f"ws://127.0.0.1:{port}/api/v1/live") as client:
            token = there.headers("rival")["Authorization"].removeprefix("Bearer ")
            await client.send(json.dumps({"token": token, "workspace": BETA, "after": 0}))
            assert json.loads(await client.recv())["rows"]


async def test_a_socket_that_lets_everybody_in_is_found(there: Tenants) -> None:
    gate: Gate = there.app.state.gate
    there.app.state.gate = Leaky(gate.engine, gate._people, gate._cells, gate.denials, gate._clock)
    async with served(there.app) as port:
        token = there.headers("owner")["Authorization"].removeprefix("Bearer ")
        _, theirs = await raw(port, "/api/v1/live", {}, {"token": token, "workspace": BETA, "after": 0})
        _, nobodys = await raw(port, "/api/v1/live", {}, {"token": token, "workspace": "zeta", "after": 0})
    assert theirs[:1] != nobodys[:1]


async def test_an_archived_workspace_refuses_every_write_at_the_gate(there: Tenants) -> None:
    owner, rival = there.headers("owner"), there.headers("rival")
    archived = await there.http.patch(f"/api/v1/workspaces/{ACME}", json={"archived": True}, headers=owner)
    assert archived.status_code == 200, archived.text
    sentences, taken = set(), set()
    for asked in requests(there.app.openapi(), "thing-1"):
        if ACTIONS[asked.operation].level != "workspace":
            continue
        asked = replace(asked, path=asked.path.replace("/workspaces/thing-1", f"/workspaces/{ACME}"))
        if asked.operation == "delete_workspace":
            continue
        answer = await send(there, asked, "owner", ACME)
        if answer.status_code == 409 and answer.json()["type"].endswith("workspace-archived"):
            sentences.add(answer.json()["detail"])
        elif asked.method != "GET":
            taken.add(asked.operation)
    assert sentences == {f"The workspace '{ACME}' is archived: it can be read, and takes no writes."}
    assert taken == access.WHILE_ARCHIVED - {"delete_workspace"}
    # Nobody learns by it that there is one: who may do nothing there hears what they always hear.
    for who in ("stranger", "rival"):
        told_ = await there.http.post("/api/v1/projects", json={"name": "Parser"}, headers=there.headers(who))
        assert told_.status_code == 404
    refused = await there.http.post("/api/v1/projects", json={"name": "Parser"}, headers=there.headers("viewer"))
    assert refused.status_code == 403
    assert (await there.http.post("/api/v1/projects", json={"name": "Parser"}, headers=rival)).status_code == 404
    restored = await there.http.patch(f"/api/v1/workspaces/{ACME}", json={"archived": False}, headers=owner)
    assert restored.status_code == 200
    made = await there.http.post("/api/v1/projects", json={"name": "Parser"}, headers=owner)
    assert made.status_code == 201
