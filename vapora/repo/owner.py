"""The one owner of a project's repository: all that changes it goes through an object of this class, one call at a
time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from vapora.errors import NotFoundError, NothingToLandError, NoWorktreeError, TargetMovedError
from vapora.private_dirs import make_private, size
from vapora.repo import changes as diffs
from vapora.repo import commits, landing, publishing, reverting
from vapora.repo.bare import Bare, Base, Person, base_ref, branch_name, branch_ref, check_name
from vapora.repo.changes import BranchCommit, Changes
from vapora.repo.commits import StepCommit
from vapora.repo.git import Git
from vapora.repo.landing import Landing, Prepared, Strategy
from vapora.repo.lock import take
from vapora.repo.logins import Logins, nobodys
from vapora.repo.products import Products, is_empty
from vapora.repo.reverting import Brought
from vapora.repo.source import Source
from vapora.repo.words import shown
from vapora.repo.worktrees import Worktree, Worktrees

_PATIENCE_S = 20.0
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class WorktreeSize:
    name: str
    path: Path
    bytes: int


def _alone(
    method: Callable[Concatenate[Repository, P], R],
) -> Callable[Concatenate[Repository, P], R]:
    def one_at_a_time(self: Repository, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._turn:
            return method(self, *args, **kwargs)

    one_at_a_time.__doc__ = method.__doc__
    one_at_a_time.__name__ = method.__name__
    return one_at_a_time


class Repository:
    """Blocking; for an event loop, call it in a thread. Every method may be repeated after a crash: what was done
    before is found, and not done again."""

    def __init__(
        self,
        folder: Path,
        source: Source,
        environ: Mapping[str, str],
        committer: Person,
        *,
        patience_s: float = _PATIENCE_S,
        logins: Logins = nobodys,
    ) -> None:
        """Takes the folder, made if need be, and clones the source into it. `patience_s`: how long it waits for git
        processes that an owner before left.

        Raises `RepositoryBusyError` where another process has it, and what the source gives cause for.
        """
        make_private(folder)
        lock = take(folder / "lock", patience_s)
        self._lock: int | None = lock
        try:
            self.bare = Bare(Git(environ, held=(lock,), logins=logins), folder, source)
            self.trees = Worktrees(self.bare, folder)
            self.products = Products(folder / "setup")
            self.committer = committer
            self._turn = threading.RLock()
            self.bare.make()
            self.trees.clear_leftovers()
            self.products.clear_leftovers()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        handle, self._lock = self._lock, None
        if handle is not None:
            os.close(handle)

    # Work.

    @_alone
    def fetch(self) -> None:
        self.bare.fetch()

    @_alone
    def base(self, branch: str | None = None) -> Base:
        return self.bare.base(branch)

    @_alone
    def start(self, name: str, branch: str | None = None, *, at: str | None = None) -> Worktree:
        """The task's worktree; made on the newest commit of the base branch (or on `at`), if it is not there."""
        check_name(name)
        with suppress(NoWorktreeError):
            return self.trees.get(name)
        self.bare.fetch()
        base = self.bare.commit(at) if at else self.bare.base(branch).oid
        return self.trees.make(name, base or self.bare.empty_root())

    @_alone
    def commit(self, name: str, step: StepCommit, largest: int = commits.LARGEST_FILE_BYTES) -> str:
        return commits.commit_step(self.trees, name, step, self.committer, largest)

    @_alone
    def set_back(self, name: str, oid: str) -> None:
        self.trees.set_back(name, oid)

    @_alone
    def fork(self, name: str, at: str, branch: str | None = None) -> None:
        """The branch at a commit of another attempt; its base is where that one left the target."""
        target = self.bare.base(branch).oid
        if target is not None:
            self.bare.set_ref(base_ref(name), self.bare.run("merge-base", target, self.bare.commit(at)).text)
        self.trees.set_back(name, at)

    @_alone
    def empty(self, name: str) -> None:
        """The worktree with the files of its last commit, and nothing that git ignores: made anew if need be."""
        if not is_empty(self.trees, name):
            head = self.trees.get(name).head
            self.trees.discard(name)
            self.trees.make(name, head)

    def is_at_base(self, name: str, branch: str | None = None) -> bool:
        """Whether nobody has committed anything in it: it stands on a commit of the base branch itself."""
        base, head = self._branch(name)
        target = self.bare.base(branch).oid
        return base == head and target is not None and self.bare.descends(target, head)

    @_alone
    def restore(self, name: str, paths: Sequence[str]) -> None:
        commits.restore(self.trees, name, paths)

    def changed_paths(self, name: str) -> list[str]:
        return commits.changed_paths(self.trees, name)

    # Looking.

    def changes(self, name: str, patch_bytes: int = diffs.PATCH_BYTES) -> Changes:
        tree = self._branch(name)
        return diffs.compare(self.bare, *tree, patch_bytes=patch_bytes)

    def commits(self, name: str) -> tuple[BranchCommit, ...]:
        return diffs.commits(self.bare, *self._branch(name))

    def conflicts(self, name: str, branch: str | None = None) -> tuple[str, ...]:
        """Paths that could not be merged into the base branch, as of the last fetch."""
        target = self.bare.base(branch).oid
        return () if target is None else diffs.try_merge(self.bare, target, self._branch(name)[1])[1]

    def unresolved(self, name: str) -> tuple[str, ...]:
        """Files of the branch that still hold a conflict marker, as `bring_up` leaves them."""
        return diffs.files_with(self.bare, self._branch(name)[1], f"<<<<<<< vapora/{name}")

    def file(
        self, name: str, path: str, ref: str | None = None, limit: int = diffs.FILE_BYTES
    ) -> tuple[str, bytes, int]:
        """A file of the branch as of its commit `ref` (None: the newest): that commit, at most `limit` bytes, and how
        many there are. Raises `NotFoundError`."""
        _, head = self._branch(name)
        commit = head if ref is None else self.bare.resolve(ref)
        if commit is None or not self.bare.descends(head, commit):
            raise NotFoundError(f"The branch of {name} has no commit {ref}.", remedy="Name one of its commits.")
        return commit, *diffs.file_at(self.bare, commit, path, limit)

    def base_file(self, path: str, branch: str | None = None, limit: int = diffs.FILE_BYTES) -> tuple[bytes, int]:
        """A file of the base branch as of the last fetch. Raises `NotFoundError`."""
        target = self.bare.base(branch)
        if target.oid is None:
            raise NotFoundError(f"{target.branch} has no commit.", remedy="Commit something.")
        return diffs.file_at(self.bare, target.oid, path, limit)

    def base_tree(self, branch: str | None = None) -> tuple[str, list[tuple[str, str, int]]]:
        """The newest commit of the base branch as of the last fetch, and path, blob and size of each file of it; an
        empty oid where there is no commit."""
        target = self.bare.base(branch)
        if target.oid is None:
            return "", []
        done = self.bare.run("ls-tree", "-r", "-l", "-z", "--full-tree", target.oid)
        found = []
        for line in done.out.decode("utf-8", "replace").split("\0"):
            told, tab, path = line.partition("\t")
            kind = told.split()
            # Neither submodules nor symlinks.
            if tab and kind[1] == "blob" and kind[0] != "120000":
                found.append((path, kind[2], int(kind[3])))
        return target.oid, found

    def has(self, oid: str) -> bool:
        """Whether the commit is here; after `fetch`, every one of the base branch is."""
        return self.bare.resolve(oid) is not None

    def file_at(self, oid: str, path: str, limit: int = diffs.FILE_BYTES) -> tuple[bytes, int]:
        """A file of a commit that is here: at most `limit` bytes, and how many there are. Raises `NotFoundError`."""
        return diffs.file_at(self.bare, self.bare.commit(oid), path, limit)

    @_alone
    def scratch(self, name: str, oid: str) -> Worktree:
        """A worktree at a commit of ours, to look what the checks make of it. `remove` it with its branch."""
        self.remove(name, branch=True)
        return self.trees.make(name, self.bare.commit(oid))

    def sizes(self) -> tuple[WorktreeSize, ...]:
        """Of all worktrees: a walk through all their files."""
        return tuple(
            WorktreeSize(name, self.trees.path(name), size(self.trees.path(name))) for name in self.trees.names()
        )

    def branches(self) -> dict[str, str]:
        """Task → head."""
        prefix = branch_ref("")
        return {ref.removeprefix(prefix): oid for ref, oid in self.bare.refs(prefix).items()}

    def _branch(self, name: str) -> tuple[str, str]:
        base, head = self.bare.resolve(base_ref(check_name(name))), self.bare.resolve(branch_ref(name))
        if base is None or head is None:
            raise NoWorktreeError(f"{name} has no branch.", remedy="It is made when its run starts.")
        return base, head

    # Landing.

    @_alone
    def bring_up(self, name: str, step: StepCommit, branch: str | None = None) -> tuple[str, tuple[str, ...]]:
        """Merges the target's newest commit into the task's branch: the new head, and the paths in conflict.

        Files in conflict are committed with git's markers in them, for the agent to resolve in its next steps. What was
        not committed in the worktree is dropped.
        """
        self.bare.fetch()
        base = self.bare.base(branch)
        target, (_, head) = base.oid, self._branch(name)
        if target is None or self.bare.descends(head, target):
            return head, ()
        # Named, not by their commits: the names stand in the conflict markers, which the agent reads.
        tree, conflicts = diffs.try_merge(self.bare, branch_name(name), f"origin/{base.branch}")
        made = self.bare.make_commit(tree, (head, target), step.text(), step.variables(self.committer))
        # The base moves along, so that what others changed does not show as a change of this task.
        old = self.bare.resolve(base_ref(name))
        self.bare.update({branch_ref(name): (made, head), base_ref(name): (target, old)}, "bring up")
        self.trees.set_back(name, made)
        return made, tuple(shown(path) for path in conflicts)

    def land(
        self,
        name: str,
        message: StepCommit,
        *,
        head: str | None = None,
        branch: str | None = None,
        strategy: Strategy = "squash",
    ) -> Landing:
        """Makes the task's work part of the target branch, in the source itself: `prepare_landing`, then `publish`."""
        prepared = self.prepare_landing(name, message, head=head, branch=branch, strategy=strategy)
        return prepared if isinstance(prepared, Landing) else self.publish(prepared)

    @_alone
    def prepare_landing(
        self,
        name: str,
        message: StepCommit,
        *,
        head: str | None = None,
        branch: str | None = None,
        strategy: Strategy = "squash",
    ) -> Prepared | Landing:
        """The commit that the target is to be moved to; or what stands there already.

        `head`: what was approved; raises `TargetMovedError` if the branch is elsewhere. Raises `MergeConflictError`,
        and `NothingToLandError` for a branch without a change.
        """
        base, ours = self._branch(name)
        if head is not None and head != ours:
            raise TargetMovedError(
                f"The branch of {name} is at {ours[:12]}, not at {head[:12]}, which was approved.",
                remedy="Look at the changes again, and approve them.",
            )
        unresolved = self.unresolved(name)
        if unresolved:
            raise diffs.conflict(unresolved)
        if ours == base:
            raise NothingToLandError(f"The branch of {name} changes nothing.", remedy="There is nothing to do.")
        self.bare.fetch()
        return landing.prepare(self.bare, name, ours, self.bare.base(branch), strategy, message, self.committer)

    @_alone
    def publish(self, prepared: Prepared) -> Landing:
        """Raises `TargetMovedError` if the target moved since (prepare it again then), `TargetDirtyError` and
        `PushRefusedError`; after each, the source is as it was."""
        return landing.publish(self.bare, prepared)

    @_alone
    def brought(self, names: Sequence[str], branch: str | None = None) -> tuple[Base, tuple[Brought, ...]]:
        """The target as it is now, and what landings of these branches brought to it."""
        self.bare.fetch()
        target = self.bare.base(branch)
        found = (reverting.brought(self.bare, check_name(name), target) for name in names)
        return target, tuple(one for one in found if one is not None)

    def command(self, one: Brought) -> str:
        """What a person would type to take it back."""
        return reverting.command(self.bare, one)

    @_alone
    def revert(
        self, name: str, landings: Sequence[Brought], target: Base, message: Callable[[Brought], StepCommit]
    ) -> str:
        """Makes the branch `name`, which takes these landings back: its head. Raises `MergeConflictError`."""
        return reverting.revert(self.bare, check_name(name), landings, target, message, self.committer)

    @_alone
    def push(self, name: str) -> str:
        """The task's branch alone, as `vapora/<task>` of the source: its head there."""
        _, head = self._branch(name)
        pushed = f"refs/vapora/pushed/{name}"
        old = self.bare.resolve(pushed)
        if old != head:
            publishing.publish(self.bare, publishing.Move(branch_name(name), old, head, branch_ref(name)))
            self.bare.set_ref(pushed, head)
        return head

    # Upkeep.

    @_alone
    def remove(self, name: str, *, branch: bool = False) -> None:
        """Takes the worktree's folder away. `branch`: its branch too; its commits stay, under `refs/vapora/kept/`."""
        self.trees.discard(name)
        head = self.bare.resolve(branch_ref(name))
        if branch and head is not None:
            self.bare.keep(name, head)
            base = self.bare.resolve(base_ref(name))
            gone: dict[str, tuple[str | None, str | None]] = {branch_ref(name): (None, head)}
            if base is not None:
                gone[base_ref(name)] = (None, base)
            self.bare.update(gone, "remove")

    @_alone
    def prune(self, keep: Collection[str]) -> tuple[str, ...]:
        """Takes the folders of all other worktrees away: their names. Their branches stay."""
        gone = tuple(name for name in self.trees.names() if name not in keep)
        for name in gone:
            self.trees.discard(name)
        return gone

    def empty_trash(self) -> None:
        """Deletes what was taken away. Seconds for a large worktree, and nobody has to wait for it."""
        self.trees.empty_trash()
