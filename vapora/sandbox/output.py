"""The beginning and the end of what a command wrote."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Self

_CHUNK = 1 << 16


class HeadAndTail:
    """Keeps at most `limit` bytes, half from the beginning and half from the end, however much is written."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room < len(data) else b""
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    @property
    def truncated(self) -> bool:
        return self.total > 2 * self._half

    def text(self) -> str:
        """With a line in the middle where something is left out."""
        tail = bytes(self._tail[-self._half :])
        if not self.truncated:
            return (bytes(self._head) + tail).decode("utf-8", "replace")
        left_out = self.total - len(self._head) - len(tail)
        middle = f"\n[… {left_out:,} bytes left out …]\n"
        return self._head.decode("utf-8", "replace") + middle + tail.decode("utf-8", "replace")


class Reader:
    """The read end of a pipe that a command writes both of its streams to, so that their order is kept.

    `flooded` is set when more than `most` bytes came; what comes then is read and dropped. Use it as a context.
    """

    def __init__(self, limit: int, most: int) -> None:
        self.kept = HeadAndTail(limit)
        self.flooded = asyncio.Event()
        self._most = most
        self._ended = asyncio.Event()

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe2(os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._read, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self.close_write_end()
        asyncio.get_running_loop().remove_reader(self._read)
        os.close(self._read)

    def write_end(self) -> int:
        return self._write

    def close_write_end(self) -> None:
        """Ours: else the end would never come."""
        if self._write >= 0:
            os.close(self._write)
            self._write = -1

    async def until_end(self, patience_s: float) -> None:
        """Until nobody can write any more."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), patience_s)

    def _take(self) -> None:
        data = os.read(self._read, _CHUNK)
        if not data:
            asyncio.get_running_loop().remove_reader(self._read)
            self._ended.set()
            return
        self.kept.add(data)
        if self.kept.total > self._most:
            self.flooded.set()
