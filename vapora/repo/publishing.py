"""Moves the target branch where it belongs to the person: in their repository on this machine, or at a remote.

A branch moves only from the commit that the landing was computed on (compare-and-swap). Where the person has the
branch checked out, their files move with it by `merge --ff-only`, which leaves all other changes of theirs alone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vapora.errors import (
    CredentialsNeededError,
    GitFailedError,
    PushRefusedError,
    RepositoryError,
    TargetDirtyError,
    TargetMovedError,
)
from vapora.repo.bare import Bare
from vapora.repo.git import NETWORK_S, Done
from vapora.repo.words import listed, shown

_IN_THE_WAY = "would be overwritten by merge"


@dataclass(frozen=True, slots=True)
class Move:
    """A branch of the source, from a commit (None: it does not exist yet) to the one that `ref` of ours holds."""

    branch: str
    old: str | None
    new: str
    ref: str

    @property
    def target(self) -> str:
        return f"refs/heads/{self.branch}"


def publish(bare: Bare, move: Move) -> None:
    """Raises `TargetMovedError`, `TargetDirtyError`, `PushRefusedError`, and what git says of a remote."""
    if bare.source.kind == "url":
        _push(bare, move)
    else:
        _Neighbour(bare).take(bare, move)


def _push(bare: Bare, move: Move) -> None:
    lease = f"--force-with-lease={move.target}:{move.old or ''}"
    try:
        bare.run(
            *("push", "--quiet", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no", lease),
            *("--", bare.source.where, f"{move.new}:{move.target}"),
            timeout_s=NETWORK_S,
            as_person=True,
            remote=bare.source.where,
        )
    except (CredentialsNeededError, TargetMovedError):
        raise
    except RepositoryError as error:
        words = str(error.details.get("git", error.message))
        if "rejected" not in words:
            raise
        raise PushRefusedError(
            f"The remote refused the push: {words}",
            remedy="Push the branch alone and merge there, or change its rules.",
            git=words,
        ) from error


class _Neighbour:
    """The person's repository on this machine. Nothing of its configuration that runs a program is used, but for LFS
    filters where files of a checkout have to be written."""

    def __init__(self, bare: Bare) -> None:
        self._git = bare.git
        self._dir = self._find(Path(bare.source.where))

    def _find(self, place: Path) -> Path:
        return Path(self._at(place, "rev-parse", "--path-format=absolute", "--git-common-dir").text)

    def _at(self, place: Path, *arguments: str) -> Done:
        return self._git.run("-C", str(place), *arguments, as_person=True)

    def _run(self, *arguments: str, **how: Any) -> Done:
        return self._git.run(*arguments, git_dir=self._dir, as_person=True, **how)

    def take(self, bare: Bare, move: Move) -> None:
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        # The objects first, which changes nothing that the person sees.
        self._run("fetch", *options, "--", str(bare.dir), move.ref, timeout_s=NETWORK_S)
        now = self._run("rev-parse", "--verify", "--quiet", move.target, ok=(0, 1)).text or None
        if now != move.old:
            raise TargetMovedError(
                f"{move.branch} moved meanwhile, to {now or 'nothing'}.",
                remedy="Try again: it is done on the new head.",
            )
        checkouts = self._checkouts(move.target)
        if not checkouts:
            zeros = "0" * len(move.new)
            self._run("update-ref", "--create-reflog", "-m", "vapora: land", move.target, move.new, move.old or zeros)
            return
        for folder in checkouts:
            self._forward(folder, move)

    def _checkouts(self, target: str) -> list[Path]:
        """Folders that have the branch checked out: the main one, or worktrees of it."""
        found, folder = list[Path](), Path()
        for field in self._run("worktree", "list", "--porcelain", "-z").fields():
            key, _, value = field.partition(" ")
            if key == "worktree":
                folder = Path(value)
            elif key == "branch" and value == target and folder.is_dir():
                found.append(folder)
            elif key == "detached":
                self._refuse_rebase(folder, target)
        return found

    def _refuse_rebase(self, folder: Path, target: str) -> None:
        """While a branch is rebased nobody has it checked out, and at the end it is set from what it was before."""
        if not folder.is_dir():
            return
        inside = Path(self._at(folder, "rev-parse", "--path-format=absolute", "--git-dir").text)
        for name in ("rebase-merge/head-name", "rebase-apply/head-name"):
            place = inside / name
            if place.is_file() and place.read_bytes().strip() == os.fsencode(target):
                raise TargetDirtyError(
                    f"{target.removeprefix('refs/heads/')} is being rebased in {folder}.",
                    remedy="Finish or abort the rebase there, and merge again.",
                )

    def _forward(self, folder: Path, move: Move) -> None:
        inside = Path(self._at(folder, "rev-parse", "--path-format=absolute", "--git-dir").text)
        options = ("--ff-only", "--quiet", "--no-autostash", "--no-verify-signatures")
        try:
            self._git.run(
                *("merge", *options, move.new),
                git_dir=inside,
                work_tree=folder,
                as_person=True,
                filters=True,
                timeout_s=NETWORK_S,
            )
        except GitFailedError as error:
            raise _dirty(folder, str(error.details.get("git", ""))) from error


def _dirty(folder: Path, words: str) -> TargetDirtyError:
    paths = tuple(shown(line[1:]) for line in words.splitlines() if line.startswith("\t"))
    if _IN_THE_WAY in words and paths:
        return TargetDirtyError(
            f"{folder} has changes of yours in {listed(paths)}, which the merge would overwrite. Nothing was changed.",
            remedy="Commit or stash them there, and merge again.",
            paths=paths,
        )
    said = re.sub(r"^(error|fatal): ", "", words).strip()
    return TargetDirtyError(
        f"git does not merge into {folder} at the moment: {said} Nothing was changed.",
        remedy="Finish there what is under way, and merge again.",
    )
