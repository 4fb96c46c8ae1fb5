"""How long a provider, or one of its models, is left alone after a failure, and how fast one step may ask again.

A failure concerns the request, the model or the whole provider (`vapora.errors.FailureScope`). Each provider and each
model has an `Availability` of its own, so that one model's rate limit does not take its siblings along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vapora.backoff import Backoff

# Keys, rights and credit do not mend themselves within seconds; a person has to act.
_HOPELESS = frozenset({"authentication", "permission-denied", "out-of-credit"})
_HOPELESS_PAUSE_S = 300.0
_FAILURES = Backoff(0.5, longest_s=30.0)
# A vendor's word is believed up to here: a wrong one must not switch a model off until the next start.
_LONGEST_WORD_S = 3_600.0

# A step whose models fail one after the other tries so many at once, then slows down, whichever model is next.
_ATTEMPTS_AT_ONCE = 4
_PACE = Backoff(1.0, longest_s=30.0)


@dataclass(frozen=True, slots=True)
class Availability:
    """`failures` in a row, the last of which came at `failed_at` for `reason`; not to be asked before `until`."""

    failures: int = 0
    failed_at: datetime | None = None
    until: datetime | None = None
    reason: str = ""

    @property
    def in_doubt(self) -> bool:
        """Nothing has succeeded since the last failure."""
        return self.failures > 0

    def paused(self, now: datetime) -> bool:
        return self.until is not None and now < self.until


def after_success(before: Availability, asked_at: datetime) -> Availability:
    """A call that was sent before the last failure came says nothing about what holds since."""
    return before if _sent_before_the_last_failure(before, asked_at) else Availability()


def after_failure(
    before: Availability, kind: str, retry_after_s: float | None, *, asked_at: datetime, now: datetime, jitter: float
) -> Availability:
    """The pause doubles with each failure in a row. What the vendor asks for (`retry_after_s`) is a floor under it, so
    that a word of zero cannot start a storm.

    `asked_at`: when the call was sent. Calls that were under way together fail together, and count as one failure.
    `jitter`: from 0 to 1, a random number that spreads the pause up to its double.
    """
    together = _sent_before_the_last_failure(before, asked_at)
    failures = before.failures if together else before.failures + 1
    growing = _FAILURES.after(failures)
    least = max(_HOPELESS_PAUSE_S if kind in _HOPELESS else growing, min(retry_after_s or 0.0, _LONGEST_WORD_S))
    until = now + timedelta(seconds=least + jitter * growing)
    if together and before.until is not None:
        return replace(before, until=max(before.until, until))
    return Availability(failures, now, until, kind)


def pace(attempts: int, jitter: float) -> float:
    """Seconds that a step waits after so many attempts without an answer, whichever model is next.

    0 for the first few, then 1 s, doubled each time up to 30 s; `jitter` as above. Ten models that all refuse are so
    not asked ten times within a second.
    """
    if attempts < _ATTEMPTS_AT_ONCE:
        return 0.0
    return _PACE.after(attempts - _ATTEMPTS_AT_ONCE + 1) * (1 + jitter)


def _sent_before_the_last_failure(before: Availability, asked_at: datetime) -> bool:
    return before.failed_at is not None and asked_at < before.failed_at
