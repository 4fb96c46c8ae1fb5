"""One call of a tool, carried out: looked up, paid for, and made. What goes wrong is told to who made it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog
from pydantic import JsonValue

from actors.mcp_gateway.known import KnownServers, is_on, own_of
from actors.mcp_gateway.sessions import Sessions
from actors.mcp_gateway.spending import Held, Spending
from events.tool_server import DEFAULT_RESULT_BYTES
from vapora.domain import tool_server as rules
from vapora.domain.tool_names import parted
from vapora.domain.tool_server import Holds, ToolServers
from vapora.errors import ConflictError, UnavailableError, VaporaError
from vapora.log.client import LogClient
from vapora.mcp.results import bounded
from vapora.mcp.values import NeverAskedError, ServerGoneError
from vapora.ports import NoMoneyYet, ServedCall
from vapora.tools.servers import Caller
from vapora.tools.values import ToolResult

# Where it is not known how long a call may take, and where a person looks at what a server has to read.
LOOK_S = 30.0
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a call, and what it cost. The rest is as in `vapora.ports.ServedOutcome`."""

    result: ToolResult
    cost_microusd: int = 0
    opened: bool = False
    no_money: NoMoneyYet | None = None


class Calls:
    def __init__(
        self, log: Callable[[str], LogClient], servers: KnownServers, sessions: Sessions, spending: Spending
    ) -> None:
        self._log, self._servers, self._sessions, self._spending = log, servers, sessions, spending
        self._journal = structlog.get_logger("mcp_gateway")

    async def carried_out(self, call: ServedCall) -> Came:
        server_id, tool = parted(call.name)
        limit_s = LOOK_S
        try:
            state = await self._servers.state(call.workspace)
            if not server_id or not is_on(state, server_id) or server_id not in self._servers.ids(state):
                return _refused(f"There is no server of tools '{server_id[:LONGEST_NAME]}' that is on.")
            if self._servers.is_built_in(server_id):
                return await self._call_built_in(call, server_id, tool, state)
            holds = rules.holds(state.servers[server_id], tool)
            if not holds.enabled:
                return _refused(f"The tool {call.name:.200} is switched off.")
            limit_s = holds.timeout_s
            session = await self._sessions.of(call.workspace, state.servers[server_id])
            most = state.servers[server_id].result_bytes
            return await self._paid(call, holds, lambda: session.call(tool, call.arguments, limit_s, most))
        except _NotBegunError as error:
            raise UnavailableError(error.message, remedy="Look at the run again.") from error
        except TimeoutError:
            return Came(no_answer(call.name, limit_s))
        except Exception as error:
            return Came(self._said(call, error))

    def _said(self, call: ServedCall, error: Exception) -> ToolResult:
        """What who made the call is told of a failure."""
        if isinstance(error, ServerGoneError):
            return ToolResult(False, f"{call.name}: {error}")
        if isinstance(error, VaporaError):
            return ToolResult(False, str(error))
        self._journal.error("tool.failed", tool=call.name, exc_info=error)
        return ToolResult(False, f"{call.name:.200} failed by a fault inside VAPORA. Try another way.")

    async def _call_built_in(self, call: ServedCall, server_id: str, tool: str, state: ToolServers) -> Came:
        server, definition = self._servers.built_in(server_id), state.servers.get(server_id)
        told = next((one for one in await server.tools(call.workspace) if one.name == tool), None)
        if told is None:
            return _refused(f"{server.title} has no tool '{tool[:LONGEST_NAME]}' now.")
        holds = rules.holds_built_in(definition, tool, own_of(told))
        if not holds.enabled:
            return _refused(f"The tool {call.name} is switched off.")
        if wrong := _wrong(told.parameters, call.arguments):
            return _refused(f"Wrong arguments for {call.name}: {wrong}")
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

        came = await self._paid(call, holds, make)
        most = definition.result_bytes if definition is not None else DEFAULT_RESULT_BYTES
        cut = bounded(came.result.text, most, ok=came.result.ok)
        return replace(came, result=replace(cut, truncated=cut.truncated or came.result.truncated))

    async def _paid(self, call: ServedCall, holds: Holds, make: Callable[[], Awaitable[ToolResult]]) -> Came:
        """A price is held first, so that calls at once pass no limit together; it comes back where nothing went out,
        and is booked where nobody knows."""
        held = await self._begun(call, holds)
        opened = call.opening is not None
        if isinstance(held, NoMoneyYet):
            if opened:
                return Came(ToolResult(False, held.remedy), no_money=held)
            return _refused(f"It was not called: {held.why} Go on without it, or ask a person to raise the limit.")
        if isinstance(held, str):
            return _refused(held)
        price = holds.cost_microusd
        try:
            result = await make()
        except NeverAskedError as error:
            if held is not None:
                await held.release("never sent")
            return Came(self._said(call, error), 0, opened)
        except Exception as error:
            if held is not None:
                await held.book(f"no answer: {type(error).__name__}")
            timed_out = isinstance(error, TimeoutError)
            said = no_answer(call.name, holds.timeout_s) if timed_out else self._said(call, error)
            return Came(said, price, opened)
        if held is not None:
            await held.settle()
        return Came(result, price, opened)

    async def _begun(self, call: ServedCall, holds: Holds) -> Held | NoMoneyYet | str | None:
        """The money is held, if it has a price, and its opening stands."""
        try:
            if holds.cost_microusd:
                return await self._spending.hold(call, holds.cost_microusd, holds.timeout_s)
            if call.opening is not None and call.origin is not None and call.opening[2]:
                await self._log(call.workspace).append(call.origin, call.opening)
        except (UnavailableError, ConflictError) as error:
            if call.opening is None:
                raise
            raise _NotBegunError(error.message) from error
        return None


class _NotBegunError(UnavailableError):
    """Whether the call's opening stands is not known, or its run went on without it; nothing went out."""


def _refused(text: str) -> Came:
    return Came(ToolResult(False, text))


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
