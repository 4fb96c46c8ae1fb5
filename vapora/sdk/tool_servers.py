"""Made from async_tool_servers.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path
from vapora.sdk.transport import Transport


class ToolServers(Transport):
    """Servers of tools, and their tools."""

    def tool_servers(self, after: Position = None) -> Rows[views.ToolServerStatus]:
        """With how they are, and the tools that they have now."""
        return self._all("/mcp/servers", views.ToolServerStatus, {"after": after})

    def tool_server(self, server_id: str, after: Position = None) -> views.ToolServerStatus:
        return self._get(path("mcp", "servers", server_id), views.ToolServerStatus, {"after": after})

    def set_tool_server(self, server_id: str, server: commands.SetToolServer) -> views.ToolServerStatus:
        """Make it, or replace all of it. Secrets are stored by `store_secret`."""
        return self._ask("PUT", path("mcp", "servers", server_id), views.ToolServerStatus, server)

    def remove_tool_server(self, server_id: str) -> int:
        return self._write("DELETE", path("mcp", "servers", server_id))

    def served_tools(self, server: str | None = None, after: Position = None) -> Rows[views.ServedToolView]:
        """As `<server>.<tool>`; of one server, if that is named."""
        return self._all("/mcp/tools", views.ServedToolView, {"server": server, "after": after})

    def call_tool(
        self,
        name: str,
        arguments: Mapping[str, JsonValue] | None = None,
        project_id: str | None = None,
        key: str | None = None,
    ) -> views.ToolCalled:
        """Now and once, as an agent would."""
        body = commands.CallTool(arguments=dict(arguments or {}), project_id=project_id)
        return self._ask("POST", path("mcp", "tools", name, "call"), views.ToolCalled, body, key)

    def server_resources(self, server_id: str) -> views.ServerSays:
        """A list, as JSON."""
        return self._get(path("mcp", "servers", server_id, "resources"), views.ServerSays, {})

    def server_resource(self, server_id: str, uri: str) -> views.ServerSays:
        return self._get(path("mcp", "servers", server_id, "resource"), views.ServerSays, {"uri": uri})

    def server_prompts(self, server_id: str) -> views.ServerSays:
        """A list, as JSON."""
        return self._get(path("mcp", "servers", server_id, "prompts"), views.ServerSays, {})

    def server_prompt(self, server_id: str, name: str, arguments: Mapping[str, str] | None = None) -> views.ServerSays:
        said = [f"{one}={value}" for one, value in (arguments or {}).items()]
        return self._get(path("mcp", "servers", server_id, "prompts", name), views.ServerSays, {"argument": said})
