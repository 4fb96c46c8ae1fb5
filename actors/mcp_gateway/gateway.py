"""The gateway to servers of tools: one for all workspaces of the installation, begun by the first who asks.

It holds no truth of its own: which servers there are is in each workspace's log, and what came of a call is recorded by
who made it. It keeps what has just ended, for who was killed while it waited for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

import structlog
from pydantic import JsonValue

from actors.kinds import never_repeated
from actors.mcp_gateway.sessions import Sessions
from actors.mcp_gateway.spending import Spending
from events.ids import TOOL_SERVERS, tool_try_stream
from events.run import OfferedTool
from events.tool_server import DEFAULT_RESULT_BYTES, BuiltInTransport, ToolServerSet, ToolTried
from vapora.clock import new_id
from vapora.dispatch.folds import TOOL_SERVERS_FOLD
from vapora.domain import tool_server as rules
from vapora.domain.tool_names import joined, parted
from vapora.domain.tool_server import Holds, ToolServers
from vapora.errors import NotFoundError, VaporaError, VersionConflictError
from vapora.log.client import LogClient
from vapora.log.folds import StreamFolds
from vapora.mcp.results import bounded
from vapora.mcp.schemas import shown_schema
from vapora.mcp.values import NeverAskedError, ServerGoneError
from vapora.ports import Origin, ServedCall, ServedOutcome, ServedTools
from vapora.tools.servers import BuiltInServer, Caller
from vapora.tools.values import ToolResult
from vapora.views import ServedToolView, ToolServerStatus

# A run that begins, and a page, wait so long for a server.
_OFFER_S = 20.0
_LOOK_S = 30.0
# Of what has ended, for who asks again.
_MOST_KEPT = 200
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class _Known:
    """A server as it is now, with what holds for each of its tools."""

    id: str
    set: ToolServerSet | None
    title: str
    description: str
    tools: tuple[tuple[ServedToolView, Holds], ...]
    state: Literal["ready", "starting", "waiting", "off"]
    problem: str = ""
    more: Mapping[str, Any] | None = None


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
        self._spending = spending
        self._sessions = sessions
        self._makers = dict(built_in)
        self._made: dict[str, BuiltInServer] = {}
        self._folds: dict[str, StreamFolds[ToolServers]] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[ServedOutcome]] = {}
        self._ended: OrderedDict[tuple[str, str], ServedOutcome] = OrderedDict()
        self._journal = structlog.get_logger("mcp_gateway")

    async def start(self) -> None:
        self._sessions.start()

    async def stop(self) -> None:
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._sessions.stop()
        for server in self._made.values():
            await server.close()

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
        state = await self._servers(workspace)
        wanted = rules.servers_of(named)
        needed = [
            server_id
            for server_id in sorted({*state.servers, *self._makers})
            if _is_on(state, server_id) and (server_id in wanted or _gives(state, server_id, role))
        ]
        found = await asyncio.gather(*(self._known(workspace, one, state, _OFFER_S) for one in needed))
        missing = {one.id: one.problem for one in found if one.problem}
        missing |= dict.fromkeys(wanted - {*state.servers, *self._makers}, "There is no such server.")
        tools, specs = list[OfferedTool](), list[dict[str, JsonValue]]()
        for one in found:
            roles = one.set.roles if one.set is not None else ()
            for view, holds in one.tools:
                if not holds.enabled or (looks_only and (holds.effect != "pure" or holds.outward)):
                    continue
                if not rules.gives_to(roles, one.id, role, named, view.name):
                    continue
                name = joined(one.id, view.name)
                tools.append(_offer(name, holds, project_id))
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
        result, cost = await self._carried_out(call)
        server, _ = parted(call.name)
        text = self._sessions.without_secrets(call.workspace, server, result.text)
        took = round((time.monotonic() - begun) * 1_000)
        outcome = ServedOutcome(result.ok, text, result.truncated, took, cost)
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
            tool=call.name[:_LONGEST_NAME],
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

    async def _carried_out(self, call: ServedCall) -> tuple[ToolResult, int]:
        """The result, and what it cost."""
        server_id, tool = parted(call.name)
        limit_s = _LOOK_S
        try:
            state = await self._servers(call.workspace)
            if not server_id or not _is_on(state, server_id) or server_id not in {*state.servers, *self._makers}:
                return ToolResult(False, f"There is no server of tools '{server_id[:_LONGEST_NAME]}' that is on."), 0
            if server_id in self._makers:
                return await self._call_built_in(call, server_id, tool, state)
            holds = rules.holds(state.servers[server_id], tool)
            if not holds.enabled:
                return ToolResult(False, f"The tool {call.name:.200} is switched off."), 0
            limit_s = holds.timeout_s
            session = await self._sessions.of(call.workspace, state.servers[server_id])
            most = state.servers[server_id].result_bytes
            return await self._paid(call, holds, lambda: session.call(tool, call.arguments, limit_s, most))
        except TimeoutError:
            return _no_answer(call.name, limit_s), 0
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
        server, definition = self._server(server_id), state.servers.get(server_id)
        told = next((one for one in await server.tools(call.workspace) if one.name == tool), None)
        if told is None:
            return ToolResult(False, f"{server.title} has no tool '{tool[:_LONGEST_NAME]}' now."), 0
        own = Holds(True, told.effect, told.outward, told.reads_outside, told.cost_microusd, told.limit_s)
        holds = rules.holds_built_in(definition, tool, own)
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
                return _no_answer(call.name, holds.timeout_s), holds.cost_microusd
            if isinstance(error, VaporaError):
                said = f"{call.name}: {error}" if isinstance(error, ServerGoneError) else str(error)
                return ToolResult(False, said), holds.cost_microusd
            raise
        if held is not None:
            await held.settle()
        return result, holds.cost_microusd

    # For people.

    async def servers(self, workspace: str) -> tuple[ToolServerStatus, ...]:
        state = await self._servers(workspace)
        ids = sorted({*state.servers, *self._makers})
        found = await asyncio.gather(*(self._known(workspace, one, state, _OFFER_S) for one in ids))
        return tuple(map(_status, found))

    async def look(
        self, workspace: str, server_id: str, what: str, name: str = "", arguments: Mapping[str, str] | None = None
    ) -> ServedOutcome:
        server = rules.require(await self._servers(workspace), server_id)
        if isinstance(server.transport, BuiltInTransport) or not server.enabled:
            raise NotFoundError(f"The server '{server_id}' has no resources and no prompts.")
        reading, most = (await self._sessions.of(workspace, server)).reading, server.result_bytes
        begun = time.monotonic()
        try:
            async with asyncio.timeout(_LOOK_S):
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
            result = _no_answer(server_id, _LOOK_S)
        text = self._sessions.without_secrets(workspace, server_id, result.text)
        return ServedOutcome(result.ok, text, result.truncated, round((time.monotonic() - begun) * 1_000))

    # What there is.

    async def _servers(self, workspace: str) -> ToolServers:
        """As the log has them now; the sessions of those that are gone end."""
        if workspace not in self._folds:
            self._folds[workspace] = StreamFolds(self._log(workspace), TOOL_SERVERS_FOLD, None)
        state = (await self._folds[workspace].load(TOOL_SERVERS)).state or ToolServers()
        await self._sessions.keep(workspace, state.servers)
        return state

    def _server(self, server_id: str) -> BuiltInServer:
        if server_id not in self._made:
            self._made[server_id] = self._makers[server_id]()
        return self._made[server_id]

    async def _known(self, workspace: str, server_id: str, state: ToolServers, within_s: float) -> _Known:
        definition = state.servers.get(server_id)
        try:
            if server_id in self._makers:
                return await self._built_in(workspace, server_id, definition, within_s)
            assert definition is not None
            if not definition.enabled:
                return _Known(server_id, definition, definition.title, definition.description, (), "off")
            session = await self._sessions.of(workspace, definition)
            told = await session.tools(within_s)
        except VaporaError as error:
            title, description = (definition.title, definition.description) if definition else (server_id, "")
            return _Known(server_id, definition, title, description, (), "waiting", str(error))
        problem = told.problem or ("" if told.state == "ready" else "It is not ready yet.")
        return _Known(
            server_id,
            definition,
            definition.title,
            definition.description,
            tuple(
                _served(server_id, one, rules.holds(definition, one.name, reads_texts=one.reads_texts))
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

    async def _built_in(
        self, workspace: str, server_id: str, definition: ToolServerSet | None, within_s: float
    ) -> _Known:
        server = self._server(server_id)
        tools, problem = list[tuple[ServedToolView, Holds]](), ""
        try:
            async with asyncio.timeout(within_s):
                for one in await server.tools(workspace):
                    own = Holds(True, one.effect, one.outward, one.reads_outside, one.cost_microusd, one.limit_s)
                    tools.append(_served(server_id, one, rules.holds_built_in(definition, one.name, own)))
        except VaporaError as error:
            problem = str(error)
        except TimeoutError:
            problem = "It does not say which tools it has."
        off = definition is not None and not definition.enabled
        state: Literal["ready", "waiting", "off"] = "off" if off else "waiting" if problem else "ready"
        title = (definition.title if definition else "") or server.title
        return _Known(server_id, definition, title, server.description, tuple(tools), state, problem)


def _is_on(state: ToolServers, server_id: str) -> bool:
    """One that is built in is, where nobody says otherwise."""
    return server_id not in state.servers or state.servers[server_id].enabled


def _gives(state: ToolServers, server_id: str, role: str) -> bool:
    """Whether all of its tools are for the role."""
    known = state.servers.get(server_id)
    return known is not None and ("*" in known.roles or role in known.roles)


def _offer(name: str, holds: Holds, project_id: str) -> OfferedTool:
    return OfferedTool(
        name=name,
        effect="pure" if holds.effect == "pure" else "outside",
        outward=holds.outward,
        reads_outside=holds.reads_outside,
        cost_microusd=holds.cost_microusd,
        timeout_s=holds.timeout_s,
        allowed="*" in holds.allowed_in or project_id in holds.allowed_in,
    )


def _served(server_id: str, tool: Any, holds: Holds) -> tuple[ServedToolView, Holds]:
    view = ServedToolView(
        name=tool.name,
        server=server_id,
        description=tool.description,
        parameters=shown_schema(tool.parameters) or {"type": "object", "properties": {}},
        enabled=holds.enabled,
        effect=holds.effect,
        outward=holds.outward,
        reads_outside=holds.reads_outside,
        cost_microusd=holds.cost_microusd,
        timeout_s=holds.timeout_s,
        hints=dict(getattr(tool, "hints", {})),
    )
    return view, holds


def _status(known: _Known) -> ToolServerStatus:
    defined = known.set or ToolServerSet(server_id=known.id, transport=BuiltInTransport())
    return ToolServerStatus(
        id=known.id,
        title=known.title or known.id,
        description=known.description,
        transport=defined.transport,
        enabled=defined.enabled,
        owner=defined.owner,
        roles=defined.roles,
        expected_tools=defined.expected_tools,
        rules=defined.tools,
        protocol=defined.protocol,
        timeout_s=defined.timeout_s,
        result_bytes=defined.result_bytes,
        state=known.state,
        problem=known.problem,
        tools=tuple(view for view, _ in known.tools),
        **dict(known.more or {}),
    )


def _wrong(schema: Mapping[str, JsonValue], arguments: Mapping[str, JsonValue]) -> str:
    """What is wrong with the arguments; empty where nothing is."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        error = next(iter(Draft202012Validator(dict(schema)).iter_errors(dict(arguments))), None)
    except SchemaError as broken:
        return f"the tool's own schema is broken: {broken.message}"
    return "" if error is None else f"{'.'.join(map(str, error.absolute_path)) or 'arguments'}: {error.message}"[:500]


def _no_answer(name: str, limit_s: float) -> ToolResult:
    return ToolResult(
        False, f"{name:.200} did not answer within {limit_s:g} s. Whether it took effect is not known. Ask for less."
    )
