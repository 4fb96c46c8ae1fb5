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
        self._change: int | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.cuts = 0

    async def before(self, target: str) -> str:
        """The path that leads there through here; over TCP as `address:port/name`."""
        self._target, _, name = target.partition("/") if self._is_tcp(target) else (target, "", "")
        if self._is_tcp(target):
            if self._server is None:
                self._server = await asyncio.start_server(self._greet, "127.0.0.1")
            return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{name}"
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._greet, str(self._path))
            self._path.chmod(0o600)
        return str(self._path)

    def change_answers_after(self, count: int) -> None:
        """Once: after so many bytes of answers from now on, one byte comes as another one."""
        self._change = count

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

    @staticmethod
    def _is_tcp(target: str) -> bool:
        return not target.startswith("/")

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_tcp(self._target):
            there, back = await asyncio.open_connection(*self._target.split(":"))
        else:
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
                if answers and self._change is not None:
                    if self._change < len(data):
                        at, self._change = self._change, None
                        data = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
                    else:
                        self._change -= len(data)
                writer.write(data)
                await writer.drain()
        writer.close()
