"""A socket before another one that ends its connections when it is told to, as a network does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path


class CuttingProxy:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._target = ""
        self._server: asyncio.Server | None = None
        self._left: int | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.cuts = 0

    async def before(self, target: str) -> str:
        """The path that leads there through here."""
        self._target = target
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._greet, str(self._path))
            self._path.chmod(0o600)
        return str(self._path)

    def cut_answers_after(self, count: int) -> None:
        """Once: so many bytes of answers from now on pass, and then the connection ends."""
        self._left = count

    async def cut(self) -> None:
        self.cuts += 1
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self.cut()
        for task in list(self._tasks):
            task.cancel()
            await asyncio.wait([task])

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        self._writers += (writer, back)
        for task in (
            asyncio.create_task(self._pass(reader, back, answers=False)),
            asyncio.create_task(self._pass(there, writer, answers=True)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if answers and self._left is not None:
                    self._left -= len(data)
                    if self._left < 0:
                        writer.write(data[: self._left])
                        with suppress(OSError):
                            await writer.drain()
                        self._left = None
                        await self.cut()
                        return
                writer.write(data)
                await writer.drain()
        writer.close()
