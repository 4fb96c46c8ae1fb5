"""Servers of tools, and their tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, JsonValue

from events.tool_server import ToolRule, Transport
from vapora.views.base import View


class ServedToolView(View):
    """`outward`: it sends something out; `reads_outside`: strangers wrote what it gives; `effect`: `pure` may be done
    again. `hints`: what the server says of it, which decides nothing."""

    name: str
    server: str
    description: str
    parameters: dict[str, JsonValue]
    enabled: bool
    effect: str
    outward: bool
    reads_outside: bool
    cost_microusd: int
    timeout_s: float
    hints: dict[str, JsonValue] = Field(default_factory=dict)


class ToolServerStatus(View):
    """`state`: ready, starting, waiting (it is tried again), off. `problem`: empty where there is none. `speaks`: the
    protocol's version. `said`: the server's own name. `restarts`: since the gateway began it. `missing`: expected tools
    that are not there. `left_out`: tools that cannot be used, and why."""

    id: str
    title: str
    description: str
    transport: Transport
    enabled: bool
    owner: str = ""
    roles: tuple[str, ...] = ()
    expected_tools: tuple[str, ...] = ()
    rules: tuple[ToolRule, ...] = ()
    protocol: str = "auto"
    timeout_s: float
    result_bytes: int
    state: Literal["ready", "starting", "waiting", "off"]
    problem: str = ""
    speaks: str = ""
    said: str = ""
    restarts: int = 0
    missing: tuple[str, ...] = ()
    left_out: Mapping[str, str] = Field(default_factory=dict)
    tools: tuple[ServedToolView, ...] = ()


class ToolCalled(View):
    """What came of a call. `ok`: false where it did not do what was asked, and `text` says why."""

    name: str
    ok: bool
    text: str
    truncated: bool
    duration_ms: int
    cost_microusd: int


class ServerSays(View):
    """What a server gave: a resource, a prompt, or a list of them as JSON."""

    ok: bool
    text: str
    truncated: bool
