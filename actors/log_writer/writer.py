"""The only writer of a workspace's log: group commit for its callers, a tail in memory for its followers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import structlog

from actors.follower import cancel
from actors.lanes import LOGS, Lane
from actors.log_writer.checkpoint_signer import CheckpointSigner
from actors.log_writer.group_commit import COMMIT_S, GroupCommit
from vapora.backoff import Backoff
from vapora.domain.cell import Rest
from vapora.errors import BadInputError, FencedError, StoppingError, UnavailableError, VaporaError
from vapora.log.clock_correction import REMEDY, behind
from vapora.log.ends import StreamEnds
from vapora.log.event_log import MAX_READ, Committed, EventLog
from vapora.log.plan import check
from vapora.log.tail import MAX_RECORDS, Tail
from vapora.observability import live
from vapora.records import Append, AppendResult, Batch, StoredRecord, is_full
from vapora.trace_ids import append_span

MAX_WAIT_S = 60.0
_BACKOFF = Backoff(0.05, longest_s=5.0)
# A filtered read of old events looks at so many positions at a time, about 30 ms: the reader thread is shared.
STRIDE = 50_000

# A clock that is a month further than the last event may be ahead: whatever is recorded now would keep it there.
_LONG = timedelta(days=31)
# So many of the newest events are read at a start.
_FIRST_RECORDS = 100

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Figures:
    """Since the writer was made: transactions that it wrote, events in them, and reads of streams for which it asked
    its thread that reads."""

    commits: int = 0
    events: int = 0
    reads: int = 0


class LogWriter:
    """A plain class; the runtime makes an actor of it.

    One thread appends and one reads, so that replaying readers never delay an append; on a quick disk the loop takes
    part (`GroupCommit`). After a `FencedError` it refuses everything: what it holds in memory is no longer the whole
    log. `sealed`: why nothing may be appended to it, asked once it is open (blocking). `started`: told of each start,
    until it has heard. `closed`: told when the log is closed (blocking).
    """

    def __init__(
        self,
        open_log: Callable[[], EventLog],
        *,
        signer: CheckpointSigner | None = None,
        sealed: Callable[[], VaporaError | None] | None = None,
        started: Callable[[], Awaitable[None]] | None = None,
        closed: Callable[[], None] | None = None,
        tail_records: int = MAX_RECORDS,
        stride: int = STRIDE,
    ) -> None:
        self.figures = Figures()
        self._open_log = open_log
        self._journal = structlog.get_logger("log")
        self._signer = signer
        self._find_seal = sealed
        self._seal: VaporaError | None = None
        self._tell_started = started
        self._tell_closed = closed
        self._telling: asyncio.Task[None] | None = None
        self._log: EventLog | None = None
        self._commits = GroupCommit(self._heard)
        self._reading = Lane(LOGS)
        self._starting = asyncio.Lock()
        # Who waits for the log to go on, and by which topics; none: by any.
        self._waiting: dict[asyncio.Future[None], tuple[str, ...]] = {}
        self._tail_records = tail_records
        self._stride = stride
        self._tail = Tail(0, tail_records)
        self._ends = StreamEnds()
        # How often: what was read before the last time may be behind.
        self._forgotten = 0
        self._refusal: VaporaError | None = UnavailableError("The log writer has not started yet.")
        self._failure = ""

    async def start(self) -> None:
        """Opens the log, which fences off the writer before; `LogError` where that cannot be."""
        async with self._starting:  # started twice at once, it would fence off itself
            if self._log is not None:
                return
            self._commits.start()
            try:
                log = await self._open()
            except BaseException:
                self._commits.stop()
                raise
            self._commits.use(log)
            self._log, self._refusal, self._failure = log, None, ""
            if self._tell_started is not None:
                self._telling = asyncio.create_task(self._tell(self._tell_started), name="log: tell of the start")
            await self._compare_clocks(log)

    async def _tell(self, started: Callable[[], Awaitable[None]]) -> None:
        for pause in _BACKOFF:
            try:
                await started()
            except Exception as error:  # whoever is to be told is away: this goes on until it is heard
                self._journal.info("start not told yet", why=str(error))
                await asyncio.sleep(pause)
            else:
                return

    async def _compare_clocks(self, log: EventLog) -> None:
        """An operator is told at the start, before anything is recorded at a wrong time."""
        since = await _on(self._reading, log.since_last)
        if wrong := behind(-since):
            self._journal.warning(wrong, remedy=REMEDY)
        elif since > _LONG:
            self._journal.warning(
                "the clock is long after the last event; where it is wrong, stop at once and set it right",
                days=since.days,
            )

    async def _open(self) -> EventLog:
        log = await self._commits.call(self._open_log)
        try:
            self._seal = await self._commits.call(self._find_seal) if self._find_seal is not None else None
            if self._signer is not None:
                await self._signer.start(log)
            self._tail = await self._commits.call(lambda: self._newest(log))
            self._forget_ends()
        except Exception:
            log.close()
            if self._tell_closed is not None:
                await self._commits.call(self._tell_closed)
            raise
        # Where the start is cancelled, a thread is still reading: SQLite crashes the process if it is closed under it.
        # It is closed with the last reference then, which that thread holds.
        return log

    def _newest(self, log: EventLog) -> Tail:
        """All who follow a log come at its start, mostly to the same few events: one look for all of them."""
        head = log.head()
        first = max(head - min(_FIRST_RECORDS, self._tail_records), 0)
        records = log.after(first, _FIRST_RECORDS + 1, until=head)
        if not records or is_full(records, _FIRST_RECORDS + 1):
            return Tail(head, self._tail_records)  # what a page does not hold is read when somebody wants it
        tail = Tail(first, self._tail_records)
        tail.add(records, head)
        return tail

    async def stop(self) -> None:
        """What was handed in is still committed; readers that wait are told."""
        if self._log is None:
            return
        log = self._log
        if self._refusal is None:
            self._refusal = StoppingError("The log writer has stopped.", remedy="Ask again once it has started.")
        self._wake()
        await cancel(self._telling)
        await self._commits.settle()
        if self._log is not log:  # stopped twice at once
            return
        self._log = None
        if self._signer is not None:
            await self._signer.stop()
        self._commits.stop()
        self._reading.shutdown()
        log.close()
        if self._tell_closed is not None:
            await asyncio.to_thread(self._tell_closed)
        self._reading = Lane(LOGS)

    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        """Shares a transaction with whoever else appends now. A `LogError` fails all of them; the next may succeed."""
        self._serving()
        if self._seal is not None:
            raise self._seal.with_traceback(None)
        check(requests)
        with live.span("append", span_id=append_span(requests[0].request_id) if requests else None):
            return await self._commits.append(requests)

    async def read(self, stream: str, after: int = 0, limit: int = MAX_READ) -> list[StoredRecord]:
        """Events of one stream with version > `after`, as one page: see `EventLog`."""
        log = self._serving()
        _check_bounds(after, limit)
        if self._ends.holds_no_more(stream, after):
            return []
        self.figures.reads += 1
        forgotten = self._forgotten
        records = await _on(self._reading, log.read, stream, after, limit)
        if not is_full(records, limit) and forgotten == self._forgotten:
            self._ends.reached({stream: records[-1].version if records else after})
        return records

    async def pick(self, positions: Sequence[int]) -> list[StoredRecord]:
        """The events at these positions, those that there are, as one page: up to 10,000 at once."""
        log = self._serving()
        if len(positions) > MAX_READ or any(position < 1 for position in positions):
            raise BadInputError(f"A pick takes up to {MAX_READ} positions from 1 on.")
        return await _on(self._reading, log.pick, positions)

    async def poll(self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: Sequence[str] = ()) -> Batch:
        """Events with position > `after`, at once if there are any, else as soon as one comes or the time is over.

        With `topics` only theirs; the answer's `position` then tells how far was looked. Nobody holds up others by
        being slow: nothing is kept for a follower, and an answer from the store is one page of bounded size.
        """
        _check_bounds(after, limit)
        if not 0 <= timeout_s <= MAX_WAIT_S:
            raise BadInputError(f"A poll waits 0 to {MAX_WAIT_S:g} seconds, not {timeout_s}.")
        wanted, deadline = tuple(topics), asyncio.get_running_loop().time() + timeout_s
        while True:
            records, after = await self._look(self._serving(), after, limit, wanted)
            if not records and not await self._news(after, deadline, wanted):
                # Nobody is woken by topics of others: how far they went is seen now.
                records, after = await self._look(self._serving(), after, limit, wanted)
                return Batch(tuple(records), after, self._tail.head)
            if records:
                return Batch(tuple(records), after, self._tail.head)

    async def head(self) -> int:
        """The last position; 0 for an empty log."""
        self._serving()
        return self._tail.head

    async def health(self) -> dict[str, Any]:
        """`{"status": "ok" | "failing" | "fenced" | "stopped", "head": position, "reason": text, "clock": text,
        "events": since it started, "commits": {"bounds", "counts", "sum_s"}}`.

        `clock`: what is wrong with the clock; empty where nothing is. `commits`: how many took so long, in seconds.

        After an append that failed it is tried whether the next one may succeed: who asks may be keeping all others
        away until it is well.
        """
        if self._failure and self._refusal is None and not self._commits.is_busy:
            await self._try_again(self._serving())
        reason = self._failure or (self._signer.problem if self._signer is not None else "")
        status, clock = "failing" if reason else "ok", ""
        try:
            log = self._serving()
            await self._ensure_current(log)
            clock = behind(-await _on(self._reading, log.since_last))
        except FencedError as error:
            status, reason = "fenced", str(error)
        except UnavailableError as error:
            status, reason = "stopped", str(error)
        except VaporaError as error:
            status, reason = "failing", str(error)
        times = self._commits.times
        commits = {"bounds": COMMIT_S, "counts": tuple(times.counts), "sum_s": times.sum_s}
        told = {"status": status, "head": self._tail.head, "reason": reason, "clock": clock}
        return {**told, "events": self.figures.events, "commits": commits}

    async def rest(self) -> Rest:
        if self._commits.is_busy:
            return Rest("its log is being written")
        reason = self._failure or ("" if self._refusal is None else str(self._refusal))
        return Rest(f"its log: {reason}" if reason else "")

    async def _try_again(self, log: EventLog) -> None:
        try:
            await self._commits.call(log.ensure_writable)
        except VaporaError as error:
            self._failure = str(error)
        else:
            self._failure = ""

    def _serving(self) -> EventLog:
        if self._refusal is not None:
            # Raised many times: without this each would leave its frames in the one object.
            raise self._refusal.with_traceback(None)
        assert self._log is not None
        return self._log

    def _heard(self, committed: Committed | None, error: BaseException | None) -> None:
        """Of a commit, before those who asked for it."""
        if isinstance(error, FencedError):
            self._fence(error)
        else:
            self._failure = "" if error is None else str(error)
        if committed is None:
            self._forget_ends()  # perhaps it stands all the same
        elif committed.tip.position > self._tail.head:
            records = committed.records()
            self.figures.commits += 1
            self.figures.events += len(records)
            known = bool(records) and records[0].position == self._tail.head + 1
            if not known:
                self._forget_ends()  # and this is where it shows
            self._tail.add(records, committed.tip.position)
            self._ends.reached(committed.plan.moved)
            if self._signer is not None:
                self._signer.saw(committed.tip)
            self._wake({record.topic for record in records} if known else None)

    def _forget_ends(self) -> None:
        self._ends.forget()
        self._forgotten += 1

    async def _look(
        self, log: EventLog, after: int, limit: int, topics: tuple[str, ...]
    ) -> tuple[list[StoredRecord], int]:
        """Matching records beyond `after`, and how far was looked: to today's head, unless the limit came first."""
        head = self._tail.head
        while after < self._tail.floor:
            until = min(head, after + self._stride) if topics else head
            records = await _on(self._reading, log.after, after, limit, topics, until)
            after = records[-1].position if is_full(records, limit) else until
            if records:
                return records, after
        return self._tail.after(after, limit, topics)

    async def _news(self, after: int, deadline: float, topics: tuple[str, ...]) -> bool:
        """Waits until the log goes beyond `after` with one of the topics; False: the time is over."""
        loop = asyncio.get_running_loop()
        remaining = deadline - loop.time()
        if remaining <= 0:
            return False
        if self._tail.head > after or self._refusal is not None:
            return True
        told: asyncio.Future[None] = loop.create_future()
        self._waiting[told] = topics
        try:
            async with asyncio.timeout(remaining):
                await told
        except TimeoutError:
            # An idle writer would never notice that it was replaced, and its followers would wait for ever.
            await self._ensure_current(self._serving())
            return False
        finally:
            self._waiting.pop(told, None)
        return True

    async def _ensure_current(self, log: EventLog) -> None:
        try:
            await _on(self._reading, log.ensure_current)
        except FencedError as error:
            self._fence(error)
            raise

    def _fence(self, error: FencedError) -> None:
        self._refusal = error
        self._wake()

    def _wake(self, topics: set[str] | None = None) -> None:
        """Whoever waits for one of these; None: everybody."""
        for told, wanted in self._waiting.items():
            if not told.done() and (topics is None or not wanted or not topics.isdisjoint(wanted)):
                told.set_result(None)


async def _on(thread: Lane, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, lambda: function(*args, **kwargs))


def _check_bounds(after: int, limit: int) -> None:
    if after < 0 or not 1 <= limit <= MAX_READ:
        raise BadInputError(f"A read starts at 0 or later and takes 1 to {MAX_READ}: not {after} and {limit}.")
