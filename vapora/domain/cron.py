"""Cron expressions in IANA zones, right over changes of the clock. `cronsim` reads the five fields and goes along the
dates and times of a calendar that knows no zones; which instant such a time is, is decided here, by one rule:

- **A time of day** (neither the minute nor the hour begins with `*`), as `30 2 * * *`: a time that does not exist on a
  day counts at the first instant after the gap, and one that exists twice counts the first time. So it fires once.
- **A distance** (one of them begins with `*`), as `*/15 * * * *`: it counts whenever the clock on the wall shows such a
  time. So it goes on evenly: nothing in a gap, and both times in an hour that comes twice.

That is how the cron of Debian has it, and it is what people expect of "at half past two" and of "every 15 minutes".
The tables of zones are the system's, else those of the package `tzdata`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from vapora.errors import BadInputError

_DAY = timedelta(days=1)
_LAST_YEAR = 9_990
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Cron:
    """`text`: five fields. `zone`: an IANA name. Make one with `cron`."""

    text: str
    zone: str

    @property
    def is_distance(self) -> bool:
        """See above."""
        minute, hour, *_ = self.text.split()
        return minute.startswith("*") or hour.startswith("*")

    def after(self, instant: datetime) -> datetime | None:
        """The first instant in UTC later than this one at which it fires; None: there is none within 50 years."""
        return next(self._firings(instant.astimezone(UTC)), None)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The instants later than `after`, up to `until` with it, in order."""
        for instant in self._firings(after.astimezone(UTC)):
            if instant > until:
                return
            yield instant

    def last(self, after: datetime, until: datetime, most: int) -> tuple[datetime, ...]:
        """Of `between`, the last so many, the earliest first. How long ago `after` is does not matter."""
        reach = timedelta(hours=1)
        while True:
            begin = max(after, until - reach) if until - after > reach else after
            found = tuple(self.between(begin, until))
            if begin <= after or len(found) >= most:
                return found[-most:]
            reach *= 4

    def _firings(self, after: datetime) -> Iterator[datetime]:
        zone, last = _zone(self.zone), after
        while True:
            ahead = self._look(last, zone)
            if isinstance(ahead, _Nothing):
                return
            if ahead.found is None:
                last = ahead.next
                continue
            yield ahead.found
            last = ahead.found

    def _look(self, last: datetime, zone: ZoneInfo) -> _Ahead | _Nothing:
        """The first one later than `last`, or a later instant from which to look on."""
        local = _local(last, zone)
        swing = _swing(last.date(), zone)
        best: datetime | None = None
        for wall in _walls(self.text, local - swing):
            if best is None and wall - local > 2 * _DAY:
                # Far away: looked at from near by, since the clock may change in between.
                return _Ahead(None, _instant(wall, zone, 0) - _DAY)
            if best is not None and wall - _local(best, zone) > swing:
                return _Ahead(best, best)
            later = [one for one in self._instants(wall, zone) if one > last]
            if later and (best is None or min(later) < best):
                best = min(later)
            if best is not None and not swing:
                return _Ahead(best, best)
        return _Nothing() if best is None else _Ahead(best, best)

    def _instants(self, wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
        """When the clock on the wall shows this time, as far as the rule wants it."""
        early, late = _instant(wall, zone, 0), _instant(wall, zone, 1)
        if _local(early, zone) != wall:
            return () if self.is_distance else (_end_of_gap(late, early, zone),)
        return (early, late) if self.is_distance and late != early else (early,)


@dataclass(frozen=True, slots=True)
class _Ahead:
    found: datetime | None
    next: datetime


class _Nothing:
    pass


def cron(text: str, zone: str) -> Cron:
    """Raises `BadInputError` for what is no expression of five fields, never fires, or names no zone."""
    fields = text.split()
    if len(fields) != _FIELDS:
        raise BadInputError(
            f"A cron expression has five fields, not {len(fields)}: '{text}'.",
            remedy="Write minute, hour, day of the month, month and day of the week, as in '30 9 * * MON-FRI'.",
            field="cron",
        )
    made = Cron(" ".join(fields), zone)
    if zone not in zones():
        raise BadInputError(
            f"There is no time zone '{zone}'.", remedy="Name one of IANA's, as Europe/Berlin or UTC.", field="zone"
        )
    try:
        found = next(iter(_walls(made.text, datetime(2024, 1, 1))), None)
    except CronSimError as error:
        raise BadInputError(
            f"'{text}' is no cron expression: {str(error)[:1].lower()}{str(error)[1:]}.",
            remedy="Minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN-DEC, day of the week 0-7 or SUN-SAT; with "
            "lists (1,15), ranges (1-5) and steps (*/15).",
            field="cron",
        ) from None
    if found is None:
        raise BadInputError(f"'{text}' names no day that there is.", remedy="Look at day and month.", field="cron")
    return made


@lru_cache(1)
def zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _walls(text: str, after: datetime) -> Iterator[datetime]:
    """The times of the calendar later than `after`, without a zone."""
    for wall in CronSim(text, after):
        if wall.year > _LAST_YEAR:
            return
        yield wall


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


@lru_cache(1_000)
def _swing(day: date, zone: ZoneInfo) -> timedelta:
    """By how much the clocks are changed in the days about this one."""
    begin, offsets = datetime(day.year, day.month, day.day, tzinfo=UTC), []
    for days in range(-2, 5):
        offset = (begin + days * _DAY).astimezone(zone).utcoffset()
        assert offset is not None
        offsets.append(offset)
    return max(offsets) - min(offsets)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the new offset; `before` still has the old one."""
    new = after.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == new:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)
