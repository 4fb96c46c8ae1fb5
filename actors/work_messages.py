"""What an agent and the repositories say to each other about work in a worktree: values that pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import JsonValue

from events.work import Check, Workplace


def worktree_name(task_id: str, attempt: int = 1) -> str:
    """Of an attempt of a task; its branch is `vapora/<name>`."""
    return task_id if attempt == 1 else f"{task_id}.{attempt}"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """`oid`: of the blob; `size`: its bytes."""

    path: str
    oid: str
    size: int


@dataclass(frozen=True, slots=True)
class Tree:
    """All files of a commit; `oid` empty where there is none yet."""

    oid: str
    files: tuple[TreeFile, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose worktree: attempt n of a task, and the run and agent that work there."""

    project_id: str
    task_id: str
    run_id: str
    agent_id: str
    attempt: int = 1
    purpose: Literal["work", "review"] = "work"

    @property
    def name(self) -> str:
        """Of the worktree."""
        return worktree_name(self.task_id, self.attempt)


@dataclass(frozen=True, slots=True)
class BeginRun:
    """`at`: the commit to work from, where that is not the branch's newest: the one to judge, or the one that a fork
    begins at. `tools` and `writable` are those of the role."""

    place: Place
    tools: tuple[str, ...]
    writable: tuple[str, ...]
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """`wishes`: what the repository's own file for agents says, and `wishes_from` its name; empty where there is none.
    `patch`: for a review, what there is to judge, and whether that is all of it."""

    workplace: Workplace
    wishes: str = ""
    wishes_from: str = ""
    patch: str = ""
    patch_truncated: bool = False


@dataclass(frozen=True, slots=True)
class CommandRan:
    """As `events.work.CommandResult`, with its output as text."""

    name: str
    command: str
    exit_code: int | None
    ended: str
    duration_ms: int
    output: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class SetupOutcome:
    """`reused`: nothing was run, since this worktree had it, or was given what it made in another one; a single result
    tells how long that took. `copied`: files of the person's folder that were put there."""

    ok: bool
    results: tuple[CommandRan, ...] = ()
    reused: bool = False
    copied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UseTool:
    """`at`: the newest commit that is recorded of the run: what the call finds. `step` and `call` number it."""

    place: Place
    workplace: Workplace
    at: str
    step: int
    call: int
    name: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """`text` is for the model, `data` for the platform. `commit`: the branch's newest afterwards."""

    ok: bool
    text: str
    commit: str
    duration_ms: int
    truncated: bool = False
    exit_code: int | None = None
    sandbox: str | None = None
    data: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunChecks:
    """`round` tells one time from the next; the same again joins what is under way."""

    place: Place
    workplace: Workplace
    head: str
    round: int

    @property
    def checks(self) -> tuple[Check, ...]:
        return self.workplace.checks


class WorkplacesPort(Protocol):
    """What an agent asks of its workspace's repositories. Every call may come again: what is under way is joined, and
    what was done but never recorded is set back first. Where a call cannot be carried out at all, a `VaporaError` says
    why and what helps; nothing is ever done outside of the worktree instead."""

    async def begin(self, run: BeginRun) -> Begun | None:
        """Make or find the worktree; None where the project has no repository."""
        ...

    async def set_up(self, place: Place, workplace: Workplace) -> SetupOutcome: ...

    async def use_tool(self, use: UseTool) -> ToolOutcome: ...

    async def run_checks(self, run: RunChecks) -> tuple[CommandRan, ...]: ...

    async def end(self, place: Place) -> None:
        """The run ended: nothing of it goes on."""
        ...
