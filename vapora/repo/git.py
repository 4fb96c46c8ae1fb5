"""Runs the git binary: argument lists, a fixed environment, bounds on time and output.

A worktree is in an agent's hands, and git runs what configuration and hooks name. So every call says where the
repository is, instead of having git look for it from the worktree's `.git`, and switches off what git would run:
hooks, the file system monitor, signing, automatic clean-up, filters of LFS.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vapora.errors import ConfigurationError, GitTimeoutError
from vapora.repo.logins import Logins, for_remote, nobodys
from vapora.repo.words import failure

LOCAL_S = 120.0
NETWORK_S = 900.0
_OUTPUT_BYTES = 64 * 1024**2
_ERROR_BYTES = 16 * 1024
_CHUNK = 1 << 16

_SAFE = (
    "core.hooksPath=/dev/null",
    # Reaches the git processes of nested repositories too, whose own configuration an agent may have written.
    "core.fsmonitor=false",
    "diff.ignoreSubmodules=dirty",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.quotePath=false",
    # As many as there are processors: 20,000 files are checked out in 1.3 s instead of 6 s on two.
    "checkout.workers=0",
)
# Without git-lfs the checkout of a repository that uses it fails; with it, it would load gigabytes. Pointers stay.
_NO_LFS = ("filter.lfs.smudge=", "filter.lfs.clean=", "filter.lfs.process=", "filter.lfs.required=false")

# Of the person's own environment, only what a remote may need: where their keys are, and how the network is reached.
_FOR_REMOTES = (
    *("HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE"),
)


@dataclass(frozen=True, slots=True)
class Done:
    """What git said. `truncated`: it was ended when its output reached the limit."""

    code: int
    out: bytes
    err: str
    truncated: bool = False

    @property
    def text(self) -> str:
        """The output without its last line break; bytes that are not UTF-8 as Python's file names have them."""
        return os.fsdecode(self.out).removesuffix("\n")

    def fields(self) -> list[str]:
        """The parts that `-z` ends with a NUL."""
        return os.fsdecode(self.out).split("\0")[:-1]


class Git:
    """`environ` is the server's own; little of it is handed on.

    `as_person` calls read the person's git configuration and environment: only for what is theirs, their remotes and
    their checkout. `held` are descriptors that git and its children inherit, so that a lock outlives a killed owner
    for as long as they do. `logins`: what the workspace brought for remotes.
    """

    def __init__(self, environ: Mapping[str, str], *, held: Sequence[int] = (), logins: Logins = nobodys) -> None:
        path = environ.get("PATH", os.defpath)
        program = shutil.which("git", path=path)
        if program is None:
            raise ConfigurationError("git is not installed.", remedy="Install it, for example by `apt install git`.")
        self._program = program
        self.held = tuple(held)
        self._logins = logins
        fixed = {
            "PATH": path,
            # Messages are read by this code, so they have to be in English.
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS_REQUIRE": "never",
            "GIT_ALLOW_PROTOCOL": "https:ssh:file",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_EDITOR": "true",
        }
        self._own = fixed | {
            "HOME": "/nonexistent",
            "XDG_CONFIG_HOME": "/nonexistent",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        of_person = {name: environ[name] for name in _FOR_REMOTES if name in environ}
        ssh = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20"}
        self._persons = fixed | ({} if "GIT_SSH" in environ else ssh) | of_person

    def run(
        self,
        *arguments: str,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        stdin: bytes = b"",
        variables: Mapping[str, str] | None = None,
        ok: Container[int] = (0,),
        limit: int = _OUTPUT_BYTES,
        timeout_s: float = LOCAL_S,
        as_person: bool = False,
        remote: str | None = None,
        filters: bool = False,
    ) -> Done:
        """Runs git; a code that is not in `ok` raises what it means (see `words.failure`).

        `limit`: bytes of output after which git is ended and what came is returned. `filters`: leave the person's
        LFS filters on, as in their own checkout. `remote`: the URL or path that the call reaches, with the workspace's
        login or key for it in place of the person's, where it has one.
        """
        options = [f"--git-dir={git_dir}"] if git_dir else []
        options += [f"--work-tree={work_tree}"] if work_tree else []
        settings = _SAFE if filters else _SAFE + _NO_LFS
        safe = [part for one in settings for part in ("-c", one)]
        with tempfile.TemporaryFile() as given, for_remote(remote or "", self._logins) as (login, secret):
            command = [self._program, *options, *safe, *login, *arguments]
            environ = (self._persons if as_person else self._own) | dict(variables or {}) | secret
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=work_tree or git_dir or "/",
                env=environ,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=self.held,
                # Remote helpers and ssh are its children, and end with it.
                start_new_session=True,
            )
            done = _collect(process, limit, timeout_s)
        if done is None:
            raise GitTimeoutError(
                f"git {arguments[0]} was ended after {timeout_s:.0f} s.",
                remedy="Is the disk or the remote slow, or the repository very large? Try again.",
            )
        if done.code not in ok and not done.truncated:
            raise failure(arguments[0], done.code, done.err)
        return done


def _collect(process: subprocess.Popen[bytes], limit: int, timeout_s: float) -> Done | None:
    """Reads both streams until git ends; None where the time was over."""
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + timeout_s
    out, err = bytearray(), bytearray()
    kept = {process.stdout.fileno(): out, process.stderr.fileno(): err}
    try:
        with selectors.DefaultSelector() as ready:
            for stream in kept:
                ready.register(stream, selectors.EVENT_READ)
            while ready.get_map() and len(out) <= limit:
                events = ready.select(max(0, deadline - time.monotonic()))
                if not events and time.monotonic() >= deadline:
                    return None
                for key, _ in events:
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        ready.unregister(key.fd)
                    kept[key.fd] += chunk
                del err[:-_ERROR_BYTES]
        if len(out) > limit:
            return Done(0, bytes(out[:limit]), "", truncated=True)
        code = process.wait(max(0, deadline - time.monotonic()))
        return Done(code, bytes(out), err.decode("utf-8", "replace"))
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
        process.stderr.close()
