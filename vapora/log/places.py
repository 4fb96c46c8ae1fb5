"""Opens the log that a place holds, whichever kind it is."""

from __future__ import annotations

from pathlib import Path

from vapora import clock as system_clock
from vapora.clock import Clock
from vapora.database import Place
from vapora.log.event_log import EventLog
from vapora.log.sqlite import SQLiteLog


def open_log(place: Place, workspace: str, clock: Clock = system_clock.now) -> EventLog:
    """For its one writer: makes it where there is none, and fences off whoever wrote to it before."""
    if isinstance(place, Path):
        return SQLiteLog.open(place, workspace, clock)
    # Its libraries take 0.2 s to import, which only who uses them shall pay.
    from vapora.log.postgres import PostgresLog

    return PostgresLog.open(place, workspace, clock)


def open_for_reading(place: Place) -> EventLog:
    """Leaves the writer in its place; an append is refused."""
    if isinstance(place, Path):
        return SQLiteLog.open_for_reading(place)
    from vapora.log.postgres import PostgresLog

    return PostgresLog.open_for_reading(place)
