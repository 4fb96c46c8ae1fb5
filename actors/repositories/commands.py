"""Commands of a project in a worktree: in the sandbox that its run was begun with, and in no other."""

from __future__ import annotations

from typing import cast

from actors.work_messages import CommandRan
from vapora.sandbox.choice import Wish, choose
from vapora.sandbox.sandbox import Sandbox
from vapora.sandbox.values import Outcome

_known: dict[str, Sandbox] = {}


async def sandbox_of(kind: str) -> Sandbox:
    """The sandbox of a kind, found out once whether it works here. Raises `SandboxUnavailableError`."""
    if kind not in _known:
        _known[kind] = await choose(cast(Wish, kind))
    return _known[kind]


def ran(name: str, command: str, outcome: Outcome) -> CommandRan:
    return CommandRan(
        name=name,
        command=command,
        exit_code=outcome.exit_code,
        ended=outcome.ended or "",
        duration_ms=outcome.duration_ms,
        output=outcome.output,
        truncated=outcome.truncated,
    )
