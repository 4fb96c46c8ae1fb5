"""How long a provider is left alone after it failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# Keys and credit do not mend themselves within seconds; a person has to act.
_HOPELESS = frozenset({"authentication", "out-of-credit"})
_HOPELESS_PAUSE_S = 300.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Availability:
    """`failures` in a row; `until`: not asked before then; `reason`: the last failure's kind."""

    failures: int = 0
    until: datetime | None = None
    reason: str = ""

    def down(self, now: datetime) -> bool:
        return self.until is not None and now < self.until


def after_success() -> Availability:
    return Availability()


def after_failure(before: Availability, kind: str, retry_after_s: float | None, now: datetime) -> Availability:
    """The provider's own word counts; without one the pause doubles with every failure in a row."""
    failures = before.failures + 1
    if kind in _HOPELESS:
        pause = _HOPELESS_PAUSE_S
    elif retry_after_s is not None:
        pause = min(max(retry_after_s, 0.0), _HOPELESS_PAUSE_S)
    else:
        pause = min(_FIRST_PAUSE_S * 2 ** min(failures - 1, 10), _LONGEST_PAUSE_S)
    return Availability(failures, now + timedelta(seconds=pause), kind)
