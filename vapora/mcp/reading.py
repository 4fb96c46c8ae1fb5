"""What a server has to read beside its tools: resources and prompts. People ask for them; agents have a tool for each
kind, beside the server's own, so that roles, policies, prices and approval hold for reading as they do for calling."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import structlog
from mcp import Client, MCPError
from pydantic import JsonValue, ValidationError

from vapora.mcp import prompts, resources
from vapora.mcp.prompts import GET_PROMPT
from vapora.mcp.resources import READ_RESOURCE
from vapora.mcp.results import prompt_text, resource_text
from vapora.mcp.values import MOST_PAGES, MOST_TOOLS, FoundTool
from vapora.tools.values import ToolResult

# A server that does not say so soon whether it has any keeps its tools.
_ASKED_S = 10.0

T = TypeVar("T")
_Page = Callable[[Client, str | None], Awaitable[Any]]


class Asked(Protocol):
    """One question to a server over its session; a result where it refused."""

    async def __call__(self, ask: Callable[[Client], Awaitable[T]]) -> T | ToolResult: ...


class Reading:
    """`ask`: one question. `cut`: takes secrets out of a text, and what is beyond so many bytes."""

    def __init__(self, ask: Asked, cut: Callable[[str, int], ToolResult]) -> None:
        self._ask, self._cut = ask, cut

    async def by_tool(self, tool: str, arguments: Mapping[str, JsonValue], most_bytes: int) -> ToolResult:
        """For an agent: one of them, or which there are."""
        if tool == GET_PROMPT.name:
            wanted = prompts.wanted_prompt(arguments)
            if isinstance(wanted, ToolResult):
                return wanted
            if wanted[0]:
                return await self.prompt(*wanted, most_bytes)
            return self._cut(prompts.listed_text(await self._prompts()), most_bytes)
        uri = resources.wanted_uri(arguments)
        if isinstance(uri, ToolResult):
            return uri
        if uri:
            return await self.resource(uri, most_bytes)
        found = await self._resources()
        templates = await self._listed(_templates, "resource_templates")
        return self._cut(resources.listed_text(found, templates), most_bytes)

    async def resources(self, most_bytes: int) -> ToolResult:
        """A JSON list: `uri`, `name`, `description`, `type` of each."""
        rows = [
            {"uri": str(one.uri), "name": one.name, "description": one.description or "", "type": one.mime_type or ""}
            for one in await self._resources()
        ]
        return self._cut(json.dumps(rows), most_bytes)

    async def resource(self, uri: str, most_bytes: int) -> ToolResult:
        found = await self._ask(lambda client: client.read_resource(uri))
        return found if isinstance(found, ToolResult) else self._cut(resource_text(found.contents), most_bytes)

    async def prompts(self, most_bytes: int) -> ToolResult:
        """A JSON list: `name`, `description`, `arguments` of each."""
        return self._cut(json.dumps([prompts.told_prompt(one) for one in await self._prompts()]), most_bytes)

    async def prompt(self, name: str, arguments: Mapping[str, str], most_bytes: int) -> ToolResult:
        found = await self._ask(lambda client: client.get_prompt(name, dict(arguments)))
        return found if isinstance(found, ToolResult) else self._cut(prompt_text(found.messages), most_bytes)

    async def _resources(self) -> list[Any]:
        return await self._listed(lambda client, cursor: client.list_resources(cursor=cursor), "resources")

    async def _prompts(self) -> list[Any]:
        return await self._listed(lambda client, cursor: client.list_prompts(cursor=cursor), "prompts")

    async def _listed(self, page: _Page, what: str) -> list[Any]:
        """All pages. A server without any such thing says that it does not know the question."""
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            answer = await self._ask(lambda client, at=cursor: page(client, at))  # type: ignore[misc]
            if isinstance(answer, ToolResult):
                return found
            found += getattr(answer, what)
            cursor = answer.next_cursor
            if cursor is None or len(found) >= MOST_TOOLS:
                break
        return found[:MOST_TOOLS]


async def own_tools(client: Client, taken: frozenset[str]) -> tuple[FoundTool, ...]:
    """Ours, for what there is to read. `taken`: names of the server's own tools, which go before ours."""
    asked = ((READ_RESOURCE, _has_resources), (GET_PROMPT, _has_prompts))
    return tuple([tool for tool, has in asked if tool.name not in taken and await has(client)])


async def _has_resources(client: Client) -> bool:
    async def ask() -> bool:
        return bool((await client.list_resources()).resources or (await _templates(client)).resource_templates)

    return await _has(client, "resources", ask)


async def _has_prompts(client: Client) -> bool:
    async def ask() -> bool:
        return bool((await client.list_prompts()).prompts)

    return await _has(client, "prompts", ask)


async def _has(client: Client, what: str, ask: Callable[[], Awaitable[bool]]) -> bool:
    """Whether there is anything: what a server says of its abilities alone is nothing to read."""
    # One whose protocol is set to the newer generation was not asked what it can do, nor for its name.
    if client.server_info is not None and getattr(client.server_capabilities, what) is None:
        return False
    try:
        async with asyncio.timeout(_ASKED_S):
            return await ask()
    except (MCPError, ValidationError, TimeoutError) as error:
        structlog.get_logger("tool-server").info("it cannot be listed", what=what, why=type(error).__name__)
        return False


async def _templates(client: Client, cursor: str | None = None) -> Any:
    return await client.list_resource_templates(cursor=cursor)
