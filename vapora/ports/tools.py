"""The servers of tools, and what is called there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from events.run import OfferedTool
from vapora.views import ToolServerStatus


@dataclass(frozen=True, slots=True)
class ServedCall:
    """A call of a tool `<server>.<tool>`, and who makes it: see `vapora.tools.servers.Caller`. `call_id`: one for each
    call, by which it is found again."""

    workspace: str
    actor: str
    call_id: str
    name: str
    arguments: Mapping[str, JsonValue]
    project_id: str = ""
    task_id: str = ""
    run_id: str = ""
    agent_id: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class ServedOutcome:
    """What came of it. `ok` false: it did not do what was asked, or nobody knows, and `text` says so."""

    ok: bool
    text: str
    truncated: bool = False
    duration_ms: int = 0
    cost_microusd: int = 0


@dataclass(frozen=True, slots=True)
class ServedTools:
    """What a run is offered: the tools, their descriptions as JSON (see `events.run.ToolsOffered`), and the servers
    that should be there and are not, with the reason."""

    tools: tuple[OfferedTool, ...] = ()
    specs: str = "[]"
    missing: Mapping[str, str] = field(default_factory=dict)


class ToolGatewayPort(Protocol):
    """The servers of tools of all workspaces."""

    async def offered(
        self, workspace: str, role: str, named: tuple[str, ...], project_id: str, *, looks_only: bool = False
    ) -> ServedTools:
        """What an agent of the role gets, which names these tools in its manifest. `looks_only`: nothing that leaves
        anything behind. Quick: what is not there after some seconds is missing."""
        ...

    async def call(self, call: ServedCall) -> ServedOutcome:
        """To its end, which the tool's own limit bounds. The same `call_id` again is the same call. Never raises for
        what the server or the caller did wrong."""
        ...

    async def attach(self, workspace: str, call_id: str) -> ServedOutcome | None:
        """Of a call that is under way, or has just ended; None where nobody knows of it."""
        ...

    async def servers(self, workspace: str) -> tuple[ToolServerStatus, ...]:
        """All that the workspace has, and all that are built in, with their tools as they are now."""
        ...

    async def look(self, workspace: str, server_id: str, what: str, name: str = "", **arguments: str) -> ServedOutcome:
        """`resources`, `resource` (`name`: its URI), `prompts` or `prompt`; lists as JSON. Raises `NotFoundError`,
        `UnavailableError`."""
        ...
