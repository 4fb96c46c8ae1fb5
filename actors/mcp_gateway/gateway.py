"""The gateway to servers of tools: one for all workspaces of the installation, begun by the first who asks.

It holds no truth of its own: which servers there are is in each workspace's log, and what came of a call is recorded by
who made it. It keeps what has just ended, for who was killed while it waited for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from pydantic import JsonValue

from actors.kinds import never_repeated
from actors.mcp_gateway.calls import LONGEST_NAME, LOOK_S, Calls, no_answer
from actors.mcp_gateway.known import KnownServers, is_on
from actors.mcp_gateway.sessions import Sessions
from actors.mcp_gateway.spending import Spending
from actors.mcp_gateway.views import offer, status
from events.ids import tool_try_stream
from events.run import OfferedTool
from events.tool_server import BuiltInTransport, ToolTried
from vapora.clock import new_id
from vapora.domain import tool_server as rules
from vapora.domain.tool_names import joined, parted
from vapora.domain.tool_server import ToolServers
from vapora.errors import NotFoundError, VersionConflictError
from vapora.log.client import LogClient
from vapora.ports import Origin, ServedCall, ServedOutcome, ServedTools
from vapora.tools.servers import BuiltInServer
from vapora.views import ToolServerStatus

# A run that begins, and a page, wait so long for a server.
_OFFER_S = 20.0
# Of what has ended, for who asks again.
_MOST_KEPT = 200


class McpGateway:
    """`vapora.ports.ToolGatewayPort`. `built_in`: the servers that are a part of VAPORA, each made when it is first
    asked for."""

    def __init__(
        self,
        log: Callable[[str], LogClient],
        sessions: Sessions,
        built_in: Mapping[str, Callable[[], BuiltInServer]],
        spending: Spending,
    ) -> None:
        self._log = log
        self._sessions = sessions
        self._known = KnownServers(log, sessions, built_in)
        self._calls = Calls(log, self._known, sessions, spending)
        self._under_way: dict[tuple[str, str], asyncio.Task[ServedOutcome]] = {}
        self._ended: OrderedDict[tuple[str, str], ServedOutcome] = OrderedDict()

    async def start(self) -> None:
        self._sessions.start()

    async def stop(self) -> None:
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._sessions.stop()
        await self._known.close()

    async def health(self) -> dict[str, Any]:
        told = self._sessions.told()
        return {
            "sessions": {name: one.state for name, one in told.items()},
            "problems": {name: one.problem for name, one in told.items() if one.problem},
            "calls": len(self._under_way),
        }

    # For agents.

    async def offered(
        self, workspace: str, role: str, named: tuple[str, ...], project_id: str, *, looks_only: bool = False
    ) -> ServedTools:
        state = await self._known.state(workspace)
        wanted = rules.servers_of(named)
        needed = [
            server_id
            for server_id in sorted(self._known.ids(state))
            if is_on(state, server_id) and (server_id in wanted or _gives(state, server_id, role))
        ]
        found = await asyncio.gather(*(self._known.known(workspace, one, state, _OFFER_S) for one in needed))
        missing = {one.id: one.problem for one in found if one.problem}
        missing |= dict.fromkeys(wanted - self._known.ids(state), "There is no such server.")
        tools, specs = list[OfferedTool](), list[dict[str, JsonValue]]()
        for one in found:
            roles = one.set.roles if one.set is not None else ()
            for view, holds in one.tools:
                if not holds.enabled or (looks_only and (holds.effect != "pure" or holds.outward)):
                    continue
                if not rules.gives_to(roles, one.id, role, named, view.name):
                    continue
                name = joined(one.id, view.name)
                tools.append(offer(name, holds, project_id))
                specs.append({"name": name, "description": view.description, "parameters": view.parameters})
        return ServedTools(tuple(tools), json.dumps(specs, ensure_ascii=False, sort_keys=True), missing)

    @never_repeated
    async def call(self, call: ServedCall) -> ServedOutcome:
        key = (call.workspace, call.call_id)
        if (known := self._ended.get(key)) is not None:
            return known
        if key not in self._under_way:
            task = self._under_way[key] = asyncio.create_task(self._call(call), name=f"tool {call.name}")
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        # Who waits may be killed or called off; the call comes to its end, and is kept.
        return await asyncio.shield(self._under_way[key])

    async def attach(self, workspace: str, call_id: str) -> ServedOutcome | None:
        key = (workspace, call_id)
        if (task := self._under_way.get(key)) is not None:
            return await asyncio.shield(task)
        return self._ended.get(key)

    async def _call(self, call: ServedCall) -> ServedOutcome:
        begun = time.monotonic()
        came = await self._calls.carried_out(call)
        server, _ = parted(call.name)
        text = self._sessions.without_secrets(call.workspace, server, came.result.text)
        took = round((time.monotonic() - begun) * 1_000)
        outcome = ServedOutcome(
            came.result.ok, text, came.result.truncated, took, came.cost_microusd, came.opened, came.no_money
        )
        if outcome.no_money is not None:
            return outcome
        if not call.run_id:
            await self._record_try(call, outcome)
        self._ended[call.workspace, call.call_id] = outcome
        while len(self._ended) > _MOST_KEPT:
            self._ended.popitem(last=False)
        return outcome

    async def _record_try(self, call: ServedCall, outcome: ServedOutcome) -> None:
        """A person's call stands in no run: it is told by itself. What was said either way is not, since it may hold
        what nobody else may read."""
        server, _ = parted(call.name)
        said = json.dumps(dict(call.arguments), ensure_ascii=False, sort_keys=True).encode()
        event = ToolTried(
            call_id=call.call_id,
            server_id=server,
            tool=call.name[:LONGEST_NAME],
            arguments_sha256=sha256(said).hexdigest(),
            project_id=call.project_id,
            ok=outcome.ok,
            result_bytes=len(outcome.text.encode()),
            truncated=outcome.truncated,
            duration_ms=outcome.duration_ms,
            cost_microusd=outcome.cost_microusd,
        )
        origin = Origin(call.workspace, call.actor, new_id("cor"))
        try:
            # A stream of its own for each: what was tried decides nothing.
            await self._log(call.workspace).append(origin, (tool_try_stream(call.call_id), 0, (event,)))
        except VersionConflictError:
            return  # told before, under the same key

    # For people.

    async def servers(self, workspace: str) -> tuple[ToolServerStatus, ...]:
        state = await self._known.state(workspace)
        ids = sorted(self._known.ids(state))
        found = await asyncio.gather(*(self._known.known(workspace, one, state, _OFFER_S) for one in ids))
        return tuple(map(status, found))

    async def look(
        self, workspace: str, server_id: str, what: str, name: str = "", arguments: Mapping[str, str] | None = None
    ) -> ServedOutcome:
        server = rules.require(await self._known.state(workspace), server_id)
        if isinstance(server.transport, BuiltInTransport) or not server.enabled:
            raise NotFoundError(f"The server '{server_id}' has no resources and no prompts.")
        reading, most = (await self._sessions.of(workspace, server)).reading, server.result_bytes
        begun = time.monotonic()
        try:
            async with asyncio.timeout(LOOK_S):
                match what:
                    case "resources":
                        result = await reading.resources(most)
                    case "resource":
                        result = await reading.resource(name, most)
                    case "prompts":
                        result = await reading.prompts(most)
                    case _:
                        result = await reading.prompt(name, arguments or {}, most)
        except TimeoutError:
            result = no_answer(server_id, LOOK_S)
        text = self._sessions.without_secrets(workspace, server_id, result.text)
        return ServedOutcome(result.ok, text, result.truncated, round((time.monotonic() - begun) * 1_000))


def _gives(state: ToolServers, server_id: str, role: str) -> bool:
    """Whether all of its tools are for the role."""
    known = state.servers.get(server_id)
    return known is not None and ("*" in known.roles or role in known.roles)
