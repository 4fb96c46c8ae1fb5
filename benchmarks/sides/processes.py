"""What a side takes of the machine, read from outside, so that it is the same for all: Linux only.

The processes of a side are known by a variable in their environment, which whatever they start inherits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MARK = "BENCHMARK_SIDE"
_TICKS = os.sysconf("SC_CLK_TCK")


def of(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


def cpu_s(pids: Iterable[int]) -> dict[int, float]:
    """User and system time of each that is there, without that of its children."""
    used = {}
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
    return used


def pss_mb(pids: Iterable[int]) -> dict[int, float]:
    """Proportional memory: what several share is divided among them."""
    found = {}
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    found[pid] = int(line.split()[1]) / 1024
    return found


def title(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def commits(folder: Path) -> dict[str, int]:
    """How many transactions each SQLite file has seen, by its name. Only differences mean something: with a write-ahead
    log it is the counter of its index, else that of the file's header."""
    counted = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "ray"]
        for file in (Path(parent, name) for name in names if name.endswith(".db")):
            with suppress(OSError, struct.error), file.open("rb") as opened:
                index = file.with_name(f"{file.name}-shm")
                if index.exists():
                    number = struct.unpack_from("=I", index.read_bytes(), 8)[0]
                else:
                    number = struct.unpack(">I", os.pread(opened.fileno(), 4, 24))[0]
                counted[str(file.relative_to(folder))] = number
    return counted
