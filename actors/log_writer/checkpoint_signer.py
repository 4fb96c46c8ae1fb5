"""Signs where the log stands, from time to time and beside the writer: an append never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from actors.follower import cancel
from actors.lanes import BEHIND, Lane
from vapora.clock import Clock
from vapora.log.chain import Tip
from vapora.log.event_log import EventLog
from vapora.log.proof import CheckpointBook

T = TypeVar("T")


class CheckpointSigner:
    """A checkpoint after each `events` positions, `interval_s` after a change at the latest, and at the end.

    `problem`: why the last one could not be written; it is tried again.
    """

    def __init__(
        self, open_book: Callable[[], CheckpointBook], clock: Clock, *, events: int = 1_000, interval_s: float = 60
    ) -> None:
        self.problem = ""
        self._open_book = open_book
        self._clock = clock
        self._events = events
        self._interval_s = interval_s
        self._thread = Lane(BEHIND)
        self._book: CheckpointBook | None = None
        self._tip: Tip | None = None
        self._signed: Tip | None = None
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger("checkpoint-signer")

    async def start(self, log: EventLog) -> None:
        """`CorruptLogError` where the log no longer holds what was signed. Signs at once, so that a log which was
        ever written to has a checkpoint."""

        def begin() -> tuple[CheckpointBook, Tip]:
            book = self._open_book()
            book.require_whole(log)
            tip = log.tip()
            book.sign(tip, self._clock())
            return book, tip

        self._book, self._signed = await self._in_thread(begin)
        self._tip = self._signed
        self._task = asyncio.create_task(self._run(), name="checkpoint-signer")

    def saw(self, tip: Tip) -> None:
        """The log has moved on."""
        self._tip = tip
        if self._signed is not None and tip.position - self._signed.position >= self._events:
            self._due.set()

    async def stop(self) -> None:
        if self._task is None:
            return
        await cancel(self._task)
        self._task = None
        await self._sign()
        self._thread.shutdown()
        self._thread = Lane(BEHIND)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            await self._sign()

    async def _sign(self) -> None:
        book, tip = self._book, self._tip
        if book is None or tip is None or tip == self._signed:
            return

        def sign() -> None:
            # Asked here as well: the signature before this one may have ended meanwhile, in the same one thread.
            if tip != self._signed:
                book.sign(tip, self._clock())
                self._signed = tip

        try:
            # Shielded: a stop in mid-signature waits for it in this one thread, and then signs the end.
            await asyncio.shield(self._in_thread(sign))
        except Exception as error:  # shown in the writer's health; the next round tries again
            self.problem = str(error)
            self._journal.warning("no checkpoint written", error=self.problem)
        else:
            self.problem = ""

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
