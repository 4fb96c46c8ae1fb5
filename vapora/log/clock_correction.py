"""The way out where a log was written with a clock ahead: a recorded correction, after which its time goes on truly.

`recorded_at` never goes back, so one event at a wrong instant would hold all later ones there, and the budgets' windows
with them. A correction is the one append that may be recorded before the events that stand already. See
[ADR 0009](../../docs/adr/0009-a-clock-that-was-ahead.md).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from events.budget import WindowsCorrected
from events.ids import CLOCK, LEDGER
from events.workspace import ClockCorrected
from vapora.clock import Clock, new_id
from vapora.domain import budget
from vapora.domain.ledger import Ledger
from vapora.errors import ConflictError
from vapora.log import mapper
from vapora.log.event_log import MAX_READ, EventLog
from vapora.records import Append, Appended, StreamAppend, is_full

# A clock that is set right steps back by less than this, now and then.
TOLERATED = timedelta(minutes=1)
REMEDY = (
    "Set this machine's clock right. If it is right, the log was written with a clock that was ahead: stop the server, "
    "then run `vapora log correct-clock`."
)


class Correction(NamedTuple):
    """`booked`: open reservations that are booked at their worst case. `windows`: None where they stay as they are."""

    recorded_until: datetime
    now: datetime
    booked: int
    windows: WindowsCorrected | None


def behind(lag: timedelta) -> str:
    """What is wrong with a clock that is behind the log by so much; empty while that is tolerated."""
    if lag <= TOLERATED:
        return ""
    # To the second: the rest changes with each look.
    span = timedelta(seconds=int(lag.total_seconds()))
    return f"the clock is behind the last event by {span}: nothing is recorded at its true time, no budget window turns"


class ClockCorrector:
    """`log` is open for writing, and nothing else writes to it."""

    def __init__(self, log: EventLog, clock: Clock, actor: str) -> None:
        self._log = log
        self._clock = clock
        self._actor = actor

    def plan(self) -> Correction:
        """`ConflictError` where the clock is not behind the log."""
        now, lag = self._clock(), -self._log.since_last()
        if not behind(lag):
            raise ConflictError(
                "The clock is not behind the log: there is nothing to correct.",
                remedy="If the clock is wrong now, set it right first.",
            )
        _, events = self._ledger(now)
        windows = next((one for one in events if isinstance(one, WindowsCorrected)), None)
        return Correction(now + lag, now, sum(not isinstance(one, WindowsCorrected) for one in events), windows)

    def carry_out(self) -> int:
        """The position of the correction. What `plan` raises."""
        planned = self.plan()
        corrected = ClockCorrected(recorded_until=planned.recorded_until, corrected_to=planned.now)
        version, events = self._ledger(planned.now)
        # First: `recorded_at` goes back at this event, and at no other one.
        streams = [StreamAppend(CLOCK, len(self._log.read(CLOCK)), (mapper.encode(corrected),))]
        if events:
            streams.append(StreamAppend(LEDGER, version, tuple(map(mapper.encode, events))))
        name = new_id("cor")
        [result] = self._log.append_correction(Append(new_id("req"), self._actor, name, None, tuple(streams)))
        if not isinstance(result, Appended):
            raise ConflictError("The log moved meanwhile.", remedy="See that no server uses it, and try again.")
        return result.positions[0]

    def _ledger(self, now: datetime) -> tuple[int, tuple[budget.Corrected, ...]]:
        """The ledger's version, and what the correction means to it."""
        ledger, version = Ledger(), 0
        while True:
            page = self._log.read(LEDGER, version, MAX_READ)
            for record in page:
                ledger = budget.evolve(ledger, mapper.open_record(record).event)
            version = page[-1].version if page else version
            if not is_full(page, MAX_READ):
                return version, budget.correct_windows(ledger, now)
