"""One projection over one batch of the log, within a transaction."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from projections.engine.base import LoggedEvent, Projection
from projections.engine.positions import Failure, ProjectionPosition
from projections.engine.row_cache import RowCache
from projections.engine.store import is_storage_fault
from projections.engine.transaction import Transaction

Change = tuple[int, dict[str, Any]]


class Fold:
    """One projection, in one generation of its rows, over one batch."""

    def __init__(self, projection: Projection, checkpoint: ProjectionPosition, frames_wanted: bool) -> None:
        self.projection = projection
        self.checkpoint = checkpoint
        self.changes: list[Change] = []
        self._shapes = {view.table: view for view in projection.VIEWS} if frames_wanted else {}
        # The event at hand, so that a failure can name it.
        self._current: LoggedEvent | None = None

    def fresh(self, batch: Sequence[LoggedEvent]) -> Sequence[LoggedEvent]:
        """What it has not seen yet."""
        reached = self.checkpoint.position
        if batch and batch[0].position > reached:
            return batch
        return [entry for entry in batch if entry.position > reached]

    def wanted(self, fresh: Sequence[LoggedEvent]) -> Sequence[LoggedEvent]:
        """What it asks for; all of it, as long as it has to tell of a switch with whatever comes next."""
        topics = self.projection.TOPICS
        if topics is None or self.checkpoint.switched_at is not None:
            return fresh
        return [entry for entry in fresh if entry.topic in topics]

    def feed(self, transaction: Transaction, batch: Sequence[LoggedEvent], until: int = 0) -> list[Change]:
        """What it has not seen yet, and its checkpoint. `until`: the batch holds all up to there that it wants."""
        fresh = list(self.fresh(batch))
        reached = max(self.checkpoint.position, until, fresh[-1].position if fresh else 0)
        if reached == self.checkpoint.position:
            return []
        failure: Failure | None = None
        careful = False
        while True:
            try:
                with transaction.part(), uncollected():
                    self.run(self.wanted(fresh), transaction.rows(self.projection, self.checkpoint.generation), careful)
                break
            except Exception as error:
                if is_storage_fault(error) or self._current is None:
                    raise
                if careful:
                    # Once more, without the event that it cannot take: it stops exactly there, however the log was cut.
                    failed = self._current
                    failure = Failure(failed.position, failed.topic, f"{type(error).__name__}: {error}")
                    fresh = fresh[: fresh.index(failed)]
                    reached = max(self.checkpoint.position, fresh[-1].position if fresh else 0)
                careful = True
        transaction.save(self.projection.NAME, self.checkpoint.generation, reached, failure)
        transaction.keep_history(self.projection, self.checkpoint.generation, reached)
        return self.changes

    def run(self, batch: Sequence[LoggedEvent], rows: RowCache, careful: bool = False) -> None:
        """`careful`: write after each event, so that a row that cannot be stored is laid to the event that made it."""
        self.changes, self._current = [], None
        topics = self.projection.TOPICS
        told = self.checkpoint.switched_at is None
        take = self.projection.take
        rows.watched = bool(self._shapes)
        for entry in batch:
            wanted = topics is None or entry.topic in topics
            self._current = entry
            rows.begin(entry.position)
            if not told:
                self._tell_of_switch(rows)
                told = True
            if wanted:
                take(entry, rows)
            if self._shapes and rows.changed:
                self._collect(entry.position, rows)
            if careful:
                rows.flush()
        rows.flush()

    def _tell_of_switch(self, rows: RowCache) -> None:
        """What differed from the rows before the last switch: sent with the next event, since nobody who has seen its
        own position would look at it again."""
        for view in self.projection.VIEWS:
            for row in rows.select(view.table, {"position": self.checkpoint.switched_at}):
                rows.touch(view.table, row)

    def _collect(self, position: int, rows: RowCache) -> None:
        for (table, _), row in rows.changed.items():
            view = self._shapes.get(table)
            change = view.change(row) if view else None
            if change is not None:
                self.changes.append((position, change))


@contextmanager
def uncollected() -> Iterator[None]:
    """A batch makes tens of thousands of rows, and all of them stay until its end: looking through them for rubbish
    again and again took a sixth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
