"""Values that say what became of work in a repository. They stand in the events of runs, tasks and projects."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from events.base import Value
from events.content import Content
from events.ids import ChecksVerdict


class Check(Value):
    """A command of the project that has to succeed: one string for `/bin/sh -c` in the worktree's root."""

    name: str
    command: str
    timeout_s: int = Field(default=600, gt=0)


class CommandResult(Value):
    """What came of a command. `exit_code` None: it was ended from outside, and `ended` says by which limit."""

    name: str
    command: str
    exit_code: int | None
    ended: str = ""
    duration_ms: int = Field(ge=0)
    output: Content
    truncated: bool = False


class Work(Value):
    """What a run left on its branch. `base` is where the branch began, `head` its newest commit; both are equal where
    nothing was changed. `checks` are of `head`. `attempt`: 1 for `vapora/<task>`, n for `vapora/<task>.<n>`."""

    branch: str
    base_branch: str
    base: str
    head: str
    checks: ChecksVerdict
    attempt: int = 1

    @property
    def changes_something(self) -> bool:
        return self.base != self.head


class RunLimits(Value):
    """A run ends as failed at the first one that it reaches; None: no such limit."""

    steps: int = Field(default=100, gt=0)
    cost_microusd: int | None = None
    duration_s: int | None = None


class Workplace(Value):
    """Where and with what a run works: fixed when it starts, so that a crash or an upgrade changes nothing in it.

    `head` is the branch's newest commit when the run starts. `conflicts`: paths whose files hold git's conflict markers
    then. `writable`: patterns of paths. `sandbox`: its kind, `none` where a person chose to have none.
    """

    branch: str
    base_branch: str
    base: str
    head: str
    attempt: int = 1
    conflicts: tuple[str, ...] = ()
    tools: tuple[str, ...]
    writable: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    sandbox: str
    limits: RunLimits = RunLimits()


class LineComment(Value):
    """`side`: of the patch, `old` for what was there before. `line` None: of the file as a whole."""

    path: str
    line: int | None = Field(default=None, gt=0)
    side: Literal["old", "new"] = "new"
    text: str
