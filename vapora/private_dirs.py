"""Folders: private ones, their sizes, and an end for those that resist."""

from __future__ import annotations

import os
import shutil
import stat
from itertools import takewhile
from pathlib import Path
from typing import Any


def make_private(folder: Path) -> list[Path]:
    """Makes it and all that lead to it; those that were missing, the outermost first.

    `Path.mkdir(mode=…, parents=True)` gives the mode to the last one only.
    """
    missing = list(takewhile(lambda one: not one.exists(), (folder, *folder.parents)))[::-1]
    for one in missing:
        one.mkdir(mode=0o700, exist_ok=True)
    return missing


def size(folder: Path) -> int:
    """Bytes on disk; hard links count each time, symlinks are not followed."""
    total, waiting = 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    total += found.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            # A file or folder that a command deletes meanwhile has no size.
            continue
    return total


def delete_tree(folder: Path) -> None:
    """Also folders whose rights an agent's command took away."""

    def open_up(function: Any, path: str, _: Any) -> None:
        Path(path).parent.chmod(stat.S_IRWXU)
        if not Path(path).is_symlink():
            Path(path).chmod(stat.S_IRWXU)
        if function in (os.open, os.scandir, os.rmdir, os.lstat):
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)

    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, onerror=open_up)
    else:
        folder.unlink(missing_ok=True)
