"""Files below one folder, and none outside: for a worktree, whose contents an agent makes.

Paths are walked component by component with `O_NOFOLLOW`, so that a symlink that a command puts in the way at any
moment leads nowhere. Symlinks that stay inside are followed by us, by name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

from vapora.errors import BadInputError, NotFoundError

_MOST_LINKS = 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: opening a named pipe would wait for its other end for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` from the folder's root, with a slash behind it for a folder. `bytes` of a file."""

    path: str
    bytes: int


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def resolve(self, path: str) -> str:
        """The path from the root, without symlinks; what does not exist yet keeps its name.

        Raises `BadInputError` for a path that leads outside, or into `.git`.
        """
        waiting, done, links = list(_parts(path)), list[str](), 0
        while waiting:
            name = waiting.pop(0)
            target = self._link(done, name)
            if target is None:
                done.append(name)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise BadInputError(f"{path} is a circle of symlinks.", remedy="Name another path.")
            waiting = self._relative(path, done, target) + waiting
            done = []
        _refuse_git(path, done)
        return "/".join(done) or "."

    def read(self, path: str, offset: int = 0, limit: int = 1 << 20) -> tuple[bytes, int]:
        """Bytes of a file, and its size. Raises `NotFoundError` where there is no plain file."""
        with self._parent(path) as (parent, name):
            try:
                handle = os.open(name, _FILE, dir_fd=parent)
            except OSError as error:
                raise _missing(path) from error
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise _missing(path)
            with os.fdopen(handle, "rb", closefd=False) as file:
                file.seek(offset)
                return file.read(limit), found.st_size
        finally:
            os.close(handle)

    def write(self, path: str, data: bytes) -> bool:
        """The whole file, at once: true if it is new. Its folders are made; its rights stay."""
        with self._parent(path, make=True) as (parent, name):
            mode = self._mode(parent, name, path)
            temporary = f".vapora-{uuid4().hex}"
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    if mode is not None:
                        os.fchmod(file.fileno(), mode)
                    file.write(data)
                os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
                raise
        return mode is None

    def entries(self, path: str, depth: int, unentered: frozenset[str] = frozenset()) -> Iterator[Entry]:
        """What is below a folder, in order, down to `depth`; folders named in `unentered` are not looked into."""
        start = self.resolve(path)
        waiting: list[tuple[Parts, int]] = [(() if start == "." else tuple(start.split("/")), 1)]
        while waiting:
            parts, level = waiting.pop()
            below: list[tuple[Parts, int]] = []
            for name, found in self._scan(parts, path if level == 1 else None):
                if not parts and name == ".git":
                    continue
                inside = stat.S_ISDIR(found.st_mode)
                yield Entry("/".join((*parts, name)) + ("/" if inside else ""), found.st_size)
                if inside and level < depth and name not in unentered:
                    below.append(((*parts, name), level + 1))
            waiting += reversed(below)

    def _scan(self, parts: Parts, wanted: str | None) -> list[tuple[str, os.stat_result]]:
        """Names and kinds of one folder. That there is none is an error only where it was `wanted`."""
        try:
            handle = self._open(parts)
        except OSError as error:
            if wanted is not None:
                raise NotFoundError(f"There is no folder {wanted}.", remedy="List its parent.") from error
            return []
        try:
            names = sorted(os.listdir(handle))  # noqa: PTH208 - by descriptor
            return [(name, os.stat(name, dir_fd=handle, follow_symlinks=False)) for name in names]
        finally:
            os.close(handle)

    def _open(self, parts: Parts) -> int:
        """A folder without following any link; raises `OSError`."""
        handle = os.open(self.root, _FOLDER)
        for name in parts:
            try:
                inner = os.open(name, _FOLDER, dir_fd=handle)
            finally:
                os.close(handle)
            handle = inner
        return handle

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder that the path is in, open, and the last name."""
        *parts, name = self.resolve(path).split("/")
        if name == ".":
            raise _missing(path)
        try:
            if make:
                self._make(tuple(parts))
            handle = self._open(tuple(parts))
        except OSError as error:
            raise NotFoundError(
                f"{path} cannot be reached: {error.strerror}.", remedy="Is a part of it a file, or closed?"
            ) from error
        try:
            yield handle, name
        finally:
            os.close(handle)

    def _make(self, parts: Parts) -> None:
        for end in range(1, len(parts) + 1):
            parent = self._open(parts[: end - 1])
            try:
                os.mkdir(parts[end - 1], dir_fd=parent)
            except FileExistsError:
                pass
            finally:
                os.close(parent)

    def _mode(self, parent: int, name: str, path: str) -> int | None:
        """The rights of a plain file; None where there is nothing."""
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise BadInputError(f"{path} is no plain file.", remedy="Name another path.")
        return stat.S_IMODE(found.st_mode)

    def _link(self, done: list[str], name: str) -> str | None:
        """Where the symlink leads; None for what is none."""
        try:
            handle = self._open(tuple(done))
        except OSError:
            return None
        try:
            return os.readlink(name, dir_fd=handle)
        except OSError:
            return None
        finally:
            os.close(handle)

    def _relative(self, path: str, done: list[str], target: str) -> list[str]:
        """The link's target as components from the root."""
        whole = PurePosixPath(target) if target.startswith("/") else PurePosixPath(self.root, *done, target)
        inside = os.path.normpath(whole)
        root = str(self.root)
        if inside != root and not inside.startswith(f"{root}/"):
            raise BadInputError(f"{path} is a symlink that leads out of the worktree.", remedy="Name another path.")
        return [part for part in inside[len(root) :].split("/") if part]


def _parts(path: str) -> Parts:
    if not path or "\0" in path:
        raise BadInputError("The path is empty.", remedy="Name one from the root of the worktree.")
    if path.startswith(("/", "~")):
        raise BadInputError(f"{path} is no path from the root of the worktree.", remedy="Leave the first / out.")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise BadInputError(f"{path} leads upwards.", remedy="Name a path from the root of the worktree.")
    _refuse_git(path, parts)
    return parts


def _refuse_git(path: str, parts: tuple[str, ...] | list[str]) -> None:
    # As git does: some file systems take .GIT, or what Windows makes of it, for the same.
    if any(part.lower().rstrip(" .") in (".git", "git~1") for part in parts):
        raise BadInputError(f"{path} is in .git, which is not for tools.", remedy="Use the git tools.")


def _missing(path: str) -> NotFoundError:
    return NotFoundError(f"There is no file {path}.", remedy="file_list shows which there are.")
