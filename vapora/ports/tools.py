"""The servers of tools, and what is called there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from events.base import DomainEvent
from events.ids import StreamName
from events.run import OfferedTool
from vapora.ports.requests import Origin
from vapora.views import ToolServerStatus


@dataclass(frozen=True, slots=True)
class ServedCall:
    """A call of a tool `<server>.<tool>`, and who makes it: see `vapora.tools.servers.Caller`. `call_id`: one for each
    call, by which it is found again. `opening`: what the run's stream is to say from the version on at which it stands,
    by `origin`, before the call goes out; it stands or falls with the money that is held for the call."""

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
    origin: Origin | None = None
    opening: tuple[StreamName, int, tuple[DomainEvent, ...]] | None = None


@dataclass(frozen=True, slots=True)
class NoMoneyYet:
    """No budget has room for a tool's price, so that nothing went out. `why`: which price, and which budget.
    `contended`: calls under way hold the room, so it may come back by itself; else not before `until`, or a raised
    limit."""

    why: str
    remedy: str
    contended: bool
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServedOutcome:
    """What came of it. `ok` false: it did not do what was asked, or nobody knows, and `text` says so. `opened`: the
    call's opening stands. `no_money`: what it waits for; only a call that has an opening waits."""

    ok: bool
    text: str
    truncated: bool = False
    duration_ms: int = 0
    cost_microusd: int = 0
    opened: bool = False
    no_money: NoMoneyYet | None = None


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
        """To its end, which the tool's own limit bounds. The same `call_id` again is the same call, but where it had no
        money: then it is made anew. Never raises for what the server or the caller did wrong; `UnavailableError` where
        its opening could not be told, so that the run has to be looked at again."""
        ...

    async def attach(self, workspace: str, call_id: str) -> ServedOutcome | None:
        """Of a call that is under way, or has just ended; None where nobody knows of it."""
        ...

    async def servers(self, workspace: str) -> tuple[ToolServerStatus, ...]:
        """All that the workspace has, and all that are built in, with their tools as they are now."""
        ...

    async def look(
        self, workspace: str, server_id: str, what: str, name: str = "", arguments: Mapping[str, str] | None = None
    ) -> ServedOutcome:
        """`resources`, `resource` (`name`: its URI), `prompts` or `prompt`; lists as JSON. Raises `NotFoundError`,
        `UnavailableError`."""
        ...
