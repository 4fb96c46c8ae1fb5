"""Files that are whole or not there, also after a power cut: written beside their place, flushed, then put into it.

A rename that is not followed by an fsync of the folder may be lost with the power, and a name that was acknowledged
with it. Everything here does both.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vapora.private_dirs import make_private


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """`data` at `path`, in place of what was there. Folders that lead to it are made, for their owner alone."""
    made = make_private(path.parent)
    with draft(path, mode) as file:
        file.write_bytes(data)
        put(file, path)
    for folder in made:
        sync(folder.parent)


def write_new(path: Path, data: bytes, mode: int = 0o600) -> bool:
    """The same where there is none yet: of two that write at once, one does. False: it was there, and stays."""
    made = make_private(path.parent)
    with draft(path, mode) as file:
        file.write_bytes(data)
        is_ours = put_new(file, path)
    for folder in made:
        sync(folder.parent)
    return is_ours


def make(path: Path, fill: Callable[[Path], None] = lambda draft: None) -> None:
    """A file where there is none, filled under another name first: whoever finds it finds it whole. What is there
    already stays, but is made readable to its owner alone."""
    made = make_private(path.parent)
    if not path.exists():
        with draft(path) as file:
            fill(file)
            put_new(file, path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    # Also where another process made it: its name may not be on the disk yet.
    for folder in (path.parent, *(folder.parent for folder in made)):
        sync(folder)


@contextmanager
def draft(path: Path, mode: int = 0o600) -> Iterator[Path]:
    """An empty file to fill, in the same folder as `path`. Gone when the block ends, unless it was put in its place."""
    place = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
    try:
        yield place
    finally:
        place.unlink(missing_ok=True)


def put(file: Path, path: Path) -> None:
    """Move a file, or a folder that was flushed, to `path`, in place of what was there."""
    if not file.is_dir():
        sync(file)
    file.replace(path)
    sync(path.parent)


def put_new(file: Path, path: Path) -> bool:
    """The same, but not in place of anything: what another process has put there meanwhile stays, and it is False."""
    sync(file)
    try:
        path.hardlink_to(file)
    except FileExistsError:
        return False
    sync(path.parent)
    return True


def clear_drafts(path: Path) -> None:
    """Those that a crash left beside `path`. For whoever is the only writer of it."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush a file's content, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """The folder and everything in it."""
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)
