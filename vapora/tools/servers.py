"""Servers of tools that are built in, as the gateway knows them; others speak the protocol (`vapora.mcp`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from vapora.tools.values import Effect, ToolResult

# For a tool that says nothing else.
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a tool, and for what. `actor`: as the log names who does something. A person who tries a tool has no
    task and no run; `project_id` is empty then, unless that person named one. `call_id`: the same for the same call."""

    workspace: str
    actor: str
    project_id: str = ""
    task_id: str = ""
    run_id: str = ""
    agent_id: str = ""
    role: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ServedTool:
    """A tool of a server, by its name there. `parameters`: a JSON Schema of type object.

    `effect`: what may be done again after a crash (`pure`), and what is never repeated by itself (`outside`).
    `outward`: it sends something out of the installation, or is heard by others. `reads_outside`: what it gives was
    written by strangers. `limit_s`: the most that a call may take. `cost_microusd`: of one call.
    """

    name: str
    description: str
    parameters: Mapping[str, JsonValue]
    effect: Effect = "outside"
    outward: bool = True
    reads_outside: bool = True
    limit_s: float = LIMIT_S
    cost_microusd: int = 0


class BuiltInServer(Protocol):
    """A server of tools that is a part of VAPORA. The gateway checks the arguments against the tool's schema, asks for
    permission, and holds it to its limits; it makes one object for all workspaces, in its own process, and never makes
    the same call of an `outside` tool twice."""

    id: str
    title: str
    description: str

    async def tools(self, workspace: str) -> tuple[ServedTool, ...]:
        """Those that this workspace can use now: none where what they need is not set up there. Quick: it is asked at
        the beginning of each run. Raises a `VaporaError`, whose words are shown beside the server."""
        ...

    async def call(self, caller: Caller, tool: str, arguments: Mapping[str, JsonValue]) -> ToolResult:
        """`tool`: by its name here. What the model did wrong is a `ToolResult` with `ok` false; a `VaporaError` is
        told to it in its own words."""
        ...

    async def close(self) -> None: ...
