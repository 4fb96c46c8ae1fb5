"""A git server over ssh: OpenSSH's own, on a port of this machine, as a process of the test."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import debian
from tests.waiting import wait_for

_CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
"""


@dataclass
class SshServer:
    """`private`: the key that is let in. `known`: its line for known_hosts. `journal`: what the server says."""

    port: int
    private: str
    known: str
    journal: Path

    def url(self, path: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


def new_key(file: Path, *, passphrase: str = "") -> tuple[str, str]:
    """The private and the public text."""
    given = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(file)]
    subprocess.run(given, check=True)
    return file.read_text(), file.with_suffix(".pub").read_text()


def program() -> str:
    """A person's machine may lack it; where everything is there, it is needed."""
    found = _sshd()
    if found is None or shutil.which("ssh") is None:
        debian.install("openssh-server", "openssh-client")
        found = _sshd()
    if found is None or shutil.which("ssh") is None:
        missing = "There is no OpenSSH server on this machine (Debian: apt install openssh-server)."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def _sshd() -> str | None:
    return shutil.which("sshd", path=os.pathsep.join(("/usr/sbin", "/usr/local/sbin", os.environ.get("PATH", ""))))


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    sshd = program()
    folder.mkdir(mode=0o700)
    host_key = new_key(folder / "host_key")[1]
    private, public = new_key(folder / "key")
    (folder / "authorized").write_text(public)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "configuration").write_text(_CONFIGURATION.format(port=port, folder=folder))
    # As root it wants this folder, which its service makes.
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    journal = folder / "journal"
    with journal.open("wb") as said:
        process = subprocess.Popen([sshd, "-D", "-e", "-f", str(folder / "configuration")], stderr=said)
    try:
        wait_for("the ssh server listens", lambda: "Server listening" in journal.read_text() or process.poll())
        assert process.poll() is None, journal.read_text()
        kind, text, *_ = host_key.split()
        yield SshServer(port, private, f"[127.0.0.1]:{port} {kind} {text}\n", journal)
    finally:
        process.terminate()
        process.wait()
