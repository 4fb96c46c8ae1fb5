"""What telling agents of past executions does: runs with and without, side by side, and what may be made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

# `given`: told of something; `withheld`: would have been told of it, and was not, by chance; `nothing`: there was
# nothing to tell, or it was switched off.
Arm = Literal["given", "withheld", "nothing"]
ARMS: tuple[Arm, ...] = ("given", "withheld", "nothing")
# Below this, a difference says nothing.
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended and says something about its agent."""

    arm: Arm
    success: bool
    quality: float | None
    cost_microusd: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Of the runs of one arm. `success_rate` and the medians are None where there is no run."""

    arm: Arm
    runs: int
    successes: int
    success_rate: float | None
    quality: float | None
    median_cost_microusd: int | None
    median_duration_ms: int | None


def sums(ended: Sequence[Ended]) -> tuple[Sum, ...]:
    return tuple(_sum(arm, [one for one in ended if one.arm == arm]) for arm in ARMS)


def _sum(arm: Arm, ended: list[Ended]) -> Sum:
    if not ended:
        return Sum(arm, 0, 0, None, None, None, None)
    good = sum(one.success for one in ended)
    known = [one.quality for one in ended if one.quality is not None]
    return Sum(
        arm,
        len(ended),
        good,
        good / len(ended),
        sum(known) / len(known) if known else None,
        round(median(one.cost_microusd for one in ended)),
        round(median(one.duration_ms for one in ended)),
    )


def caution(found: Sequence[Sum]) -> str:
    """What a reader must know before a difference is believed; empty where the runs were parted by chance and there
    are enough of them."""
    runs = {one.arm: one.runs for one in found}
    if runs["given"] < FEWEST or runs["withheld"] < FEWEST:
        few = f"fewer than {FEWEST} runs with, or without by chance: a difference says nothing yet"
        if runs["withheld"] == 0:
            return (
                f"{few}. No run was parted by chance: set `in_briefs` to `half` for that. Runs that had nothing to be "
                "told of are other runs, mostly earlier ones."
            )
        return f"{few}."
    return ""
