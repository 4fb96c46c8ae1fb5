"""When the cell of a workspace may sleep, and when it has to wake. Pure: who asks says what time it is.

A cell that sleeps has no process, no thread and no open file. What is left of it is a small record: where its log ended
when it fell asleep, and when time alone will move something in it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

# `asleep`: it was at rest when it was stopped. `archived`: nothing is written to it. `deleting`: its data is about to
# be removed. `deleted`: it is gone, and its name is never given again.
CellState = Literal["asleep", "archived", "deleting", "deleted"]


@dataclass(frozen=True, slots=True)
class Rest:
    """What a part of a cell says of itself. `busy`: why it must not be stopped now; empty where it may be. `due`: when
    time alone moves something of it; None: only a request can."""

    busy: str = ""
    due: datetime | None = None


AT_REST = Rest()


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The last event of a log, by its position and digest (hexadecimal); position 0: it has none."""

    position: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class CellRecord:
    """What is known of a cell that is not open. `end` and `due` of one asleep: see `must_open`. `export`: where what a
    deleted one held was saved."""

    workspace: str
    state: CellState
    at: datetime
    end: LogEnd | None = None
    due: datetime | None = None
    export: str = ""

    @property
    def is_gone(self) -> bool:
        return self.state in ("deleting", "deleted")


@dataclass(frozen=True, slots=True)
class Stay:
    """It stays open, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Sleep:
    """It may sleep until `due`, or until somebody asks for it."""

    due: datetime | None


def together(parts: Iterable[Rest]) -> Rest:
    """Of several: busy while one is, due when the first one is."""
    known = list(parts)
    dues = [one.due for one in known if one.due is not None]
    return Rest(next((one.busy for one in known if one.busy), ""), min(dues, default=None))


def decide(parts: Iterable[Rest], quiet_s: float, idle_s: float, now: datetime) -> Stay | Sleep:
    """`quiet_s`: for how long nobody has asked for it and its log has not moved.

    What is due before it would have been idle again keeps it open: it would be stopped only to be started.
    """
    if quiet_s < idle_s:
        return Stay("it was used lately")
    rest = together(parts)
    if rest.busy:
        return Stay(rest.busy)
    if rest.due is not None and rest.due - now <= timedelta(seconds=idle_s):
        return Stay("something is due soon")
    return Sleep(rest.due)


def must_open(record: CellRecord | None, end: LogEnd, now: datetime) -> bool:
    """Whether an installation that starts has to open the cell to know what it owes.

    Not where it fell asleep at rest, its log still ends there, and nothing is due. Where the log went on without it, or
    was replaced by a backup, the record says nothing.
    """
    if record is None:
        return True
    if record.state != "asleep":
        return False
    return record.end != end or (record.due is not None and record.due <= now)
