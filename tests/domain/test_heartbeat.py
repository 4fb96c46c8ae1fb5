"""When an agent is taken for silent or stuck."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.heartbeat import LONGEST_REST_S, Heartbeat, Pulse, Suspend, look, rests_s, watch

BEAT = Heartbeat(interval_s=5, misses=3, start_s=20)
WELL = (Pulse("t1.1", "model", "t1.1/0", since_s=1, limit_s=30),)
STUCK = (Pulse("t1.1", "model", "t1.1/0", since_s=31, limit_s=30),)
WAITS = (Pulse("t1.1", "waiting", since_s=9_999),)


def told(*answers: Sequence[Pulse] | None, beat: Heartbeat = BEAT) -> list[Suspend | None]:
    """Given an agent that was asked at 0, what follows from each answer, one interval after the other."""
    state, found = watch(0), []
    for number, answer in enumerate(answers, 1):
        state, verdict = look(state, answer, number * beat.interval_s, beat)
        found.append(verdict)
    return found


def test_an_agent_that_does_not_answer_is_suspended_at_the_configured_miss_and_not_before() -> None:
    *before, last = told(WELL, None, None, None)
    assert before == [None, None, None]
    assert last == Suspend("silent", 3, 15)
    assert last is not None and last.reason == "did not answer for 15 s"


def test_one_answer_begins_the_count_anew() -> None:
    assert told(WELL, None, None, WELL, None, None) == [None] * 6


def test_an_agent_that_answers_but_does_not_advance_is_suspended_with_the_run_that_is_stuck() -> None:
    *before, last = told(WELL, STUCK, STUCK, STUCK)
    assert before == [None, None, None]
    assert last == Suspend("stuck", 3, 31, STUCK)
    assert last is not None and last.reason == "did not advance for 31 s"


def test_one_stuck_run_among_good_ones_is_enough() -> None:
    last = told(*[(*WELL, *STUCK)] * 3)[-1]
    assert last is not None and last.stuck == STUCK


def test_what_waits_for_a_person_money_or_a_provider_is_never_stuck() -> None:
    assert told(*[WAITS] * 50) == [None] * 50


def test_an_agent_that_is_being_started_is_given_time_for_it() -> None:
    # Four looks fall into the time that a start may take; what comes after counts.
    assert told(*[None] * 5) == [None] * 5
    last = told(*[None] * 6)[-1]
    assert last == Suspend("silent", 3, 30)


@given(st.lists(st.sampled_from((WELL, WAITS, None)), max_size=60))
def test_nobody_is_suspended_who_answered_within_the_misses(answers: list[Sequence[Pulse] | None]) -> None:
    run = 0
    for answer, verdict in zip(answers, told(*answers, beat=Heartbeat(5, 3, 0)), strict=True):
        run = run + 1 if answer is None else 0
        assert (verdict is not None) == (run >= 3)


@pytest.mark.parametrize(("times", "seconds"), [(0, 0), (1, 0), (2, 10), (3, 20), (30, LONGEST_REST_S)])
def test_who_is_suspended_again_and_again_is_left_out_longer_each_time(times: int, seconds: float) -> None:
    assert rests_s(times, BEAT) == seconds
