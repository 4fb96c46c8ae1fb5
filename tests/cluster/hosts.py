"""Hosts as on a network: each with an address, processes and temporary files of its own, and a power cord.

A host is a set of namespaces of the kernel (network, mounts, process ids, name); a bridge joins them, and services
listen on its own address. One that loses its power is cut off first and killed then, so that nobody hears of it by a
closed socket. This takes root and iproute2; `missing` says what is not there.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.debian import install
from tests.waiting import wait_for

BRIDGE = "vapora-t0"
GATEWAY = "10.77.0.1"
_RUNNERS = ("ip", "unshare", "nsenter", "mount")
# What is tested stays there where it stands below /tmp.
_BEGIN = """
hostname "$0"
mount -t tmpfs -o size=512m none /dev/shm
mkdir /dev/shm/sources
mount --bind "$1" /dev/shm/sources
mount -t tmpfs none /tmp
mkdir -p "$1"
mount --bind /dev/shm/sources "$1"
umount /dev/shm/sources
exec sleep infinity
"""
ROOT = Path(__file__).parents[2]
# Before `ray start`, which gives a node 30 s to come up: on a busy machine that may be too little.
UNTIL_IT_RUNS = ("sh", "-c", 'until "$@"; do echo "not up yet"; done', "sh")


def missing() -> str:
    """Why there can be no hosts here; empty where there can."""
    if os.geteuid() != 0:
        return "namespaces take root"
    install("iproute2")
    lacking = [name for name in _RUNNERS if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} is not there"
    tried = subprocess.run(["unshare", "-n", "-m", "-p", "-u", "-f", "true"], capture_output=True, text=True)
    return tried.stderr.strip()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


@dataclass
class Host:
    """`folder` outlives it, as a disk does."""

    name: str
    number: int
    folder: Path
    _holder: subprocess.Popen[bytes] | None = None
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"10.77.0.{self.number}"

    @property
    def _link(self) -> str:
        return f"vapora-t{self.number}"

    @property
    def _init(self) -> int:
        assert self._holder is not None
        return psutil.Process(self._holder.pid).children()[0].pid

    def power_on(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        names = ["-n", "-m", "-p", "-u", "-f", "--mount-proc", "--kill-child=SIGKILL"]
        self._holder = subprocess.Popen(["unshare", *names, "sh", "-c", _BEGIN, self.name, str(ROOT)])
        holder = self._holder
        wait_for("its first process", lambda: psutil.Process(holder.pid).children())
        wait_for("its own files", lambda: psutil.Process(self._init).name() == "sleep")
        _run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", str(self._init))
        _run("ip", "link", "set", self._link, "master", BRIDGE, "up")
        for command in (
            ["ip", "link", "set", "lo", "up"],
            ["ip", "addr", "add", f"{self.address}/24", "dev", "eth0"],
            ["ip", "link", "set", "eth0", "up"],
            ["ip", "route", "add", "default", "via", GATEWAY],
        ):
            _run(*self.inside(), *command)

    def lose_power(self) -> None:
        _run("ip", "link", "set", self._link, "down")
        self._end()

    def begin(self, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Its output goes to a file beside what it keeps."""
        with (self.folder / "out").open("ab") as out:
            process = subprocess.Popen(
                [*self.inside(), *command], env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._running.append(process)
        return process

    def run(self, command: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.inside(), *command], env=env, capture_output=True, text=True, timeout=240)

    def said(self) -> str:
        return (self.folder / "out").read_text(errors="replace")[-4_000:]

    def inside(self) -> list[str]:
        """What a command is put behind to run here."""
        return ["nsenter", "-t", str(self._init), "-n", "-m", "-p", "-u", "--"]

    def _end(self) -> None:
        if self._holder is not None:
            with suppress(IndexError, psutil.NoSuchProcess, ProcessLookupError):
                # All of its processes end with the first one.
                os.kill(self._init, signal.SIGKILL)
            self._holder.wait(30)
            self._holder = None
        for process in self._running:
            process.wait(30)
        self._running.clear()
        subprocess.run(["ip", "link", "del", self._link], capture_output=True)

    remove = _end


@contextmanager
def network() -> Iterator[Callable[[int], None]]:
    """The bridge. What it gives has a port of this machine's loopback answer on the bridge's address as well."""
    subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)
    _run("ip", "link", "add", BRIDGE, "type", "bridge")
    _run("ip", "addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    _run("ip", "link", "set", BRIDGE, "up")
    servers: list[socket.socket] = []

    def offer(port: int) -> None:
        server = socket.create_server((GATEWAY, port))
        servers.append(server)
        threading.Thread(target=_serve, args=(server, port), daemon=True).start()

    try:
        yield offer
    finally:
        for server in servers:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        _run("ip", "link", "del", BRIDGE)


def _serve(server: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            try:
                behind = socket.create_connection(("127.0.0.1", port), 10)
            except OSError:
                client.close()
                continue
            behind.settimeout(None)
            for one, other in ((client, behind), (behind, client)):
                threading.Thread(target=_pass, args=(one, other), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


def program(name: str) -> str:
    """One that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)
