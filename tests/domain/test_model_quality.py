"""How good models are at a type of task, from what became of their runs (M5.6, C14)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.model_quality import PRIOR_RUNS, Evidence, fold, learned

UNIT = st.floats(0, 1)


def test_a_run_counts_for_those_who_answered_it_in_equal_shares() -> None:
    found = fold([(1.0, ("a/x", "b/y")), (0.0, ("a/x",)), (0.5, ("b/y",)), (1.0, ())])
    assert found == (Evidence("a/x", 1.5, 0.5), Evidence("b/y", 1.5, 1.0))


def test_the_baseline_is_worth_ten_runs() -> None:
    assert learned(0.9, None) == 0.9
    assert learned(0.9, Evidence("a/x", 0, 0)) == 0.9
    assert learned(0.9, Evidence("a/x", PRIOR_RUNS, 0)) == pytest.approx(0.45)
    assert learned(0.9, Evidence("a/x", 990, 495)) == pytest.approx(0.504)


@given(UNIT, st.lists(UNIT, max_size=50))
def test_what_is_learned_lies_between_the_baseline_and_the_mean(baseline: float, qualities: list[float]) -> None:
    [evidence] = fold((one, ("a/x",)) for one in qualities) or (None,)
    found = learned(baseline, evidence)
    mean = sum(qualities) / len(qualities) if qualities else baseline
    assert min(baseline, mean) - 1e-9 <= found <= max(baseline, mean) + 1e-9
