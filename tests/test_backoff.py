from __future__ import annotations

from itertools import islice

from vapora.backoff import Backoff


def test_each_pause_is_twice_the_one_before_up_to_the_longest() -> None:
    assert list(islice(Backoff(0.5, longest_s=3), 5)) == [0.5, 1, 2, 3, 3]


def test_the_pause_after_so_many_failures_is_the_one_that_counting_them_gives() -> None:
    pauses = Backoff(0.1, longest_s=1, factor=1.5)
    assert [pauses.after(failures) for failures in range(1, 9)] == list(islice(pauses, 8))


def test_a_million_failures_overflow_nothing() -> None:
    assert Backoff(0.05, longest_s=30).after(1_000_000) == 30
