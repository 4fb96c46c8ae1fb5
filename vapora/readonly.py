"""Reading a SQLite file in write-ahead mode where nothing may be written: a copy, a snapshot, a mounted backup.

Even a reader writes there: it makes the index (`-shm`) of the journal (`-wal`). Where it may not, SQLite says "unable
to open database file". With `immutable=1` it reads the file alone, and takes no notice of a journal: the newest events
would be missing without a word. So that is for a file without one; else both are copied to where an index can be made.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from vapora.errors import ConfigurationError


class Reading:
    """How the file at `path` is opened: `uri`, for as long as this object lives."""

    def __init__(self, path: Path) -> None:
        self._copy: TemporaryDirectory[str] | None = None
        self.uri = self._find(path.absolute())

    def close(self) -> None:
        """Removes the copy, if one was made."""
        if self._copy is not None:
            self._copy.cleanup()

    def _find(self, path: Path) -> str:
        uri = f"{path.as_uri()}?mode=ro"
        if os.access(path.parent, os.W_OK) or not path.exists() or _opens(uri):
            return uri
        if _size(_journal(path)) == 0:
            return f"{uri}&immutable=1"
        return f"{self._copied(path).as_uri()}?mode=ro"

    def _copied(self, path: Path) -> Path:
        self._copy = TemporaryDirectory(prefix="vapora-")
        target = Path(self._copy.name) / path.name
        try:
            for source, copy in ((path, target), (_journal(path), _journal(target))):
                shutil.copyfile(source, copy)
        except OSError as error:
            self.close()
            raise ConfigurationError(
                f"{path} has a journal beside it and lies in a folder that cannot be written to, so that both are read "
                f"from a copy, which cannot be made: {error}.",
                remedy="Name a folder with room in TMPDIR, or copy the data to where this user may write.",
            ) from error
        return target


def is_writable(path: Path) -> bool:
    """Whether this user may write the file and beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _opens(uri: str) -> bool:
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except sqlite3.OperationalError:
        return False
    return True


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
