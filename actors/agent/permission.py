"""Whether an agent may use a tool: the policies are asked before each call, beside what its role offers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from posixpath import normpath
from time import monotonic
from typing import Any

from pydantic import ValidationError

from actors.messages import Assignment
from events.run import OfferedTool
from vapora.access import Engine
from vapora.domain.access import SERVED, Decision, Principal, Question, Resource, Served
from vapora.domain.tool_names import parted
from vapora.domain.work import UseTool
from vapora.tools.table import TOOLS

# How old a workspace's own policies may be: a change holds for agents after so many seconds.
_FRESH_S = 3.0

# One for all agents of this process: it keeps what it has decided.
_engine = cache(Engine)


async def _none() -> str:
    return ""


class Permission:
    """`policies`: the workspace's own, as they are now. Where they cannot be had it raises what stands in the way, and
    the run waits: without them nothing is used."""

    def __init__(self, policies: Callable[[], Awaitable[str]] = _none, clock: Callable[[], float] = monotonic) -> None:
        self._policies = policies
        self._clock = clock
        self._known: tuple[float, str] | None = None
        self._asking = asyncio.Lock()

    async def decide(self, assignment: Assignment, use: UseTool, served: OfferedTool | None = None) -> Decision:
        """Of a call whose arguments are right. `served`: where it is a tool of a server."""
        return _engine().decide(question(assignment, use, served), await self._own())

    async def _own(self) -> str:
        async with self._asking:
            if self._known is None or self._clock() - self._known[0] > _FRESH_S:
                self._known = (self._clock(), await self._policies())
            return self._known[1]


def question(assignment: Assignment, use: UseTool, served: OfferedTool | None = None) -> Question:
    task, workspace = assignment.task, assignment.origin.workspace
    path = use.request.arguments.get("path")
    return Question(
        Principal("Agent", assignment.agent_id, agent_role=assignment.role),
        SERVED if served is not None else f"tool:{use.request.name}",
        Resource("Task", task.id, workspace, task.project_id, task.state.value),
        # As the file is found: `docs/../src/main.py` is no document.
        path=normpath(path) if isinstance(path, str) else "",
        served=Served(*parted(served.name), served.outward, served.reads_outside) if served is not None else None,
        own_work=assignment.purpose == "review" and task.author == assignment.agent_id,
    )


def is_well_formed(name: str, arguments: dict[str, Any]) -> bool:
    """Whether the tool would take these arguments: what it would refuse anyway nobody needs to be asked about."""
    try:
        TOOLS[name].takes.model_validate(arguments)
    except ValidationError:
        return False
    return True
