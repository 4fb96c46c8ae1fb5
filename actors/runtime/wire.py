"""Frames over a socket: whole messages each way, many under way at once, none of them mixed up.

A frame is a header (size of what follows, what it is, the number of the call) and one packed bytes object. Small frames
that come in the same turn of the event loop leave in one write. Whoever is written to faster than it reads makes the
writer wait.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Final, cast

# Size of the body, kind, number of the call.
_HEADER: Final = struct.Struct("!IBI")
# A peer that announces more is not one of ours.
MOST_BYTES: Final = 512 * 1024 * 1024
# So much may gather for one write; more leaves at once, so that the transport's own limit sees it.
_GATHERED_BYTES: Final = 64 * 1024
_CREDENTIALS: Final = struct.Struct("3i")


class Frame(IntEnum):
    CALL = 1
    ANSWER = 2
    CANCEL = 3
    # What a door says first: a process that dies may still let a caller in, and then says nothing.
    WELCOME = 4


class Wire(asyncio.Protocol):
    """One connection. `took(frame, number, body)` is called for each whole frame, in order; `ended` once, at the end.

    A peer that runs as somebody else is refused before a byte of it is read."""

    def __init__(self, took: Callable[[int, int, bytes | bytearray], None], ended: Callable[[], None]) -> None:
        self._took = took
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._may_write: asyncio.Future[None] | None = None  # there while the transport is full
        self._reads = True
        self.closed = False
        # Called when the peer has read so much that more may be written.
        self.made_room: Callable[[], None] | None = None

    # --- for those that go further than this machine (`sealed.py`) ---

    # What follows each body; 0: nothing does.
    seal_bytes = 0

    def seal(self, header: bytes | bytearray, body: bytes | bytearray) -> bytes:
        return b""

    def is_genuine(self, header: bytes | bytearray, body: bytes | bytearray, seal: bytes | bytearray) -> bool:
        return True

    def admits(self, transport: asyncio.Transport) -> bool:
        """Asked before a byte is read."""
        return _is_same_user(transport)

    # --- writing ---

    def send(self, frame: Frame, number: int, body: bytes = b"") -> None:
        """Have it written in this turn of the loop. To a connection that ended, nothing is written."""
        if self.closed:
            return
        if not self._gathered:
            self._loop.call_soon(self._flush)
        header = _HEADER.pack(len(body), frame, number)
        self._gathered += (header, body)
        if self.seal_bytes:
            self._gathered.append(self.seal(header, body))
        self._gathered_bytes += len(body)
        if self._gathered_bytes > _GATHERED_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._gathered and not self.closed and self._transport is not None:
            gathered, self._gathered, self._gathered_bytes = self._gathered, [], 0
            self._transport.writelines(gathered)

    @property
    def full(self) -> bool:
        return self._may_write is not None

    async def drained(self) -> None:
        """Wait until the peer has read so much that more may be written, or is gone."""
        while self._may_write is not None:
            await asyncio.shield(self._may_write)

    def pause_writing(self) -> None:
        if self._may_write is None:
            self._may_write = self._loop.create_future()

    def resume_writing(self) -> None:
        waiting, self._may_write = self._may_write, None
        if waiting is not None:
            waiting.set_result(None)
        if self.made_room is not None:
            self.made_room()

    # --- reading ---

    def read_on(self, wanted: bool) -> None:
        """Whether more is read from the peer at present: while not, it is the peer who waits."""
        if wanted != self._reads and self._transport is not None and not self.closed:
            self._reads = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        source: bytes | bytearray = data
        if self._received:
            self._received += data
            source = self._received
        at, end = 0, len(source)
        while end - at >= _HEADER.size:
            size, frame, number = _HEADER.unpack_from(source, at)
            if size > MOST_BYTES:
                self.close()
                return
            head, body = at, at + _HEADER.size
            if body + size + self.seal_bytes > end:
                break
            at = body + size
            content = source[body:at]
            if self.seal_bytes:
                if not self.is_genuine(source[head:body], content, source[at : at + self.seal_bytes]):
                    self.close()
                    return
                at += self.seal_bytes
            self._took(frame, number, content)
        if source is data:
            self._received += data[at:] if at else data
        elif at:
            del self._received[:at]

    # --- beginning and end ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: those of uvloop, which Ray uses, are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        if self.closed or not self.admits(self._transport):
            self.close()
        self._flush()

    def connection_lost(self, _: Exception | None) -> None:
        self.closed = True
        self._gathered.clear()
        self.resume_writing()
        self._ended()

    def close(self) -> None:
        """At once: what has not been written is not written any more."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()


def _is_same_user(transport: asyncio.Transport) -> bool:
    """Of the process at the other end, as the kernel knows it; where the kernel does not say, the file's mode alone
    keeps others out."""
    wanted = getattr(socket, "SO_PEERCRED", None)
    if wanted is None:
        return True
    # A duplicate: what another event loop gives as its socket may not be asked.
    with socket.fromfd(transport.get_extra_info("socket").fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        _, user, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, wanted, _CREDENTIALS.size))
    return bool(user == os.geteuid())
