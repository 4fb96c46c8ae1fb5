"""One transaction of the log as one statement: what a commit costs beyond SQLite's own work is mostly the calls to it.

SQLite runs a statement that stands alone as a transaction of its own. This one finds out under its write lock whether
the writer still is the writer and the log ends where it left it; if not, the first row's digest comes out as NULL,
which no row may have, and nothing is written. It does not say why: for that, and for groups too large for it, there is
the transaction step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vapora.log.chain import ChainEntry, Tip

# Each number of rows is a statement of its own, compiled once and kept, and SQLite takes the values as copies.
MAX_ROWS = 64
MAX_BYTES = 1024 * 1024


def fits(entries: Sequence[ChainEntry]) -> bool:
    return len(entries) <= MAX_ROWS and sum([len(entry[4]) for entry in entries]) <= MAX_BYTES


class SingleStatementAppend:
    """The statements for one table, with the columns of an `ChainEntry`."""

    def __init__(self, table: str, columns: str) -> None:
        whole = (
            "(SELECT epoch FROM writer) = ? "
            f"AND (SELECT position = ? AND digest = ? FROM {table} ORDER BY position DESC LIMIT 1)"
        )
        self._head = f"INSERT INTO {table} ({columns}) VALUES (?,?,?,?,?,CASE WHEN {whole} THEN ? END)"
        self._statements: dict[int, str] = {}

    def statement(self, entries: Sequence[ChainEntry], epoch: int, tip: Tip) -> tuple[str, list[Any]]:
        """With its values. `IntegrityError` where the writer's epoch or the log's end is another.

        `tip` is where this writer left the log itself. That a log which it found lacks its last events does not show.
        """
        count = len(entries)
        statement = self._statements.get(count)
        if statement is None:
            statement = self._statements[count] = self._head + ",(?,?,?,?,?,?)" * (count - 1)
        *first, digest = entries[0]
        values = [*first, epoch, *tip, digest]
        for entry in entries[1:]:
            values += entry
        return statement, values
