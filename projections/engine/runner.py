"""Feeds the log to the projections, rows and checkpoints in one transaction, so that each event counts exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from projections.engine.base import LoggedEvent, Projection, frames
from projections.engine.fold import Change, Fold, uncollected
from projections.engine.positions import ProjectionPosition, lowest
from projections.engine.row_cache import RowCache
from projections.engine.store import ReadStore, is_storage_fault
from projections.engine.transaction import ReadSnapshot, Transaction
from vapora.errors import UnavailableError

# Of one projection, from one batch to the next.
_KEPT_ROWS = 200


class GapError(UnavailableError):
    """The read models are not where they were left: feed them from `Runner.position`."""


class Runner:
    """Keeps a read store up to date. Feed it the log from `position` on; what it has seen already it skips."""

    def __init__(self, store: ReadStore, projections: Sequence[Projection]) -> None:
        self._store = store
        self._projections = tuple(projections)
        _names_must_differ(self._projections)
        with store.snapshot() as rows:
            is_prepared = rows.is_prepared(self._projections)
            if is_prepared:
                self._begin(rows)
        if not is_prepared:
            with store.transaction() as transaction:
                transaction.retain([projection.NAME for projection in self._projections])
                for projection in self._projections:
                    transaction.prepare(projection)
                self._begin(transaction)
        # Rows to go on with, by projection.
        self._kept: dict[str, _Kept] = {}
        # The last event that was fed here.
        self._fed = self.position

    def _begin(self, rows: ReadSnapshot) -> None:
        """All that a start asks for, of one moment: each look is some round trips to a server."""
        # The last event that the rows know of, for whoever compares it with the log.
        self.mark = rows.mark()
        # What was being built then, and how far it was.
        self.rebuilding = {name: one.position for name, one in rows.rebuilds().items()}
        # What failed gets another try: a start is when mended code arrives.
        self._forgiven = {name for name, checkpoint in rows.checkpoints().items() if checkpoint.failure}
        self._position = lowest(self._mine(rows))

    @property
    def position(self) -> int:
        """How far every healthy projection has come."""
        return self._position

    def status(self) -> dict[str, Any]:
        """`{"position": …, "checkpoints": {projection: position}, "failed": {projection: "position topic: error"},
        "rebuilding": {projection: position}}`. A rebuild that has failed stands among the failed."""
        with self._store.snapshot() as rows:
            return self.status_in(rows)

    def status_in(self, rows: ReadSnapshot) -> dict[str, Any]:
        """As `status`, for whoever looks at more of the same moment."""
        # Read again: somebody else may have mended or rebuilt one.
        return status(rows, self._mine(rows))

    def apply(self, batch: Sequence[LoggedEvent], frames_wanted: bool = True) -> list[dict[str, Any]]:
        """Take some thousand events in order; the frames of what they changed (`frames_wanted=False`: none).

        Raises `UnavailableError` when no projection is left to take them, and `GapError` where one was put back by
        somebody else: feed from `position` again.
        """
        if not batch:
            return []
        forgiven = frozenset(self._forgiven)
        try:
            with self._store.transaction() as transaction:
                # Read again each time: another runner on the same file does no harm then.
                checkpoints = self._mine(transaction)
                self._require_no_gap(checkpoints, batch[0].position)
                changes, reached = self._feed(transaction, checkpoints, batch, frames_wanted)
                transaction.remember(batch[-1])
        except BaseException:
            # What is not committed did not happen.
            self._forgiven = set(forgiven)
            self._kept.clear()
            raise
        self._position = reached
        self._fed = max(self._fed, batch[-1].position)
        return frames(changes)

    def _feed(
        self,
        transaction: Transaction,
        checkpoints: dict[str, ProjectionPosition],
        batch: Sequence[LoggedEvent],
        frames_wanted: bool,
    ) -> tuple[list[Change], int]:
        """What changed, and how far all have come. All in one part; where one of them fails, each in its own."""
        folds = [
            Fold(projection, checkpoints[projection.NAME], frames_wanted)
            for projection in self._projections
            if checkpoints[projection.NAME].healthy
        ]
        try:
            with transaction.part(), uncollected():
                changes = [change for fold in folds for change in self._take(transaction, fold, batch)]
        except Exception as error:
            self._kept.clear()
            if is_storage_fault(error):
                raise
            changes = [change for fold in folds for change in fold.feed(transaction, batch)]
            self._forgiven -= {fold.projection.NAME for fold in folds}
            return changes, lowest(self._mine(transaction))
        self._forgiven -= {fold.projection.NAME for fold in folds}
        self._advance(transaction, folds, batch[-1].position)
        # Where all have failed before, nothing moves.
        return changes, min((max(one.checkpoint.position, batch[-1].position) for one in folds), default=self._position)

    def _take(self, transaction: Transaction, fold: Fold, batch: Sequence[LoggedEvent]) -> list[Change]:
        name, checkpoint = fold.projection.NAME, fold.checkpoint
        kept = self._kept.pop(name, None)
        untouched = kept is not None and kept.at == (checkpoint.generation, checkpoint.position)
        if kept is None or not untouched or not transaction.can_go_on(kept.rows):
            kept = _Kept(transaction.rows(fold.projection, checkpoint.generation))
        fresh = fold.wanted(fold.fresh(batch))
        if fresh:
            fold.run(fresh, kept.rows)
            kept.rows.keep_at_most(_KEPT_ROWS)
        kept.at = (checkpoint.generation, max(checkpoint.position, batch[-1].position))
        self._kept[name] = kept
        return fold.changes

    def _advance(self, transaction: Transaction, folds: Sequence[Fold], position: int) -> None:
        moved = [fold for fold in folds if fold.checkpoint.position < position]
        if moved:
            transaction.save_all([fold.projection.NAME for fold in moved], position)
        for fold in moved:
            transaction.keep_history(fold.projection, fold.checkpoint.generation, position)

    def frames_after(self, position: int, limit: int = 1_000) -> list[dict[str, Any]]:
        """The latest state of each row that changed after `position`, as at most `limit` frames."""
        with self._store.snapshot() as rows:
            return frames_after(rows, self._projections, position, limit)

    def close(self) -> None:
        self._store.close()

    def _require_no_gap(self, checkpoints: dict[str, ProjectionPosition], first: int) -> None:
        """A projection that somebody else put back would take the batch for what comes next."""
        if all(checkpoint.failure for checkpoint in checkpoints.values()):
            raise UnavailableError("Every projection has stopped.", remedy="See `status()`; then rebuild.")
        healthy = any(checkpoint.healthy for checkpoint in checkpoints.values())
        if healthy and lowest(checkpoints) < self._fed < first:
            self._fed = self._position = lowest(checkpoints)
            raise GapError(f"The read models are at position {self.position}.", remedy="Feed them from there.")

    def _mine(self, transaction: ReadSnapshot) -> dict[str, ProjectionPosition]:
        stored = transaction.checkpoints()
        mine = {projection.NAME: stored[projection.NAME] for projection in self._projections}
        forgiven = {name: replace(mine[name], failure=None) for name in self._forgiven}
        return mine | forgiven


class _Kept:
    """Rows to go on with where the checkpoint is still `at` this generation and position: nobody else wrote then."""

    __slots__ = ("at", "rows")

    def __init__(self, rows: RowCache) -> None:
        self.at = (0, -1)
        self.rows = rows


def status(rows: ReadSnapshot, live: Mapping[str, ProjectionPosition]) -> dict[str, Any]:
    """As `Runner.status`, for whoever holds a snapshot and its checkpoints."""
    beside = rows.rebuilds()
    failed = {name: str(one.failure) for name, one in live.items() if one.failure is not None}
    for name, one in beside.items():
        if one.failure is not None:
            failed[name] = f"{one.failure} (in a rebuild; the rows before it are still served)"
    return {
        "position": lowest(live),
        "checkpoints": {name: one.position for name, one in live.items()},
        "failed": failed,
        "rebuilding": {name: one.position for name, one in beside.items() if one.failure is None},
    }


def frames_after(
    rows: ReadSnapshot, projections: Sequence[Projection], position: int, limit: int = 1_000
) -> list[dict[str, Any]]:
    """As `Runner.frames_after`, for whoever holds a snapshot."""
    while True:
        found, reached = _frames_between(rows, projections, position, limit)
        if found or reached is None:
            return found[:limit]
        position = reached


def _frames_between(
    rows: ReadSnapshot, projections: Sequence[Projection], position: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Frames after `position`, complete up to the second value (None: up to the end)."""
    changes: list[Change] = []
    reached: int | None = None
    for view in (view for projection in projections for view in projection.VIEWS if rows.is_readable(view.table)):
        found = rows.select(view.table, order=("position",), limit=limit, after=(position,))
        if len(found) == limit:
            # The last position may hold more rows than the limit let through.
            last = found[-1]["position"]
            found = [row for row in found if row["position"] < last] + rows.select(view.table, {"position": last})
            reached = last if reached is None else min(reached, last)
        made = ((row["position"], view.change(row)) for row in found)
        changes += [(at, change) for at, change in made if change is not None]
    return frames(change for change in changes if reached is None or change[0] <= reached), reached


def _names_must_differ(projections: Sequence[Projection]) -> None:
    names = [projection.NAME for projection in projections]
    tables = [table.name for projection in projections for table in projection.TABLES]
    for kind in (names, tables):
        if len(set(kind)) < len(kind):
            raise ValueError(f"taken twice: {sorted({name for name in kind if kind.count(name) > 1})}")
