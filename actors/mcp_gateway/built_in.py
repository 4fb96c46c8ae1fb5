"""The servers of tools that are built in, in one table. Another is a line here, and a class beside what it serves."""

from __future__ import annotations

from typing import Any, Final

from actors.kinds import load
from vapora.tools.servers import BuiltInServer

# The server's id, and the function that makes it as `module:name`; it takes the `Wiring` of `actors.composition`. It is
# called with the first look at the server's tools, so that nobody imports what nobody uses.
BUILT_IN: Final[dict[str, str]] = {
    "github": "actors.trackers.tools:github_server",
    "jira": "actors.trackers.tools:jira_server",
    "retrieval": "actors.retrieval:retrieval_server",
    "python": "actors.python_tools:python_server",
    "knowledge": "vapora.knowledge.tools:knowledge_server",
}


def make(server_id: str, wiring: Any) -> BuiltInServer:
    server: BuiltInServer = load(BUILT_IN[server_id])(wiring)
    return server
