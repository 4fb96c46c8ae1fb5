"""What the vendors said when they gave no answer: for a card that waits, whose reader needs the vendor's own words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from vapora.clock import Clock
from vapora.domain.models import ModelSpec
from vapora.domain.routing import ModelKey

# Longer than any model is left alone after a failure: what is older is not the reason why nobody answers now.
_FRESH = timedelta(minutes=10)
_MOST = 3
_LONGEST = 1_000


class VendorSentences:
    """The last failure of each model, until it answers.

    A workspace sees those of its own calls, for a vendor may quote what it was asked.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[tuple[str, str, ModelKey], tuple[datetime, str]] = {}

    def failed(self, workspace: str, spec: ModelSpec, sentence: str, account: str = "") -> None:
        """`account`: as of `CircuitBreaker.account`, whose key it was."""
        key = (workspace, account, (spec.provider, spec.model))
        self._said.pop(key, None)  # so that the newest stands last
        self._said[key] = (self._clock(), sentence)

    def answered(self, spec: ModelSpec, account: str = "") -> None:
        done = (account, (spec.provider, spec.model))
        self._said = {key: one for key, one in self._said.items() if key[1:] != done}

    def told(self, workspace: str) -> str:
        """The newest of them, each model's with its name; empty where there are none."""
        oldest = self._clock() - _FRESH
        fresh = [
            (model, sentence)
            for (ours, _, (_, model)), (at, sentence) in self._said.items()
            if ours == workspace and at >= oldest
        ]
        return listed(fresh[-_MOST:])


def listed(sentences: Iterable[tuple[str, str]]) -> str:
    """`model: sentence`, one after the other."""
    return " ".join(
        f"{model}: {sentence if sentence.endswith('.') else sentence + '.'}" for model, sentence in sentences
    )


def shortened(text: str) -> str:
    """At most as much as a card can show; vendors' sentences are as long as they like."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
