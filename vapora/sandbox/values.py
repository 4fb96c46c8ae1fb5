"""What is run, within which bounds, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

MIB = 1024**2

# Which bound ended a command before its own end.
Ended = Literal["timeout", "memory", "processes", "disk", "output"]
Kind = Literal["bubblewrap", "sandlock", "none"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one command.

    The kernel enforces `memory_bytes` of data for each process, `file_bytes` for each file, `temp_bytes` for each of
    /tmp and /dev/shm, `files` open in a process and, unless the server runs as root, `processes`. A watcher that looks
    every half second enforces `memory_bytes` and `processes` for all of the command together, `disk_bytes` of worktree
    and home, and `least_free_bytes` of their disk: these can be overshot by what fits into half a second.
    """

    timeout_s: float = 600
    memory_bytes: int = 2_048 * MIB
    file_bytes: int = 1_024 * MIB
    temp_bytes: int = 256 * MIB
    disk_bytes: int = 10_240 * MIB
    least_free_bytes: int = 512 * MIB
    processes: int = 512
    files: int = 4_096
    # Of the output, the beginning and the end are kept; the command is ended when it has written so much.
    output_bytes: int = 64 * 1024
    most_output_bytes: int = 64 * MIB


@dataclass(frozen=True, slots=True)
class Room:
    """What a command sees besides the system: `worktree` and `home` to write to, the rest to read.

    `git_dir`: the repository that the worktree hangs on; `.git` in the worktree cannot be written either. `home` is a
    folder for it alone. `read_only`: further toolchains. `writable`: further folders to write to.
    """

    worktree: Path
    home: Path
    git_dir: Path | None = None
    read_only: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A string is for `/bin/sh -c`. `network`: only for the set-up of a project. `variables` come on top of a few
    fixed ones; nothing of the server's environment is handed on."""

    line: str | tuple[str, ...]
    network: bool = False
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def argv(self) -> tuple[str, ...]:
        return ("/bin/sh", "-c", self.line) if isinstance(self.line, str) else self.line


@dataclass(frozen=True, slots=True)
class Outcome:
    """`exit_code`: as a shell has it, 128 + n after a signal; None where the command was ended for `ended`.

    `output` has both streams in the order in which they were written, decoded as UTF-8, at most `Limits.output_bytes`
    and a line that says how much is left out; `output_bytes` is how much there was.
    """

    exit_code: int | None
    output: str
    output_bytes: int
    truncated: bool
    duration_ms: int
    ended: Ended | None = None
    sandbox: Kind = "none"
