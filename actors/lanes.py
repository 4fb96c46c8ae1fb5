"""Work that blocks, beside the event loop: each actor does its own one job after the other, on a few threads that all
of a process share.

A process may hold the actors of many workspaces: with threads of their own, twenty at work would have eighty.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# A lane that has more to do than that lets others have its thread in between.
_IN_A_ROW: Final = 16


class Crew:
    """At most so many threads, begun when they are needed: daemons, so that a process that ends is not kept by them."""

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self._most = most
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self.threads = 0
        self._free = 0
        self._waiting = 0  # jobs that no thread was free for

    def hand(self, job: Callable[[], None]) -> None:
        """`job` must not raise."""
        with self._lock:
            begin = not self._free and self.threads < self._most
            if self._free:
                self._free -= 1
            elif begin:
                self.threads += 1
            else:
                self._waiting += 1
        self._jobs.put(job)
        if begin:
            threading.Thread(target=self._run, name=self.name, daemon=True).start()

    def _run(self) -> None:
        while True:
            self._jobs.get()()
            with self._lock:
                if self._waiting:
                    self._waiting -= 1
                else:
                    self._free += 1


# Appends and reads of logs, which somebody waits for.
LOGS: Final = Crew("logs", 6)
# Read models, search, signatures.
BEHIND: Final = Crew("behind", 8)
# Git and files of repositories, which may take long.
REPOSITORIES: Final = Crew("repositories", 16)


class Lane(Executor):
    """An executor that does one job after the other, in order, or `at_once` many; each on whichever thread of the crew
    is free."""

    def __init__(self, crew: Crew, at_once: int = 1) -> None:
        self._crew = crew
        self._at_once = at_once
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], None]] = deque()
        self._working = 0
        self._rests = threading.Condition(self._lock)
        self._closed = False

    def hand(self, job: Callable[[], None]) -> None:
        """Cheaper than `submit`: `job` must not raise, and says itself what came of it."""
        with self._lock:
            if self._closed:
                raise RuntimeError("nothing is begun any more")
            self._jobs.append(job)
            if self._working == self._at_once:
                return
            self._working += 1
        self._crew.hand(self._work)

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(*args, **kwargs))
            except BaseException as error:  # whatever it is, who waits must hear of it
                future.set_exception(error)

        self.hand(job)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is begun any more. What was handed in is still done, all of it; returns once it is, unless it is not
        to `wait`."""
        with self._lock:
            self._closed = True
            while wait and self._working:
                self._rests.wait()

    def _work(self) -> None:
        jobs = self._jobs
        for _ in range(_IN_A_ROW):
            try:
                job = jobs.popleft()
            except IndexError:
                with self._lock:
                    # Nobody hands one in meanwhile.
                    if not jobs:
                        self._working -= 1
                        if self._closed and not self._working:
                            self._rests.notify_all()
                        return
                continue
            job()
            del job  # what it holds is let go before the next one comes
        self._crew.hand(self._work)
