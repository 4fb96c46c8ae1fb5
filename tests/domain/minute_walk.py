"""An independent list of when cron expressions fire: every minute of a year is looked at, with nothing but zoneinfo.

It shares no code with what it checks: the fields are read here, and what a change of the clock means is seen by walking
over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@cache
def firings(texts: tuple[str, ...], zone: str, year: int) -> dict[str, list[datetime]]:
    """By expression, in UTC, in order."""
    wanted: dict[tuple[int, int], list[_Fields]] = {}
    for one in map(_read, texts):
        for hour in one.hours:
            for minute in one.minutes:
                wanted.setdefault((hour, minute), []).append(one)
    found: dict[str, list[datetime]] = {text: [] for text in texts}
    for at, wall, skipped, again in _walk(zone, year):
        now = {
            one.text for one in wanted.get((wall.hour, wall.minute), ()) if one.on(wall) and not (again and one.once)
        }
        for left_out in skipped:
            now |= {
                one.text for one in wanted.get((left_out.hour, left_out.minute), ()) if one.once and one.on(left_out)
            }
        for text in now:
            found[text].append(at)
    return found


def _walk(zone: str, year: int) -> Iterator[tuple[datetime, datetime, list[datetime], bool]]:
    """Each real minute: what the wall shows, which minutes of the wall were left out just before, and whether the wall
    has shown it before."""
    info = ZoneInfo(zone)
    at = datetime(year, 1, 1, tzinfo=UTC)
    before = furthest = (at - MINUTE).astimezone(info).replace(tzinfo=None)
    while at.year == year:
        wall = at.astimezone(info).replace(tzinfo=None, fold=0)
        skipped: list[datetime] = []
        while before + MINUTE < wall:
            before += MINUTE
            skipped.append(before)
        yield at, wall, skipped, wall <= furthest
        furthest = max(furthest, wall)
        before, at = wall, at + MINUTE


@dataclass(frozen=True)
class _Fields:
    """`once`: a time of day, not a distance."""

    text: str
    minutes: set[int]
    hours: set[int]
    days: set[int]
    months: set[int]
    weekdays: set[int]
    either: bool
    once: bool

    def on(self, wall: datetime) -> bool:
        of_month, of_week = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return wall.month in self.months and ((of_month or of_week) if self.either else (of_month and of_week))


def _read(text: str) -> _Fields:
    fields = text.split()
    for number, name in enumerate(_DAYS):
        fields[4] = fields[4].replace(name, str(number))
    minutes, hours, days, months, weekdays = (
        _numbers(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)
    )
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    once = not fields[0].startswith("*") and not fields[1].startswith("*")
    return _Fields(text, minutes, hours, days, months, {one % 7 for one in weekdays}, either, once)


def _numbers(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        body, _, step = part.partition("/")
        if body == "*":
            first, last = low, high
        elif "-" in body:
            first, last = (int(one) for one in body.split("-"))
        else:
            first = last = int(body)
        found |= set(range(first, last + 1, int(step or 1)))
    return found
