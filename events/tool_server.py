"""Facts about servers of tools: which there are, how they are reached, and what holds for their tools.

They stand in one stream, so that a run sees all of them as of one moment. No event holds the value of a secret: only
the names by which the vault knows them.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.base import DomainEvent, Value

DEFAULT_TIMEOUT_S = 60
DEFAULT_RESULT_BYTES = 50_000


class StdioTransport(Value):
    """A process of our own, in the sandbox. `command`: the program and its arguments. `secrets`: variables whose values
    are secrets of the workspace, by the secret's name. `read` and `write`: folders that it sees beside the system."""

    kind: Literal["stdio"] = "stdio"
    command: tuple[str, ...]
    network: bool = False
    variables: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


class HttpTransport(Value):
    """Streamable HTTP. `secrets`: headers whose values are secrets of the workspace, by the secret's name. `bearer`:
    the name of the secret that is sent as a bearer token."""

    kind: Literal["http"] = "http"
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    bearer: str | None = None


class BuiltInTransport(Value):
    """A server that is a part of VAPORA; its definition only says who gets it, and what holds for its tools."""

    kind: Literal["built-in"] = "built-in"


Transport = Annotated[StdioTransport | HttpTransport | BuiltInTransport, Field(discriminator="kind")]


class ToolRule(Value):
    """What holds for one tool, by its name on the server; None: as the server's transport suggests.

    `effect`: `pure` may be done again after a crash. `outward`: it sends something out. `reads_outside`: what it gives
    was written by strangers. `allowed_in`: projects in which it may send something out without being asked about, also
    after text of strangers was read; `*` for all.
    """

    name: str
    enabled: bool = True
    effect: Literal["pure", "outside"] | None = None
    outward: bool | None = None
    reads_outside: bool | None = None
    cost_microusd: int = Field(default=0, ge=0)
    timeout_s: int | None = Field(default=None, gt=0)
    allowed_in: tuple[str, ...] = ()


class ToolServerSet(DomainEvent):
    """A server is so from now on; the first one makes it.

    `owner`: the package that brought it, empty where a person set it. `roles`: those whose agents get all of its
    tools, `*` for every role; beside these, a role gets the tools that its manifest names. `expected_tools`: tools
    whose absence is a fault. `protocol`: which generation is spoken; `auto`: what the server speaks. `timeout_s`: the
    most that a call may take. `result_bytes`: what is kept of a result.
    """

    TOPIC: ClassVar[str] = "tool-server.set"

    server_id: str
    title: str = ""
    description: str = ""
    transport: Transport
    enabled: bool = True
    owner: str = ""
    roles: tuple[str, ...] = ()
    expected_tools: tuple[str, ...] = ()
    tools: tuple[ToolRule, ...] = ()
    protocol: Literal["auto", "legacy", "modern"] = "auto"
    timeout_s: int = Field(default=DEFAULT_TIMEOUT_S, gt=0)
    result_bytes: int = Field(default=DEFAULT_RESULT_BYTES, gt=0)


class ToolServerRemoved(DomainEvent):
    TOPIC: ClassVar[str] = "tool-server.removed"

    server_id: str


class ToolTried(DomainEvent):
    """A person had a tool called, and what came of it. What was said either way stands in no event. `arguments_sha256`:
    of the arguments as JSON with sorted keys, so that somebody who has them can tell. `result_bytes`: of the answer as
    it was handed over, cut where `truncated` says so. `cost_microusd`: what was booked for it."""

    TOPIC: ClassVar[str] = "tool-server.tool-tried"

    call_id: str
    server_id: str
    tool: str
    arguments_sha256: str
    project_id: str = ""
    ok: bool
    result_bytes: int = Field(ge=0)
    truncated: bool = False
    duration_ms: int = Field(ge=0)
    cost_microusd: int = Field(default=0, ge=0)
