"""The orders in which models are tried: by this call's cost, by quality, and by quality for the money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from events.money import MICROUSD_PER_CENT
from vapora.domain.model_quality import PRIOR_RUNS, Evidence
from vapora.domain.models import ModelSpec


@dataclass(frozen=True, slots=True)
class Option:
    """A model that is configured, and the most that this call can cost there."""

    spec: ModelSpec
    worst_case_microusd: int


def availability_chain(options: Sequence[Option], ruled: ModelSpec) -> tuple[Option, ...]:
    """The rule's model, then the next best downwards; better ones, which cost more, only after those (R9)."""

    def order(option: Option) -> tuple[Any, ...]:
        quality = option.spec.quality
        better = quality > ruled.quality
        return option.spec.key != ruled.key, better, quality if better else -quality, *by_cost(option)

    return tuple(sorted(options, key=order))


def quality_chain(
    options: Sequence[Option], ruled: ModelSpec, baseline: float, learned: Iterable[Evidence]
) -> tuple[Option, ...]:
    """The availability chain, and before it, the best first, those of a better learned quality than the rule's model
    that are not dearer: each that proved itself in as many runs as its baseline is worth, and any once the rule's model
    has fallen below its own `baseline`."""
    ceiling = next(one.worst_case_microusd for one in options if one.spec.key == ruled.key)
    proven = {one.model for one in learned if one.runs >= PRIOR_RUNS}

    def goes_before(option: Option) -> bool:
        spec = option.spec
        known = ruled.quality < baseline or f"{spec.provider}/{spec.model}" in proven
        return known and spec.quality > ruled.quality and option.worst_case_microusd <= ceiling

    before = sorted(filter(goes_before, options), key=lambda one: (-one.spec.quality, *by_cost(one)))
    return (*before, *availability_chain([one for one in options if one not in before], ruled))


def budget_chain(options: Sequence[Option]) -> tuple[Option, ...]:
    """Free ones first, then the cheapest by this call's worst case; M13.5's order breaks ties (R7, R9)."""
    return tuple(sorted(options, key=by_cost))


def efficiency(option: Option) -> Fraction:
    """quality * 100 / (cost in cents + 1), exactly (M5.8); the +1 keeps what is free finite."""
    quality = _exactly(option.spec.quality)
    # One fraction instead of four: each is reduced when it is made.
    return Fraction(
        quality.numerator * 100 * MICROUSD_PER_CENT,
        quality.denominator * (option.worst_case_microusd + MICROUSD_PER_CENT),
    )


@lru_cache(maxsize=1_000)
def _exactly(quality: float) -> Fraction:
    """As it is written."""
    return Fraction(str(quality))


def by_cost(option: Option) -> tuple[int, int, float, str]:
    spec = option.spec
    return option.worst_case_microusd, spec.rank, -spec.quality, spec.model
