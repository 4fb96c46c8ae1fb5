"""A follower that also knows what is due: it waits for the log's next news or for the next timer, whichever is first.

`fire` appends an event with the version that it was decided on, and that event moves the timer in the fold. So a timer
fires at most once, whatever crashes in between: who fires a second time finds the stream moved on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from actors.follower import Follower, Handle
from vapora.backoff import Backoff
from vapora.clock import Clock
from vapora.domain.timers import Timer, Timers
from vapora.log.client import LogClient

# Clocks may be set: no wait is longer than this.
LONGEST_S = 10.0
# What fired and is due all the same: its event has not come by yet, or there was nothing to append.
_AGAIN = Backoff(0.5, longest_s=30.0)

Fire = Callable[[tuple[Timer, ...]], Awaitable[None]]


class TimedFollower(Follower):
    """`timers`: those that `handle` keeps. `fire`: called with what is due, in order, once the log's end is reached.
    One that raises is called again, later and later, as a batch that fails is.
    """

    def __init__(
        self,
        name: str,
        log: LogClient,
        handle: Handle,
        fire: Fire,
        timers: Callable[[], Timers],
        clock: Clock,
        *,
        after: int = 0,
        limit: int = 1_000,
        topics: Sequence[str] = (),
        longest_s: float = LONGEST_S,
    ) -> None:
        super().__init__(name, log, handle, after=after, limit=limit, topics=topics)
        self._fire = fire
        self._timers = timers
        self._clock = clock
        self._longest_s = longest_s
        self._fired: tuple[Timer, ...] = ()
        self._in_vain = 0

    @property
    def next_due(self) -> datetime | None:
        """For `Rest`: when time alone moves something."""
        return self._timers().next()

    @property
    def is_due(self) -> bool:
        """Whether something is to be fired now that was not tried yet."""
        return bool(due := self._timers().due(self._clock())) and due != self._fired

    async def catch_up(self) -> None:
        """Go through all that the log holds now, and fire nothing."""
        while await super()._step(0):
            pass

    async def _step(self, timeout_s: float) -> bool:
        more = await super()._step(min(timeout_s, self._wait_s()))
        if not more:
            await self._fire_due()
        return more

    async def _fire_due(self) -> None:
        due = self._timers().due(self._clock())
        self._in_vain = self._in_vain + 1 if due and due == self._fired else 0
        self._fired = due
        if due:
            await self._fire(due)

    def _wait_s(self) -> float:
        timers, now = self._timers(), self._clock()
        due = timers.due(now)
        if due and due != self._fired:
            return 0.0
        left = _AGAIN.after(self._in_vain + 1) if due else self._longest_s
        if (following := timers.next(after=now)) is not None:
            left = min(left, (following - now).total_seconds())
        return min(left, self._longest_s)
