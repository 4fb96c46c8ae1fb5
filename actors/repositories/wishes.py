"""The file in which a repository tells agents what it wishes."""

from __future__ import annotations

from vapora.errors import VaporaError
from vapora.tools.folder import Folder

# The first that there is.
_NAMES = ("AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md")
_MOST_BYTES = 16 * 1024


def read_wishes(folder: Folder) -> tuple[str, str]:
    """Name and text of the file, at most 16 KiB of it; both empty where there is none."""
    for name in _NAMES:
        try:
            data, size = folder.read(name, limit=_MOST_BYTES)
        except VaporaError:
            continue  # not there, or no plain file inside of the worktree
        text = data.decode("utf-8", "replace").replace("\0", "")
        return name, text + (f"\n[cut off after {_MOST_BYTES:,} bytes]" if size > len(data) else "")
    return "", ""
