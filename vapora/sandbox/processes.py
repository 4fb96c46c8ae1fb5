"""A command's processes, as /proc shows them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Tree:
    """`memory_bytes`: resident memory of all; what processes share is counted for each."""

    processes: int
    memory_bytes: int


def measure(root: int, most: int) -> Tree:
    """The process and all that descend from it. Counting ends above `most`: that is enough to know."""
    waiting, count, pages = [root], 0, 0
    while waiting and count <= most:
        pid = waiting.pop()
        try:
            # "size resident shared …" in pages.
            pages += int((_PROC / str(pid) / "statm").read_bytes().split()[1])
            for children in (_PROC / str(pid) / "task").glob("*/children"):
                waiting += map(int, children.read_bytes().split())
        except (OSError, IndexError):
            continue  # it has ended meanwhile
        count += 1
    return Tree(count, pages * _PAGE)


async def until_gone(pid: int) -> None:
    """Until the process, which need not be a child, has ended. The first one of a namespace ends last in it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def end_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_marked(mark: bytes) -> None:
    """Ends all processes that have the mark in their environment, until there are none; for a tree whose members may
    have left their group."""
    for _ in range(100):
        found = [pid for pid in _pids() if mark in _environment(pid)]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _pids() -> list[int]:
    return [int(one.name) for one in _PROC.iterdir() if one.name.isdigit() and int(one.name) != os.getpid()]


def _environment(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""
