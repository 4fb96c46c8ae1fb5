"""The protocol over the pipes of a process in the sandbox: a message a line, and no line longer than a bound."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from vapora.mcp.values import MOST_MESSAGE_BYTES
from vapora.sandbox.output import HeadAndTail
from vapora.sandbox.sandbox import Pipes, Sandbox
from vapora.sandbox.values import Command, Ended, Limits, Room

_CHUNK = 1 << 16
# Of what the process writes to its standard error, for who has to find out what is wrong with it.
_KEPT_WORDS = 4_000
_LAST_WORDS_S = 2.0
# What is no message, in a row: after so many lines it does not speak the protocol.
_MOST_NOISE = 100

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


class Process:
    """One process of a server. `streams()` is what the SDK takes as a transport; `gone` is done once the process has
    ended, and says why: nothing where it was we who stopped it."""

    def __init__(self, sandbox: Sandbox, room: Room, command: Command, limits: Limits) -> None:
        self._sandbox, self._room, self._command, self._limits = sandbox, room, command, limits
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._words = HeadAndTail(_KEPT_WORDS)

    def said(self) -> str:
        """What it wrote to its standard error."""
        return self._words.text().strip()

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[Streams]:
        for_us, into_us = os.pipe2(os.O_CLOEXEC)
        from_it, out = os.pipe2(os.O_CLOEXEC)
        words, err = os.pipe2(os.O_CLOEXEC)
        loop = asyncio.get_running_loop()
        reading, hearing = await _reader(from_it), await _reader(words)
        handed = [for_us, out, err]
        try:
            pipes = Pipes(for_us, out, err)
            async with self._sandbox.hold(self._room, self._command, self._limits, pipes) as ended:
                while handed:
                    os.close(handed.pop())
                writing = await _writer(into_us)
                into_us = -1
                inbox, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
                outgoing, outbox = anyio.create_memory_object_stream[SessionMessage](0)
                tasks = [
                    loop.create_task(self._hear(hearing)),
                    loop.create_task(self._read(reading, inbox)),
                    loop.create_task(self._write(writing, outbox, inbox)),
                    loop.create_task(self._end(ended)),
                ]
                try:
                    yield incoming, outgoing
                finally:
                    # Told to end by the end of its input; what does not is ended with the sandbox.
                    writing.close()
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
                    for stream in (inbox, incoming, outgoing, outbox):
                        stream.close()
        finally:
            while handed:
                os.close(handed.pop())
            if into_us >= 0:
                os.close(into_us)
            self._is_gone("")

    def _is_gone(self, why: str) -> None:
        if not self.gone.done():
            self.gone.set_result(why)

    async def _end(self, ended: asyncio.Task[Ended | None]) -> None:
        bound = await asyncio.shield(ended)
        said = self.said()
        tail = f" It said: {said[-500:]}" if said else ""
        self._is_gone(f"It was ended: {_BOUNDS[bound]}.{tail}" if bound else f"Its process ended by itself.{tail}")

    async def _hear(self, words: asyncio.StreamReader) -> None:
        while data := await words.read(_CHUNK):
            self._words.add(data)
            if self._words.total > MOST_MESSAGE_BYTES:
                self._is_gone(f"It wrote more than {MOST_MESSAGE_BYTES:,} bytes to its standard error.")
                return

    async def _read(
        self, reading: asyncio.StreamReader, inbox: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        """Line by line. One that is too long, or too many that are no messages, end it."""
        line, noise = bytearray(), 0
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while data := await reading.read(_CHUNK):
                *whole, rest = data.split(b"\n")
                for part in whole:
                    line += part
                    message = _message(bytes(line))
                    line.clear()
                    noise = 0 if message else noise + 1
                    if message is not None:
                        await inbox.send(message)
                line += rest
                if len(line) > MOST_MESSAGE_BYTES:
                    self._is_gone(f"It sent a message of more than {MOST_MESSAGE_BYTES:,} bytes.")
                    break
                if noise > _MOST_NOISE:
                    self._is_gone("It does not speak the protocol: what it writes are no messages.")
                    break
        # What waits for an answer is told that there will be none. Why, its process tells in a moment, if it has ended.
        inbox.close()
        await asyncio.wait((self.gone,), timeout=_LAST_WORDS_S)
        self._is_gone("It closed its output.")

    async def _write(
        self,
        writing: asyncio.StreamWriter,
        outbox: MemoryObjectReceiveStream[SessionMessage],
        inbox: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        try:
            async for each in outbox:
                writing.write(each.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await writing.drain()
        except OSError:
            inbox.close()


_BOUNDS: dict[Ended, str] = {
    "timeout": "it took too long",
    "memory": "it used too much memory",
    "processes": "it started too many processes",
    "disk": "it wrote too much to the disk",
    "output": "it wrote too much",
}


def _message(line: bytes) -> SessionMessage | None:
    """None for what is no message: some servers greet on their standard output."""
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=_CHUNK)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    return reader


async def _writer(descriptor: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(descriptor, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)
