"""What live sockets have yet to be sent: frames kept once for all of them, encoded once, and sent in fair turns.

A socket costs no memory of its own, only a place in the common frames. In one pass of the event loop only a few sockets
send, so that a request beside hundreds of them waits for a few sends, not for all. Where very many sends are due, a
socket gets what it has missed in one frame, as after a resume: each changed row in its latest state.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import Any

from pydantic_core import to_json

# A position and its frame as JSON.
Message = tuple[int, str]
Frame = dict[str, Any]

# Frames that are kept for sockets that lag behind; who is further behind has to come again.
KEPT = 1_000
# Sends in one pass of the event loop: with some 50 µs each, what waits is delayed by less than half a millisecond.
_SENDS_A_PASS = 8
# More than this many sends due, over all sockets, are merged. At 50 µs each they take 50 ms.
_MOST_DUE = 1_000

TRY_AGAIN_LATER = 1013


class _Kept:
    """A frame, with its text from the first send on."""

    __slots__ = ("frame", "text")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.text: str | None = None

    def encoded(self) -> str:
        if self.text is None:
            self.text = encode(self.frame)
        return self.text


class Subscription:
    """One socket's place. `since`: the position after which it is given everything; `seen`: how many frames it has."""

    def __init__(self, broadcast: Broadcast) -> None:
        self.since = broadcast.position
        self.seen = broadcast.total
        self.turn: asyncio.Future[None] | None = None
        self._broadcast = broadcast
        self._over: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    async def next(self) -> Message:
        """The next frame, or all that was missed in one; waits for this socket's turn."""
        self.turn = asyncio.get_running_loop().create_future()
        try:
            if self.seen < self._broadcast.total:
                self._broadcast.queue(self)
            await self.turn
        finally:
            self.turn = None
        if self._over.done():
            await asyncio.get_running_loop().create_future()  # whoever waits for `over` ends this
        return self._broadcast.take(self)

    def end(self, code: int, reason: str) -> None:
        if not self._over.done():
            self._over.set_result((code, reason))

    async def over(self) -> tuple[int, str]:
        """Waits until the socket is to be closed: with which code, and why."""
        return await asyncio.shield(self._over)


class Broadcast:
    """`position`: of the last frame. `total`: how many frames there have been."""

    def __init__(self, kept: int = KEPT) -> None:
        self.position = 0
        self.total = 0
        self.subscribers: set[Subscription] = set()
        self._kept = kept
        self._frames: deque[_Kept] = deque()
        # All frames after so many, as one: seats that lag alike share it. Good until the next frame.
        self._merged: dict[int, str] = {}
        self._due: deque[Subscription] = deque()

    def begin(self, position: int) -> None:
        """Nobody listens yet: frames up to `position` are known to whoever comes now."""
        self.position = position
        self._frames.clear()

    def add(self, frame: Frame) -> None:
        if frame["position"] <= self.position:
            return
        self.position = frame["position"]
        self.total += 1
        self._frames.append(_Kept(frame))
        self._merged.clear()
        if len(self._frames) > self._kept:
            self._frames.popleft()
            self._drop_late()
        for subscription in self.subscribers:
            # It waits for news, and is not queued yet.
            if subscription.turn is not None and subscription.seen == self.total - 1:
                self.queue(subscription)

    def queue(self, subscription: Subscription) -> None:
        if not self._due:
            asyncio.get_running_loop().call_soon(self._next_turns)
        self._due.append(subscription)

    async def sent(self) -> None:
        """Waits until every socket that takes what it is sent has all there is."""
        # An event would be set with every send.
        while any(one.turn is not None and one.seen < self.total for one in self.subscribers):  # noqa: ASYNC110
            # One look a pass, and only while there is something to send.
            await asyncio.sleep(0)

    def take(self, subscription: Subscription) -> Message:
        """The next frame of this subscription, or all that it missed; in its turn."""
        missed = self.total - subscription.seen
        if missed * len(self.subscribers) <= _MOST_DUE:
            kept = self._frames[-missed]
            subscription.seen += 1
            return kept.frame["position"], kept.encoded()
        text = self._merged.get(subscription.seen)
        if text is None:
            frames = [kept.frame for kept in islice(self._frames, len(self._frames) - missed, None)]
            text = self._merged[subscription.seen] = encode(merged(frames))
        subscription.seen = self.total
        return self.position, text

    def _next_turns(self) -> None:
        for _ in range(min(_SENDS_A_PASS, len(self._due))):
            subscription = self._due.popleft()
            if subscription.turn is not None and not subscription.turn.done():
                subscription.turn.set_result(None)
        if self._due:
            asyncio.get_running_loop().call_soon(self._next_turns)

    def _drop_late(self) -> None:
        oldest = self.total - len(self._frames)
        for subscription in [subscription for subscription in self.subscribers if subscription.seen < oldest]:
            self.subscribers.discard(subscription)
            subscription.end(TRY_AGAIN_LATER, "Too slow: connect again with after=<the last position you have>.")


def encode(frame: Frame) -> str:
    """As it goes out."""
    return to_json(frame).decode()


def merged(frames: list[Frame]) -> Frame:
    """One frame at the last position, with the latest state of each row."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for frame in frames:
        for one in frame["rows"]:
            name = one["view"], one["key"]
            rows.pop(name, None)  # in the order of the latest changes
            rows[name] = one
    return {"position": frames[-1]["position"], "rows": list(rows.values())}
