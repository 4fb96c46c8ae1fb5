"""A projection built anew beside the rows that are served, which it replaces in one transaction when it has caught up.

Whoever has the time feeds it: the projector after an update, or `vapora rebuild` in a process of its own. Two at once
do no harm. What was built before a crash is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from projections.engine.base import LoggedEvent, Projection
from projections.engine.fold import Fold
from projections.engine.positions import ProjectionPosition, lowest
from projections.engine.store import ReadStore
from projections.engine.transaction import Transaction


class Rebuild:
    """Feed it what `projection.TOPICS` name, from `position` on, until `switch` says that it is done."""

    def __init__(self, store: ReadStore, projection: Projection) -> None:
        self.projection = projection
        self._store = store

    @staticmethod
    def begin(store: ReadStore, projection: Projection) -> Rebuild:
        """From the first event on, whatever is under way."""
        with store.transaction() as transaction:
            transaction.begin_rebuild(projection)
        return Rebuild(store, projection)

    @staticmethod
    def pending(store: ReadStore, projections: Sequence[Projection]) -> list[Rebuild]:
        """Those under way for this version of the code, stopped or not."""
        with store.snapshot() as rows:
            beside = rows.rebuilds()
        return [
            Rebuild(store, one)
            for one in projections
            if one.NAME in beside and beside[one.NAME].fingerprint == one.fingerprint
        ]

    def checkpoint(self) -> ProjectionPosition | None:
        """None: there is nothing to build any more."""
        with self._store.snapshot() as rows:
            return rows.rebuilds().get(self.projection.NAME)

    def feed(self, batch: Sequence[LoggedEvent], until: int) -> ProjectionPosition | None:
        """Events of its topics; the batch holds all of them up to `until`. It goes on where it stopped, if it did."""
        with self._store.transaction() as transaction:
            checkpoint = transaction.rebuilds().get(self.projection.NAME)
            if checkpoint is None:
                return None
            Fold(self.projection, checkpoint, frames_wanted=False).feed(transaction, batch, until)
            return transaction.rebuilds()[self.projection.NAME]

    def switch(self) -> bool:
        """Take the place of the rows that are served, if it is as far as they are."""
        with self._store.transaction() as transaction:
            checkpoint = transaction.rebuilds().get(self.projection.NAME)
            if checkpoint is None or checkpoint.failure is not None:
                return checkpoint is None
            if checkpoint.position < _needed(transaction, self.projection.NAME):
                return False
            transaction.switch(self.projection)
            return True


def _needed(transaction: Transaction, name: str) -> int:
    """As far as the rows that it replaces, and, where those have stopped, as all the others."""
    live = transaction.checkpoints()
    own = live.get(name)
    return own.position if own is not None and own.healthy else lowest(live)
