"""Which workspaces have a log, and how the one that a place holds is opened, whichever kind it is."""

from __future__ import annotations

from pathlib import Path

from events.ids import is_workspace
from vapora import clock as system_clock
from vapora import database
from vapora.clock import Clock
from vapora.database import Place
from vapora.log.event_log import EventLog
from vapora.log.sqlite import SQLiteLog
from vapora.settings import Settings


def workspaces(settings: Settings) -> set[str]:
    """Those that have a log, in the data folder or in the database. Raises `UnavailableError` where that is away."""
    if settings.database_url is not None:
        return database.workspaces(settings.database_url.get_secret_value())
    names = (file.parent.name for file in settings.data.absolute().glob("workspaces/*/log.db"))
    # An import that was killed leaves a folder behind whose name begins with a dot.
    return {name for name in names if is_workspace(name)}


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
