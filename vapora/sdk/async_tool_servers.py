"""Servers of tools, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from vapora import commands, views
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path


class AsyncToolServers(AsyncTransport):
    """Servers of tools, and their tools."""

    async def tool_servers(self, after: Position = None) -> Rows[views.ToolServerStatus]:
        """With how they are, and the tools that they have now."""
        return await self._all("/mcp/servers", views.ToolServerStatus, {"after": after})

    async def tool_server(self, server_id: str, after: Position = None) -> views.ToolServerStatus:
        return await self._get(path("mcp", "servers", server_id), views.ToolServerStatus, {"after": after})

    async def set_tool_server(self, server_id: str, server: commands.SetToolServer) -> views.ToolServerStatus:
        """Make it, or replace all of it. Secrets are stored by `store_secret`."""
        return await self._ask("PUT", path("mcp", "servers", server_id), views.ToolServerStatus, server)

    async def remove_tool_server(self, server_id: str) -> int:
        return await self._write("DELETE", path("mcp", "servers", server_id))

    async def served_tools(self, server: str | None = None, after: Position = None) -> Rows[views.ServedToolView]:
        """As `<server>.<tool>`; of one server, if that is named."""
        return await self._all("/mcp/tools", views.ServedToolView, {"server": server, "after": after})

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, JsonValue] | None = None,
        project_id: str | None = None,
        key: str | None = None,
    ) -> views.ToolCalled:
        """Now and once, as an agent would."""
        body = commands.CallTool(arguments=dict(arguments or {}), project_id=project_id)
        return await self._ask("POST", path("mcp", "tools", name, "call"), views.ToolCalled, body, key)

    async def server_resources(self, server_id: str) -> views.ServerSays:
        """A list, as JSON."""
        return await self._get(path("mcp", "servers", server_id, "resources"), views.ServerSays, {})

    async def server_resource(self, server_id: str, uri: str) -> views.ServerSays:
        return await self._get(path("mcp", "servers", server_id, "resource"), views.ServerSays, {"uri": uri})

    async def server_prompts(self, server_id: str) -> views.ServerSays:
        """A list, as JSON."""
        return await self._get(path("mcp", "servers", server_id, "prompts"), views.ServerSays, {})

    async def server_prompt(
        self, server_id: str, name: str, arguments: Mapping[str, str] | None = None
    ) -> views.ServerSays:
        said = [f"{one}={value}" for one, value in (arguments or {}).items()]
        return await self._get(path("mcp", "servers", server_id, "prompts", name), views.ServerSays, {"argument": said})
