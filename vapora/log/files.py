"""The log's file: made for its owner alone, and its troubles told with a remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import PersistenceError

from vapora import durable
from vapora.errors import LogError
from vapora.log.event_log import TakenError
from vapora.private_dirs import make_private


def make_file(path: Path, fill: Callable[[Path], None] = lambda draft: None) -> None:
    """A file where there is none: filled under another name first, so that whoever finds it finds a log.

    It is readable to its owner alone; SQLite gives its journal files the same mode.
    """
    made = make_private(path.parent)
    if not path.exists():
        with durable.draft(path) as draft:
            fill(draft)
            durable.put_new(draft, path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    # Without this a power cut could take the new file's name, and all acknowledged events with it.
    for folder in (path.parent, *(folder.parent for folder in made)):
        durable.sync(folder)


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
