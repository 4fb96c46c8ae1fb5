"""One thread that does one job after the other and tells the event loop in a single step.

`run_in_executor` joins two futures and wakes the loop for each; at some thousand commits a second that costs as much as
SQLite does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

# Called in the loop with the answer and None, or with None and what was raised.
Done = Callable[[Any, BaseException | None], None]
_Job = tuple[Callable[[], Any], Done]


class WriterThread:
    """Begins with `start`, in the loop that is to be told; may be started again after `stop`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            loop = asyncio.get_running_loop()
            # A daemon: a process that ends without `stop` is not kept by it. What is not committed was not answered.
            self._thread = threading.Thread(target=self._run, args=(loop,), name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Returns once the jobs that were handed in are done."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join()

    def hand(self, work: Callable[[], Any], done: Done) -> None:
        """`done` is called in the loop."""
        self._jobs.put((work, done))

    async def call(self, work: Callable[[], T]) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.hand(work, partial(_answer, answer))
        return await answer

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while (job := self._jobs.get()) is not None:
            work, done = job
            try:
                answer, error = work(), None
            except BaseException as raised:  # whatever it is, those who wait must hear of it
                answer, error = None, raised
            # A loop that is closed has nobody left who could hear of it.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done, answer, error)
            del job, work, done, answer, error


def _answer(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)
