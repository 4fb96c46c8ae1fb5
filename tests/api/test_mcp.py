"""`/mcp`, by clients that others wrote: the official one in both generations of the protocol, and fastmcp's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import fastmcp
import httpx
import httpx2
import pytest
import uvicorn
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult

from events.ids import MemberRole
from tests.api.tenants import ACME, BETA, OPERATOR, Tenants, tenants
from tests.waiting import DEADLINE_S
from vapora.api.mcp.tools import TOOLS
from vapora.commands import IssueToken
from vapora.settings import Settings

PROMISED = {
    "kanban_create_task",
    "kanban_update_task",
    "assign_task_to_agent",
    "get_project_summary",
    "get_agent_capabilities",
    "kanban_list_tasks",
}
Generation = Literal["legacy", "2026-07-28"]


@pytest.fixture
async def there(settings: Settings) -> AsyncIterator[Tenants]:
    async with tenants(settings) as found:
        yield found


@pytest.fixture
async def address(there: Tenants) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(there.app, port=0, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(DEADLINE_S):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    await serving


@asynccontextmanager
async def official(address: str, headers: dict[str, str], generation: Generation = "legacy") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(address, http_client=http), mode=generation) as client,
    ):
        yield client


async def done(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult) and not result.is_error, result
    found: dict[str, Any] | None = result.structured_content
    assert found is not None
    return found


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult) and result.is_error, result
    return result.content[0].text  # type: ignore[union-attr]


async def project(there: Tenants, workspace: str = ACME, who: str = "member") -> str:
    answer = await there.http.post("/api/v1/projects", json={"name": "Parser"}, headers=there.headers(who, workspace))
    return str(answer.json()["id"])


async def token(there: Tenants, role: MemberRole) -> dict[str, str]:
    scopes = (f"workspace:{ACME}:{role.value}",)
    issued = await there.system.identity().issue_token(OPERATOR, IssueToken(name=role.value, scopes=scopes), ACME)
    return {"Authorization": f"Bearer {issued.token}", "Vapora-Workspace": ACME}


@pytest.mark.parametrize("generation", ["legacy", "2026-07-28"])
async def test_the_official_client_creates_a_card_and_moves_it(
    there: Tenants, address: str, generation: Generation
) -> None:
    project_id = await project(there)
    async with official(address, there.headers("token"), generation) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == set(TOOLS) >= PROMISED
        made = await done(
            client,
            "kanban_create_task",
            project_id=project_id,
            title="Write a parser",
            assignee="Ada",
            labels=["mcp"],
        )
        assert made["card"]["state"] == "todo"
        assert made["card"]["assignee"] == "Ada"
        task_id = made["task_id"]
        edited = await done(client, "kanban_update_task", task_id=task_id, priority=80)
        assert edited["card"]["priority"] == 80
        found = await done(client, "search_workspace", query="parser", kinds=["task"], after=edited["position"])
        assert task_id in [one["id"] for one in found["items"]]
        listed = await done(client, "kanban_list_tasks", project_id=project_id, label="mcp")
        assert [one["id"] for one in listed["items"]] == [task_id]
        moved = await done(client, "kanban_update_task", task_id=task_id, state="archived", comment="not now")
        assert moved["card"]["state"] == "archived"
        summary = await done(client, "get_project_summary", project_id=project_id)
        assert summary["project"]["name"] == "Parser"
        able = await done(client, "get_agent_capabilities", role="developer")
        [developer] = able["items"]
        one = await done(client, "get_agent_capabilities", agent_id=developer["id"])
        assert one["agent"]["capabilities"] and "profiles" in one["learning"]
    event = await there.http.get("/api/v1/events?topic=task.submitted", headers=there.headers("owner"))
    assert event.json()["items"][0]["actor"].startswith("token:")


async def test_an_agent_that_was_named_does_the_card(there: Tenants, address: str) -> None:
    project_id = await project(there)
    async with official(address, there.headers("token")) as client:
        ida = {"project_id": project_id, "title": "Write a parser", "role": "developer", "assignee": "Ada"}
        task_id = (await done(client, "kanban_create_task", **ida))["task_id"]
        await done(client, "assign_task_to_agent", task_id=task_id, agent_id="developer")
        await done(client, "kanban_update_task", task_id=task_id, assignee=None)
        position = 0
        async with asyncio.timeout(DEADLINE_S):
            while True:
                shown = (await done(client, "kanban_get_task", task_id=task_id))["card"]
                if shown["state"] == "review":
                    break
                frames = await there.system.projector(ACME).frames(position, timeout_s=30)
                position = frames[-1]["position"] if frames else position
        why = await done(client, "get_task_why", task_id=task_id)
        assert any("a person chose developer" in str(one) for one in why["decisions"])


async def test_what_the_token_may_not_is_refused_with_a_sentence(there: Tenants, address: str) -> None:
    project_id = await project(there)
    async with official(address, await token(there, MemberRole.VIEWER)) as client:
        said = await refused(client, "kanban_create_task", project_id=project_id, title="Write a parser")
        assert "submit_task" in said and "at least the role member; yours is viewer" in said
        assert (await done(client, "kanban_list_tasks"))["items"] == []
    # A policy of the workspace's own holds here as well.
    text = """@id("no-robots") @reason("Programs only look.")
    forbid(principal is Token, action in [Action::"hand-in"], resource);"""
    answer = await there.policies(text)
    assert answer.is_success, answer.text
    async with official(address, there.headers("token")) as client:
        said = await refused(client, "kanban_create_task", project_id=project_id, title="Write a parser")
        assert "submit_task" in said
        assert (await done(client, "kanban_list_tasks"))["items"] == []


async def test_another_workspace_is_not_there(there: Tenants, address: str) -> None:
    of_beta = await project(there, BETA, "rival")
    async with official(address, there.headers("token", BETA)) as client:
        assert BETA in await refused(client, "list_projects")
    async with official(address, there.headers("token")) as client:
        assert "There is no project" in await refused(client, "get_project_summary", project_id=of_beta)
        assert (await done(client, "list_projects"))["items"] == []


async def test_wrong_arguments_change_nothing_and_say_what_is_wrong(there: Tenants, address: str) -> None:
    project_id = await project(there)
    async with official(address, there.headers("token")) as client:
        assert "title" in await refused(client, "kanban_create_task", project_id=project_id)
        assert "colour" in await refused(
            client, "kanban_create_task", project_id=project_id, title="Write a parser", colour="red"
        )
        assert "There is no task" in await refused(client, "kanban_get_task", task_id="task-1")
        assert "task_id" in await refused(client, "kanban_get_task", task_id="../projects")
        with pytest.raises(MCPError, match="There is no tool"):
            await client.call_tool("drop_tables", {})
        assert (await done(client, "kanban_list_tasks"))["items"] == []


async def test_the_same_request_key_takes_effect_once(there: Tenants, address: str) -> None:
    asked = {"project_id": await project(there), "title": "Write a parser", "assignee": "Ada", "request_key": "once"}
    async with official(address, there.headers("token")) as client:
        first = await done(client, "kanban_create_task", **asked)
        again = await done(client, "kanban_create_task", **asked)
        assert first["task_id"] == again["task_id"]
        assert len((await done(client, "kanban_list_tasks"))["items"]) == 1


async def test_a_client_that_others_wrote_does_the_same(there: Tenants, address: str) -> None:
    project_id = await project(there)
    async with fastmcp.Client(StreamableHttpTransport(address, headers=there.headers("token"))) as client:
        assert {tool.name for tool in await client.list_tools()} >= PROMISED
        asked = {"project_id": project_id, "title": "Write a parser", "assignee": "Ada"}
        made = await client.call_tool("kanban_create_task", asked)
        moved = await client.call_tool(
            "kanban_update_task", {"task_id": made.structured_content["task_id"], "state": "archived"}
        )
        assert moved.structured_content["card"]["state"] == "archived"
    async with fastmcp.Client(
        StreamableHttpTransport(address, headers=await token(there, MemberRole.VIEWER))
    ) as client:
        with pytest.raises(ToolError, match="at least the role member"):
            await client.call_tool("kanban_create_task", asked)


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "by hand", "version": "1"}},
}


async def test_nobody_comes_in_without_a_token_or_from_a_foreign_page(there: Tenants) -> None:
    async def posted(**headers: str) -> httpx.Response:
        accept = {"Accept": "application/json, text/event-stream"}
        return await there.http.post("/mcp", json=INITIALIZE, headers=accept | headers)

    nobody = await posted()
    assert (nobody.status_code, nobody.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (await posted(Authorization="Bearer vpr_wrong")).status_code == 401
    good = {"Authorization": f"Bearer {there.token}"}
    assert (await posted(**good)).json()["result"]["serverInfo"]["name"] == "vapora"
    assert (await posted(**good, Origin="https://evil.example")).status_code == 403
    assert (await posted(**good, Host="evil.example")).status_code == 403
    # There is nothing to be listened to, and no session to be ended.
    assert (await there.http.get("/mcp", headers=good)).status_code == 405
    assert (await there.http.delete("/mcp", headers=good)).status_code == 405


async def test_a_call_counts_once_for_the_rate_limit(settings: Settings) -> None:
    """However many operations a tool is made of; two replicas in between share nothing that would be missed."""
    async with tenants(settings.model_copy(update={"rate_limit_user": "5/hour"})) as there:
        project_id = await project(there)
        call = {"name": "get_project_summary", "arguments": {"project_id": project_id}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        headers = there.headers("token") | {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-06-18",
        }
        answers = [await there.http.post("/mcp", json=body, headers=headers) for _ in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [429]
        assert all(not one.json()["result"].get("isError") for one in answers[:5])
