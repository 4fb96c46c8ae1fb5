"""What a task's worktree shows: texts for an agent to read. Nothing here changes it."""

from __future__ import annotations

from typing import Literal

from vapora.errors import BadInputError, GitFailedError, GitTimeoutError
from vapora.repo.changes import PLAIN
from vapora.repo.worktrees import Worktrees

# An expression may be slow on purpose or by accident.
_SEARCH_S = 30.0
_LONGEST_LINE = 400
_LONGEST_LISTING = 8 * 1024**2


def status(trees: Worktrees, name: str) -> str:
    return trees.run(name, "status", "--short", "--untracked-files=all").out.decode("utf-8", "replace")


def diff(trees: Worktrees, name: str, path: str, since: Literal["commit", "base"], limit: int) -> tuple[str, bool]:
    """The patch of files that git knows, and whether it is cut at `limit` bytes."""
    tree = trees.get(name)
    start = tree.head if since == "commit" else tree.base
    done = trees.run(name, "--literal-pathspecs", "diff", *PLAIN, start, "--", path, limit=limit)
    return done.out.decode("utf-8", "replace"), done.truncated


def log(trees: Worktrees, name: str, path: str, count: int) -> str:
    form = "--format=%h %cs %an: %s"
    options = ("--no-show-signature", f"--max-count={count}", form)
    done = trees.run(name, "--literal-pathspecs", "log", *options, trees.get(name).head, "--", path)
    return done.out.decode("utf-8", "replace")


def files(trees: Worktrees, name: str, path: str, limit: int) -> list[str]:
    """What git does not ignore, at or below `path`, in order, at most so many. Names that are no UTF-8 are left out."""
    which = ("--cached", "--others", "--exclude-standard", "-z")
    done = trees.run(name, "--literal-pathspecs", "ls-files", *which, "--", path, limit=_LONGEST_LISTING)
    found = done.out.split(b"\0")
    if done.truncated:
        found.pop()
    names = {one.decode("utf-8", "replace") for one in found if one}
    return sorted(one for one in names if "\ufffd" not in one)[:limit]


def search(
    trees: Worktrees, name: str, pattern: str, path: str, ignore_case: bool, limit: int
) -> tuple[list[str], bool]:
    """`path:line:text` of what git does not ignore, and whether it is cut at `limit` bytes.

    Raises `BadInputError` for an expression that is wrong, or too slow.
    """
    options = ("-n", "-I", "-z", "-E", "--untracked", "--no-color", "--no-recurse-submodules")
    case = ("-i",) if ignore_case else ()
    try:
        done = trees.run(
            *(name, "--literal-pathspecs", "grep", *options, *case, "-e", pattern, "--", path),
            ok=(0, 1),
            limit=limit,
            timeout_s=_SEARCH_S,
        )
    except GitTimeoutError as error:
        raise BadInputError("The search took too long.", remedy="Name a folder, or a simpler expression.") from error
    except GitFailedError as error:
        said = str(error.details.get("git", "")).removeprefix("fatal: ")
        raise BadInputError(f"The search failed: {said}", remedy="Is the expression a POSIX extended one?") from error
    lines = done.out.decode("utf-8", "replace").splitlines()
    if done.truncated and lines:
        lines.pop()
    return [line.replace("\0", ":", 2)[:_LONGEST_LINE] for line in lines], done.truncated
