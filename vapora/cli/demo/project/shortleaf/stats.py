"""Numbers about clicks. A day is a day in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone


@dataclass(frozen=True)
class Click:
    """`at` has a time zone. `visitor` tells visitors apart, and does not say who they are."""

    slug: str
    at: datetime
    visitor: str


def clicks_on(clicks: Iterable[Click], day: date) -> list[Click]:
    """The clicks of one day, in the order given."""
    begin = datetime.combine(day, time.min, timezone.utc)
    end = begin + timedelta(days=1)
    return [click for click in clicks if begin <= click.at <= end]


def visitors_on(clicks: Iterable[Click], day: date) -> int:
    """How many different visitors clicked on this day."""
    return len({click.visitor for click in clicks_on(clicks, day)})
