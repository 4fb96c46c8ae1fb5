"""Commands under Landlock and a filter of system calls, by sandlock: for machines that give no namespaces, such as a
container of Docker's defaults.

Weaker than namespaces: other processes can be seen (not read, not signalled), and /tmp is a folder in the command's
home. Landlock cannot except `.git` from the worktree, which is writable, so it is put back after the command. The
exception that sandlock offers (`fs_denied`, as of 0.9.0) must not be used: with it a command can create files anywhere,
through a symlink to a file that does not exist.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vapora.private_dirs import delete_tree
from vapora.sandbox.values import Command, Limits, Room

_CHILD = Path(__file__).with_name("landlock_child.py")
# Of the supervisor, which the command cannot look into.
OWN_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8"}
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/proc")
# Where clouds hand credentials to whatever asks.
_METADATA = "169.254.169.254:*"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def is_installed() -> bool:
    return importlib.util.find_spec("sandlock") is not None


@contextmanager
def kept(dot_git: Path) -> Iterator[None]:
    """Puts the worktree's `.git` back as it was, whatever a command made of it."""
    before = _content(dot_git)
    try:
        yield
    finally:
        if before is not None and _content(dot_git) != before:
            if os.path.lexists(dot_git):
                delete_tree(dot_git)
            dot_git.write_bytes(before)


def _content(dot_git: Path) -> bytes | None:
    """None where it is not a plain file."""
    return dot_git.read_bytes() if dot_git.is_file() and not dot_git.is_symlink() else None


def arguments(
    room: Room, command: Command, limits: Limits, variables: Mapping[str, str], etc: tuple[str, ...]
) -> list[str]:
    """The command line of the supervisor. `etc`: what is readable below /etc."""
    temporary = room.home / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    readable = [*_SYSTEM, *_DEVICES, *(f"/etc/{name}" for name in etc), *map(str, room.read_only)]
    readable += [str(room.git_dir)] if room.git_dir else []
    settings = {
        "argv": list(command.argv),
        "fs_readable": [place for place in readable if Path(place).exists()],
        "fs_writable": [str(room.worktree), str(room.home), *map(str, room.writable), "/dev/null"],
        # Denying an address allows all others; without any rule there is no network.
        "net_deny": [_METADATA] if command.network else [],
        "clean_env": True,
        "env": {**variables, "TMPDIR": str(temporary)},
        "cwd": str(room.worktree),
        "max_memory": limits.memory_bytes,
        "max_processes": limits.processes,
        "max_open_files": limits.files,
    }
    return [sys.executable, "-I", str(_CHILD), json.dumps(settings)]
