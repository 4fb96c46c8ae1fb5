from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vapora import errors
from vapora.domain.availability import Availability, after_failure, after_success, pace

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def failed(
    before: Availability, kind: str = "overloaded", word: float | None = None, *, when: float = 0, jitter: float = 0
) -> Availability:
    """By a call that was sent and refused in the same moment."""
    return after_failure(before, kind, word, asked_at=at(when), now=at(when), jitter=jitter)


def pauses(count: int, word: float | None = None, jitter: float = 0) -> list[float]:
    """Each call is sent as soon as it may be."""
    state, when, found = Availability(), 0.0, []
    for _ in range(count):
        state = failed(state, word=word, when=when, jitter=jitter)
        assert state.until is not None
        found.append((state.until - at(when)).total_seconds())
        when += found[-1]
    return found


def test_the_pause_doubles_up_to_half_a_minute() -> None:
    assert pauses(9) == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize(("word", "expected"), [(0, [0.5, 1, 2, 4, 8]), (3, [3, 3, 3, 4, 8]), (20, [20] * 5)])
def test_the_vendors_word_is_a_floor_under_it_and_never_shortens_it(word: float, expected: list[float]) -> None:
    assert pauses(5, word) == expected


def test_jitter_spreads_it_up_to_its_double_and_never_below() -> None:
    assert pauses(3, jitter=0.5) == [0.75, 1.5, 3]


def test_a_word_of_years_is_believed_for_an_hour() -> None:
    assert pauses(1, 10**9) == [3_600]


@pytest.mark.parametrize("kind", ["authentication", "permission-denied", "out-of-credit"])
def test_what_a_person_must_mend_is_left_alone_for_minutes(kind: str) -> None:
    assert failed(Availability(), kind).until == at(300)


def test_calls_that_were_under_way_together_count_as_one_failure() -> None:
    state = failed(Availability(), when=10)
    for number in range(12):
        state = after_failure(state, "overloaded", None, asked_at=at(9), now=at(11 + number), jitter=0)
    assert state.failures == 1
    assert failed(state, when=30).failures == 2


def test_a_late_refusal_of_theirs_still_has_its_word() -> None:
    state = failed(Availability(), when=10)
    state = after_failure(state, "rate-limited", 40, asked_at=at(9), now=at(11), jitter=0)
    assert state.until == at(51)


def test_an_answer_ends_it_but_not_one_that_was_asked_for_before() -> None:
    state = failed(Availability(), when=10)
    assert after_success(state, at(9)) == state
    assert after_success(state, at(11)) == Availability()


def test_a_step_asks_a_few_models_at_once_and_then_slows_down() -> None:
    assert [pace(attempts, 0) for attempts in range(1, 11)] == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30]
    assert pace(4, 0.5) == 1.5
    when, calls = 0.0, 0
    while when < 15:
        calls += 1
        when += pace(calls, 0)
    assert calls <= 8


SCOPES = {
    "request": {"context-too-long", "invalid-request"},
    "model": {"rate-limited", "overloaded", "permission-denied"},
    "provider": {
        "provider-error",
        "authentication",
        "out-of-credit",
        "connection-refused",
        "connection-lost",
        "timeout",
        "bad-answer",
    },
}


def test_every_kind_of_failure_says_whom_it_concerns() -> None:
    kinds: list[type[errors.ProviderError]] = [errors.ProviderError, *errors.ProviderError.__subclasses__()]
    found = {scope: {one.kind for one in kinds if one.scope == scope} for scope in SCOPES}
    assert found == SCOPES
    assert all("scope" in vars(one) for one in kinds), "said of each, not inherited"
    assert all(one.scope == "provider" for one in kinds if one.maybe_billed)
