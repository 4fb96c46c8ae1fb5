"""Rows as they were: at certain moments they are kept, and between two moments the log fills in.

Kept is only what had changed since the moment before, as versions of rows that hold from one moment until another: so
a finished card is kept once, however many moments come after it. With age the moments become fewer: about a 32nd of the
way back lies between two of them, which bounds both the disk and the events to be folded for a look.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from projections.engine import history_sql as history_sql
from projections.engine.base import Key, Projection, Reader, Row, Table, Where
from projections.engine.memory import MemoryRows
from projections.engine.sql import Session, SqlReader

# Folding so many takes about a tenth of a second.
EVERY = 10_000
_SHARE = 32


def superfluous(moments: Sequence[int], head: int, every: int = EVERY) -> list[int]:
    """Those of the ascending `moments` that are closer to their neighbours than their age asks for."""
    dropped: list[int] = []
    kept = moments[0] if moments else 0
    for moment, following in pairwise(moments[1:]):
        if following - kept <= max(every, (head - moment) // _SHARE):
            dropped.append(moment)
        else:
            kept = moment
    return dropped


class HistoryKeeper:
    """Keeps the rows of one generation of a projection, within the transaction of their checkpoint."""

    def __init__(self, connection: Session, projection: Projection, generation: int, every: int = EVERY) -> None:
        self._connection = connection
        self._projection = projection
        self._generation = generation
        self._every = every

    def keep(self, position: int) -> bool:
        """The rows as they are, which is at `position`; not, if that was done a short way before."""
        moments = self.moments()
        if position - (moments[-1] if moments else 0) < self._every:
            return False
        name, generation = self._projection.NAME, self._generation
        for table in self._projection.TABLES:
            before = moments[-1] if moments else -1
            for statement, values in history_sql.keep(table.of(generation), before, position):
                self._connection.execute(statement, values)
        self._connection.execute("INSERT INTO moments VALUES (?, ?, ?)", (name, generation, position))
        self._thin([*moments, position], position)
        return True

    def moments(self) -> list[int]:
        return history_sql.moments(self._connection, self._projection.NAME, self._generation)

    def _thin(self, moments: list[int], head: int) -> None:
        for dropped in superfluous(moments, head, self._every):
            place = moments.index(dropped)
            before, after = moments[place - 1], moments[place + 1]
            for table in self._projection.TABLES:
                for statement, values in history_sql.drop_between(table.of(self._generation), before, after):
                    self._connection.execute(statement, values)
            self._connection.execute(
                "DELETE FROM moments WHERE projection = ? AND generation = ? AND position = ?",
                (self._projection.NAME, self._generation, dropped),
            )
            del moments[place]


class HistoryReader(SqlReader):
    """Rows as they were kept at one moment."""

    def __init__(self, connection: Session, generation: int, moment: int) -> None:
        super().__init__(connection)
        self._generation = generation
        self._moment = moment

    def _always(self, table: Table) -> tuple[str, Key]:
        return '"since" <= ? AND "until" > ?', (self._moment, self._moment)

    def _stored(self, table: Table) -> Table:
        return history_sql.past_of(table.of(self._generation))


class HistoryRows(MemoryRows):
    """Rows of a moment with what came after it on top, in memory. Nothing is ever written."""

    def __init__(self, base: Reader | None, position: int) -> None:
        super().__init__()
        self._base = base
        self.position = position

    def _look(self, table: Table, key: Key) -> Row | None:
        over = self._rows(table)
        if key not in over:
            found = None if self._base is None else self._base.get(table, key)
            if found is None:
                return None
            over[key] = found
        return over[key]

    def _below(
        self, table: Table, where: Where | None, order: Sequence[str], limit: int | None, after: Key | None
    ) -> list[Row]:
        if self._base is None:
            return []
        over = self._rows(table)
        # As many of them may be hidden as lie on top.
        enough = None if limit is None else limit + len(over)
        return [row for row in self._base.select(table, where, order, enough, after) if table.key_of(row) not in over]
