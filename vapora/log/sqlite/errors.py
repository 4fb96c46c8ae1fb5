"""What SQLite and the file system raise, as errors that say what to do."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from vapora.errors import LogError
from vapora.log.store import TakenError
from vapora.translation import remedy_for, translated


def translate_errors(path: Path) -> AbstractContextManager[None]:
    """Turns what SQLite, the library and the file system raise into errors that say what to do."""
    return translated((sqlite3.Error, PersistenceError, OSError), lambda error: unusable(path, error))


def unusable(path: Path, error: Exception) -> LogError:
    if isinstance(error, sqlite3.IntegrityError):
        return TakenError(f"A version is in use in the log at {path}: {error}", path=str(path))
    remedy = remedy_for(str(error), _REMEDIES, "Check the disk and the file; nothing that was acknowledged is lost.")
    return LogError(f"The log at {path} cannot be used: {error}.", remedy=remedy, path=str(path))


_REMEDIES = {
    "not a database": "The file is something else: move it away, or point VAPORA_DATA to another folder.",
    "malformed": "The file is damaged: restore it from a backup.",
    "full": "Make room on the disk; the next append tries again.",
    "no space": "Make room on the disk; the next append tries again.",
    "too large": "Raise the limit on file sizes; the next append tries again.",
    "readonly": "Make the file and its folder writable for this user.",
    "read-only": "Make the file and its folder writable for this user.",
    "permission": "Make the file and its folder writable for this user.",
    "unable to open": "Make the file and its folder writable for this user.",
    "locked": "Another process holds the file: stop it, or try again.",
    "no such table": "The file holds no log: check VAPORA_DATA.",
    "disk i/o": "Check the disk for errors and for room; the next append tries again.",
}
