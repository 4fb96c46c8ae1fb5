"""How good a run was, from what the log says of it and nothing else: no model is asked for its opinion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RunState = Literal["running", "succeeded", "failed", "cancelled"]
# What became of the work: `accepted` by a person, a reviewer or a card that needs no review; `rejected`: sent back.
Verdict = Literal["", "accepted", "rejected"]
Outcome = Literal["running", "cancelled", "failed", "succeeded", "accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class Facts:
    """`checks`: green, red, unchecked, or None where none ran; `check_rounds`: how often they ran. `reviewed`: somebody
    looked at the work. `landed`: it is part of the base branch."""

    state: RunState
    verdict: Verdict = ""
    checks: str | None = None
    check_rounds: int = 0
    reviewed: bool = False
    landed: bool = False


def outcome(state: RunState, verdict: Verdict) -> Outcome:
    """In one word. Work that was good enough for its agent is `succeeded` until somebody says more."""
    return verdict or "succeeded" if state == "succeeded" else state


def parts(facts: Facts) -> dict[str, float]:
    """What the quality is the mean of, each between 0 and 1; what is not known has no part in it.

    `checks`: 1 where the last ones were green, 0 where red. `first_time`: 1 ÷ how often they had to run. `review`: 1
    where the work was approved, 0 where it was sent back. `landed`: 1.
    """
    if facts.state == "failed":
        return {"done": 0.0}
    if facts.state != "succeeded":
        return {}
    found = {"done": 1.0}
    if facts.checks in ("green", "red"):
        found["checks"] = float(facts.checks == "green")
        found["first_time"] = 1 / max(1, facts.check_rounds)
    if facts.verdict == "rejected" or (facts.reviewed and facts.verdict == "accepted"):
        found["review"] = float(facts.verdict == "accepted")
    if facts.landed:
        found["landed"] = 1.0
    return found


def quality(facts: Facts) -> float | None:
    """Between 0 and 1; None for a run that has not ended, or was cancelled."""
    found = parts(facts)
    return round(sum(found.values()) / len(found), 4) if found else None
