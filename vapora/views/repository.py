"""A project's repository, and what was changed in it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vapora.views.base import View


class Branch(View):
    """A task's branch; `name` such as `vapora/task-1.2`, whose `attempt` is 2."""

    name: str
    task_id: str
    attempt: int
    oid: str


class WorktreeView(View):
    task_id: str
    attempt: int
    path: str
    bytes: int


class RepositoryView(View):
    """`head`: the base branch's newest commit as of the last fetch; null while there is none. `problem`: why nothing
    can be done in it, null where all is well; the rest is empty then."""

    base_branch: str | None = None
    head: str | None = None
    branches: tuple[Branch, ...] = ()
    worktrees: tuple[WorktreeView, ...] = ()
    problem: str | None = None


class Examined(View):
    """A path or URL that can be a project's repository. `where`: what git is given."""

    kind: Literal["path", "url"]
    where: str
    base_branch: str
    head: str | None
    branches: tuple[str, ...]


class FileCheck(View):
    name: str
    command: str
    timeout_s: int


class ProjectFile(View):
    """`.vapora/project.toml` of the base branch. `text` is null where there is none. `accepted`: whether a person
    accepted just this text. `problem`: why it cannot be used; null where it can."""

    path: str
    text: str | None
    sha256: str | None
    accepted: bool
    base_branch: str | None = None
    setup: tuple[str, ...] | None = None
    checks: tuple[FileCheck, ...] | None = None
    problem: str | None = None


class ChangedFile(View):
    """`additions` and `deletions` are lines, 0 for a binary file. Bytes that are not UTF-8 show as `\\xNN`."""

    path: str
    old_path: str | None
    status: Literal["added", "modified", "deleted", "renamed", "copied", "type-changed"]
    additions: int
    deletions: int
    binary: bool


class ChangedBy(View):
    """A commit of the branch. `run_id` and `step`: what made it, null where somebody else did."""

    oid: str
    subject: str
    at: datetime
    run_id: str | None
    step: int | None


class CheckResult(View):
    """`exit_code` null: it was ended from outside, and `ended` says by which limit."""

    name: str
    command: str
    exit_code: int | None
    ended: str
    duration_ms: int
    output: str
    truncated: bool


class Changes(View):
    """What a task's branch, or one run, changed, from `base` to `head`. `truncated`: files or patch are not all of it.

    `conflicts`: paths that the base branch changed in the same places since. `approved_head`: the commit that was
    approved, null where none was.
    """

    branch: str
    base: str
    head: str
    commits: tuple[ChangedBy, ...]
    files: tuple[ChangedFile, ...]
    patch: str
    truncated: bool
    checks: tuple[CheckResult, ...]
    conflicts: tuple[str, ...]
    approved_head: str | None


class FileText(View):
    """One file of a task's branch. `text` is null for a binary file. `truncated`: it is cut off."""

    path: str
    ref: str
    size: int
    text: str | None
    binary: bool
    truncated: bool


class Merged(View):
    """`oid`: the commit of `branch` that the work is part of now. `already`: it was landed before."""

    oid: str
    branch: str
    position: int
    already: bool = False


class Pushed(View):
    branch: str
    head: str
    position: int
