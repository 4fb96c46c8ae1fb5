"""Proves a log: that each event follows from the one before it, and that nothing signed is missing.

Works on what the store holds byte for byte; nothing is decoded, so that damage of any kind is a finding, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vapora.errors import LogError
from vapora.log.chain import GENESIS, Link, Tip, follows
from vapora.log.event_log import EventLog
from vapora.log.proof.books import Checkpoint

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """`events` were looked at, up to `tip`. `position`: the first bad one; None with a `fault`: not one event's."""

    events: int
    tip: Tip
    checkpoints: int
    fault: str | None = None
    position: int | None = None

    @property
    def ok(self) -> bool:
        return self.fault is None


def verify(
    log: EventLog, signed: Sequence[Checkpoint] = (), tell: Callable[[int], None] = lambda events: None
) -> Verdict:
    """`signed` must be proved by their key already, and read before the log: it grows meanwhile.

    `tell` hears of each thousand or so of events.
    """
    proof = _Proof(signed)
    try:
        for page in _pages(log):
            if not proof.takes(page):
                return proof.verdict
            tell(proof.events)
        damage = None if proof.lost() else log.damage()
    except LogError as error:
        return proof.fails(f"it cannot be read: {error.message}", proof.tip.position + 1)
    return proof.fails(f"the events are whole, but the file is not: {damage}") if damage else proof.verdict


class _Proof:
    """How far the chain has been followed."""

    def __init__(self, signed: Sequence[Checkpoint]) -> None:
        self.tip, self.events = GENESIS, 0
        self._signed: Mapping[int, Checkpoint] = {one.position: one for one in signed}
        self._all = signed
        self._unseen = {position for position in self._signed if position > 0}
        self.verdict = Verdict(0, GENESIS, len(signed))

    def takes(self, page: Sequence[Link]) -> bool:
        """Whether the events follow. The loop is what a proof's time is spent on."""
        digest, before = self.tip.digest, self.tip.position
        for found in page:
            if not follows(digest, found):
                self.tip = Tip(before, digest)
                self.fails(_what(self.tip, found), found.position)
                return False
            digest, before = found.digest, found.position
            self.events += 1
            if before in self._unseen:
                self._unseen.discard(before)
                if not self._agrees(Tip(before, digest)):
                    return False
        self.tip = Tip(before, digest)
        self.verdict = Verdict(self.events, self.tip, len(self._all))
        return True

    def lost(self) -> bool:
        """Whether a checkpoint saw more than there is now."""
        if not self._unseen:
            return False
        first, last = min(self._unseen), max(self._unseen)
        at = self._signed[last].at
        if first > self.tip.position:
            end = self.tip.position
            self.fails(f"the tail was cut: the log ends at position {end}, and {last} was signed at {at}", end + 1)
        else:
            self.fails(f"it is missing, though it was signed at {self._signed[first].at}", first)
        return True

    def fails(self, fault: str, position: int | None = None) -> Verdict:
        self.verdict = Verdict(self.events, self.tip, len(self._all), fault, position)
        return self.verdict

    def _agrees(self, tip: Tip) -> bool:
        digest = tip.digest.hex()
        for one in self._all:
            if one.position == tip.position and one.digest != digest:
                self.tip = tip
                self.fails(f"it was written anew: another digest was signed for it at {one.at}", tip.position)
                return False
        return True


def _what(before: Tip, found: Link) -> str:
    """In words, as far as one event tells."""
    if not found.typed:
        return "it holds a value of another type than was written"
    if found.position <= before.position:
        return f"it stands behind position {before.position}: the order was changed"
    gap = found.position - before.position - 1
    missing = f", or the {gap:,} between them {'is' if gap == 1 else 'are'} missing" if gap else ""
    return f"it does not follow from position {before.position}: it was changed, inserted or moved{missing}"


def _pages(log: EventLog) -> Iterator[list[Link]]:
    after: int | None = None
    limit = _PAGE
    while True:
        try:
            page = log.scan(after, limit)
        except LogError:
            if limit == 1:
                raise
            # Something in this page cannot be read: one by one, up to it.
            limit = 1
            continue
        if not page:
            return
        yield page
        after = page[-1].position
