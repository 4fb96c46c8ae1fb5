"""Does one job after the other beside the event loop, and tells it in a single step.

`run_in_executor` joins two futures and wakes the loop for each; at some thousand commits a second that costs as much as
SQLite does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from actors.lanes import LOGS, Lane

T = TypeVar("T")

# Called in the loop with the answer and None, or with None and what was raised.
Done = Callable[[Any, BaseException | None], None]


class WriterThread:
    """Begins with `start`, in the loop that is to be told; may be started again after `stop`."""

    def __init__(self) -> None:
        self._lane = Lane(LOGS)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._lane = Lane(LOGS)

    def stop(self) -> None:
        """Returns once the jobs that were handed in are done."""
        self._loop = None
        self._lane.shutdown()

    def hand(self, work: Callable[[], Any], done: Done) -> None:
        """`done` is called in the loop."""
        loop = self._loop
        assert loop is not None, "not started"

        def job() -> None:
            try:
                answer, error = work(), None
            except BaseException as raised:  # whatever it is, those who wait must hear of it
                answer, error = None, raised
            # A loop that is closed has nobody left who could hear of it.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done, answer, error)

        self._lane.hand(job)

    async def call(self, work: Callable[[], T]) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.hand(work, partial(_answer, answer))
        return await answer


def _answer(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
