"""Names of tools: as the log and people have them, and as a model is shown them.

A tool of a server is `<server>.<tool>` everywhere but in a request to a model: no vendor takes a dot there, some take
64 characters at most. This is the one place that translates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

SERVER_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
LONGEST_SERVER = 40
# What the protocol takes for the name of a tool.
TOOL_PATTERN = r"^[A-Za-z0-9_./-]{1,128}$"

_LONGEST_SHOWN = 64
_NOT_SHOWN = re.compile(r"[^A-Za-z0-9_-]")
_DIGEST = 8


def joined(server: str, tool: str) -> str:
    return f"{server}.{tool}"


def parted(name: str) -> tuple[str, str]:
    """Server and tool; the server is empty for a name without a dot."""
    server, dot, tool = name.partition(".")
    return (server, tool) if dot else ("", name)


def is_served(name: str) -> bool:
    """Whether it is written as a tool of a server is: `<server>.<tool>`."""
    server, tool = parted(name)
    return (
        len(server) <= LONGEST_SERVER
        and re.fullmatch(SERVER_PATTERN, server) is not None
        and re.fullmatch(TOOL_PATTERN, tool) is not None
    )


def shown(name: str) -> str:
    """As a model is shown it: `<server>__<tool>`. What no vendor takes is replaced, and told apart by a digest."""
    server, tool = parted(name)
    if not server:
        return name
    plain = f"{server}__{_NOT_SHOWN.sub('_', tool)}"
    if len(plain) <= _LONGEST_SHOWN and not _NOT_SHOWN.search(tool):
        return plain
    mark = sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{plain[: _LONGEST_SHOWN - _DIGEST - 1]}_{mark}"


def named(shown_name: str, offered: Iterable[str]) -> str:
    """What a model means by a name that it was shown; a name that is not on offer stays what it is."""
    return next((name for name in offered if shown(name) == shown_name), shown_name)
