"""One follower of the changed rows for all sockets of a workspace on this replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import structlog
from pydantic_core import to_json

from vapora.ports import ProjectorPort

# What a socket may lag behind before it is told to come again; the frames are shared by all sockets.
_QUEUE = 1_000
_PAGE = 500
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_AGAIN_S = 0.2

# WebSocket close codes (RFC 6455, IANA).
GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013

# A position and its frame as JSON, encoded once for all sockets.
Message = tuple[int, str]


class Seat:
    """One socket's place in the hub: what it has yet to be sent. `since`: it is given everything after that."""

    def __init__(self, since: int, size: int) -> None:
        self.since = since
        self._queue: asyncio.Queue[Message] = asyncio.Queue(size)
        self._over: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def offer(self, message: Message) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.end(TRY_AGAIN_LATER, "Too slow: connect again with after=<the last position you have>.")

    def end(self, code: int, reason: str) -> None:
        if not self._over.done():
            self._over.set_result((code, reason))

    async def next(self) -> Message:
        return await self._queue.get()

    async def over(self) -> tuple[int, str]:
        """Waits until the socket is to be closed: with which code, and why."""
        return await asyncio.shield(self._over)


class Hub:
    """Follows the projector while anybody listens."""

    def __init__(self, workspace: str, projector: ProjectorPort, queue_size: int = _QUEUE) -> None:
        self._projector = projector
        self._queue_size = queue_size
        self._seats: set[Seat] = set()
        self._position = 0
        self._follower: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._closed = False
        self._journal = structlog.get_logger("live").bind(workspace=workspace)

    @property
    def seats(self) -> int:
        return len(self._seats)

    async def join(self) -> Seat:
        """A seat that is given every frame after its `since`."""
        async with self._starting:
            if self._follower is None:
                self._position = (await self._projector.status())["position"]
                self._follower = asyncio.create_task(self._follow(), name="live hub")
        seat = Seat(self._position, self._queue_size)
        self._seats.add(seat)
        if self._closed:
            seat.end(GOING_AWAY, "The server stops.")
        return seat

    async def leave(self, seat: Seat) -> None:
        """The last one to leave puts out the light."""
        self._seats.discard(seat)
        async with self._starting:
            if not self._seats:
                await self._stop()

    async def close(self) -> None:
        self._closed = True
        for seat in self._seats:
            seat.end(GOING_AWAY, "The server stops; connect again with after=<the last position you have>.")
        await self._stop()

    async def catch_up(self, after: int, until: int | None = None) -> AsyncGenerator[Message, None]:
        """Each row that changed after `after` in its latest state; to the present, or `until` at least."""
        while until is None or after < until:
            found = await self._projector.frames(after, _PAGE, 0)
            if not found:
                return
            for frame in found:
                after = frame["position"]
                yield after, _text(frame)

    async def _follow(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                frames = await self._projector.frames(self._position)
            except Exception as error:  # sockets stay open: it goes on once the projector is back
                self._journal.warning("no frames, trying again", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
                continue
            pause = _FIRST_PAUSE_S
            for frame in frames:
                self._hand_out(frame)

    def _hand_out(self, frame: dict[str, Any]) -> None:
        if frame["position"] <= self._position:
            return
        self._position = frame["position"]
        message = (self._position, _text(frame))
        for seat in self._seats:
            seat.offer(message)

    async def _stop(self) -> None:
        follower, self._follower = self._follower, None
        # More than once: Python 3.11's `asyncio.wait_for`, which what is followed may use, swallows a cancellation
        # that comes at the moment of its result, and waiting for such a task would have no end.
        while follower is not None and not follower.done():
            follower.cancel()
            await asyncio.wait([follower], timeout=_AGAIN_S)


def _text(frame: dict[str, Any]) -> str:
    return to_json(frame).decode()
