"""M12.5, M16.9, R1, R2, R15."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.agent import Agent
from vapora.domain.assignment import Applicant, ChosenAgent, exploration, has_room, rank, score, total
from vapora.domain.learning import History, LearningSettings, RunOutcome, confidence, expertise

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNIT = st.floats(0, 1)


def applicant(
    agent_id: str,
    good: int = 0,
    bad: int = 0,
    *,
    running: int = 0,
    capacity: int = 4,
    enabled: bool = True,
    role: str | None = None,
    task_types: tuple[str, ...] = ("code-generation",),
    reason: str = "",
) -> Applicant:
    history = History()
    for number in range(good + bad):
        history.add(RunOutcome(f"{agent_id}-{number}", "code-generation", NOW - timedelta(days=1), number < good))
    agent = Agent(agent_id, role or agent_id, agent_id, (), task_types, capacity, enabled, reason)
    return Applicant(agent, running, history)


def choose(*applicants: Applicant, role: str | None = None) -> ChosenAgent:
    return rank("code-generation", role, applicants, NOW)


def chosen(choice: ChosenAgent) -> str:
    assert choice.chosen is not None
    return choice.chosen.agent_id


def excluded(choice: ChosenAgent) -> dict[str, str | None]:
    return {each.agent_id: each.excluded for each in choice.candidates if each.score is None}


def test_the_score_is_the_formula_of_the_mission() -> None:
    parts = score(success_rate=0.8, load=0.5, expertise=0.9, confidence=0.25)
    assert parts.base == pytest.approx(0.3 * 0.8 / 1.5)
    assert parts.expertise == pytest.approx(0.45)
    assert parts.confidence == pytest.approx(0.05)
    assert total(parts) == pytest.approx(0.16 + 0.45 + 0.05)


@given(UNIT, UNIT, UNIT, UNIT)
def test_scores_lie_between_0_and_1_and_load_takes_at_most_0_15_of_the_success_rate(
    success_rate: float, load: float, skill: float, sure: float
) -> None:
    idle, busy = (total(score(success_rate, each, skill, sure)) for each in (0.0, load))
    assert 0 <= busy <= idle <= 1 + 1e-9
    assert idle - busy <= 0.15 * success_rate + 1e-9


def test_the_better_agent_gets_the_work_and_every_part_of_the_decision_is_kept() -> None:
    """M0.10."""
    choice = choose(applicant("architect", good=2, bad=8), applicant("developer", good=9, bad=1))
    assert chosen(choice) == "developer"
    assert [each.agent_id for each in choice.candidates] == ["developer", "architect"]
    assert all(each.parts and each.score == total(each.parts) and each.reason for each in choice.candidates)
    assert choice.policy == "formula-v1"
    assert choice.propensity == 1.0


def test_the_reason_is_one_readable_sentence() -> None:
    choice = choose(applicant("architect"), applicant("developer", good=10), applicant("tester", task_types=("x",)))
    assert choice.reason == (
        "developer scored 0.89 (base 0.30 + expertise 0.49 + confidence 0.10), ahead of architect 0.40; 1 excluded"
    )
    assert choice.candidates[0].reason == (
        "success rate 1.00 at load 0.00, expertise 0.98 from 10 code-generation runs"
    )
    assert choose(applicant("developer")).reason.endswith("the only one able to take it")


def test_a_full_agent_is_excluded_however_good_it_is() -> None:
    """R2: a hard cap, since load alone takes too little off the score."""
    choice = choose(applicant("star", good=50, running=4), applicant("novice", bad=3))
    assert chosen(choice) == "novice"
    assert excluded(choice) == {"star": "full: 4 of 4 runs in flight"}


def test_who_cannot_take_the_task_is_excluded_with_the_reason() -> None:
    choice = choose(
        applicant("developer"),
        applicant("developer-2", role="developer", enabled=False, reason="ill"),
        applicant("developer-3", role="developer", task_types=("unit-test",)),
        applicant("tester"),
        role="developer",
    )
    assert chosen(choice) == "developer"
    assert excluded(choice) == {
        "developer-2": "disabled: ill",
        "developer-3": "does no code-generation work",
        "tester": "its role is tester, not developer",
    }


def test_when_nobody_can_take_it_the_reason_says_why() -> None:
    choice = choose(applicant("a", running=4), applicant("b", enabled=False), applicant("c", task_types=("x",)))
    assert choice.chosen is None
    assert choice.reason == "no agent can take it now: 1 full, 1 disabled, 1 of another role or type"
    assert choose().reason == "no agent is registered"


def test_ties_go_to_the_lower_load_then_to_fewer_runs_then_to_the_id() -> None:
    # Success rate 0 takes load out of the score; only then can two of different load be level.
    level = choose(applicant("a", bad=3, running=2), applicant("b", bad=3, running=1))
    assert chosen(level) == "b" and "lower load" in level.reason
    by_id = choose(applicant("b"), applicant("a"), applicant("c"))
    assert chosen(by_id) == "a" and "order of ids" in by_id.reason
    assert by_id.propensity == 1.0
    fewer = choose(_aged("a", 40), _aged("b", 30))
    assert chosen(fewer) == "b" and "fewer runs" in fewer.reason


def _aged(agent_id: str, runs: int) -> Applicant:
    """So many good runs, so long ago that their weight is exactly nothing: level but for their number."""
    history = History()
    for number in range(runs):
        history.add(RunOutcome(f"{agent_id}-{number}", "code-generation", NOW - timedelta(days=6_000), True))
    return Applicant(Agent(agent_id, agent_id, agent_id, (), ("code-generation",), 4), 0, history)


def test_work_is_spread_over_equals_by_load() -> None:
    assert chosen(choose(applicant("a", good=5, running=1), applicant("b", good=5))) == "b"


def test_capacity_lowered_below_what_is_in_flight_still_means_full() -> None:
    assert excluded(choose(applicant("a", running=4, capacity=2))) == {"a": "full: 4 of 2 runs in flight"}
    assert not has_room(applicant("a", capacity=2).agent, 4)


def newcomer_wins(good: int, veteran_expertise: float, settings: LearningSettings) -> bool:
    """Both with the same base: a newcomer with nothing but fresh successes against a veteran (R15)."""
    runs = [RunOutcome("r", "code-generation", NOW, True)] * good
    newcomer = score(1, 0, expertise(runs, NOW, settings), confidence(good))
    return total(newcomer) > total(score(1, 0, veteran_expertise, 1.0))


@pytest.mark.parametrize(("good", "threshold"), [(1, 0.62), (10, 0.80)])
def test_without_the_prior_a_lucky_newcomer_beats_a_mediocre_veteran(good: int, threshold: float) -> None:
    """R15 by arithmetic: 1 of 1 gives 0.5 + 0.01, 10 of 10 gives 0.5 + 0.1; so M16.9 holds above the threshold only."""
    bare = LearningSettings(prior_weight=0)
    assert newcomer_wins(good, threshold - 0.005, bare)
    assert not newcomer_wins(good, threshold + 0.005, bare)


@pytest.mark.parametrize(("good", "threshold"), [(1, 0.495), (10, 0.7838)])
def test_the_prior_softens_a_lucky_streak(good: int, threshold: float) -> None:
    """With R3's prior one lucky run no longer beats a veteran who is better than chance; ten of ten still do."""
    assert newcomer_wins(good, threshold - 0.005, LearningSettings())
    assert not newcomer_wins(good, threshold + 0.005, LearningSettings())


