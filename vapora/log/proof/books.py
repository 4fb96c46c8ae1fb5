"""Where the checkpoints of a workspace are kept: lines of a file, or objects of a store that several nodes share.

One JSON object each: {"workspace", "position", "digest", "at", "key", "signature"}. None is ever changed. In a store
each is an object of its own, so that a bucket which locks what it holds keeps them out of the writer's reach.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from pydantic_core import from_json, to_json

from vapora import durable
from vapora.errors import CorruptLogError, LogError
from vapora.objects import Objects

# Far above a line's length, which a workspace's name of 80 characters makes at most.
_LONGEST = 4_096
# Names sort by what is left to here, so that the newest comes first: a store lists from the beginning only.
_TOP = 10**18
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """At `at` the workspace's chain ended at `position` with `digest` (hex); says the holder of the key."""

    workspace: str
    position: int
    digest: str
    at: str
    key: str
    signature: str = ""

    def message(self) -> bytes:
        """What is signed. No field but the last can hold a line break."""
        return f"vapora checkpoint 1\n{self.position}\n{self.digest}\n{self.at}\n{self.workspace}".encode()

    def line(self) -> bytes:
        return to_json(asdict(self)) + b"\n"


class Checkpoints(Protocol):
    """Blocking. Raises `LogError` where the place cannot be used, `CorruptLogError` for what is no checkpoint."""

    def add(self, one: Checkpoint) -> None:
        """Stored for certain when this returns."""
        ...

    def newest(self) -> Checkpoint | None:
        """Unproved."""
        ...

    def all(self) -> list[Checkpoint]:
        """In the order of their positions, unproved; none where there is no place yet."""
        ...

    def __str__(self) -> str: ...


def checkpoints_at(where: Path | Objects) -> Checkpoints:
    return CheckpointFile(where) if isinstance(where, Path) else CheckpointObjects(where)


class CheckpointFile:
    """Only appended to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, one: Checkpoint) -> None:
        try:
            if not self._path.exists():
                durable.make(self._path)
            with self._path.open("r+b") as file:
                # What a crash left half written is no checkpoint, and must not become the beginning of one.
                end = file.seek(0, os.SEEK_END)
                start = file.seek(max(0, end - _LONGEST))
                file.seek(start + _whole(file.read()))
                file.truncate()
                file.write(one.line())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LogError(
                f"No checkpoint can be written to {self._path}: {error}.",
                remedy="Make room on the disk, and the file writable for this user.",
            ) from error

    def newest(self) -> Checkpoint | None:
        lines = self._bytes(_LONGEST).splitlines(keepends=True)
        return _parsed(f"The last line of {self}", lines[-1]) if lines else None

    def all(self) -> list[Checkpoint]:
        return [_parsed(f"Line {number} of {self}", line) for number, line in enumerate(self._bytes(0).splitlines(), 1)]

    def __str__(self) -> str:
        return str(self._path)

    def _bytes(self, last: int) -> bytes:
        """The file's lines that were written to their end, or those within its `last` bytes."""
        try:
            with self._path.open("rb") as file:
                if last:
                    file.seek(max(0, file.seek(0, os.SEEK_END) - last))
                data = file.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise LogError(f"The checkpoints at {self} cannot be read: {error}.", remedy="Check the file.") from error
        return data[: _whole(data)]


class CheckpointObjects:
    """An object for each position. Signed again at the same position, the newer one stands in its place."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def add(self, one: Checkpoint) -> None:
        self._objects.write(self.name_of(one), one.line())

    @staticmethod
    def name_of(one: Checkpoint) -> str:
        return f"{_TOP - one.position:019d}-{one.position}.json"

    def newest(self) -> Checkpoint | None:
        found = self._read(one.name for one in islice(self._objects.listed(), 1))
        return found[0] if found else None

    def all(self) -> list[Checkpoint]:
        return self._read(one.name for one in self._objects.listed())[::-1]

    def __str__(self) -> str:
        return str(self._objects)

    def _read(self, names: Iterable[str]) -> list[Checkpoint]:
        known: Sequence[str] = list(names)
        if len(known) < 2:
            return [self._one(name) for name in known]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="checkpoints") as threads:
            return list(threads.map(self._one, known))

    def _one(self, name: str) -> Checkpoint:
        data = self._objects.read(name)
        if data is None:
            raise CorruptLogError(f"{self}/{name} is gone.", remedy="Read them again; who deletes checkpoints?")
        return _parsed(f"{self}/{name}", data)


def carry_over(path: Path, objects: Objects) -> None:
    """Those of a file from before there was a store: into the store, once. The file stays under another name."""
    if not path.exists():
        return
    there = {one.name for one in objects.listed()}
    book, found = CheckpointObjects(objects), CheckpointFile(path).all()
    missing = [one for one in found if CheckpointObjects.name_of(one) not in there]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="checkpoints") as threads:
        list(threads.map(book.add, missing))
    durable.put(path, path.with_name(f"{path.name}.moved"))


def _parsed(what: str, line: bytes) -> Checkpoint:
    try:
        one = Checkpoint(**from_json(line))
        texts = (one.workspace, one.digest, one.at, one.key, one.signature)
        if type(one.position) is not int or not all(isinstance(text, str) for text in texts):
            raise ValueError("its fields are of other types")
    except (ValueError, TypeError) as error:
        raise CorruptLogError(f"{what} is no checkpoint: {error}.", remedy="Restore it from a backup.") from error
    return one


def _whole(data: bytes) -> int:
    """How much of the file is lines that were written to their end."""
    return data.rfind(b"\n") + 1
