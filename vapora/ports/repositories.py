"""The actor that runs git and commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vapora.commands import MergeTask
from vapora.ports.requests import Origin, RequestKey
from vapora.views import Changes, Examined, FileText, Merged, ProjectFile, Pushed, RepositoryView


class RepositoriesPort(Protocol):
    """The repositories of a workspace's projects, for people. Where git is what stands in the way, a `RepositoryError`
    of some kind is raised."""

    async def examine(self, repo: str, base_branch: str | None = None) -> Examined:
        """Whether a path or URL can be a project's repository: asked before a project is made, or given another.

        Raises what stands in the way: `SourceRefusedError`, `NotARepositoryError`, `CredentialsNeededError`,
        `UnknownBranchError`.
        """
        ...

    async def overview(self, project_id: str) -> RepositoryView:
        """Branches and worktrees; or, in `problem`, why there are none. Raises `NotFoundError`."""
        ...

    async def project_file(self, project_id: str) -> ProjectFile:
        """`.vapora/project.toml` of the base branch, fetched anew."""
        ...

    async def changes(self, task_id: str, attempt: int | None = None, run_id: str | None = None) -> Changes:
        """Of the card's branch, of that of another attempt, or of one run."""
        ...

    async def file(self, task_id: str, path: str, ref: str | None = None) -> FileText:
        """A file of the card's branch. `ref`: a commit of that branch; None: its newest."""
        ...

    async def files_at(self, project_id: str, oid: str, paths: Sequence[str]) -> tuple[FileText, ...]:
        """These files as they are in a commit of the base branch; those that it lacks are left out."""
        ...

    async def merge(self, origin: Origin, task_id: str, command: MergeTask, key: RequestKey | None = None) -> Merged:
        """Make the card's work part of the base branch. Raises `NotApprovedError`, `ChecksFailedError`,
        `MergeConflictError`, `TargetDirtyError` and other `RepositoryError`s; the repository is as it was then."""
        ...

    async def push(self, origin: Origin, task_id: str, key: RequestKey | None = None) -> Pushed:
        """Push the card's branch alone. Raises `PushRefusedError` with the remote's words."""
        ...
