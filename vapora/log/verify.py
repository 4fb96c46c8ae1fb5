"""Proves a log: that each event follows from the one before it, and that nothing signed is missing.

Works on what the store holds byte for byte; nothing is decoded, so that damage of any kind is a finding, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vapora.errors import LogError
from vapora.log.chain import GENESIS, Link, Tip, follows
from vapora.log.checkpoints import Checkpoint
from vapora.log.event_log import EventLog

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


def verify(log: EventLog, signed: Sequence[Checkpoint] = (), tell: Callable[[int], None] = lambda events: None) -> Verdict:
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
        return proof.fails(f"cannot be read: {error.message}", proof.tip.position + 1)
    return proof.fails(f"its events are whole, but its file is not: {damage}") if damage else proof.verdict


class _Proof:
    """How far the chain has been followed."""

    def __init__(self, signed: Sequence[Checkpoint]) -> None:
        self.tip, self.events = GENESIS, 0
        self._signed: Mapping[int, Checkpoint] = {one.position: one for one in signed}
        self._all = signed
        self._left = sorted(one for one in self._signed if one > 0)
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
            if before in self._signed and not self._agrees(Tip(before, digest)):
                return False
        self.tip = Tip(before, digest)
        self.verdict = Verdict(self.events, self.tip, len(self._all))
        return True

    def lost(self) -> bool:
        """Whether a checkpoint saw more than there is now."""
        missing = next((one for one in self._left if one > self.tip.position), None)
        if missing is None:
            return False
        one = self._signed[missing]
        self.fails(
            f"its tail was cut: it ends at position {self.tip.position}, and position {self._left[-1]} was signed for "
            f"at {self._signed[self._left[-1]].at}",
            self.tip.position + 1 if one.position > self.tip.position else one.position,
        )
        return True

    def fails(self, fault: str, position: int | None = None) -> Verdict:
        self.verdict = Verdict(self.events, self.tip, len(self._all), fault, position)
        return self.verdict

    def _agrees(self, tip: Tip) -> bool:
        digest = tip.digest.hex()
        for one in self._all:
            if one.position == tip.position and one.digest != digest:
                self.tip = tip
                self.fails(f"was written anew: another digest was signed for it at {one.at}", tip.position)
                return False
        return True


def _what(before: Tip, found: Link) -> str:
    """In words, as far as one event tells."""
    if not found.typed:
        return "holds a value of another type than was written"
    if found.position <= before.position:
        return f"stands behind position {before.position}: the order was changed"
    gap = found.position - before.position - 1
    missing = f", or the {gap:,} between them {'is' if gap == 1 else 'are'} missing" if gap else ""
    return f"does not follow from position {before.position}: it was changed, inserted or moved{missing}"


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
