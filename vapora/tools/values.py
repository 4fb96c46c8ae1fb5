"""What a tool is, and what comes of a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import JsonValue

from vapora.sandbox.values import Outcome
from vapora.tools.folder import Folder

# What a call leaves behind, and so whether it may be done again after a crash:
# `pure` nothing; `worktree` what is set back with the worktree; `outside` what cannot be taken back, so it is never
# done twice by itself; `asks` waits for a person; `ends` is the agent's last word in a run.
Effect = Literal["pure", "worktree", "outside", "asks", "ends"]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads. `ok`: false where the tool did not do what was asked, and `text` says why.

    `truncated`: `text` is not all of it. `data`: what the platform itself needs of the call, such as the exit code, the
    question, or the verdict of a review; it is not shown to the model.
    """

    ok: bool
    text: str
    truncated: bool = False
    data: dict[str, JsonValue] = field(default_factory=dict)


class Workplace(Protocol):
    """A task's worktree, as tools need it. What it raises is a `VaporaError`, whose words the model gets to read."""

    folder: Folder

    async def run(self, line: str, timeout_s: float) -> Outcome:
        """A command in the sandbox."""
        ...

    async def changed_paths(self) -> list[str]:
        """What differs from the last commit."""
        ...

    async def restore(self, paths: list[str]) -> None:
        """These paths as in the last commit."""
        ...

    async def status(self) -> str: ...

    async def diff(self, path: str, since: Literal["commit", "base"], limit: int) -> tuple[str, bool]:
        """The patch of the worktree against the last commit or the base, and whether it is cut at `limit` bytes."""
        ...

    async def log(self, path: str, count: int) -> str: ...

    async def search(self, pattern: str, path: str, ignore_case: bool, limit: int) -> tuple[list[str], bool]:
        """Lines as `path:line:text`, and whether they are cut at `limit` bytes."""
        ...

    async def files(self, path: str, limit: int) -> list[str]:
        """Files at or below the path that git does not ignore, in order, at most so many. Names that are no UTF-8 are
        left out."""
        ...
