"""What a git remote is told: a login or a key that the workspace brought, in place of the person's own.

**https**: git asks a credential helper for the login, which is one line of shell that repeats two variables of git's
own environment. So it stands on no command line, in no configuration and in no file, and git gives it to this host
alone, also where that sends it elsewhere.

**ssh** takes a key from a file alone: it is written for the one call into a folder that nobody else can open, and gone
after it. The person's configuration, agent and keys are left aside. A host is believed by the workspace's own list of
host keys where there is one, else by the person's and the machine's; an unknown host is refused, never learned.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from vapora.errors import CredentialsNeededError

_USER, _PASSWORD = "VAPORA_GIT_USER", "VAPORA_GIT_PASSWORD"
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${_USER}" "${_PASSWORD}"; }}; f'
# With a token alone: the name that GitHub gives its own, and that others do not look at.
_ANYBODY = "x-access-token"
# user@host:path, the short form of an ssh URL.
SHORT_FORM = re.compile(r"^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!//)\S+$")
_KEY = re.compile(r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----\n.+\n-----END ([A-Z0-9]+ )*PRIVATE KEY-----\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Key:
    """A private key of ssh. `known_hosts`: the lines by which its host is believed; empty: those of who runs VAPORA."""

    private: str = field(repr=False)
    known_hosts: str = ""


@dataclass(frozen=True, slots=True)
class Remote:
    """`port` None: the URL names none."""

    scheme: Literal["https", "ssh"]
    host: str
    port: int | None = None


# A `Login` for https, a `Key` for ssh; None: the workspace has none. Blocks; it is asked before each call that reaches
# a remote.
Logins = Callable[[Remote], Login | Key | None]


def nobodys(remote: Remote) -> Login | Key | None:
    return None


def parse(text: str, named: str) -> Login:
    """From `user:token`, or a token alone. Raises `CredentialsNeededError` where it is neither; `named` says which
    secret it is."""
    user, colon, password = text.strip().partition(":")
    if not colon:
        user, password = "", user
    # A line break would end the line of git's protocol, and begin another one.
    if not password or not (user + password).isprintable():
        raise CredentialsNeededError(
            f"The secret '{named}' is no login.", remedy="Store it as user:token, or a token alone, in one line."
        )
    return Login(user, password)


def parse_key(text: str, named: str, known_hosts: str = "") -> Key:
    """Raises `CredentialsNeededError` for what is no private key, or one with a passphrase."""
    private = "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"
    protected = "ENCRYPTED" in private
    if _KEY.fullmatch(private) is None:
        raise CredentialsNeededError(
            f"The secret '{named}' is no private key of ssh.",
            remedy=f"Store the whole file, with its first and last line: vapora secrets set {named} < FILE.",
        )
    if "OPENSSH" in private:
        try:
            load_ssh_private_key(private.encode(), None)
        except UnsupportedAlgorithm:
            pass  # ssh may know more
        except (TypeError, ValueError) as error:
            protected = protected or "password" in str(error)
    if protected:
        raise CredentialsNeededError(
            f"The secret '{named}' is a key with a passphrase, and nobody is there to type it.",
            remedy="Store one without, made for this purpose alone: ssh-keygen -t ed25519 -N '' -f FILE.",
        )
    return Key(private, known_hosts)


def remote_of(where: str) -> Remote | None:
    """None for a path of this machine."""
    if "://" not in where:
        short = None if where.startswith("/") else SHORT_FORM.match(where)
        return None if short is None else Remote("ssh", short[1].lower())
    parts = urlsplit(where)
    if parts.scheme not in ("https", "ssh") or not parts.hostname:
        return None
    return Remote("https" if parts.scheme == "https" else "ssh", parts.hostname, parts.port)


@contextmanager
def for_remote(where: str, logins: Logins) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Options of git, and variables, for a call to this remote; good inside the block alone."""
    remote = remote_of(where)
    given = None if remote is None else logins(remote)
    if remote is None or given is None:
        yield [], {}
    elif isinstance(given, Login):
        yield _https(remote, given, urlsplit(where).username)
    else:
        with tempfile.TemporaryDirectory(prefix="vapora-ssh-") as folder:  # of mode 0700
            yield [], _ssh(given, Path(folder))


def _https(remote: Remote, login: Login, named: str | None) -> tuple[list[str], dict[str, str]]:
    host = f"[{remote.host}]" if ":" in remote.host else remote.host
    scope = f"credential.https://{host}" + (f":{remote.port}" if remote.port else "")
    variables = {_USER: login.user or named or _ANYBODY, _PASSWORD: login.password}
    # The empty one takes away the person's own helpers, which would be asked first, and told to keep it.
    return ["-c", f"{scope}.helper=", "-c", f"{scope}.helper={_HELPER}"], variables


def _ssh(key: Key, folder: Path) -> dict[str, str]:
    private = folder / "key"
    private.touch(mode=0o600)
    private.write_text(key.private)
    options = ["BatchMode=yes", "ConnectTimeout=20", "IdentitiesOnly=yes", "IdentityAgent=none"]
    options += ["PreferredAuthentications=publickey", "StrictHostKeyChecking=yes", "ForwardAgent=no"]
    if key.known_hosts:
        hosts = folder / "known_hosts"
        hosts.write_text(key.known_hosts.strip() + "\n")
        options += [f"UserKnownHostsFile={hosts}", "GlobalKnownHostsFile=/dev/null"]
    words = ["ssh", "-F", "/dev/null", "-i", str(private)]
    words += [part for one in options for part in ("-o", one)]
    return {"GIT_SSH_COMMAND": shlex.join(words), "GIT_SSH_VARIANT": "ssh"}
