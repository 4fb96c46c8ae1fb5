"""What is known of an agent's ability, from the outcomes of its runs (M12, M16.5–M16.8; R3–R5, R17).

Reputation fades: an outcome's weight decays with its age, and expertise is drawn towards a neutral prior as its
evidence ages. A normalised mean alone would never forget, since ageing cancels out while no new run comes (R3).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate, pairwise

from vapora.errors import ConfigurationError

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """`time_constant_days` is the age at which a weight has fallen to 1/e, not a half-life (R4: that is 4.85 days).

    `prior_weight` is how many plain, fresh outcomes the prior is worth (k in R3). `cap`: how many outcomes are
    kept, of a type and of all types (R5). `full_confidence_runs`: M16.8.
    """

    time_constant_days: float = 7.0
    window_days: float = 7.0
    recent_factor: float = 3.0
    cap: int = 100
    prior: float = 0.5
    prior_weight: float = 1.0
    full_confidence_runs: int = 20

    def __post_init__(self) -> None:
        positive = self.time_constant_days > 0 and self.cap > 0 and self.full_confidence_runs > 0
        if not positive or min(self.window_days, self.recent_factor, self.prior_weight) < 0 or not 0 <= self.prior <= 1:
            raise ConfigurationError(
                f"These learning settings cannot work: {self}.",
                remedy="Time constant, cap and runs must be above 0, the others not below 0, the prior within 0 to 1.",
            )


DEFAULTS = LearningSettings()


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended that says something about its agent."""

    run_id: str
    task_type: str
    ended_at: datetime
    success: bool


def weight(age_days: float, settings: LearningSettings = DEFAULTS) -> float:
    """3·e^(−d/7) up to and including 7 days, e^(−d/7) after (R3): at day 7 it steps from 1.10 to 0.37."""
    age = max(age_days, 0.0)  # a clock that was set back must not make an outcome count for more than a fresh one
    decay = math.exp(-age / settings.time_constant_days)
    return settings.recent_factor * decay if age <= settings.window_days else decay


def expertise(outcomes: Iterable[RunOutcome], now: datetime, settings: LearningSettings = DEFAULTS) -> float:
    """(k·0.5 + Σ w·outcome) / (k + Σ w), between 0 and 1 (R3). `outcomes` are those of one task type."""
    evidence = settings.prior_weight
    good = settings.prior_weight * settings.prior
    for outcome in outcomes:
        counts = weight((now - outcome.ended_at).total_seconds() / _SECONDS_A_DAY, settings)
        evidence += counts
        if outcome.success:
            good += counts
    return good / evidence if evidence > 0 else settings.prior


def success_rate(outcomes: Iterable[RunOutcome], settings: LearningSettings = DEFAULTS) -> float:
    """The plain mean of the last runs of all types; the prior where there are none (R17)."""
    recent = tuple(outcomes)[-settings.cap :]
    if not recent:
        return settings.prior
    return sum(outcome.success for outcome in recent) / len(recent)


def confidence(runs: int, settings: LearningSettings = DEFAULTS) -> float:
    """min(1, n/20) with n the runs of that type (M16.8, R17)."""
    return min(1.0, runs / settings.full_confidence_runs)


class _Evidence:
    """The outcomes of one type, summed up so that `expertise` at any later moment is a few multiplications.

    A weight is e^(-(now - newest)/T) times what the outcome weighed when the newest one came in; only which of them are
    recent moves with `now`, and they are in the order of time.
    """

    __slots__ = ("_all", "_ended", "_good", "_settings")

    def __init__(self, outcomes: Iterable[RunOutcome], settings: LearningSettings) -> None:
        """Raises `ValueError` where they are not in the order of time, as after a clock was set back."""
        kept = list(outcomes)
        self._settings = settings
        self._ended = [one.ended_at for one in kept]
        if any(later < before for before, later in pairwise(self._ended)):
            raise ValueError("not in the order of time")
        days = [(self._ended[-1] - at).total_seconds() / _SECONDS_A_DAY for at in self._ended]
        decay = [math.exp(-age / settings.time_constant_days) for age in days]
        self._all = list(accumulate(decay, initial=0.0))
        good = (counts if one.success else 0.0 for counts, one in zip(decay, kept, strict=True))
        self._good = list(accumulate(good, initial=0.0))

    @property
    def newest(self) -> datetime:
        return self._ended[-1]

    def expertise(self, now: datetime) -> float:
        """As the function of that name; `now` is not before the newest one."""
        settings = self._settings
        since = (now - self._ended[-1]).total_seconds() / _SECONDS_A_DAY
        faded = math.exp(-since / settings.time_constant_days)
        begin = now - timedelta(days=settings.window_days)
        # Who works every day has no others.
        recent = 0 if self._ended[0] >= begin else bisect_left(self._ended, begin)
        evidence = settings.prior_weight + faded * self._weighed(self._all, recent)
        good = settings.prior_weight * settings.prior + faded * self._weighed(self._good, recent)
        return good / evidence if evidence > 0 else settings.prior

    def _weighed(self, sums: list[float], recent: int) -> float:
        return sums[recent] + self._settings.recent_factor * (sums[-1] - sums[recent])


