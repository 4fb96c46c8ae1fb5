"""What the setup of a project made in one worktree, kept beside the bare repository for the next ones.

A product is what git ignores in the worktree, and the home of its commands. It is kept by a key: a digest of all that
decides what setup makes. No command can write there, in any sandbox.
"""

from __future__ import annotations

import mmap
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from vapora.private_dirs import delete_tree, make_private
from vapora.repo.worktrees import Worktrees

KEPT = 5
LARGEST_BYTES = 10 * 1024**3
_UNFINISHED = ".new-"
# They pin what is installed. Without one of them nobody knows what setup makes.
_LOCKS = re.compile(
    r"package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|deno\.lock|uv\.lock|poetry\.lock|"
    r"pdm\.lock|pylock\.toml|Pipfile\.lock|requirements[^/]*\.txt|Cargo\.lock|go\.sum|Gemfile\.lock|composer\.lock|"
    r"mix\.lock|pubspec\.lock|packages\.lock\.json|gradle\.lockfile"
)
# They go with a lock file, and a setup fails where the two disagree; so they belong to the key.
_MANIFESTS = re.compile(
    r"package\.json|pyproject\.toml|setup\.(py|cfg)|Pipfile|Cargo\.toml|go\.mod|Gemfile|composer\.json|"
    r"\.npmrc|\.nvmrc|\.python-version|\.tool-versions|rust-toolchain(\.toml)?"
)
# These name the place where they were made, and do no harm by it.
_HARMLESS = (".pyc", ".log")
_MAPPED = 1 << 20


@dataclass(frozen=True, slots=True)
class Pinned:
    """`files`: lock files and their manifests in a commit, path → git's id of the content. `locked`: there is at least
    one lock file among them."""

    files: dict[str, str]
    locked: bool


def pinned(trees: Worktrees, name: str) -> Pinned:
    """Of the worktree's last commit."""
    lines = trees.run(name, "ls-tree", "-r", "-z", "--full-tree", trees.get(name).head).fields()
    # "mode type oid\tpath"
    found = {path: told.split()[2] for told, path in (line.split("\t", 1) for line in lines)}
    locks = {path for path in found if _LOCKS.fullmatch(Path(path).name)}
    files = {path: oid for path, oid in found.items() if path in locks or _MANIFESTS.fullmatch(Path(path).name)}
    return Pinned(files, bool(locks))


def ignored(trees: Worktrees, name: str) -> list[str]:
    """What git ignores in the worktree: paths from its root; of a folder that is ignored as a whole, the folder."""
    options = ("--others", "--ignored", "--exclude-standard", "--directory", "-z")
    return [path.removesuffix("/") for path in trees.run(name, "ls-files", *options).fields()]


def is_empty(trees: Worktrees, name: str) -> bool:
    """Whether the worktree holds its commit's files, unchanged, and nothing else, ignored or not."""
    return not trees.run(name, "status", "--porcelain=v1", "-z", "--ignored", "--untracked-files=all").out


def unfit(parts: Iterable[Path], places: Sequence[Path], largest: int = LARGEST_BYTES) -> str:
    """Why these files and folders cannot serve another worktree than the one at `places`; empty where they can.

    Symlinks are read, not followed. Raises `OSError` for what cannot be read.
    """
    names = [os.fsencode(place) for place in places]
    waiting, total = list(parts), 0
    while waiting:
        path = waiting.pop()
        found = path.lstat()
        total += found.st_blocks * 512
        if total > largest:
            return f"it takes more than {largest // 1024**2:,} MiB"
        if stat.S_ISDIR(found.st_mode):
            waiting += path.iterdir()
        elif not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
            return f"{path.name} is neither a file nor a folder nor a symlink"
        elif path.suffix not in _HARMLESS and _names(path, found, names):
            return f"{path.name} names the folder in which it was made, and would be wrong in another"
    return ""


def _names(path: Path, found: os.stat_result, names: Sequence[bytes]) -> bool:
    if stat.S_ISLNK(found.st_mode):
        target = os.fsencode(path.readlink())
        return any(name in target for name in names)
    if found.st_size < _MAPPED:
        content = path.read_bytes()
        return any(name in content for name in names)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return any(mapped.find(name) >= 0 for name in names)


def in_the_way(product: Path, target: Path) -> bool:
    """Whether something in `target` is of another kind than what is to be copied there, such as a symlink where a
    folder has to be: nothing may be written through it."""
    for source in product.iterdir():
        place = target / source.name
        if os.path.lexists(place):
            both = (source, place)
            if not all(one.is_dir() and not one.is_symlink() for one in both) or in_the_way(source, place):
                return True
    return False


class Products:
    """A folder each, with the folders `worktree` and `home`; its time is that of its last use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> Path | None:
        found = self._folder / key
        if not found.is_dir():
            return None
        os.utime(found)
        return found

    def begin(self) -> Path:
        """A folder to fill, for `finish`; what becomes of it otherwise is deleted by `drop`, or at the next start."""
        unfinished = self._folder / f"{_UNFINISHED}{uuid4().hex}"
        for part in ("worktree", "home"):
            make_private(unfinished / part)
        return unfinished

    def finish(self, unfinished: Path, key: str) -> None:
        """All of it, or nothing. Where another worktree was quicker, its product stays."""
        if (self._folder / key).exists():
            delete_tree(unfinished)
        else:
            unfinished.rename(self._folder / key)

    def drop(self, product: Path) -> None:
        if product.exists():
            gone = product.rename(self._folder / f"{_UNFINISHED}{uuid4().hex}")
            delete_tree(gone)

    def prune(self, keep: int = KEPT) -> None:
        """All but those that were used last."""
        there = [one for one in self._entries() if not one.name.startswith(_UNFINISHED)]
        for one in sorted(there, key=lambda one: one.stat().st_mtime, reverse=True)[keep:]:
            self.drop(one)

    def clear_leftovers(self) -> None:
        """What an owner that was killed had not finished making or deleting."""
        for one in self._entries():
            if one.name.startswith(_UNFINISHED):
                delete_tree(one)

    def _entries(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []
