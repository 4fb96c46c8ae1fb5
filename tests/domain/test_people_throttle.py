"""Guessing gets slower with each failure, and nobody can lock somebody else out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.domain.people import NOW
from vapora.domain.people.throttle import BOUNDS, FORGOTTEN, Throttle


def failed(throttle: Throttle, times: int, address: str = "ada@example.com", source: str = "10.0.0.1") -> None:
    for _ in range(times):
        throttle.begin(address, source, NOW)


def test_the_first_failures_are_free_and_each_one_after_them_doubles_the_pause() -> None:
    throttle = Throttle()
    failed(throttle, BOUNDS["both"].free - 1)
    assert throttle.pause_s("ada@example.com", "10.0.0.1", NOW) == 0
    pauses = []
    for _ in range(5):
        failed(throttle, 1)
        pauses.append(throttle.pause_s("ada@example.com", "10.0.0.1", NOW))
    assert pauses == [1, 2, 4, 8, 16]
    assert throttle.pause_s("ada@example.com", "10.0.0.1", NOW + timedelta(seconds=10)) == 6
    failed(throttle, 100)
    assert throttle.pause_s("ada@example.com", "10.0.0.1", NOW) == BOUNDS["both"].longest_s


def test_many_attempts_at_once_are_counted_before_any_of_them_is_known() -> None:
    throttle = Throttle()
    let_in = 0
    for _ in range(50):
        if not throttle.pause_s("ada@example.com", "10.0.0.1", NOW):
            throttle.begin("ada@example.com", "10.0.0.1", NOW)
            let_in += 1
    assert let_in == BOUNDS["both"].free


def test_somebody_elsewhere_waits_half_a_minute_at_most_however_often_others_fail_for_them() -> None:
    throttle = Throttle()
    for number in range(1_000):
        throttle.begin("ada@example.com", f"10.0.{number // 250}.{number % 250}", NOW)
    assert 0 < throttle.pause_s("ada@example.com", "192.168.0.9", NOW) <= 30


def test_one_source_that_tries_many_addresses_is_slowed_down() -> None:
    throttle = Throttle()
    for number in range(40):
        throttle.begin(f"{number}@example.com", "10.0.0.1", NOW)
    assert throttle.pause_s("new@example.com", "10.0.0.1", NOW) == BOUNDS["source"].longest_s
    assert throttle.pause_s("new@example.com", "10.0.0.2", NOW) == 0


def test_success_forgets_what_was_counted_for_the_person_but_not_for_the_source() -> None:
    throttle = Throttle()
    failed(throttle, 4)
    failed(throttle, 30, address="other@example.com")
    throttle.begin("ada@example.com", "10.0.0.1", NOW)
    throttle.succeeded("ada@example.com", "10.0.0.1")
    assert throttle.pause_s("ada@example.com", "10.0.0.2", NOW) == 0
    assert throttle.pause_s("ada@example.com", "10.0.0.1", NOW) > 0


def test_an_hour_later_it_is_forgotten() -> None:
    throttle = Throttle()
    failed(throttle, 100)
    assert throttle.pause_s("ada@example.com", "10.0.0.1", NOW + timedelta(hours=1, seconds=1)) == 0
    throttle.begin("ada@example.com", "10.0.0.1", NOW + timedelta(hours=2))
    assert throttle.pause_s("ada@example.com", "10.0.0.1", NOW + timedelta(hours=2)) == 0


def test_what_is_saved_of_it_counts_on_and_names_nobody() -> None:
    throttle = Throttle("salt")
    failed(throttle, BOUNDS["both"].free + 3)
    rows = json.loads(json.dumps(throttle.rows(NOW)))
    again = Throttle.of("salt", rows, NOW)
    assert again.pause_s("ada@example.com", "10.0.0.1", NOW) == throttle.pause_s("ada@example.com", "10.0.0.1", NOW) > 0
    assert "ada" not in json.dumps(rows) and "10.0" not in json.dumps(rows)
    assert throttle.rows(NOW + FORGOTTEN + timedelta(seconds=1)) == []
    # A clock that was put back by a day makes nobody wait for a day.
    earlier = Throttle.of("salt", rows, NOW - timedelta(days=1))
    assert earlier.pause_s("ada@example.com", "10.0.0.1", NOW - timedelta(days=1)) <= BOUNDS["both"].longest_s
    for wrong in ([["both", "x", 1]], [["nothing", "x", 1, NOW.isoformat()]], [["both", "x", 1, "noon"]]):
        with pytest.raises((ValueError, TypeError)):
            Throttle.of("salt", wrong, NOW)