class History:
    """The last outcomes of one agent, folded in place; real and simulated ones are two histories.

    Bounded: the last `cap` of all types and the last `cap` of each type. The number of runs is counted on. What was
    summed up of them is kept until the next outcome comes: an agent is looked at for every task, and ends few.
    """

    def __init__(self, settings: LearningSettings = DEFAULTS) -> None:
        self._settings = settings
        self._all: deque[RunOutcome] = deque(maxlen=settings.cap)
        self._by_type: dict[str, deque[RunOutcome]] = {}
        self._runs: dict[str, int] = {}
        self._success_rate: float | None = None
        self._evidence: dict[str, _Evidence] = {}

    def kept(self) -> tuple[list[RunOutcome], dict[str, tuple[int, list[RunOutcome]]]]:
        """What `restored` takes: the last outcomes of all types, and for each type its number of runs and its last."""
        return list(self._all), {name: (self._runs[name], list(last)) for name, last in self._by_type.items()}

    @classmethod
    def restored(
        cls,
        settings: LearningSettings,
        all: Iterable[RunOutcome],
        by_type: Mapping[str, tuple[int, Iterable[RunOutcome]]],
    ) -> History:
        history = cls(settings)
        history._all.extend(all)
        history._by_type = {name: deque(last, maxlen=settings.cap) for name, (_, last) in by_type.items()}
        history._runs = {name: runs for name, (runs, _) in by_type.items()}
        return history

    def add(self, outcome: RunOutcome) -> None:
        """The next outcome; they come in the order of the log."""
        self._forget_sums()
        self._all.append(outcome)
        kept = self._by_type.setdefault(outcome.task_type, deque(maxlen=self._settings.cap))
        kept.append(outcome)
        self._runs[outcome.task_type] = self._runs.get(outcome.task_type, 0) + 1

    def reject(self, run_id: str) -> bool:
        """Rejected work counts as a failure (R17). False where the run is not, or no longer, among those kept."""
        self._forget_sums()
        found = [_flip(kept, run_id) for kept in (self._all, *self._by_type.values())]
        return any(found)

    def outcomes(self, task_type: str | None = None) -> tuple[RunOutcome, ...]:
        """The kept outcomes, oldest first: of one type, or the last of all types."""
        return tuple(self._all if task_type is None else self._by_type.get(task_type, ()))

    def task_types(self) -> tuple[str, ...]:
        """The types with at least one run."""
        return tuple(self._by_type)

    def runs(self, task_type: str) -> int:
        return self._runs.get(task_type, 0)

    def success_rate(self) -> float:
        if self._success_rate is None:
            self._success_rate = success_rate(self._all, self._settings)
        return self._success_rate

    def expertise(self, task_type: str, now: datetime) -> float:
        outcomes = self._by_type.get(task_type)
        if not outcomes:
            return expertise((), now, self._settings)
        evidence = self._evidence.get(task_type)
        if evidence is None:
            try:
                evidence = self._evidence[task_type] = _Evidence(outcomes, self._settings)
            except ValueError:
                return expertise(outcomes, now, self._settings)
        if now < evidence.newest:
            return expertise(outcomes, now, self._settings)
        return evidence.expertise(now)

    def confidence(self, task_type: str) -> float:
        return confidence(self.runs(task_type), self._settings)

    def _forget_sums(self) -> None:
        self._success_rate = None
        self._evidence.clear()


def _flip(kept: deque[RunOutcome], run_id: str) -> bool:
    for place, outcome in enumerate(kept):
        if outcome.run_id == run_id:
            kept[place] = replace(outcome, success=False)
            return True
    return False
