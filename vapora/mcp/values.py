"""What a session with a server of tools tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from vapora.errors import UnavailableError

# One message of a server. What a model is shown of a result is much less; it has to be read to be cut.
MOST_MESSAGE_BYTES = 32 * 1024**2
# Of one server, as of its resources and its prompts.
MOST_TOOLS = 300
# Of a list; one that never ends is cut there.
MOST_PAGES = 50
LONGEST_DESCRIPTION = 4_000
LARGEST_SCHEMA_BYTES = 20_000

SessionState = Literal["starting", "ready", "waiting", "stopped"]


class ServerGoneError(UnavailableError):
    """The server ended, or cannot be reached; a call that was under way has no result."""


class NeverAskedError(ServerGoneError):
    """The server was not there, so nothing went out to it."""


@dataclass(frozen=True, slots=True)
class FoundTool:
    """A tool as its server describes it, cut to bounds. `hints`: what the server says of it (read-only, destructive);
    nothing is decided by that. `reads_texts`: it is ours, and reads the server's resources or its prompts."""

    name: str
    description: str
    parameters: Mapping[str, JsonValue]
    hints: Mapping[str, JsonValue]
    reads_texts: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """How a session stands. `waiting`: it is begun again after a pause. `problem`: what is wrong; empty where nothing
    is. `missing`: tools that were expected and are not there. `left_out`: tools that cannot be used, and why."""

    state: SessionState
    problem: str = ""
    tools: tuple[FoundTool, ...] = ()
    missing: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    protocol: str = ""
    server: str = ""
    restarts: int = 0
