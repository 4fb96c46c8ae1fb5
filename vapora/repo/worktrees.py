"""The worktrees of a project: a folder for each task's branch, hung on our bare repository.

A worktree's folder is in the hands of an agent's commands. What git knows of it is not: that is in the bare repository,
under `worktrees/<name>`, and every call here names it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from vapora.errors import NoWorktreeError, RepositoryError
from vapora.private_dirs import delete_tree
from vapora.repo.bare import Bare, base_ref, branch_name, branch_ref, check_name
from vapora.repo.git import Done

# A checkout of 20,000 files takes seconds; on a slow disk much longer.
CHECKOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Worktree:
    """`base`: the commit of the target branch that the work began from, or was last brought up to."""

    name: str
    path: Path
    branch: str
    base: str
    head: str


class Worktrees:
    def __init__(self, bare: Bare, folder: Path) -> None:
        self.bare = bare
        self.folder = folder / "worktrees"
        self.trash = folder / "trash"

    def path(self, name: str) -> Path:
        return self.folder / check_name(name)

    def admin(self, name: str) -> Path:
        """Where git keeps what it knows of the worktree."""
        return self.bare.dir / "worktrees" / check_name(name)

    def run(self, name: str, *arguments: str, **how: Any) -> Done:
        """git in the worktree, without looking at its `.git`."""
        return self.bare.git.run(*arguments, git_dir=self.admin(name), work_tree=self.path(name), **how)

    def get(self, name: str) -> Worktree:
        """Raises `NoWorktreeError`."""
        head, base = self.bare.resolve(branch_ref(name)), self.bare.resolve(base_ref(name))
        if head is None or base is None or not self.is_whole(name):
            raise NoWorktreeError(f"{name} has no worktree.", remedy="It is made when its run starts.")
        return Worktree(name, self.path(name), branch_name(name), base, head)

    def is_whole(self, name: str) -> bool:
        """Whether its folder, and what git knows of it, are there and belong together."""
        try:
            linked = (self.admin(name) / "gitdir").read_text().strip()
        except (OSError, UnicodeDecodeError):
            return False
        # git locks a worktree for as long as it makes it, and we lock it with our own reason afterwards.
        finished = _text(self.admin(name) / "locked") == "vapora"
        return finished and linked == str(self.path(name) / ".git") and self.path(name).is_dir()

    def names(self) -> list[str]:
        """Of those that are whole."""
        folder = self.bare.dir / "worktrees"
        return sorted(one.name for one in folder.iterdir() if self.is_whole(one.name)) if folder.is_dir() else []

    def make(self, name: str, base: str) -> Worktree:
        """The worktree of the task, on its branch; made from `base`, unless the branch is there already."""
        branch = branch_ref(name)
        if self.bare.resolve(branch) is None:
            # Both or neither: work whose base nobody knows could not be compared with anything.
            self.bare.update({branch: (base, None), base_ref(name): (base, self.bare.resolve(base_ref(name)))}, "begin")
        if not self.is_whole(name):
            self.discard(name)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self.bare.run(
                *("worktree", "add", "--quiet", "--force", "--lock", "--reason", "vapora"),
                *(str(self.path(name)), branch_name(name)),
                timeout_s=CHECKOUT_S,
            )
        return self.get(name)

    def set_back(self, name: str, oid: str) -> None:
        """Branch and files as of the commit, whatever a command left there; ignored files stay.

        Where that cannot be done, because of files that may not be deleted for example, the folder is made anew.
        """
        self.bare.commit(oid)
        head = self.bare.resolve(branch_ref(name))
        if head is not None and head != oid:
            # The commit that falls off may be one whose record was lost in a crash.
            self.bare.keep(name, head)
        if self.is_whole(name):
            self.unlock(name)
            try:
                self.run(name, "symbolic-ref", "HEAD", branch_ref(name))
                self.run(name, "reset", "--quiet", "--hard", oid, timeout_s=CHECKOUT_S)
                self.run(name, "clean", "-ffdq", timeout_s=CHECKOUT_S)
                return
            except RepositoryError:
                self.discard(name)
        self.bare.set_ref(branch_ref(name), oid)
        self.make(name, oid)

    def unlock(self, name: str) -> None:
        """Removes the lock that a git process left which was ended; only the owner may, since nobody else writes."""
        (self.admin(name) / "index.lock").unlink(missing_ok=True)

    def discard(self, name: str) -> None:
        """Takes the folder away, at once; `empty_trash` deletes what was in it. The branch stays."""
        path = self.path(name)
        if os.path.lexists(path):
            self.trash.mkdir(mode=0o700, exist_ok=True)
            path.rename(self.trash / f"{name}-{uuid4().hex}")
        if self.admin(name).exists():
            shutil.rmtree(self.admin(name))

    def empty_trash(self) -> None:
        """Seconds for a large worktree: not to be waited for."""
        for one in self.trash.iterdir() if self.trash.is_dir() else ():
            delete_tree(one)

    def clear_leftovers(self) -> None:
        """What an owner that was killed left: locks of its git processes, folders half made or half removed."""
        for lock in self._locks():
            lock.unlink(missing_ok=True)
        folder = self.bare.dir / "worktrees"
        known = {one.name for one in folder.iterdir()} if folder.is_dir() else set()
        found = {one.name for one in self.folder.iterdir()} if self.folder.is_dir() else set()
        for name in sorted(known | found):
            if not self.is_whole(name):
                self.discard(name)
        self.empty_trash()

    def _locks(self) -> Iterator[Path]:
        yield from self.bare.dir.glob("*.lock")
        yield from self.bare.dir.glob("refs/**/*.lock")
        yield from self.bare.dir.glob("worktrees/*/*.lock")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
