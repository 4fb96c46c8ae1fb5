"""The lock that makes one process the owner of a repository."""

from __future__ import annotations

import os
from pathlib import Path

from vapora import file_lock
from vapora.errors import RepositoryBusyError


def take(place: Path, patience_s: float) -> int:
    """Held by this process and the git processes that it starts: those of a killed owner end before the next begins."""
    handle = os.open(place, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    if not file_lock.lock(handle, patience_s):
        os.close(handle)
        raise RepositoryBusyError(
            f"Another process is at work in {place.parent}.", remedy="Is VAPORA running twice on this folder?"
        )
    return handle
