"""The direct transport: a Unix socket between two processes of one user on one machine, and TCP between two machines.

Ray names, places and restarts a host; its `Door` opens the socket, and a `DirectLine` goes there. What arrives is
unpickled, so who may connect is who may run code here: the socket has mode 0600 in a folder of mode 0700, and each
end refuses a peer that the kernel says is another user. Over TCP each end proves that it knows the installation's
secret, and seals what it says (`sealed.py`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import structlog

from actors.runtime.lines import CutError, pack_error
from actors.runtime.sealed import PROVE_WITHIN_S, SealedWire, check_secret
from actors.runtime.wire import Frame, Wire
from vapora.errors import ConfigurationError, UnavailableError

# Calls of one process to one host that wait for their answers; the next one waits for one of them.
MOST_IN_FLIGHT = 4_096
# The kernel's limit for the path of a socket.
LONGEST_PATH_BYTES = 107
# Connections over TCP that have not proved anything yet; more are sent away.
MOST_UNPROVED = 64
_NUMBERS = 2**32


@dataclass(frozen=True, slots=True)
class DoorAddress:
    """Where a host is reached without Ray. `kind`: `unix`, the only one so far; `node`: the machine, as Ray names it,
    on which `path` means something. `far`: where it is reached from other nodes, as `address:port/name`; empty:
    nowhere. Whoever knows neither calls over Ray."""

    kind: str
    node: str
    path: str
    far: str = ""


class DirectLine:
    """One connection to a host, for all calls of this process to it."""

    def __init__(self, most_in_flight: int = MOST_IN_FLIGHT, *, secret: bytes = b"", name: str = "") -> None:
        self._wire = (
            SealedWire(self._took, self._ended, secret=secret, name=name, is_door=False)
            if secret
            else Wire(self._took, self._ended)
        )
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[bytes | bytearray]] = {}
        self._room = asyncio.Semaphore(most_in_flight)
        self._welcome = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, path: str, most_in_flight: int = MOST_IN_FLIGHT) -> DirectLine:
        """Raises `OSError` where nobody is there, `ConfigurationError` where it is not a socket of this user alone."""
        found = os.lstat(path)
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise ConfigurationError(f"{path} is not a socket of this user alone, so nothing is said to it.")
        line = cls(most_in_flight)
        await asyncio.get_running_loop().create_unix_connection(lambda: line._wire, path)
        await line._welcome
        return line

    @classmethod
    async def open_far(cls, far: str, secret: bytes, most_in_flight: int = MOST_IN_FLIGHT) -> DirectLine:
        """Raises `OSError` where nobody is there, or nobody who knows the secret."""
        address, _, name = far.partition("/")
        host, _, port = address.rpartition(":")
        line = cls(most_in_flight, secret=check_secret(secret), name=name)
        try:
            async with asyncio.timeout(PROVE_WITHIN_S):
                await asyncio.get_running_loop().create_connection(lambda: line._wire, host.strip("[]"), int(port))
                await line._welcome
        except BaseException:
            line.close()
            raise
        return line

    @property
    def closed(self) -> bool:
        return self._wire.closed

    async def call(self, packed: bytes) -> bytes | bytearray:
        async with self._room:
            if self._wire.full:
                await self._wire.drained()
            if self._wire.closed:
                raise CutError("The line was cut before the call.", sent=False)
            number = next(self._numbers) % _NUMBERS
            answer = self._waiting[number] = asyncio.get_running_loop().create_future()
            self._wire.send(Frame.CALL, number, packed)
            try:
                body: bytes | bytearray = await answer
                return body
            except asyncio.CancelledError:
                if self._waiting.pop(number, None) is not None:
                    self._wire.send(Frame.CANCEL, number)
                raise

    def close(self) -> None:
        self._wire.close()

    def _took(self, frame: int, number: int, body: bytes | bytearray) -> None:
        if frame == Frame.WELCOME and not self._welcome.done():
            self._welcome.set_result(None)
        # Of a call that was cancelled, the answer may be on its way all the same.
        answer = self._waiting.pop(number, None) if frame == Frame.ANSWER else None
        if answer is not None and not answer.done():
            answer.set_result(body)

    def _ended(self) -> None:
        if not self._welcome.done():
            self._welcome.set_exception(ConnectionResetError("Nobody is behind the door, or one who is not of us."))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(CutError("The line was cut before the answer.", sent=True))
        self._waiting.clear()


Answer = Callable[[bytes | bytearray], Awaitable[bytes]]


class Door:
    """Where a host takes calls over a socket: `answer(packed)` is what it does with each."""

    def __init__(self, answer: Answer, most_in_flight: int = MOST_IN_FLIGHT) -> None:
        self._answer = answer
        self._most_in_flight = most_in_flight
        self._server: asyncio.Server | None = None
        self._far: asyncio.Server | None = None
        self._visitors: set[_Visitor] = set()
        self._unproved: set[_Visitor] = set()
        self._path: Path | None = None

    async def open(self, folder: Path) -> str:
        """The path of a new socket in `folder`, which is made, for this user alone. Raises `ConfigurationError` where
        others may enter the folder, or its path is too long."""
        listener, self._path = _bind(folder)
        try:
            self._server = await asyncio.get_running_loop().create_unix_server(self._greet, sock=listener)
        except BaseException:
            listener.close()
            raise
        return str(self._path)

    def _greet(self) -> Wire:
        visitor = _Visitor(self._answer, self._most_in_flight, self._visitors, Wire)
        self._visitors.add(visitor)
        visitor.wire.send(Frame.WELCOME, 0)
        return visitor.wire

    async def open_far(self, address: str, secret: bytes, within_s: float = PROVE_WITHIN_S) -> str:
        """Where those on other nodes reach it (`DoorAddress.far`): a free port of this address alone. Whoever has not
        proved itself after `within_s` is sent away."""
        check_secret(secret)
        name = secrets.token_hex(8)
        self._far = await asyncio.get_running_loop().create_server(
            lambda: self._ask_for_proof(secret, name, within_s), address, 0
        )
        shown = f"[{address}]" if ":" in address else address
        return f"{shown}:{self._far.sockets[0].getsockname()[1]}/{name}"

    def _ask_for_proof(self, secret: bytes, name: str, within_s: float) -> Wire:
        def make(took: Callable[[int, int, bytes | bytearray], None], ended: Callable[[], None]) -> Wire:
            return SealedWire(took, ended, secret=secret, name=name, is_door=True, proved=let_in, within_s=within_s)

        def let_in() -> None:
            self._unproved.discard(visitor)
            self._visitors.add(visitor)
            visitor.wire.send(Frame.WELCOME, 0)

        visitor = _Visitor(self._answer, self._most_in_flight, self._visitors, make, self._unproved)
        if len(self._unproved) >= MOST_UNPROVED:
            visitor.wire.close()
        else:
            self._unproved.add(visitor)
        return visitor.wire

    async def close(self) -> None:
        """Take no more calls. Those under way go on, and nobody hears of their end."""
        for server in (self._server, self._far):
            if server is not None:
                server.close()
        for visitor in [*self._visitors, *self._unproved]:
            visitor.wire.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _bind(folder: Path) -> tuple[socket.socket, Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ConfigurationError(f"Others may enter {folder}, so no socket is opened there.")
    path = folder / secrets.token_hex(4)
    if len(os.fsencode(path)) > LONGEST_PATH_BYTES:
        raise ConfigurationError(f"{path} is too long for a socket.", remedy="Take a shorter data folder.")
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        # Nobody can connect before it listens.
        path.chmod(0o600)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener, path


class _Visitor:
    """One connection to a door, with its calls under way. Where it is cut they go on to their end, as a call over Ray
    does whose caller is gone; only a caller who says so cancels one."""

    def __init__(
        self,
        answer: Answer,
        most_in_flight: int,
        visitors: set[_Visitor],
        wire: Callable[[Callable[[int, int, bytes | bytearray], None], Callable[[], None]], Wire],
        unproved: set[_Visitor] | None = None,
    ) -> None:
        self.wire = wire(self._took, self._ended)
        self._unproved = unproved
        self.wire.made_room = self._read_on
        self._answer = answer
        self._most_in_flight = most_in_flight
        self._visitors = visitors
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def _took(self, frame: int, number: int, body: bytes | bytearray) -> None:
        if frame == Frame.CALL:
            task = asyncio.get_running_loop().create_task(self._serve(number, body))
            self._calls[number] = task
            self._running.add(task)
            task.add_done_callback(self._done)
            if len(self._running) >= self._most_in_flight:
                self.wire.read_on(False)
        elif frame == Frame.CANCEL and (call := self._calls.pop(number, None)) is not None:
            call.cancel()

    async def _serve(self, number: int, packed: bytes | bytearray) -> None:
        try:
            answer = await self._answer(packed)
        except asyncio.CancelledError:
            if number not in self._calls:
                raise  # the caller wants no answer any more
            # Of its own accord, so somebody still waits.
            answer = pack_error(UnavailableError("It was cancelled over there.", remedy="Try again."))
        except Exception as error:
            structlog.get_logger("runtime").exception("a call could not be answered")
            answer = pack_error(error)
        if self.wire.full:
            # Who does not read its answers sends no more calls.
            self.wire.read_on(False)
            await self.wire.drained()
        if self._calls.pop(number, None) is not None:
            self.wire.send(Frame.ANSWER, number, answer)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._read_on()

    def _read_on(self) -> None:
        if not self.wire.full and len(self._running) < self._most_in_flight:
            self.wire.read_on(True)

    def _ended(self) -> None:
        self._calls.clear()
        self._visitors.discard(self)
        if self._unproved is not None:
            self._unproved.discard(self)
