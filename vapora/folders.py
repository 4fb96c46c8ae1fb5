"""Folders that nobody but this user may look into."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> list[Path]:
    """Makes it and all that lead to it; those that were missing, the outermost first.

    `Path.mkdir(mode=…, parents=True)` gives the mode to the last one only.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()][::-1]
    for one in missing:
        one.mkdir(mode=0o700, exist_ok=True)
    return missing
