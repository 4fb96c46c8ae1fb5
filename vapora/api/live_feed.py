"""One follower of the changed rows for all sockets of a workspace on this replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import structlog

from vapora.api.broadcast import KEPT, Broadcast, Message, Subscription, encode
from vapora.backoff import Backoff
from vapora.ports import ProjectorPort

_PAGE = 500
_BACKOFF = Backoff(0.1, longest_s=5.0)
_AGAIN_S = 0.2

# WebSocket close code (RFC 6455).
GOING_AWAY = 1001


class LiveFeed:
    """Follows the projector while anybody listens."""

    def __init__(self, workspace: str, projector: ProjectorPort, kept: int = KEPT) -> None:
        self._projector = projector
        self._kept = kept
        self._broadcast = Broadcast(kept)
        self._follower: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._closed = False
        self._journal = structlog.get_logger("live").bind(workspace=workspace)

    @property
    def subscribers(self) -> int:
        return len(self._broadcast.subscribers)

    async def join(self) -> Subscription:
        """A subscription that is given every frame after its `since`."""
        async with self._starting:
            if self._follower is None:
                self._broadcast.begin((await self._projector.status())["position"])
                self._follower = asyncio.create_task(self._follow(), name="live feed")
        subscription = Subscription(self._broadcast)
        self._broadcast.subscribers.add(subscription)
        if self._closed:
            subscription.end(GOING_AWAY, "The server stops.")
        return subscription

    async def leave(self, subscription: Subscription) -> None:
        """Without sockets nothing is followed."""
        self._broadcast.subscribers.discard(subscription)
        async with self._starting:
            if not self._broadcast.subscribers:
                await self._stop()

    async def close(self) -> None:
        self._closed = True
        for subscription in self._broadcast.subscribers:
            subscription.end(GOING_AWAY, "The server stops; connect again with after=<the last position you have>.")
        await self._stop()

    async def catch_up(self, after: int, until: int | None = None) -> AsyncGenerator[Message, None]:
        """Each row that changed after `after` in its latest state; to the present, or `until` at least."""
        while until is None or after < until:
            found = await self._projector.frames(after, _PAGE, 0)
            if not found:
                return
            for frame in found:
                after = frame["position"]
                yield after, encode(frame)

    async def _follow(self) -> None:
        pauses = iter(_BACKOFF)
        while True:
            try:
                # At most what is kept, and only once the last ones are sent: a burst drives out no socket that reads.
                frames = await self._projector.frames(self._broadcast.position, self._kept)
            except Exception as error:  # sockets stay open: it goes on once the projector is back
                self._journal.warning("no frames, trying again", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(next(pauses))
                continue
            pauses = iter(_BACKOFF)
            for frame in frames:
                self._broadcast.add(frame)
            await self._broadcast.sent()

    async def _stop(self) -> None:
        follower, self._follower = self._follower, None
        # More than once: Python 3.11's `asyncio.wait_for`, which what is followed may use, swallows a cancellation
        # that comes at the moment of its result, and waiting for such a task would have no end.
        while follower is not None and not follower.done():
            follower.cancel()
            await asyncio.wait([follower], timeout=_AGAIN_S)
