"""How good a model is at a type of task, learned from what became of its runs (M5.6, C14).

The quality that a model ships with is the prior; each run counts for the model that answered it:

    learned = (k · baseline + Σ share · quality) / (k + Σ share)

This is the mean of a Beta distribution whose prior has the mean `baseline` and the weight of k = 10 runs (A. Gelman
et al., "Bayesian Data Analysis", 3rd ed., 2.4), for outcomes between 0 and 1. `quality` is a run's own
(`vapora.domain.knowledge.quality`): whether it ended well, its checks were green and at the first time, a reviewer
accepted it, it landed. Where several models answered one run, each has an equal share in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from vapora.domain.models import ModelSpec

# So many runs the baseline is worth.
PRIOR_RUNS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one model (`provider/model`) at one type of task: so many runs, and their qualities added up."""

    model: str
    runs: float
    good: float


def fold(ended: Iterable[tuple[float, Collection[str]]]) -> tuple[Evidence, ...]:
    """Of runs that have ended: the quality of each, from 0 to 1, and the models that answered it. By name of the
    model."""
    found: dict[str, Evidence] = {}
    for quality, models in ended:
        share = 1 / len(models) if models else 0
        for model in models:
            known = found.get(model, Evidence(model, 0.0, 0.0))
            found[model] = Evidence(model, known.runs + share, known.good + share * quality)
    return tuple(found[model] for model in sorted(found))


def learned(baseline: float, evidence: Evidence | None) -> float:
    if evidence is None:
        return baseline
    return (PRIOR_RUNS * baseline + evidence.good) / (PRIOR_RUNS + evidence.runs)


def with_learned(spec: ModelSpec, evidence: Iterable[Evidence]) -> ModelSpec:
    """The model with what was learned of it in place of its baseline."""
    own = next((one for one in evidence if one.model == f"{spec.provider}/{spec.model}"), None)
    return spec if own is None else replace(spec, quality=learned(spec.quality, own))
