"""Where in a log an instant lies. `recorded_at` never goes backwards, so halving finds it: 20 looks in a million.

But at a correction of the clock: what was recorded with a clock that was ahead counts as of that correction's instant
at the latest. So instants still rise with positions.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime

from events.ids import CLOCK
from vapora.log.client import LogClient
from vapora.log.event_log import EventLog
from vapora.log.mapper import recorded_at

# Asks for the first event beyond a position, is told its position and instant (None: there is none), and ends with the
# position of the last event up to the instant.
Search = Generator[int, tuple[int, datetime] | None, int]


async def last_until(log: LogClient, at: datetime, head: int) -> int:
    """Position of the last event recorded up to `at`; 0 where there is none."""
    corrections = [(one.position, one.recorded_at) for one in await log.read(CLOCK, lenient=True)]
    search = _search(at, head, corrections)
    try:
        asked = next(search)
        while True:
            polled = await log.poll_sealed(asked, 1, 0)
            asked = search.send(next(((one.position, one.recorded_at) for one in polled.events), None))
    except StopIteration as end:
        return int(end.value)


def last_until_in(log: EventLog, at: datetime) -> int:
    """The same, with the log at hand."""
    search = _search(at, log.head(), [(one.position, recorded_at(one)) for one in log.read(CLOCK)])
    try:
        asked = next(search)
        while True:
            found = log.after(asked, 1)
            asked = search.send(next(((one.position, recorded_at(one)) for one in found), None))
    except StopIteration as end:
        return int(end.value)


def _search(at: datetime, head: int, corrections: Sequence[tuple[int, datetime]]) -> Search:
    low, high = 0, head
    while low < high:
        middle = (low + high) // 2
        found = yield middle
        if found is not None and min([found[1], *(to for place, to in corrections if place >= found[0])]) <= at:
            low = found[0]
        else:
            high = middle
    return low
