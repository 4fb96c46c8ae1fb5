"""Feeds the log to the projections, rows and checkpoints in one transaction, so that each event counts exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from events import Recorded
from projections.base import Projection, frames
from projections.batch_rows import ProjectionRows
from projections.store import (
    Checkpoint,
    Failure,
    ReadStore,
    Snapshot,
    Transaction,
    is_storage_fault,
    lowest,
)
from vapora.errors import NotFoundError, UnavailableError

Change = tuple[int, str, dict[str, Any]]


class Runner:
    """Keeps a read store up to date. Feed it the log from `position` on; what it has seen already it skips."""

    def __init__(self, store: ReadStore, projections: Sequence[Projection]) -> None:
        self._store = store
        self._projections = tuple(projections)
        _names_must_differ(self._projections)
        with store.transaction() as transaction:
            transaction.retain([projection.NAME for projection in self._projections])
            for projection in self._projections:
                transaction.prepare(projection)
            # What failed gets another try: a start is when mended code arrives.
            self._forgiven = {name for name, checkpoint in transaction.checkpoints().items() if checkpoint.failure}
            self._checkpoints = self._mine(transaction)
        # The last event that was fed here.
        self._fed = self.position

    @property
    def position(self) -> int:
        """How far every healthy projection has come."""
        return lowest(self._checkpoints)

    def status(self) -> dict[str, Any]:
        """`{"position": …, "checkpoints": {projection: position}, "failed": {projection: "position topic: error"}}`."""
        return {
            "position": self.position,
            "checkpoints": {name: checkpoint.position for name, checkpoint in self._checkpoints.items()},
            "failed": {
                name: str(checkpoint.failure)
                for name, checkpoint in self._checkpoints.items()
                if checkpoint.failure is not None
            },
        }

    def apply(self, batch: Sequence[Recorded], frames_wanted: bool = True) -> list[dict[str, Any]]:
        """Take up to about 1,000 events in order; the frames of what they changed (`frames_wanted=False`: none).

        Raises `UnavailableError` when no projection is left to take them, and where somebody else has reset one
        (`vapora rebuild` beside a running projector): feed from `position` again, or wait until they have caught up.
        """
        if not batch:
            return []
        changes: list[Change] = []
        forgiven = frozenset(self._forgiven)
        try:
            with self._store.transaction() as transaction:
                # Read again each time: another runner on the same file does no harm then.
                checkpoints = self._mine(transaction)
                self._require_no_gap(checkpoints, batch[0].position)
                for projection in self._projections:
                    checkpoint = checkpoints[projection.NAME]
                    if checkpoint.failure is None:
                        changes += self._feed(transaction, projection, checkpoint, batch, frames_wanted)
                after = self._mine(transaction)
        except BaseException:
            # What is not committed did not happen.
            self._forgiven = set(forgiven)
            raise
        self._checkpoints = after
        self._fed = max(self._fed, batch[-1].position)
        return frames(changes)

    def frames_after(self, position: int, limit: int = 1_000) -> list[dict[str, Any]]:
        """The latest state of each row that changed after `position`, as at most `limit` frames."""
        with self._store.snapshot() as rows:
            return frames_after(rows, self._projections, position, limit)

    def rebuild(self, name: str) -> None:
        """Drop what it knows. `position` falls to 0: feed the log again from there; the others skip what they have."""
        with self._store.transaction() as transaction:
            transaction.reset(self._named(name))
            after = self._mine(transaction)
        self._checkpoints = after

    def close(self) -> None:
        self._store.close()

    def _require_no_gap(self, checkpoints: dict[str, Checkpoint], first: int) -> None:
        """A projection that was reset would take the batch for the beginning of its log, and never miss the rest."""
        if all(checkpoint.failure for checkpoint in checkpoints.values()):
            raise UnavailableError("Every projection has stopped.", remedy="See `status()`; then rebuild.")
        if lowest(checkpoints) < self._fed < first:
            self._checkpoints = checkpoints
            raise UnavailableError(
                f"The read models were reset to position {self.position}.", remedy="Feed them from there."
            )

    def _feed(
        self,
        transaction: Transaction,
        projection: Projection,
        checkpoint: Checkpoint,
        batch: Sequence[Recorded],
        frames_wanted: bool,
    ) -> list[Change]:
        fresh = [recorded for recorded in batch if recorded.position > checkpoint.position]
        if not fresh:
            return []
        failure: Failure | None = None
        careful = False
        while True:
            fold = _Fold(projection, frames_wanted)
            try:
                with transaction.part():
                    fold.run(fresh, transaction.rows(projection), careful)
                break
            except Exception as error:
                if is_storage_fault(error) or fold.current is None:
                    raise
                if careful:
                    # Once more, without the event that it cannot take: it stops exactly there, however the log was cut.
                    failure = Failure(fold.current.position, fold.current.topic, f"{type(error).__name__}: {error}")
                    fresh = fresh[: fresh.index(fold.current)]
                careful = True
        reached = max(checkpoint.position, fresh[-1].position if fresh else 0)
        transaction.save(projection.NAME, reached, failure)
        self._forgiven.discard(projection.NAME)
        return fold.changes

    def _mine(self, transaction: Snapshot) -> dict[str, Checkpoint]:
        stored = transaction.checkpoints()
        mine = {projection.NAME: stored[projection.NAME] for projection in self._projections}
        forgiven = {name: Checkpoint(mine[name].position) for name in self._forgiven}
        return mine | forgiven

    def _named(self, name: str) -> Projection:
        named = {projection.NAME: projection for projection in self._projections}
        if name in named:
            return named[name]
        raise NotFoundError(f"There is no projection {name!r}.", remedy=f"Known are: {', '.join(named)}.")


class _Fold:
    """One projection over one batch. `current` is the event at hand, so that a failure can name it."""

    def __init__(self, projection: Projection, frames_wanted: bool) -> None:
        self._projection = projection
        self._shapes = {view.table: view for view in projection.VIEWS} if frames_wanted else {}
        self.current: Recorded | None = None
        self.changes: list[Change] = []

    def run(self, batch: Sequence[Recorded], rows: ProjectionRows, careful: bool) -> None:
        """`careful`: write after each event, so that a row that cannot be stored is laid to the event that made it."""
        for recorded in batch:
            self.current = recorded
            rows.begin(recorded.position)
            self._projection.apply(recorded, rows)
            if self._shapes and rows.changed:
                self._collect(recorded.position, rows)
            if careful:
                rows.flush()
        rows.flush()

    def _collect(self, position: int, rows: ProjectionRows) -> None:
        for (table, _), row in rows.changed.items():
            view = self._shapes.get(table)
            shaped = view.shape(row) if view else None
            if view and shaped is not None:
                self.changes.append((position, view.name, shaped))


def frames_after(
    rows: Snapshot, projections: Sequence[Projection], position: int, limit: int = 1_000
) -> list[dict[str, Any]]:
    """As `Runner.frames_after`, for whoever holds a snapshot."""
    while True:
        found, reached = _frames_between(rows, projections, position, limit)
        if found or reached is None:
            return found[:limit]
        position = reached


def _frames_between(
    rows: Snapshot, projections: Sequence[Projection], position: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Frames after `position`, complete up to the second value (None: up to the end)."""
    changes: list[Change] = []
    reached: int | None = None
    for view in (view for projection in projections for view in projection.VIEWS):
        found = rows.select(view.table, order=("position",), limit=limit, after=(position,))
        if len(found) == limit:
            # The last position may hold more rows than the limit let through.
            last = found[-1]["position"]
            found = [row for row in found if row["position"] < last] + rows.select(view.table, {"position": last})
            reached = last if reached is None else min(reached, last)
        shaped = ((row["position"], view.name, view.shape(row)) for row in found)
        changes += [(at, name, row) for at, name, row in shaped if row is not None]
    return frames(change for change in changes if reached is None or change[0] <= reached), reached


def _names_must_differ(projections: Sequence[Projection]) -> None:
    names = [projection.NAME for projection in projections]
    tables = [table.name for projection in projections for table in projection.TABLES]
    for kind in (names, tables):
        if len(set(kind)) < len(kind):
            raise ValueError(f"taken twice: {sorted({name for name in kind if kind.count(name) > 1})}")
