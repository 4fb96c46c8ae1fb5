"""Which servers of tools there are in a workspace, as they are now, with what holds for each of their tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from actors.mcp_gateway.sessions import Sessions
from actors.mcp_gateway.views import served
from events.ids import TOOL_SERVERS
from events.tool_server import ToolServerSet
from vapora.dispatch.folds import TOOL_SERVERS_FOLD
from vapora.domain import tool_server as rules
from vapora.domain.tool_server import Holds, ToolServers
from vapora.errors import VaporaError
from vapora.log.client import LogClient
from vapora.log.folds import StreamFolds
from vapora.tools.servers import BuiltInServer, ServedTool
from vapora.views import ServedToolView


@dataclass(frozen=True, slots=True)
class Known:
    """A server as it is now, with what holds for each of its tools."""

    id: str
    set: ToolServerSet | None
    title: str
    description: str
    tools: tuple[tuple[ServedToolView, Holds], ...]
    state: Literal["ready", "starting", "waiting", "off"]
    problem: str = ""
    more: Mapping[str, Any] | None = None


class KnownServers:
    """`makers`: the servers that are a part of VAPORA, each made when it is first asked for."""

    def __init__(
        self, log: Callable[[str], LogClient], sessions: Sessions, makers: Mapping[str, Callable[[], BuiltInServer]]
    ) -> None:
        self._log = log
        self._sessions = sessions
        self._makers = dict(makers)
        self._made: dict[str, BuiltInServer] = {}
        self._folds: dict[str, StreamFolds[ToolServers]] = {}

    async def close(self) -> None:
        for server in self._made.values():
            await server.close()

    def is_built_in(self, server_id: str) -> bool:
        return server_id in self._makers

    def ids(self, state: ToolServers) -> set[str]:
        return {*state.servers, *self._makers}

    async def state(self, workspace: str) -> ToolServers:
        """As the log has them now; the sessions of those that are gone end."""
        if workspace not in self._folds:
            self._folds[workspace] = StreamFolds(self._log(workspace), TOOL_SERVERS_FOLD, None)
        state = (await self._folds[workspace].load(TOOL_SERVERS)).state or ToolServers()
        await self._sessions.keep(workspace, state.servers)
        return state

    def built_in(self, server_id: str) -> BuiltInServer:
        if server_id not in self._made:
            self._made[server_id] = self._makers[server_id]()
        return self._made[server_id]

    async def known(self, workspace: str, server_id: str, state: ToolServers, within_s: float) -> Known:
        definition = state.servers.get(server_id)
        try:
            if server_id in self._makers:
                return await self._known_built_in(workspace, server_id, definition, within_s)
            assert definition is not None
            if not definition.enabled:
                return Known(server_id, definition, definition.title, definition.description, (), "off")
            session = await self._sessions.of(workspace, definition)
            told = await session.tools(within_s)
        except VaporaError as error:
            title, description = (definition.title, definition.description) if definition else (server_id, "")
            return Known(server_id, definition, title, description, (), "waiting", str(error))
        problem = told.problem or ("" if told.state == "ready" else "It is not ready yet.")
        return Known(
            server_id,
            definition,
            definition.title,
            definition.description,
            tuple(
                served(server_id, one, rules.holds(definition, one.name, reads_texts=one.reads_texts))
                for one in told.tools
            )
            if told.state == "ready"
            else (),
            "waiting" if told.state == "stopped" else told.state,
            self._sessions.without_secrets(workspace, server_id, problem),
            {
                "speaks": told.protocol,
                "said": told.server,
                "restarts": told.restarts,
                "missing": told.missing,
                "left_out": told.left_out,
            },
        )

    async def _known_built_in(
        self, workspace: str, server_id: str, definition: ToolServerSet | None, within_s: float
    ) -> Known:
        server = self.built_in(server_id)
        tools, problem = list[tuple[ServedToolView, Holds]](), ""
        try:
            async with asyncio.timeout(within_s):
                for one in await server.tools(workspace):
                    holds = rules.holds_built_in(definition, one.name, own_of(one))
                    tools.append(served(server_id, one, holds))
        except VaporaError as error:
            problem = str(error)
        except TimeoutError:
            problem = "It does not say which tools it has."
        off = definition is not None and not definition.enabled
        state: Literal["ready", "waiting", "off"] = "off" if off else "waiting" if problem else "ready"
        title = (definition.title if definition else "") or server.title
        return Known(server_id, definition, title, server.description, tuple(tools), state, problem)


def is_on(state: ToolServers, server_id: str) -> bool:
    """One that is built in is, where nobody says otherwise."""
    return server_id not in state.servers or state.servers[server_id].enabled


def own_of(tool: ServedTool) -> Holds:
    """What holds for a tool that is built in, by what it says of itself."""
    return Holds(True, tool.effect, tool.outward, tool.reads_outside, tool.cost_microusd, tool.limit_s)
