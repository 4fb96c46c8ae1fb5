"""M12, M16.5–M16.8, R3–R5, R17. The simulations are deterministic: no chance, only the formula."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.learning import (
    History,
    LearningSettings,
    RunOutcome,
    confidence,
    expertise,
    success_rate,
    weight,
)
from vapora.errors import ConfigurationError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def outcome(success: bool, days_ago: float = 0.0, run_id: str = "r", task_type: str = "unit-test") -> RunOutcome:
    return RunOutcome(run_id, task_type, NOW - timedelta(days=days_ago), success)


def test_a_weight_steps_from_1_10_to_0_37_right_after_day_7() -> None:
    assert weight(0) == 3
    assert weight(7) == pytest.approx(3 / math.e) == pytest.approx(1.10, abs=0.005)
    assert weight(7.000001) == pytest.approx(1 / math.e, abs=1e-6) == pytest.approx(0.37, abs=0.005)


def test_the_time_constant_is_no_half_life() -> None:
    assert weight(4.85) / weight(0) == pytest.approx(0.5, abs=0.001)


def test_an_outcome_from_the_future_counts_as_fresh() -> None:
    assert weight(-3) == weight(0)


def test_time_constant_window_and_factor_can_be_set() -> None:
    settings = LearningSettings(time_constant_days=1, window_days=2, recent_factor=10)
    assert weight(2, settings) == pytest.approx(10 * math.exp(-2))
    assert weight(2.1, settings) == pytest.approx(math.exp(-2.1))


def test_without_outcomes_there_is_only_the_prior() -> None:
    assert expertise((), NOW) == 0.5
    assert success_rate(()) == 0.5
    assert confidence(0) == 0
    assert expertise((), NOW, LearningSettings(prior_weight=0)) == 0.5


def test_expertise_is_the_weighted_mean_drawn_to_the_prior() -> None:
    outcomes = (outcome(True), outcome(True), outcome(False, days_ago=10))
    old = math.exp(-10 / 7)
    assert expertise(outcomes, NOW) == pytest.approx((0.5 + 6) / (1 + 6 + old))


def test_expertise_is_forgotten_towards_the_prior_as_its_evidence_ages() -> None:
    """M16.5: no permanent reputation, neither good nor bad."""
    stars, failures = [outcome(True)] * 100, [outcome(False)] * 100
    later = [NOW + timedelta(days=days) for days in range(0, 120, 5)]
    rising, falling = ([expertise(runs, at) for at in later] for runs in (failures, stars))
    assert all(first > second for first, second in pairwise(falling))
    assert all(first < second for first, second in pairwise(rising))
    assert falling[0] > 0.99 and falling[-1] == pytest.approx(0.5, abs=0.001)
    assert rising[0] < 0.01 and rising[-1] == pytest.approx(0.5, abs=0.001)


def test_an_agent_recovers_from_a_bad_spell() -> None:
    """M16.6: twenty failures in a row, then four good runs a day. On day 4 it is better than chance again, and
    on day 8, when the failures have left the window, it is above 0.8."""
    runs = [outcome(False, days_ago=0)] * 20
    course = []
    for day in range(1, 15):
        at = NOW + timedelta(days=day)
        runs += [RunOutcome("r", "unit-test", at, True)] * 4
        course.append(expertise(runs, at))
    assert course[0] < 0.25
    assert course == sorted(course)
    assert [next(day for day, value in enumerate(course, start=1) if value > bar) for bar in (0.5, 0.8)] == [4, 8]


def test_expertise_reflects_present_ability_and_not_the_all_time_mean() -> None:
    """M16.7: both had 30 good and 30 bad runs; who was good lately is far ahead."""
    improved = [outcome(False, days_ago=40)] * 30 + [outcome(True, days_ago=1)] * 30
    declined = [outcome(True, days_ago=40)] * 30 + [outcome(False, days_ago=1)] * 30
    assert success_rate(improved) == success_rate(declined) == 0.5
    assert expertise(improved, NOW) > 0.98
    assert expertise(declined, NOW) < 0.02


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 10_000)), max_size=150))
def test_expertise_always_stays_between_0_and_1(runs: list[tuple[bool, float]]) -> None:
    assert 0 <= expertise([outcome(success, days) for success, days in runs], NOW) <= 1


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=50), st.floats(0, 100))
def test_one_more_success_never_lowers_expertise(runs: list[tuple[bool, float]], age: float) -> None:
    outcomes = [outcome(success, days) for success, days in runs]
    before, after = expertise(outcomes, NOW), expertise([*outcomes, outcome(True, age)], NOW)
    assert after >= before - 1e-12


# Days before now, to the second, some of them right at the edge of what counts as recent.
ages = st.sampled_from([7.0, 7.0 + 1 / 86_400, 7.0 - 1 / 86_400]) | st.integers(0, 5_000_000).map(
    lambda seconds: seconds / 86_400
)


@given(st.lists(st.tuples(st.booleans(), ages), max_size=130), st.integers(-86_400 * 3, 86_400 * 30), st.booleans())
def test_what_is_summed_up_is_the_expertise_of_the_outcomes(
    runs: list[tuple[bool, float]], seconds: int, in_order: bool
) -> None:
    if in_order:
        runs = sorted(runs, key=lambda run: -run[1])
    history = History()
    now = NOW + timedelta(seconds=seconds)
    for place, (success, days_ago) in enumerate(runs):
        history.add(outcome(success, days_ago, run_id=str(place)))
        if place % 40 == 0:
            history.reject(str(place // 2))
            exactly = expertise(history.outcomes("unit-test"), now)
            assert history.expertise("unit-test", now) == pytest.approx(exactly, rel=1e-12)
    exactly = expertise(history.outcomes("unit-test"), now)
    assert history.expertise("unit-test", now) == pytest.approx(exactly, rel=1e-12)
    assert history.success_rate() == success_rate(history.outcomes())


@pytest.mark.parametrize(("runs", "expected"), [(0, 0), (1, 0.05), (10, 0.5), (20, 1), (21, 1), (500, 1)])
def test_confidence_is_full_after_20_runs(runs: int, expected: float) -> None:
    assert confidence(runs) == expected


def test_success_rate_looks_at_the_last_100_runs_of_all_types() -> None:
    history = History()
    for number in range(100):
        history.add(outcome(False, run_id=f"bad-{number}"))
    for number in range(50):
        history.add(outcome(True, run_id=f"good-{number}", task_type="code-review"))
    assert history.success_rate() == 0.5
    assert len(history.outcomes()) == 100


def test_each_type_keeps_its_own_last_100_runs_and_the_count_goes_on() -> None:
    history = History()
    for number in range(130):
        history.add(outcome(number >= 30, run_id=f"t-{number}"))
        history.add(outcome(False, run_id=f"r-{number}", task_type="code-review"))
    assert history.task_types() == ("unit-test", "code-review")
    assert len(history.outcomes("unit-test")) == 100
    assert history.runs("unit-test") == 130
    assert history.expertise("unit-test", NOW) > 0.99
    assert history.expertise("code-review", NOW) < 0.01
    assert history.expertise("planning", NOW) == 0.5
    assert history.confidence("planning") == 0


def test_rejected_work_counts_as_a_failure_once() -> None:
    history = History()
    history.add(outcome(True, run_id="r1"))
    history.add(outcome(True, run_id="r2"))
    assert history.reject("r1")
    assert history.reject("r1")
    assert history.success_rate() == 0.5
    assert [each.success for each in history.outcomes("unit-test")] == [False, True]
    assert not history.reject("r9")


def test_a_history_survives_a_checkpoint() -> None:
    history = History(LearningSettings(cap=2))
    for number in range(3):
        history.add(outcome(True, run_id=f"r{number}"))
    copy = pickle.loads(pickle.dumps(history))
    copy.add(outcome(False, run_id="r3"))
    assert [each.run_id for each in copy.outcomes()] == ["r2", "r3"]


@pytest.mark.parametrize("wrong", [{"time_constant_days": 0}, {"cap": 0}, {"prior": 1.5}, {"prior_weight": -1}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        LearningSettings(**wrong)  # type: ignore[arg-type]
