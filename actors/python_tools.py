"""Tools written in Python, as a server of tools: the gateway asks for permission and holds them to their limits."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from vapora.agents.installed import Crew
from vapora.agents.tools import SERVER, Tool
from vapora.errors import BadInputError
from vapora.tools.servers import BuiltInServer, Caller, ServedTool
from vapora.tools.values import ToolResult

if TYPE_CHECKING:
    from actors.composition import Wiring

_LONGEST_ERROR = 1_000


class PythonTools:
    """`BuiltInServer` of the tools of this process's agents, for every workspace. A call has a thread of its own: what
    takes longer than it may is not waited for, and nobody can end it from outside."""

    id = SERVER
    title = "Tools in Python"
    description = "Tools of agents that are written in Python, from installed packages or passed by who started this."

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    async def tools(self, workspace: str) -> tuple[ServedTool, ...]:
        return tuple(_served(one) for _, one in sorted(self._crew.tools.items()))

    async def call(self, caller: Caller, tool: str, arguments: Mapping[str, JsonValue]) -> ToolResult:
        return await _in_a_thread(self._crew.tools[tool], arguments)

    async def close(self) -> None:
        return None


def _served(tool: Tool[Any, Any]) -> ServedTool:
    return ServedTool(
        name=tool.name,
        description=tool.description,
        parameters=tool.parameters,
        effect="outside" if tool.effect == "outside" else "pure",
        outward=tool.outward,
        reads_outside=tool.reads_outside,
        limit_s=tool.timeout_s,
    )


async def _in_a_thread(tool: Tool[Any, Any], arguments: Mapping[str, JsonValue]) -> ToolResult:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[ToolResult] = loop.create_future()

    def say(result: ToolResult) -> None:
        if not done.done():
            done.set_result(result)

    def carry_out() -> None:
        try:
            result = ToolResult(True, tool.run(arguments))
        except BadInputError as error:
            result = ToolResult(False, str(error))
        except BaseException as error:
            result = ToolResult(False, f"{tool.name} raised {type(error).__name__}: {error}"[:_LONGEST_ERROR])
        try:
            loop.call_soon_threadsafe(say, result)
        except RuntimeError:
            return  # the loop is closed: nobody waits

    # Not one of a pool: a tool that hangs would keep the others waiting, and the process from ending.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(carry_out,), name=f"tool {tool.name}", daemon=True).start()
    return await done


def python_server(wiring: Wiring) -> BuiltInServer:
    return PythonTools(wiring.crew)
