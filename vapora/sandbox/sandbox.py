"""Runs one command apart from everything else, and ends all of it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import uuid4

from vapora.errors import BadInputError, SandboxUnavailableError
from vapora.sandbox import bubblewrap, landlock
from vapora.sandbox.output import Reader
from vapora.sandbox.processes import end_group, end_marked, until_gone
from vapora.sandbox.values import Command, Ended, Kind, Limits, Outcome, Room
from vapora.sandbox.watch import watch

_MARK = "VAPORA_COMMAND"
# For the kernel to end the processes of a namespace once the first one was killed, and for a supervisor to end its own.
# Thousands of processes on a busy machine take long to end.
_END_S = 60.0
_ASKED_S = 2.0


class Pipes(NamedTuple):
    """The descriptors that a command has as its standard streams."""

    read: int
    out: int
    err: int


class Sandbox(Protocol):
    kind: Kind

    async def run(self, room: Room, command: Command, limits: Limits) -> Outcome:
        """Until the command and all that it started have ended. Cancelling it ends them too.

        Raises `BadInputError` for a command that is empty, `SandboxUnavailableError` where it could not be begun.
        """
        ...

    def hold(
        self, room: Room, command: Command, limits: Limits, pipes: Pipes
    ) -> AbstractAsyncContextManager[asyncio.Task[Ended | None]]:
        """Keeps a command running that talks by pipes, and ends all of it at the end. The task is done once it has
        ended by itself (None) or crossed a bound; `limits.timeout_s` and those of its output are not looked at."""
        ...


@dataclass(slots=True)
class _Started:
    """`root`: what all others of the command descend from, as seen from here. `mark` stands in their environment.
    `status`: where bubblewrap tells its status, `told` what was read of it already."""

    process: subprocess.Popen[bytes]
    root: int
    mark: str
    status: int | None = None
    told: bytes = b""


class _Runner:
    """What the kinds have in common. `begin` starts the process with these streams, `end` ends all of it."""

    kind: Kind

    async def begin(self, room: Room, command: Command, limits: Limits, mark: str, pipes: Pipes) -> _Started:
        raise NotImplementedError

    async def end(self, started: _Started) -> None:
        raise NotImplementedError

    def was_run(self, started: _Started) -> bool:
        """Whether the sandbox came so far that it ran the command; asked after the end."""
        return True

    async def _begun(self, room: Room, command: Command, limits: Limits, pipes: Pipes) -> _Started:
        """`begin` to its end, also when it is cancelled: what is half begun could not be ended."""
        beginning = asyncio.create_task(self.begin(room, command, limits, uuid4().hex, pipes))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            started = await beginning
            await self.end(started)
            self.was_run(started)
            raise

    async def run(self, room: Room, command: Command, limits: Limits) -> Outcome:
        _check(command)
        begun = time.monotonic()
        with Reader(limits.output_bytes, limits.most_output_bytes) as output:
            out = output.write_end()
            started = await self._begun(room, command, limits, Pipes(subprocess.DEVNULL, out, out))
            output.close_write_end()
            try:
                ended = await _watched(started, output, room, limits)
            finally:
                await self.end(started)
                code = started.process.wait()
                was_run = self.was_run(started)
            await output.until_end(_END_S)
            if not was_run and ended is None:
                raise SandboxUnavailableError(f"The sandbox could not be set up: {output.kept.text().strip()}")
            return Outcome(
                # As a shell has it.
                exit_code=None if ended else 128 - code if code < 0 else code,
                output=output.kept.text(),
                output_bytes=output.kept.total,
                truncated=output.kept.truncated,
                duration_ms=round((time.monotonic() - begun) * 1_000),
                ended=ended,
                sandbox=self.kind,
            )

    @asynccontextmanager
    async def hold(
        self, room: Room, command: Command, limits: Limits, pipes: Pipes
    ) -> AsyncIterator[asyncio.Task[Ended | None]]:
        _check(command)
        started = await self._begun(room, command, limits, pipes)
        watching = asyncio.create_task(_bounded(started, room, limits))
        try:
            yield watching
        finally:
            watching.cancel()
            # To its end, also where whoever held it is cancelled: nothing may be left of it.
            await asyncio.shield(asyncio.create_task(self._ended(started)))

    async def _ended(self, started: _Started) -> None:
        await self.end(started)
        started.process.wait()
        self.was_run(started)


async def _bounded(started: _Started, room: Room, limits: Limits) -> Ended | None:
    """As `_watched`, for what has no time and no output to be bounded."""
    exited = asyncio.create_task(until_gone(started.process.pid))
    watching = asyncio.create_task(watch(started.root, room, limits))
    try:
        await asyncio.wait((exited, watching), return_when=asyncio.FIRST_COMPLETED)
        return None if exited.done() else watching.result()
    finally:
        exited.cancel()
        watching.cancel()


async def _watched(started: _Started, output: Reader, room: Room, limits: Limits) -> Ended | None:
    """Until the command ends by itself (None), or crosses a bound."""
    exited = asyncio.create_task(until_gone(started.process.pid))
    flooded = asyncio.create_task(output.flooded.wait())
    watching = asyncio.create_task(watch(started.root, room, limits))
    tasks: tuple[asyncio.Task[object], ...] = (exited, flooded, watching)
    try:
        done, _ = await asyncio.wait(tasks, timeout=limits.timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    if exited in done:
        return None
    if flooded in done:
        return "output"
    return watching.result() if watching in done else "timeout"


def _check(command: Command) -> None:
    if not command.argv or not all(command.argv[:1]) or not command.argv[-1].strip():
        raise BadInputError("The command is empty.", remedy="Give one for /bin/sh -c.")
    if any("\0" in part for part in command.argv):
        raise BadInputError("The command holds a NUL byte.", remedy="Leave it out.")


def environment(room: Room, command: Command, mark: str) -> dict[str, str]:
    """All that a command is told, in any sandbox."""
    fixed = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(room.home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        # The repository is read-only in there.
        "GIT_OPTIONAL_LOCKS": "0",
    }
    return fixed | dict(command.variables) | {_MARK: mark}


class Bubblewrap(_Runner):
    kind: Kind = "bubblewrap"

    def __init__(self, program: Path, prlimit: str) -> None:
        self._program, self._prlimit = program, prlimit

    async def begin(self, room: Room, command: Command, limits: Limits, mark: str, pipes: Pipes) -> _Started:
        read, write = os.pipe2(os.O_CLOEXEC)
        try:
            argv = bubblewrap.arguments(self._program, self._prlimit, room, command, limits, write)
            # Its first process inside keeps the environment that bubblewrap had, so that has to be clean already.
            process = _spawn(argv, environment(room, command, mark), room, pipes, (write,))
            os.close(write)
            write = -1
            told = await _first_status(read)
            return _Started(process, _first_inside(told) or process.pid, mark, read, told)
        except BaseException:
            os.close(read)
            raise
        finally:
            if write >= 0:
                os.close(write)

    async def end(self, started: _Started) -> None:
        if started.process.poll() is None:
            # Both: while it is still being set up, the first process inside does not end with bubblewrap.
            os.kill(started.root, signal.SIGKILL)
            started.process.kill()
        # The first process inside ends last, so nothing of the command is left then.
        if not await _within(_END_S, started.process.pid) or not await _within(_END_S, started.root):
            raise SandboxUnavailableError(
                f"Processes of a command did not end within {_END_S:.0f} s.", remedy="Does the worktree's disk answer?"
            )

    def was_run(self, started: _Started) -> bool:
        assert started.status is not None
        with os.fdopen(started.status, "rb") as status:
            # A short command may have ended before its beginning was read.
            return b"exit-code" in started.told + status.read()


class Sandlock(_Runner):
    """Where no namespaces can be had. A process of its own supervises the command, and ends it when it is told to."""

    kind: Kind = "sandlock"

    def __init__(self, prlimit: str) -> None:
        self._prlimit = prlimit

    async def begin(self, room: Room, command: Command, limits: Limits, mark: str, pipes: Pipes) -> _Started:
        variables = environment(room, command, mark)
        supervisor = landlock.arguments(room, command, limits, variables, bubblewrap.etc(command.network))
        argv = [self._prlimit, f"--fsize={limits.file_bytes}", "--core=0", "--", *supervisor]
        process = _spawn(argv, landlock.OWN_ENVIRONMENT, room, pipes)
        return _Started(process, process.pid, mark)

    async def run(self, room: Room, command: Command, limits: Limits) -> Outcome:
        with landlock.kept(room.worktree / ".git"):
            return await super().run(room, command, limits)

    async def end(self, started: _Started) -> None:
        started.process.terminate()
        await _within(_ASKED_S, started.process.pid)
        await _end_all(started)


class Unconfined(_Runner):
    """No sandbox: only because a person asked for it. Bounds, and the end of all, hold for what does not resist."""

    kind: Kind = "none"

    def __init__(self, prlimit: str | None) -> None:
        self._prlimit = prlimit

    async def begin(self, room: Room, command: Command, limits: Limits, mark: str, pipes: Pipes) -> _Started:
        bounds = (f"--data={limits.memory_bytes}", f"--fsize={limits.file_bytes}", "--core=0", "--")
        argv = ([self._prlimit, *bounds] if self._prlimit else []) + list(command.argv)
        process = _spawn(argv, environment(room, command, mark), room, pipes)
        return _Started(process, process.pid, mark)

    async def end(self, started: _Started) -> None:
        await _end_all(started)


async def _end_all(started: _Started) -> None:
    """Also those that left the command's group: the mark in their environment tells them."""
    end_group(started.process.pid)
    await asyncio.to_thread(end_marked, f"{_MARK}={started.mark}".encode())


