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
_GITLINK, _NONE = "160000", "000000"
_FILES = frozenset(("100644", "100755", "120000"))
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


@dataclass(frozen=True, slots=True)
class _Change:
    """What differs from the last commit: the modes that a path has there, in the index and in the worktree (`000000`:
    it is not there), `None` where git does not know it yet. `plain`: its file can be put into the index by itself."""

    path: str
    modes: tuple[str, str, str] | None
    plain: bool

    @property
    def is_nested(self) -> bool:
        """A repository that would become a pointer; git lists one that it does not know as a folder."""
        if self.modes is None:
            return self.path.endswith("/")
        committed, *now = self.modes
        return _GITLINK in now and committed != _GITLINK


def commit_step(
    trees: Worktrees, name: str, step: StepCommit, committer: Person, largest: int = LARGEST_FILE_BYTES
) -> str:
    """The branch's head after all changes in the worktree were committed; the old one where there were none.

    Raises `UncommittableError` for what must not get in. The files are left as they are, for the agent to mend.
    """
    if not trees.is_whole(name):
        trees.get(name)  # says so
    trees.unlock(name)
    head, changes = _status(trees, name)
    if not changes:
        return head
    _check_sizes(trees, name, changes, largest)
    _refuse_nested([one.path for one in changes if one.is_nested])
    if all(one.plain for one in changes):
        # Half of what `add` takes, which looks for all changes once more.
        listing = b"".join(os.fsencode(one.path) + b"\0" for one in changes)
        trees.run(name, "update-index", "--add", "-z", "--stdin", stdin=listing)
    else:
        _add_all(trees, name, head)
    tree = trees.run(name, "write-tree").text
    if tree == trees.bare.tree(head):
        return head
    made = trees.bare.make_commit(tree, (head,), step.text(), step.variables(committer))
    trees.bare.update({branch_ref(name): (made, head)}, "step")
    return made


def _status(trees: Worktrees, name: str) -> tuple[str, list[_Change]]:
    """The branch's head, and what differs from it. One process; each takes 3 to 10 ms."""
    options = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--no-renames")
    # Nobody else writes to the index meanwhile, so git may note there which files it found unchanged.
    fields = trees.run(name, "status", *options, variables={"GIT_OPTIONAL_LOCKS": "1"}).fields()
    told = dict(one.split(" ", 2)[1:] for one in fields if one.startswith("# "))
    if told.get("branch.head") != branch_ref(name).removeprefix("refs/heads/"):
        # It was cut off while it was being put on its branch.
        trees.run(name, "symbolic-ref", "HEAD", branch_ref(name))
        return trees.get(name).head, _status(trees, name)[1]
    return told["branch.oid"], [_change(one) for one in fields if not one.startswith("# ")]


def _change(line: str) -> _Change:
    match line[0]:
        case "1":
            # "1 XY sub mode-in-head mode-in-index mode-in-worktree oid oid path"
            _, _, _, *modes, _, _, path = line.split(" ", 8)
            here = modes[2]
            return _Change(
                path, (modes[0], modes[1], here), here in _FILES and {modes[0], modes[1]} <= _FILES | {_NONE}
            )
        case "u":
            # "u XY sub mode mode mode mode-in-worktree oid oid oid path"
            *_, mode, _, _, _, path = line.split(" ", 10)
            return _Change(path, (_NONE, _NONE, mode), plain=False)
        case _:
            return _Change(line[2:], None, not line.endswith("/"))


def _add_all(trees: Worktrees, name: str, head: str) -> None:
    trees.run(name, "add", "--all")
    # ":old-mode new-mode old-oid new-oid status", then the path
    fields = trees.run(name, "diff-index", "--cached", "--raw", "-z", "--no-renames", head).fields()
    modes = ((told[1:].split()[:2], path) for told, path in zip(fields[::2], fields[1::2], strict=True))
    try:
        _refuse_nested([path for (old, new), path in modes if new == _GITLINK != old])
    except UncommittableError:
        trees.run(name, "read-tree", head)
        raise


def _check_sizes(trees: Worktrees, name: str, changes: Sequence[_Change], largest: int) -> None:
    folder = trees.path(name)
    large = []
    for path in (one.path for one in changes):
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


def _refuse_nested(nested: Sequence[str]) -> None:
    """A repository inside would be committed as a mere pointer to its own commit, and its files would be lost."""
    if nested:
        raise UncommittableError(
            f"Folders that are git repositories of their own would be committed without their files: {listed(nested)}.",
            remedy="Delete the .git inside, or the folder.",
            paths=tuple(nested),
        )


def changed_paths(trees: Worktrees, name: str) -> list[str]:
    """What differs from the last commit, and is not ignored: paths from the worktree's root."""
    done = trees.run(name, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
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
