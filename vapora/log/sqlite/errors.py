"""What SQLite and the file system raise, as errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from vapora.errors import LogError
from vapora.log.store import TakenError


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite, the library and the file system raise into errors that say what to do."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise TakenError(f"A version is in use in the log at {path}: {error}", path=str(path)) from error
    except (sqlite3.Error, PersistenceError, OSError) as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: Exception) -> LogError:
    return LogError(f"The log at {path} cannot be used: {error}.", remedy=_remedy(str(error)), path=str(path))


def _remedy(text: str) -> str:
    for sign, remedy in _REMEDIES.items():
        if sign in text.lower():
            return remedy
    return "Check the disk and the file; nothing that was acknowledged is lost."


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
