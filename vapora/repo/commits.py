"""Commits of what an agent did in its worktree, step by step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vapora.errors import UncommittableError
from vapora.repo.bare import Person, branch_ref
from vapora.repo.words import listed
from vapora.repo.worktrees import Worktrees
from vapora.unicode import mended

# Git keeps every version for good; a build product of this size has no place in it.
LARGEST_FILE_BYTES = 100 * 1024**2
_GITLINK = "160000"
# As many paths as surely fit into one command line.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class StepCommit:
    """`trailers` end the message, as `Name: value`. They alone count, whatever the message's own lines look like."""

    message: str
    author: Person
    at: datetime
    trailers: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        lines = [f"{name}: {' '.join(mended(value).split())}" for name, value in self.trailers.items()]
        body = mended(self.message).replace("\0", "").strip() or "Step"
        return f"{body}\n\n" + "\n".join(lines) + "\n" if lines else f"{body}\n"

    def variables(self, committer: Person) -> dict[str, str]:
        when = self.at.isoformat(timespec="seconds")
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        return self.author.variables("AUTHOR") | committer.variables("COMMITTER") | dates


def commit_step(
    trees: Worktrees, name: str, step: StepCommit, committer: Person, largest: int = LARGEST_FILE_BYTES
) -> str:
    """The branch's head after all changes in the worktree were committed; the old one where there were none.

    Raises `UncommittableError` for what must not get in. The files are left as they are, for the agent to mend.
    """
    head = trees.get(name).head
    trees.unlock(name)
    _check_sizes(trees, name, largest)
    trees.run(name, "add", "--all")
    try:
        _check_nested(trees, name, head)
        tree = trees.run(name, "write-tree").text
    except UncommittableError:
        trees.run(name, "read-tree", head)
        raise
    if tree == trees.bare.tree(head):
        return head
    made = trees.bare.make_commit(tree, (head,), step.text(), step.variables(committer))
    trees.bare.update({branch_ref(name): (made, head)}, "step")
    return made


def _check_sizes(trees: Worktrees, name: str, largest: int) -> None:
    folder = trees.path(name)
    large = []
    for path in changed_paths(trees, name, alone=True):
        try:
            found = (folder / path).lstat()
        except OSError:
            continue  # deleted
        if found.st_size > largest:
            large.append(f"{path} ({found.st_size // 1024**2:,} MiB)")
    if large:
        raise UncommittableError(
            f"Files of more than {largest // 1024**2} MiB do not go into a commit: {listed(large)}.",
            remedy="Delete them, or have .gitignore name them.",
            paths=tuple(large),
        )


def _check_nested(trees: Worktrees, name: str, head: str) -> None:
    """A repository inside would be committed as a mere pointer to its own commit, and its files would be lost."""
    fields = trees.run(name, "diff-index", "--cached", "--raw", "-z", "--no-renames", head).fields()
    nested = [
        path
        for told, path in zip(fields[::2], fields[1::2], strict=True)
        # ":old-mode new-mode old-oid new-oid status"
        if told.split()[1] == _GITLINK and told.split()[0] != f":{_GITLINK}"
    ]
    if nested:
        raise UncommittableError(
            f"Folders that are git repositories of their own would be committed without their files: {listed(nested)}.",
            remedy="Delete the .git inside, or the folder.",
            paths=tuple(nested),
        )


def changed_paths(trees: Worktrees, name: str, *, alone: bool = False) -> list[str]:
    """What differs from the last commit, and is not ignored: paths from the worktree's root.

    `alone`: nobody else writes to the index meanwhile, so git may note there which files it found unchanged. Else it
    reads each of them again, since they were made in the same second as the index.
    """
    options = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    done = trees.run(name, "status", *options, variables={"GIT_OPTIONAL_LOCKS": "1" if alone else "0"})
    # "XY path"; a nested repository is listed as a folder, with a slash behind it.
    return [line[3:] for line in done.fields()]


def restore(trees: Worktrees, name: str, paths: Sequence[str]) -> None:
    """These paths as they are in the last commit; what it does not have is deleted."""
    head = trees.get(name).head
    tracked = set(trees.run(name, "ls-tree", "-r", "-z", "--name-only", "--full-tree", head).fields())
    # First what is new: a folder may be where a file has to go.
    gone = [path for path in paths if path not in tracked]
    for begin in range(0, len(gone), _AT_ONCE):
        trees.run(name, "--literal-pathspecs", "clean", "-ffdq", "--", *gone[begin : begin + _AT_ONCE])
    back = [path for path in paths if path in tracked]
    if back:
        listing = b"".join(os.fsencode(path) + b"\0" for path in back)
        options = ("--pathspec-from-file=-", "--pathspec-file-nul")
        trees.run(name, "--literal-pathspecs", "checkout", "--quiet", *options, head, stdin=listing)