async def _within(seconds: float, pid: int) -> bool:
    try:
        await asyncio.wait_for(until_gone(pid), seconds)
    except TimeoutError:
        return False
    return True


def _spawn(
    argv: Sequence[str], variables: dict[str, str], room: Room, pipes: Pipes, handed: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """In the thread of the loop, not in one for a while: bubblewrap ends with the thread that started it."""
    # Behind the server, so that the watcher gets its turn however many processes a command starts.
    behind = ("/usr/bin/nice", "-n", "10") if Path("/usr/bin/nice").exists() else ()
    try:
        return subprocess.Popen(  # noqa: S603
            (*behind, *argv),
            cwd=room.worktree,
            env=variables,
            stdin=pipes.read,
            stdout=pipes.out,
            stderr=pipes.err,
            start_new_session=True,
            pass_fds=handed,
        )
    except OSError as error:
        raise SandboxUnavailableError(f"The command could not be started: {error}.") from error


async def _first_status(status: int) -> bytes:
    """What bubblewrap tells, to the end of its first line at least; empty where it did not come that far."""
    loop, told, ready = asyncio.get_running_loop(), b"", asyncio.Event()
    loop.add_reader(status, ready.set)
    try:
        # It writes in pieces, and would be killed by a pipe that is closed in between.
        while b"\n" not in told:
            await ready.wait()
            ready.clear()
            piece = os.read(status, 4_096)
            if not piece:
                return b""
            told += piece
        return told
    finally:
        loop.remove_reader(status)


def _first_inside(told: bytes) -> int | None:
    """The first process of the sandbox."""
    return int(json.loads(told.splitlines()[0])["child-pid"]) if told else None


def find_prlimit() -> str | None:
    return shutil.which("prlimit", path="/usr/bin:/bin:/usr/local/bin:/usr/sbin")
