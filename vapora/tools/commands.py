"""Tools that run something: commands in the sandbox, and git on our side of it."""

from __future__ import annotations

import asyncio

from vapora.sandbox.values import Ended, Outcome
from vapora.tools.arguments import GitDiff, GitLog, RunCommand
from vapora.tools.files import TEXT_BYTES
from vapora.tools.scope import Scope
from vapora.tools.values import ToolResult, Workplace

_WHY: dict[Ended, str] = {
    "timeout": "it took longer than {timeout_s} s",
    "memory": "it used too much memory",
    "processes": "it started too many processes",
    "disk": "it wrote too much to the disk",
    "output": "it wrote too much output",
}


async def run(place: Workplace, asked: RunCommand, scope: Scope) -> ToolResult:
    outcome = await place.run(asked.command, asked.timeout_s)
    undone = await _undo_out_of_scope(place, scope)
    text = outcome.output if outcome.output.endswith("\n") or not outcome.output else outcome.output + "\n"
    text += _closing(outcome, asked)
    if undone:
        names = ", ".join(undone[:20]) + (f" and {len(undone) - 20} more" if len(undone) > 20 else "")
        text += f"\n[your role may write only {scope}; undone were the changes to {names}]"
    return ToolResult(
        ok=outcome.exit_code == 0 and not undone,
        text=text,
        truncated=outcome.truncated,
        data={
            "exit_code": outcome.exit_code,
            "ended": outcome.ended,
            "duration_ms": outcome.duration_ms,
            "sandbox": outcome.sandbox,
            "undone": list(undone),
        },
    )


async def _undo_out_of_scope(place: Workplace, scope: Scope) -> list[str]:
    """A command can write anywhere in the worktree; what its role may not write is set back."""
    if scope.is_everything:
        return []
    wrong = [path for path in await place.changed_paths() if path.rstrip("/") not in scope]
    if wrong:
        await place.restore(wrong)
    return [path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for path in wrong]


def _closing(outcome: Outcome, asked: RunCommand) -> str:
    if outcome.ended:
        return f"[ended: {_WHY[outcome.ended].format(timeout_s=asked.timeout_s)}]"
    return f"[exit code {outcome.exit_code}]"


async def status(place: Workplace) -> ToolResult:
    return _cut(await place.status() or "Nothing has changed since the last commit.")


async def diff(place: Workplace, asked: GitDiff) -> ToolResult:
    path = await asyncio.to_thread(place.folder.resolve, asked.path)
    patch, cut = await place.diff(path, asked.since, TEXT_BYTES)
    if not patch:
        return ToolResult(True, "There are no differences. New files show here once a step has committed them.")
    return ToolResult(True, patch + ("\n[there is more: name a path]" if cut else ""), truncated=cut)


async def log(place: Workplace, asked: GitLog) -> ToolResult:
    path = await asyncio.to_thread(place.folder.resolve, asked.path)
    return _cut(await place.log(path, asked.count) or "There is no commit.")


def _cut(text: str) -> ToolResult:
    cut = len(text) > TEXT_BYTES
    return ToolResult(True, text[:TEXT_BYTES] + ("\n[there is more]" if cut else ""), truncated=cut)
