"""Whoever appends at about the same time shares a transaction: what a commit costs, it costs once for all of them.

A thread writes. On a disk that answers at once, what a transaction will hold is decided in the loop: so the next one is
decided while the disk works on the one before, as if that were written already. Should it fail, what was decided upon
it is void, and decided anew. And a single small request is written in the loop as well: to tell a thread and to be told
by it takes as long as the commit. On a slow disk, or a far one, the loop waits for neither.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from actors.log_writer.writer_thread import WriterThread
from vapora.log.event_log import Committed, EventLog, RolledBackError, SpeculativeReadError
from vapora.log.store import TakenError
from vapora.records import Append, AppendResult

# Keeps one transaction, and so what its callers wait for, below about 25 ms.
_EVENTS_A_COMMIT = 1_000
# A commit that takes less is no longer than a turn of the loop may be. It is not known beforehand: the last ones tell,
# a longer one now and then does no harm, and half of it all is forgotten after eight.
QUICK_S = 0.002
_WEIGHT = 1 / 12
# In the loop: so many events at most, of one request, and so many bytes.
_FEW = 8
_LITTLE = 64 * 1024
# Fewer callers make no two groups that would be worth two commits.
_TWO_GROUPS = 16

# Upper bounds in seconds for how long commits took: from a quick disk to a database that is far or busy.
COMMIT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

T = TypeVar("T")


class CommitTimes:
    """`counts`: commits by the bound that they kept to, and last those that took longer. One commit at a time is
    counted."""

    def __init__(self) -> None:
        self.counts = [0] * (len(COMMIT_S) + 1)
        self.sum_s = 0.0

    def took(self, seconds: float) -> None:
        self.counts[bisect_left(COMMIT_S, seconds)] += 1
        self.sum_s += seconds


class _Entry(NamedTuple):
    requests: Sequence[Append]
    answer: asyncio.Future[list[AppendResult]]
    events: int


_Group = list[_Entry]


class GroupCommit:
    """The only one that writes to the log. `heard` is told in the loop of each commit, before its callers are."""

    def __init__(
        self, heard: Callable[[Committed | None, BaseException | None], None], *, quick_s: float = QUICK_S
    ) -> None:
        self._heard = heard
        self._quick_s = quick_s
        self._usual_s = 0.0
        self.times = CommitTimes()
        self._log: EventLog | None = None
        # Kept: to ask for it is a system call, for each append.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = WriterThread()
        # Of the thread's jobs, until the loop hears of their end: how many are commits, and how many are not.
        self._commits = 0
        self._others = 0
        self._entries: deque[_Entry] = deque()
        # Whether what the last of these commits holds was decided in the loop: never while the thread decides.
        self._decided_here = False
        # Whether somebody waits for the turn of the loop to be over, to see who else appends in it.
        self._gathering = False
        # The task that appended last, and how long its commits have held the loop since it gave others a turn.
        self._last: asyncio.Task[Any] | None = None
        self._held_s = 0.0
        self._rest = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        return self._gathering or self._commits > 0 or len(self._entries) > 0

    @property
    def waiting(self) -> int:
        """Callers whose requests are in no transaction yet."""
        return len(self._entries)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def use(self, log: EventLog) -> None:
        self._log = log
        self._suppose_slow()

    async def settle(self) -> None:
        """Returns once all that was handed in is committed."""
        while self.is_busy:
            self._rest.clear()
            await self._rest.wait()

    def stop(self) -> None:
        self._thread.stop()

    async def call(self, work: Callable[[], T]) -> T:
        """Something else that only the thread that writes may do, between two transactions."""
        self._others += 1
        try:
            return await self._thread.call(work)
        finally:
            self._others -= 1

    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        if self._gathering or not self._has_room():
            self._last = None
            return await self._wait(requests)
        if not self._is_alone():
            await self._gather()
        if self._may_be_here(requests):
            return self._commit_here(requests)
        waiting = self._wait(requests, first=True)
        self._go_on()
        return await waiting

    async def _gather(self) -> None:
        """Who else appends in this turn of the loop is to share the transaction."""
        self._gathering = True
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._gathering = False
            self._go_on()
            raise
        self._gathering = False

    def _is_alone(self) -> bool:
        """Whether nobody is to be expected: the same task appended last, and gave the others a turn lately."""
        task = asyncio.current_task(self._loop)
        if task is self._last and self._held_s < self._quick_s:
            return True
        self._last = task
        self._held_s = 0.0
        return False

    @property
    def _is_quick(self) -> bool:
        assert self._log is not None
        return self._log.is_at_hand and self._usual_s < self._quick_s

    def _has_room(self) -> bool:
        """One is written while another, decided, waits its turn. On a slow disk that one would rather grow."""
        return self._commits == 0 or (self._commits == 1 and self._decided_here and self._is_quick)

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

    def _may_be_here(self, requests: Sequence[Append]) -> bool:
        if self._entries or self._commits or self._others or len(requests) > 1:
            return False
        if not self._is_quick:
            return False
        few, little = _FEW, _LITTLE
        for part in requests[0].streams:
            for event in part.events:
                few -= 1
                little -= len(event.data)
        return few >= 0 and little >= 0

    def _commit_here(self, requests: Sequence[Append]) -> list[AppendResult]:
        assert self._log is not None
        try:
            committed = self._timed(self._log.commit, requests)
        except Exception as error:
            self._heard(None, error)
            raise
        finally:
            self._rest.set()
        self._heard(committed, None)
        return committed.results()

    def _go_on(self) -> None:
        """With those who wait, as far as there is room for them."""
        while self._entries and self._has_room():
            callers = len(self._entries)
            # All at once would wait for the disk together and then leave it idle together. Two groups take turns.
            if callers >= _TWO_GROUPS and not self._commits and self._is_quick:
                callers //= 2
            group = self._take(callers)
            try:
                self._send(group)
            except SpeculativeReadError:
                self._entries.extendleft(reversed(group))
                break
            except Exception as error:  # the log could not be read
                self._conclude(group, None, error)
        if not self.is_busy:
            self._rest.set()

    def _take(self, most: int) -> _Group:
        taken: _Group = []
        events = 0
        while self._entries and len(taken) < most and events < _EVENTS_A_COMMIT:
            entry = self._entries.popleft()
            events += entry.events
            taken.append(entry)
        return taken

    def _send(self, group: _Group) -> None:
        assert self._log is not None
        requests = [request for entry in group for request in entry.requests]
        here = self._is_quick
        if here:
            work = partial(self._timed, self._log.write, self._log.decide(requests, ahead=self._commits > 0))
        else:
            work = partial(self._timed, self._log.commit, requests)
        self._decided_here = here
        self._commits += 1
        self._thread.hand(work, partial(self._written, group))

    def _timed(self, work: Callable[[T], Committed], given: T) -> Committed:
        began = time.perf_counter()
        try:
            committed = work(given)
        except BaseException:
            self._suppose_slow()
            raise
        took = time.perf_counter() - began
        self._usual_s += (took - self._usual_s) * _WEIGHT
        self._held_s += took
        self.times.took(took)
        return committed

    def _suppose_slow(self) -> None:
        """Until some commits have shown otherwise."""
        self._usual_s = 2 * self._quick_s

    def _written(self, group: _Group, committed: Committed | None, error: BaseException | None) -> None:
        self._commits -= 1
        if isinstance(error, TakenError | RolledBackError):
            # To be decided anew, by the thread, which knows when to give up: after an error the disk counts as slow.
            self._entries.extendleft(reversed(group))
            self._go_on()
        else:
            # The next are on their way before anybody hears of this group: the disk is the slowest.
            self._go_on()
            self._conclude(group, committed, error)

    def _conclude(self, group: _Group, committed: Committed | None, error: BaseException | None) -> None:
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
