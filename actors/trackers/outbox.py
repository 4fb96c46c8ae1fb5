"""What is to be carried to trackers, and where in them to look: a SQLite file beside the log. It holds positions of
events and numbers of issues, no text of either.

How far the log was looked through stands in the same transaction as what was found there, and a webhook is noted before
it is answered, so that after a crash nothing is left out. That something is about to be sent is noted first as well:
what a crash cuts off there is looked for before it is sent again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from actors.kept_rows import REACH, KeptRows
from vapora.domain.tracker.outgoing import Deed, Wish
from vapora.objects import Objects

# `all`: of the open issues with the tracker's labels.
LookKind = Literal["issue", "pull", "all"]

_TABLES = """
CREATE TABLE IF NOT EXISTS wishes (
  tracker_id TEXT NOT NULL, position INTEGER NOT NULL, deed TEXT NOT NULL, task_id TEXT NOT NULL,
  begun INTEGER NOT NULL, PRIMARY KEY (tracker_id, position, deed)
);
CREATE TABLE IF NOT EXISTS looks (
  tracker_id TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL, asked INTEGER NOT NULL, told INTEGER NOT NULL,
  PRIMARY KEY (tracker_id, kind, number)
);
CREATE TABLE IF NOT EXISTS polls (tracker_id TEXT PRIMARY KEY, since REAL NOT NULL, next_at REAL NOT NULL);
"""
# A copy is older than the file was: whatever waits in it may have been carried out since, and is looked for first.
_TAKEN_UP = "UPDATE wishes SET begun = 1;"


@dataclass(frozen=True, slots=True)
class Begun:
    """A wish; `before`: it was begun earlier, and perhaps carried out."""

    wish: Wish
    before: bool


@dataclass(frozen=True, slots=True)
class Look:
    """`asked`: by a person. `told`: how often it was told that something may be new there."""

    tracker_id: str
    kind: LookKind
    number: str
    asked: bool = False
    told: int = 1


class Outbox(KeptRows):
    """What waits to be carried, and to be looked at."""

    def __init__(self, file: Path, copies: Objects | None = None) -> None:
        super().__init__(file, _TABLES, copies, _TAKEN_UP)

    def begin(self, position: int) -> None:
        """With what happens after `position`. What waits of another past is forgotten."""
        with self._writing() as cursor:
            cursor.execute("DELETE FROM wishes WHERE position > ?", (position,))
            cursor.execute(REACH, (position,))

    def take(self, position: int, wishes: Iterable[Wish], looks: Iterable[Look], removed: Iterable[str]) -> None:
        """The log was looked through up to `position`, and this was found. `removed`: trackers that are gone."""
        with self._writing() as cursor:
            for tracker_id in removed:
                for table in ("wishes", "looks", "polls"):
                    cursor.execute(f"DELETE FROM {table} WHERE tracker_id = ?", (tracker_id,))  # noqa: S608
            cursor.executemany(
                "INSERT OR IGNORE INTO wishes VALUES (?, ?, ?, ?, 0)",
                [(one.tracker_id, one.position, one.deed, one.task_id) for one in wishes],
            )
            self._note(cursor, looks)
            cursor.execute(REACH, (position,))

    def note(self, looks: Iterable[Look]) -> None:
        with self._writing() as cursor:
            self._note(cursor, looks)

    def next_wish(self, tracker_id: str) -> Begun | None:
        """In the order of the log: an answer does not come before what it answers."""
        found = self._rows(
            "SELECT position, deed, task_id, begun FROM wishes WHERE tracker_id = ? ORDER BY position, deed LIMIT 1",
            (tracker_id,),
        )
        if not found:
            return None
        position, deed, task_id, begun = found[0]
        return Begun(Wish(tracker_id, position, cast(Deed, deed), task_id), bool(begun))

    def begun(self, wish: Wish) -> None:
        """To be called before anything goes out."""
        self._write(
            "UPDATE wishes SET begun = 1 WHERE tracker_id = ? AND position = ? AND deed = ?",
            (wish.tracker_id, wish.position, wish.deed),
        )

    def done(self, wish: Wish) -> None:
        self._write(
            "DELETE FROM wishes WHERE tracker_id = ? AND position = ? AND deed = ?",
            (wish.tracker_id, wish.position, wish.deed),
        )

    def next_look(self, tracker_id: str) -> Look | None:
        found = self._rows(
            "SELECT kind, number, asked, told FROM looks WHERE tracker_id = ? ORDER BY rowid LIMIT 1", (tracker_id,)
        )
        if not found:
            return None
        kind, number, asked, told = found[0]
        return Look(tracker_id, cast(LookKind, kind), number, bool(asked), told)

    def looked(self, look: Look) -> None:
        """What was told meanwhile has to be looked at still."""
        self._write(
            "DELETE FROM looks WHERE tracker_id = ? AND kind = ? AND number = ? AND told = ?",
            (look.tracker_id, look.kind, look.number, look.told),
        )

    def poll(self, tracker_id: str) -> tuple[datetime, datetime] | None:
        """Since when changes are not known, and when they are asked for next; None: never yet."""
        found = self._rows("SELECT since, next_at FROM polls WHERE tracker_id = ?", (tracker_id,))
        return (_instant(found[0][0]), _instant(found[0][1])) if found else None

    def polled(self, tracker_id: str, since: datetime, next_at: datetime, looks: Iterable[Look] = ()) -> None:
        with self._writing() as cursor:
            self._note(cursor, looks)
            row = (tracker_id, since.timestamp(), next_at.timestamp())
            cursor.execute("INSERT OR REPLACE INTO polls VALUES (?, ?, ?)", row)

    def waiting(self, tracker_id: str) -> int:
        counted = (
            "SELECT count(*) FROM wishes WHERE tracker_id = ? UNION ALL SELECT count(*) FROM looks WHERE tracker_id = ?"
        )
        return sum(row[0] for row in self._rows(counted, (tracker_id, tracker_id)))

    @staticmethod
    def _note(cursor: sqlite3.Cursor, looks: Iterable[Look]) -> None:
        cursor.executemany(
            "INSERT INTO looks VALUES (?, ?, ?, ?, 1) ON CONFLICT (tracker_id, kind, number) DO UPDATE SET "
            "asked = max(asked, excluded.asked), told = told + 1",
            [(one.tracker_id, one.kind, one.number, int(one.asked)) for one in looks],
        )

    def _write(self, query: str, values: Sequence[Any]) -> None:
        with self._writing() as cursor:
            cursor.execute(query, values)


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
