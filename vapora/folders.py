"""Folders that nobody but this user may look into."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path


def make_private(folder: Path) -> list[Path]:
    """Makes it and all that lead to it; those that were missing, the outermost first.

    `Path.mkdir(mode=…, parents=True)` gives the mode to the last one only.
    """
    missing = list(takewhile(lambda one: not one.exists(), (folder, *folder.parents)))[::-1]
    for one in missing:
        one.mkdir(mode=0o700, exist_ok=True)
    return missing
