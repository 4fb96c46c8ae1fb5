"""Locks on files between processes. The kernel drops a lock when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import time
from typing import IO

_PAUSE_S = 0.05


def lock(file: IO[str] | int, patience_s: float = 0.0, *, shared: bool = False) -> bool:
    """Take the lock, trying for `patience_s` seconds. False: another process holds it.

    Shared ones do not exclude each other. The lock is held until the file is closed in this process and in those that
    inherited it.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_S)
        else:
            return True
