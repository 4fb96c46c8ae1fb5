"""The log's rules, shared by every store: optimistic concurrency, effect-once appends, time that never goes back.

Synchronous on purpose: who calls decides which thread waits for the disk. One appends at a time, any number may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from vapora.clock import Clock
from vapora.errors import CorruptLogError, LogError
from vapora.log import mapper
from vapora.log.chain import GENESIS, ChainEntry, Link, Tip, end, extend, follows
from vapora.log.plan import AppendPlan, Versions, check
from vapora.log.store import ChainBrokenError, Store, TakenError
from vapora.records import Append, AppendResult, StoredRecord, page

MAX_READ = 10_000
_ATTEMPTS = 3


class SpeculativeReadError(LogError):
    """Not to be decided while another transaction is being written: something is to be refused, or may be a repetition,
    and what is told of it must be true whatever becomes of that other one."""


class RolledBackError(LogError):
    """A transaction before this one was not written, and this one was decided as if it were. Decide it anew."""


class Committed(NamedTuple):
    """What a transaction came to, and where the log ends now.

    Answers and records are made when asked for: the thread that commits has the next transaction to do.
    """

    plan: AppendPlan
    entries: list[ChainEntry]
    tip: Tip

    def results(self) -> list[AppendResult]:
        """The answers, in the order of the requests."""
        return self.plan.results(self.tip.position - len(self.entries) + 1)

    def records(self) -> list[StoredRecord]:
        """What the log holds now that it did not before."""
        return [StoredRecord._make(entry[:5]) for entry in self.entries]


class EventLog:
    """One workspace's log, over a `Store`.

    `append` and `commit` belong to one thread, or `decide` to one and `write` to another; the others may be called from
    any.

    What is read comes in pages of at most `limit` events and some `PAGE_BYTES`, however large the events are: there may
    be more where `is_full` says so of a page (`vapora.records`).
    """

    # Whether a commit is a matter of this machine alone: mostly done before a thread would have begun with it.
    is_at_hand = True

    def __init__(self, store: Store, workspace: str, clock: Clock) -> None:
        self._store = store
        self._workspace = workspace
        self._clock = clock
        self._versions = Versions(store.versions)
        self._last_at: datetime | None = None
        self._tip: Tip | None = None
        # One more with each write that failed: what was thought of the log before may be wrong.
        self._round = 0
        self._decided_in = 0

    def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        """Each request takes effect alone or not at all; those that do share one transaction."""
        check(requests)
        return self.commit(requests).results()

    def commit(self, requests: Sequence[Append]) -> Committed:
        """`append` that also hands out what was written, for those who follow the log in memory.

        For requests that passed `check`: the log writer does that for each caller, before they share a transaction.
        """
        for _ in range(_ATTEMPTS):
            try:
                return self.write(self.decide(requests))
            except TakenError:
                continue  # perhaps our own, whose confirmation was lost: the next round compares with what is stored
        raise LogError("The log's streams move under its writer.", remedy="See that nothing else writes to this file.")

    def append_correction(self, request: Append) -> list[AppendResult]:
        """The one append that may be recorded before the events that stand: a correction of the clock."""
        before, self._last_at = self._last_at, self._clock()
        try:
            return self.append([request])
        except BaseException:
            self._last_at = before
            raise

    def since_last(self) -> timedelta:
        """From the last event until now, by this machine's clock; negative where the clock is behind."""
        last = self._last_recorded()
        return timedelta() if last is None else self._clock() - last

    def decide(self, requests: Sequence[Append], ahead: bool = False) -> AppendPlan:
        """What a transaction will hold, as if all that was decided before were written. Nothing is written.

        `ahead`: some of that is not written yet; then `SpeculativeReadError` for requests that are not simply to be
        appended.
        """
        round = self._round
        if self._decided_in != round:
            self._versions.forget()
            self._decided_in = round
        self._versions.load([part.stream for request in requests for part in request.streams])
        plan = AppendPlan(self._versions, self._store.read, self._workspace, self._now(), round)
        for request in requests:
            if not plan.place(request, ahead):
                raise SpeculativeReadError("The answer depends on a transaction that is not written yet.")
        self._versions.update(plan.moved)
        self._last_at = plan.at
        return plan

    def write(self, plan: AppendPlan) -> Committed:
        """The transaction. In the order in which plans were decided; after one that failed, those decided before its
        failure are void (`RolledBackError`)."""
        if plan.round != self._round:
            raise RolledBackError("A transaction before this one failed.")
        try:
            tip = self.tip() if self._tip is None else self._tip
            entries = extend(tip, plan.rows)
            if entries:
                self._store.write(entries, tip)
                tip = end(entries)
        except ChainBrokenError:
            # The end stays remembered as it was: whoever changed the log must not get away with it at the next append.
            self._round += 1
            raise
        except BaseException:
            self._forget()
            raise
        self._tip = tip
        return Committed(plan, entries, tip)

    def read(self, stream: str, after: int = 0, limit: int = MAX_READ) -> list[StoredRecord]:
        """Events of one stream with version > `after`."""
        return self._store.read(stream, after, limit)

    def after(
        self, position: int, limit: int = 1_000, topics: Sequence[str] = (), until: int | None = None
    ) -> list[StoredRecord]:
        """Events with position > `position` (and <= `until`), of these topics or of all."""
        return self._store.after(position, limit, topics, until)

    def pick(self, positions: Sequence[int]) -> list[StoredRecord]:
        """The events at these positions, in this order; those that there are, as one page."""
        # One look each: a few hundred look-ups by key take less than reading whatever lies between them.
        return page(one for position in positions for one in self._store.after(position - 1, 1, (), position))

    def head(self) -> int:
        """The last position; 0 for an empty log."""
        return self._store.head()

    def tip(self) -> Tip:
        """The last position with its digest; `CorruptLogError` where the last event does not follow the one before."""
        newest = self._store.newest(2)
        if not newest:
            return GENESIS
        last = newest[-1]
        if not follows(newest[0].digest if len(newest) > 1 else GENESIS.digest, last):
            raise CorruptLogError(
                f"The last event, at position {last.position}, does not follow from the one before it.",
                remedy="The log was changed: `vapora audit verify` finds where. Restore it from a backup.",
                position=last.position,
            )
        return Tip(last.position, last.digest)

    def scan(self, after: int | None, limit: int = 2_000) -> list[Link]:
        """Events with position > `after` (None: all) as they are stored, undecoded, damaged ones too."""
        return self._store.scan(after, limit)

    def load(self, links: Sequence[Link]) -> None:
        """Take events of another log as they are, digests and all; `CorruptLogError` where one does not follow."""
        tip = found = self.tip()
        for one in links:
            if one.position <= found.position or not follows(found.digest, one):
                raise CorruptLogError(
                    f"The event at position {one.position} does not follow from the one at {found.position}.",
                    remedy="It was changed on its way: take another copy.",
                    position=one.position,
                )
            found = Tip(one.position, one.digest)
        self._forget()
        if links:
            self._store.write([one.entry() for one in links], tip)

    def topics(self) -> dict[str, int]:
        """Every topic in the log, with the first position that holds it."""
        return self._store.topics()

    def damage(self) -> str | None:
        """What the store itself finds wrong with what it keeps beside the events (indexes, pages)."""
        return self._store.damage()

    def ensure_current(self) -> None:
        """Raises `FencedError` once another writer has taken over."""
        self._store.ensure_current()

    def ensure_writable(self) -> None:
        """`LogError` where a transaction that writes, though no event, is refused. For the thread that appends."""
        self._store.ensure_writable()

    def close(self) -> None:
        self._store.close()

    def _forget(self) -> None:
        self._round += 1
        self._tip = None

    def _now(self) -> datetime:
        self._last_at = last = self._last_recorded()
        now = self._clock()
        return now if last is None else max(now, last)

    def _last_recorded(self) -> datetime | None:
        if self._last_at is not None:
            return self._last_at
        last = self._store.last()
        return None if last is None else mapper.recorded_at(last)
