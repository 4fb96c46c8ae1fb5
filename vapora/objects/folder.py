"""Objects as files of a folder, readable to their owner alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from vapora import durable
from vapora.errors import LogError
from vapora.objects.store import StoredObject
from vapora.private_dirs import make_private
from vapora.translation import translated


class FolderObjects:
    """`folder` is made with the first object."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        with self._translated():
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        with self._translated():
            durable.write(self._folder / name, data)
            durable.clear_drafts(self._folder / name)

    def take(self, name: str, file: Path) -> None:
        path = self._folder / name
        with self._translated():
            make_private(path.parent)
            with durable.draft(path) as draft:
                shutil.copyfile(file, draft)
                durable.put(draft, path)

    def fetch(self, name: str, file: Path) -> bool:
        with self._translated():
            try:
                shutil.copyfile(self._folder / name, file)
            except FileNotFoundError:
                return False
        return True

    def find(self, name: str) -> StoredObject | None:
        with self._translated():
            try:
                found = (self._folder / name).stat()
            except FileNotFoundError:
                return None
        return StoredObject(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def listed(self, prefix: str = "") -> Iterator[StoredObject]:
        with self._translated():
            names = sorted(
                path.relative_to(self._folder).as_posix()
                for path in (self._folder / prefix).rglob("*")
                # What a crash left half written begins with a dot.
                if path.is_file() and not path.name.startswith(".")
            )
        yield from (found for found in map(self.find, names) if found is not None)

    def remove(self, name: str) -> None:
        with self._translated():
            (self._folder / name).unlink(missing_ok=True)

    def __str__(self) -> str:
        return str(self._folder)

    def _translated(self) -> AbstractContextManager[None]:
        remedy = "See that the folder is writable for this user, and the disk has room."
        return translated(OSError, lambda error: LogError(f"{self._folder} cannot be used: {error}.", remedy=remedy))
