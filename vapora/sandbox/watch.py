"""Looks after a running command: memory, processes and disk, which the kernel does not bound for all of it together."""

from __future__ import annotations

import asyncio
import os

from vapora.backoff import Backoff
from vapora.private_dirs import size
from vapora.sandbox.processes import measure
from vapora.sandbox.values import MIB, Ended, Limits, Room

WATCH_S = 0.5
# So often at first: a fork bomb doubles every few milliseconds.
_FIRST_S = 0.05


class Disk:
    """Whether a command has filled it. Measuring a large worktree takes long, so the file system is asked first."""

    def __init__(self, room: Room, limits: Limits) -> None:
        self._room, self._limits = room, limits
        self._free = _free(room)

    def is_full(self) -> bool:
        free = _free(self._room)
        grown = self._free - free
        if free < self._limits.least_free_bytes and grown > min(64 * MIB, self._limits.least_free_bytes):
            return True
        # Others write to the same disk, so it is looked at what is in the folders themselves.
        return grown > self._limits.disk_bytes and self._used() > self._limits.disk_bytes

    def _used(self) -> int:
        return sum(size(place) for place in (self._room.worktree, self._room.home))


async def watch(pid: int, room: Room, limits: Limits) -> Ended:
    """Returns when a bound is crossed, and not before."""
    disk = Disk(room, limits)
    pauses = iter(Backoff(_FIRST_S, longest_s=WATCH_S))
    while True:
        await asyncio.sleep(next(pauses))
        tree = measure(pid, limits.processes)
        if tree.processes > limits.processes:
            return "processes"
        if tree.memory_bytes > limits.memory_bytes:
            return "memory"
        if await asyncio.to_thread(disk.is_full):
            return "disk"


def _free(room: Room) -> int:
    found = os.statvfs(room.worktree)
    return found.f_bavail * found.f_frsize
