"""One tracker: carries, looks and asks for news, one after the other, and lets go for as long as it is asked to.

Whatever goes wrong is a delay: what is to be done stands in the outbox until it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from actors.follower import cancel
from actors.trackers.carrying import Carrier
from actors.trackers.looking import MOST_AT_ONCE, OVERLAP, Looker
from actors.trackers.outbox import Look, Outbox
from vapora.backoff import Backoff
from vapora.clock import Clock
from vapora.domain.cell import Rest
from vapora.domain.tracker.connection import Tracker
from vapora.domain.tracker.outgoing import Wish
from vapora.errors import BadInputError, ConflictError, NotFoundError, VaporaError, VersionConflictError
from vapora.trackers import TrackerClient, TrackerDelayedError

T = TypeVar("T")
InThread = Callable[[Callable[[Outbox], Any]], Awaitable[Any]]
# The client for the tracker as it is now, with its token read anew.
Open = Callable[[Tracker], Awaitable[TrackerClient]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What all workers of a workspace share."""

    looker: Looker
    carrier: Carrier
    open: Open
    in_thread: InThread
    clock: Clock
    pauses: Backoff


class Worker:
    def __init__(self, tracker: Tracker, tools: Tools) -> None:
        self.tracker = tracker
        self._problem = ""
        self._note = ""
        self._tools = tools
        self._client: TrackerClient | None = None
        self._held_until: datetime | None = None
        self._failures = 0
        self._wake = asyncio.Event()
        self._busy = False
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger("trackers")

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"tracker:{self.tracker.id}")

    async def stop(self) -> None:
        await cancel(self._task)
        self._task = None
        await self._let_go()

    def wake(self) -> None:
        self._wake.set()

    @property
    def problem(self) -> str:
        """Why it has to wait; or of which issue no card could be made."""
        return self._problem or self._note

    @property
    def held_until(self) -> datetime | None:
        return self._held_until

    async def rest(self) -> Rest:
        """Busy while something is to be done that may be done now; due when the next look, or the end of a delay is."""
        if self._busy or self._wake.is_set():
            return Rest(f"it is at work for the tracker {self.tracker.id}")
        id_ = self.tracker.id
        waiting = await self._tools.in_thread(lambda outbox: outbox.waiting(id_))
        polled = await self._tools.in_thread(lambda outbox: outbox.poll(id_))
        is_due = waiting or polled is None or polled[1] <= self._tools.clock()
        if is_due and self._held_until is not None:
            return Rest(due=self._held_until)
        return Rest(f"something is to be done for the tracker {id_}") if is_due else Rest(due=polled[1])

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._busy = True
            try:
                pause_s = await self._step()
            except Exception as error:  # theirs or ours: told in health, and tried again
                pause_s = self._failed(error)
                if not isinstance(error, TrackerDelayedError):
                    await self._let_go()
            finally:
                self._busy = False
            if pause_s <= 0:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()

    async def _step(self) -> float:
        """One thing; how long there is nothing to be done then."""
        now, tools, id_ = self._tools.clock(), self._tools, self.tracker.id
        if self._held_until is not None:
            if now < self._held_until:
                return (self._held_until - now).total_seconds()
            self._held_until = None
        wish = await tools.in_thread(lambda outbox: outbox.next_wish(id_))
        if wish is not None:
            client = await self._opened()
            await tools.carrier.carry(self.tracker, client, wish, self._begun)
            await tools.in_thread(lambda outbox: outbox.done(wish.wish))
            return self._well()
        look = await tools.in_thread(lambda outbox: outbox.next_look(id_))
        if look is not None:
            await self._look(look)
            return self._well()
        since, next_at = await tools.in_thread(lambda outbox: outbox.poll(id_)) or (now - OVERLAP, now)
        if next_at > now:
            return min((next_at - now).total_seconds(), float(self.tracker.set.poll_s))
        looks, reached = await tools.looker.changed(self.tracker, await self._opened(), since)
        # Where that was not all, the rest is asked for at once.
        more = looks and reached > since
        following = now if more and len(looks) >= MOST_AT_ONCE else now + timedelta(seconds=self.tracker.set.poll_s)
        await tools.in_thread(lambda outbox: outbox.polled(id_, reached, following, looks))
        return self._well()

    async def _look(self, look: Look) -> None:
        client = await self._opened()
        try:
            more = await self._tools.looker.look(self.tracker, client, look)
        except VersionConflictError:
            raise
        except (NotFoundError, BadInputError, ConflictError) as error:
            # No card can be made: its project is gone, say. A person sees why, and the others go on.
            self._journal.warning("no card of an issue", tracker=self.tracker.id, issue=look.number, why=str(error))
            self._note = f"{look.number}: {error.message}"
            more = []
        else:
            self._note = ""
        if more:
            await self._tools.in_thread(lambda outbox: outbox.note(more))
        await self._tools.in_thread(lambda outbox: outbox.looked(look))

    async def _begun(self, wish: Wish) -> None:
        await self._tools.in_thread(lambda outbox: outbox.begun(wish))

    async def _opened(self) -> TrackerClient:
        if self._client is None:
            self._client = await self._tools.open(self.tracker)
        return self._client

    async def _let_go(self) -> None:
        if self._client is not None:
            await self._client.line.close()
            self._client = None

    def _well(self) -> float:
        self._problem, self._failures = "", 0
        return 0

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        pause_s = self._tools.pauses.after(self._failures)
        if isinstance(error, TrackerDelayedError) and error.wait_s is not None:
            pause_s = max(error.wait_s, 0.01)
        if isinstance(error, VaporaError):
            self._problem = error.message
        else:
            self._problem = f"{type(error).__name__}: it said something that nobody understands"
        self._held_until = self._tools.clock() + timedelta(seconds=pause_s)
        self._journal.warning("tracker has to wait", tracker=self.tracker.id, why=self._problem, pause_s=pause_s)
        return pause_s
