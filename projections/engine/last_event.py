"""Which log the rows were made of: the last event that they know of, so that another past is told from this one.

Positions alone do not tell: a log that was put back to a backup ends before what the rows know, and grows over it again
with other events, which would be taken for seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.engine.base import LoggedEvent, format_instant
from projections.engine.sql import Session

CREATE = """CREATE TABLE IF NOT EXISTS mark (
    id BIGINT PRIMARY KEY CHECK (id = 1), position BIGINT NOT NULL, event TEXT NOT NULL)"""
_SAVE = """INSERT INTO mark VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE
    SET position = excluded.position, event = excluded.event WHERE excluded.position >= mark.position"""


@dataclass(frozen=True, slots=True)
class LastEvent:
    """An event's place in the log, and what no other event has in common with it: its place in its stream, and when."""

    position: int
    event: str

    @classmethod
    def of(cls, entry: LoggedEvent) -> LastEvent:
        return cls(entry.position, f"{entry.stream} {entry.version} {format_instant(entry.recorded_at)}")

    def is_of(self, entry: LoggedEvent | None) -> bool:
        """Whether it is this one: what stands at its position in the log. Older stores say no more than that."""
        return entry is not None and self in (LastEvent.of(entry), LastEvent(entry.position, ""))


def save(connection: Session, mark: LastEvent) -> None:
    connection.execute(_SAVE, (mark.position, mark.event))


def load(connection: Session, reached: int) -> LastEvent | None:
    """Rows that have `reached` further than the event that was marked know a position only."""
    row = connection.execute("SELECT position, event FROM mark").fetchone()
    if row is not None and int(row[0]) >= reached:
        return LastEvent(int(row[0]), str(row[1]))
    return LastEvent(reached, "") if reached else None


def forget(connection: Session) -> None:
    connection.execute("DELETE FROM mark")
