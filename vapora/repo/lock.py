"""The lock of a project's folder: one owner at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from vapora.errors import RepositoryBusyError


def take(place: Path, patience_s: float) -> int:
    """Held by this process and the git processes that it starts: those of a killed owner end before the next begins."""
    handle = os.open(place, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(handle)
                raise RepositoryBusyError(
                    f"Another process is at work in {place.parent}.", remedy="Is VAPORA running twice on this folder?"
                ) from None
            time.sleep(0.05)
        else:
            return handle
