"""What came of a project's command in a worktree."""

from __future__ import annotations

from actors.work_messages import CommandRan
from vapora.sandbox.values import Outcome


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
