"""One call of a tool, carried out: looked up, paid for, and made. What goes wrong is told to who made it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog
from pydantic import JsonValue

from actors.mcp_gateway.known import KnownServers, is_on, own_of
from actors.mcp_gateway.sessions import Sessions
from actors.mcp_gateway.spending import Spending
from events.tool_server import DEFAULT_RESULT_BYTES
from vapora.domain import tool_server as rules
from vapora.domain.tool_names import parted
from vapora.domain.tool_server import Holds, ToolServers
from vapora.errors import VaporaError
from vapora.mcp.results import bounded
from vapora.mcp.values import NeverAskedError, ServerGoneError
from vapora.ports import ServedCall
from vapora.tools.servers import Caller
from vapora.tools.values import ToolResult

# Where it is not known how long a call may take, and where a person looks at what a server has to read.
LOOK_S = 30.0
LONGEST_NAME = 200


class Calls:
    def __init__(self, servers: KnownServers, sessions: Sessions, spending: Spending) -> None:
        self._servers, self._sessions, self._spending = servers, sessions, spending
        self._journal = structlog.get_logger("mcp_gateway")

    async def carried_out(self, call: ServedCall) -> tuple[ToolResult, int]:
        """The result, and what it cost."""
        server_id, tool = parted(call.name)
        limit_s = LOOK_S
        try:
            state = await self._servers.state(call.workspace)
            if not server_id or not is_on(state, server_id) or server_id not in self._servers.ids(state):
                return ToolResult(False, f"There is no server of tools '{server_id[:LONGEST_NAME]}' that is on."), 0
            if self._servers.is_built_in(server_id):
                return await self._call_built_in(call, server_id, tool, state)
            holds = rules.holds(state.servers[server_id], tool)
            if not holds.enabled:
                return ToolResult(False, f"The tool {call.name:.200} is switched off."), 0
            limit_s = holds.timeout_s
            session = await self._sessions.of(call.workspace, state.servers[server_id])
            most = state.servers[server_id].result_bytes
            return await self._paid(call, holds, lambda: session.call(tool, call.arguments, limit_s, most))
        except TimeoutError:
            return no_answer(call.name, limit_s), 0
        except ServerGoneError as error:
            return ToolResult(False, f"{call.name}: {error}"), 0
        except VaporaError as error:
            return ToolResult(False, str(error)), 0
        except Exception:
            self._journal.exception("tool.failed", tool=call.name)
            return ToolResult(False, f"{call.name:.200} failed by a fault inside VAPORA. Try another way."), 0

    async def _call_built_in(
        self, call: ServedCall, server_id: str, tool: str, state: ToolServers
    ) -> tuple[ToolResult, int]:
        server, definition = self._servers.built_in(server_id), state.servers.get(server_id)
        told = next((one for one in await server.tools(call.workspace) if one.name == tool), None)
        if told is None:
            return ToolResult(False, f"{server.title} has no tool '{tool[:LONGEST_NAME]}' now."), 0
        holds = rules.holds_built_in(definition, tool, own_of(told))
        if not holds.enabled:
            return ToolResult(False, f"The tool {call.name} is switched off."), 0
        if wrong := _wrong(told.parameters, call.arguments):
            return ToolResult(False, f"Wrong arguments for {call.name}: {wrong}"), 0
        caller = Caller(
            call.workspace,
            call.actor,
            call.project_id,
            call.task_id,
            call.run_id,
            call.agent_id,
            call.role,
            call.call_id,
        )

        async def make() -> ToolResult:
            async with asyncio.timeout(holds.timeout_s):
                return await server.call(caller, tool, call.arguments)

        result, cost = await self._paid(call, holds, make)
        most = definition.result_bytes if definition is not None else DEFAULT_RESULT_BYTES
        cut = bounded(result.text, most, ok=result.ok)
        return replace(cut, truncated=cut.truncated or result.truncated), cost

    async def _paid(
        self, call: ServedCall, holds: Holds, make: Callable[[], Awaitable[ToolResult]]
    ) -> tuple[ToolResult, int]:
        """What the call gave and what was booked for it. A price is held first, so that calls at once pass no limit
        together; it comes back where nothing went out, and is booked where nobody knows."""
        held = await self._spending.hold(call, holds.cost_microusd, holds.timeout_s) if holds.cost_microusd else None
        if isinstance(held, str):
            return ToolResult(False, held), 0
        try:
            result = await make()
        except NeverAskedError as error:
            if held is not None:
                await held.release("never sent")
            return ToolResult(False, f"{call.name}: {error}"), 0
        except Exception as error:
            if held is not None:
                await held.book(f"no answer: {type(error).__name__}")
            if isinstance(error, TimeoutError):
                return no_answer(call.name, holds.timeout_s), holds.cost_microusd
            if isinstance(error, VaporaError):
                said = f"{call.name}: {error}" if isinstance(error, ServerGoneError) else str(error)
                return ToolResult(False, said), holds.cost_microusd
            raise
        if held is not None:
            await held.settle()
        return result, holds.cost_microusd


def _wrong(schema: Mapping[str, JsonValue], arguments: Mapping[str, JsonValue]) -> str:
    """What is wrong with the arguments; empty where nothing is."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        error = next(iter(Draft202012Validator(dict(schema)).iter_errors(dict(arguments))), None)
    except SchemaError as broken:
        return f"the tool's own schema is broken: {broken.message}"
    return "" if error is None else f"{'.'.join(map(str, error.absolute_path)) or 'arguments'}: {error.message}"[:500]


def no_answer(name: str, limit_s: float) -> ToolResult:
    return ToolResult(
        False, f"{name:.200} did not answer within {limit_s:g} s. Whether it took effect is not known. Ask for less."
    )