def test_a_newcomer_gets_work_where_the_veteran_fails() -> None:
    """M16.10: no exploration term is needed for a newcomer to be tried against a poor veteran."""
    assert chosen(choose(applicant("newcomer"), applicant("veteran", good=2, bad=28))) == "newcomer"
    assert chosen(choose(applicant("newcomer"), applicant("veteran", good=28, bad=2))) == "veteran"


def explored(factor: float, *applicants: Applicant) -> ChosenAgent:
    return rank("code-generation", None, applicants, NOW, explore=factor)


def test_exploration_tries_a_newcomer_and_every_part_of_the_decision_is_kept() -> None:
    """R16: only where it is switched on; and the same log gives the same choice."""
    both = applicant("newcomer"), applicant("veteran", good=28, bad=2)
    choice = explored(0.5, *both)
    assert chosen(choice) == "newcomer" and choice.policy == "formula-ucb1-v1" and choice.propensity == 1.0
    assert choice == explored(0.5, *reversed(both))
    by_id = {one.agent_id: one for one in choice.candidates}
    parts = by_id["newcomer"].parts
    assert parts is not None and parts.exploration == pytest.approx(0.5 * (math.log(31) / 1) ** 0.5)
    assert all(one.parts and one.score == total(one.parts) for one in choice.candidates)
    assert "+ exploration 0.93)" in choice.reason
    plain = explored(0, *both)
    assert plain == choose(*both) and plain.policy == "formula-v1"
    assert all(one.parts and one.parts.exploration == 0 for one in plain.candidates)


def test_what_is_in_flight_counts_as_tried() -> None:
    """Else all that comes before the first outcome would go to the one who is tried."""
    tried = explored(0.5, applicant("a"), applicant("b", running=1))
    idle, busy = (one.parts for one in tried.candidates)
    assert chosen(tried) == "a" and idle and busy and idle.exploration > busy.exploration
    assert exploration(0.5, 0, 0) == 0.0, "where nobody was ever tried all are equal"
