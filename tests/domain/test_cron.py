from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain import minute_walk
from vapora.domain.cron import cron
from vapora.errors import BadInputError

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
EXPRESSIONS = (
    "*/15 * * * *",
    "0 * * * *",
    "7,37 */3 * * *",
    "*/10 2 * * *",
    "0 2 * * *",
    "15 2 * * *",
    "30 2 * * *",
    "59 2 * * *",
    "0 3 * * *",
    "45 1 * * *",
    "30 1,2,3 * * *",
    "0,20,40 1-3 * * *",
    "0 9 * * MON-FRI",
    "30 2 * * 7",
    "30 2 1-7 * SUN",
    "0 0 1 * *",
    "0 12 31 * *",
    "59 23 31 12 *",
    "5 4 1 1 *",
    "0 0 * 3,10 0",
)
YEAR = 2026
# Half of a minute before, so that midnight itself is in the year.
BEGIN = datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(seconds=30)
END = datetime(YEAR, 12, 31, 23, 59, tzinfo=UTC)


AT_MIDNIGHT = ("0 0 * * *", "30 0 * * *", "*/20 * * * *", "0 0 * * 5", "30 23 * * *")


def listed(text: str, zone: str) -> list[datetime]:
    return minute_walk.firings(EXPRESSIONS, zone, YEAR)[text]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_year_is_what_somebody_sees_who_looks_at_the_clock_each_minute(text: str, zone: str) -> None:
    assert list(cron(text, zone).between(BEGIN, END)) == listed(text, zone)


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Santiago"])
def test_so_it_is_where_clocks_change_at_midnight(zone: str) -> None:
    for text, seen in minute_walk.firings(AT_MIDNIGHT, zone, YEAR).items():
        assert list(cron(text, zone).between(BEGIN, END)) == seen, text


def test_a_day_that_a_zone_left_out_counts_at_the_next_instant() -> None:
    # Samoa went from the 29th to the 31st of December 2011.
    begin, end = datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)
    found = list(cron("0 12 * * *", "Pacific/Apia").between(begin, end))
    assert found == [
        datetime(2011, 12, 29, 22, tzinfo=UTC),  # noon of the 29th
        datetime(2011, 12, 30, 10, tzinfo=UTC),  # the 31st begins, in place of noon of the 30th
        datetime(2011, 12, 30, 22, tzinfo=UTC),  # noon of the 31st
        datetime(2011, 12, 31, 22, tzinfo=UTC),
    ]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_wherever_one_begins_the_next_one_is_the_same(data: st.DataObject) -> None:
    """What fired last is all that a schedule keeps, so it must lead to what a walk without a stop comes to."""
    zone, text = data.draw(st.sampled_from(ZONES)), data.draw(st.sampled_from(EXPRESSIONS))
    seen = listed(text, zone)
    at = BEGIN + timedelta(seconds=data.draw(st.integers(0, 364 * 86_400)))
    later = [one for one in seen if one > at]
    if later:
        assert cron(text, zone).after(at) == later[0]
        assert list(islice(cron(text, zone).between(at, END), 3)) == later[:3]


@pytest.mark.parametrize("text", ["*/15 * * * *", "30 2 * * *", "0 0 1 * *"])
def test_the_last_ones_are_found_from_behind(text: str) -> None:
    seen = listed(text, "Europe/Berlin")
    one = cron(text, "Europe/Berlin")
    for most in (1, 3, 10):
        assert list(one.last(BEGIN, END, most)) == seen[-most:]
    assert one.last(END, END, 3) == () and one.last(END, BEGIN, 3) == ()
    # However long ago.
    assert list(one.last(datetime(1990, 1, 1, tzinfo=UTC), END, 2)) == seen[-2:]


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("* * * *", "UTC", "five fields, not 4"),
        ("0 * * * * *", "UTC", "five fields, not 6"),
        ("", "UTC", "five fields, not 0"),
        ("@daily", "UTC", "five fields"),
        ("60 * * * *", "UTC", "bad minute"),
        ("* 24 * * *", "UTC", "bad hour"),
        ("0 0 30 2 *", "UTC", "day"),
        ("0 0 * * MOND", "UTC", "bad day-of-week"),
        ("*/0 * * * *", "UTC", "bad minute"),
        ("0 9 * * *", "Europe/Atlantis", "no time zone"),
        ("0 9 * * *", "../../etc/passwd", "no time zone"),
        ("0 9 * * *", "", "no time zone"),
        ("5-1 * * * *", "UTC", "bad minute"),
        ("\u0663 * * * *", "UTC", "bad minute"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(text: str, zone: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        cron(text, zone)
