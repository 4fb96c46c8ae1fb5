"""Text of strangers may hold orders. A run that has read some sends nothing out before a person has looked at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from pydantic import JsonValue

from events.run import OfferedTool
from vapora.domain.run import Run

# Where a card came from outside, as an issue of a tracker.
ORIGIN = "origin"
_SEEN = 12
_LONGEST_SHOWN = 600


def read_by(run: Run | None, context: Mapping[str, JsonValue], earlier: Run | None = None) -> str:
    """Where the run has read text of strangers, for a sentence; empty where it has not. `context`: of its card.
    `earlier`: the run that it goes on from."""
    if isinstance(origin := context.get(ORIGIN), str) and origin:
        return f"the card itself, which came from {origin}"
    for one in (run, earlier):
        for used in one.used if one is not None else ():
            if used.data.get("reads_outside") is True:
                return used.name
    return ""


def needs_approval(tool: OfferedTool, read_from: str) -> bool:
    return tool.outward and bool(read_from) and not tool.allowed


def seen(name: str, arguments: Mapping[str, JsonValue]) -> str:
    """The digest of exactly what is asked about."""
    said = json.dumps([name, dict(arguments)], ensure_ascii=False, sort_keys=True)
    return sha256(said.encode()).hexdigest()[:_SEEN]


def asked(name: str, arguments: Mapping[str, JsonValue], read_from: str) -> str:
    """What the card says that it waits for; the digest at the end is that of `seen`."""
    shown = json.dumps(dict(arguments), ensure_ascii=False, sort_keys=True)
    shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
    return (
        f"It wants to use {name}, which sends something out, and it has read text of strangers ({read_from}). "
        f"Allow or refuse the call with {shown} [call {seen(name, arguments)}]"
    )
