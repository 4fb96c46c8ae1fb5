"""Whoever appends at about the same time shares a transaction: what a commit costs, it costs once for all of them.

A thread commits one group after the other without asking anybody in between, and takes as the next one whatever has
come meanwhile; so the disk works while callers hear of their group and make their next requests. A single small request
on a disk that answers at once is committed where it stands, in the loop: to tell a thread and to be told by it takes as
long as the commit.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from actors.work_thread import WorkThread
from vapora.log.event_log import Committed, EventLog
from vapora.records import Append, AppendResult

# Keeps one transaction, and so what its callers wait for, below about 50 ms.
_EVENTS_A_COMMIT = 2_000
# A commit that takes less is no longer than a turn of the loop may be. It is not known beforehand: the last ones tell.
QUICK_S = 0.002
_QUICK_IN_A_ROW = 8
# In the loop: so many events at most, of one request, and so many bytes.
_FEW = 8
_LITTLE = 64 * 1024
# Fewer callers make no two groups that would be worth two commits.
_TWO_GROUPS = 16

T = TypeVar("T")


class _Entry(NamedTuple):
    requests: Sequence[Append]
    answer: asyncio.Future[list[AppendResult]]
    events: int


class _Outcome(NamedTuple):
    """What came of a group: one of `committed` and `error`."""

    group: list[_Entry]
    committed: Committed | None
    error: BaseException | None


class GroupCommit:
    """The only one that writes to the log. `heard` is told in the loop of each commit, before its callers are."""

    def __init__(
        self, heard: Callable[[Committed | None, BaseException | None], None], *, quick_s: float = QUICK_S
    ) -> None:
        self._heard = heard
        self._quick_s = quick_s
        self._log: EventLog | None = None
        # Kept: to ask for it is a system call, for each append.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = WorkThread("log-append")
        # What the thread has to do, until the loop hears of its end: while there is any, the log is the thread's.
        self._jobs = 0
        self._entries: deque[_Entry] = deque()
        # Whether a commit is under way, or about to be.
        self._busy = False
        self._idle = asyncio.Event()
        self._quick = 0

    @property
    def is_busy(self) -> bool:
        return self._busy

    @property
    def waiting(self) -> int:
        """Callers whose requests are in no transaction yet."""
        return len(self._entries)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def use(self, log: EventLog) -> None:
        self._log = log
        self._quick = 0

    async def settle(self) -> None:
        """Returns once all that was handed in is committed."""
        while self._busy:
            self._idle.clear()
            await self._idle.wait()

    def stop(self) -> None:
        self._thread.stop()

    async def call(self, work: Callable[[], T]) -> T:
        """Something else that only the log's one writing thread may do, between two transactions."""
        self._jobs += 1
        try:
            return await self._thread.call(work)
        finally:
            self._jobs -= 1

    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        if self._busy:
            return await self._wait(requests)
        self._busy = True
        try:
            # Who else appends in this turn of the loop is to share the transaction.
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._go_on(len(self._entries))
            raise
        quick = self._quick >= _QUICK_IN_A_ROW
        if quick and not self._entries and self._is_small(requests):
            return self._commit_here(requests)
        waiting = self._wait(requests, first=True)
        # All at once would wait for the disk together and then leave it idle together. Two groups take turns; where
        # the disk is slow, though, it is the number of commits that counts.
        callers = len(self._entries)
        self._go_on(callers // 2 if quick and callers >= _TWO_GROUPS else callers)
        return await waiting

    def _wait(self, requests: Sequence[Append], first: bool = False) -> asyncio.Future[list[AppendResult]]:
        assert self._loop is not None
        answer: asyncio.Future[list[AppendResult]] = self._loop.create_future()
        events = sum([len(part.events) for request in requests for part in request.streams])
        entry = _Entry(requests, answer, events)
        if first:
            self._entries.appendleft(entry)
        else:
            self._entries.append(entry)
        return answer

    def _is_small(self, requests: Sequence[Append]) -> bool:
        """Whether it may be done in the loop."""
        if self._jobs or self._log is None or not self._log.is_at_hand or len(requests) > 1:
            return False
        sizes = [len(event.data) for part in requests[0].streams for event in part.events]
        return len(sizes) <= _FEW and sum(sizes) <= _LITTLE

    def _commit_here(self, requests: Sequence[Append]) -> list[AppendResult]:
        committed, error = self._commit(requests)
        self._busy = False
        self._idle.set()
        self._heard(committed, error)
        if committed is None:
            assert error is not None
            raise error
        return committed.results()

    def _go_on(self, most: int) -> None:
        """With so many of those who wait; with none, there is nothing to do."""
        if most:
            self._jobs += 1
            self._thread.hand(partial(self._commit_all, self._take(most)), self._end)
        else:
            self._busy = False
            self._idle.set()

    def _take(self, most: int) -> list[_Entry]:
        taken: list[_Entry] = []
        events = 0
        while self._entries and len(taken) < most and events < _EVENTS_A_COMMIT:
            entry = self._entries.popleft()
            events += entry.events
            taken.append(entry)
        return taken

    def _commit_all(self, group: list[_Entry]) -> _Outcome:
        """In the thread, which meanwhile is the only one to take entries. The last group's outcome."""
        while True:
            requests = [request for entry in group for request in entry.requests]
            outcome = _Outcome(group, *self._commit(requests))
            if not self._entries:
                return outcome
            self._thread.tell(self._conclude, outcome)
            group = self._take(_EVENTS_A_COMMIT)

    def _commit(self, requests: Sequence[Append]) -> tuple[Committed | None, BaseException | None]:
        assert self._log is not None
        began = time.perf_counter()
        try:
            committed = self._log.commit(requests)
        except BaseException as error:  # whatever it is, those who wait must hear of it
            self._quick = 0
            return None, error
        self._quick = self._quick + 1 if time.perf_counter() - began < self._quick_s else 0
        return committed, None

    def _end(self, outcome: _Outcome | None, error: BaseException | None) -> None:
        """The thread found nobody waiting when it was done."""
        assert outcome is not None, error
        self._jobs -= 1
        # The next are on their way before anybody hears of this group: the disk is the slowest.
        self._go_on(len(self._entries))
        self._conclude(outcome)

    def _conclude(self, outcome: _Outcome) -> None:
        group, committed, error = outcome
        self._heard(committed, error)
        results = [] if committed is None else committed.results()
        first = 0
        for requests, answer, _ in group:
            # Done already: its caller was cancelled meanwhile. The append stands.
            if answer.done():
                pass
            elif error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(results[first : first + len(requests)])
            first += len(requests)
