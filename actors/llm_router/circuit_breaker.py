"""Who is asked now: providers and models rest after failures, then one call at a time finds out whether they answer.

Without that one call, all runs that wait would ask in the moment in which a pause ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from events.ids import Provider
from vapora.clock import Clock
from vapora.domain import availability
from vapora.domain.availability import Availability
from vapora.domain.models import ModelSpec
from vapora.domain.routing import ModelKey
from vapora.errors import ProviderError

# When to look again at a model that another call is trying.
_TRIED_FOR_S = 2.0
# What is known of a provider as a whole stands under no model.
_WHOLE = ""


class CircuitBreaker:
    """`chance`: random numbers from 0 to 1, which spread the pauses."""

    def __init__(self, models: Sequence[ModelSpec], clock: Clock, chance: Callable[[], float]) -> None:
        self._models = tuple(models)
        self._clock = clock
        self._chance = chance
        self._states: dict[ModelKey, Availability] = {}
        self._tried_by: dict[ModelKey, str] = {}  # in doubt, and which call is finding out
        self._recovered = asyncio.Event()

    # --- a call's way ---

    def admit(self, spec: ModelSpec, call_id: str) -> bool:
        """Whether the call may go there now. What is in doubt takes one call at a time, until `end`."""
        self.end(call_id)
        now = self._clock()
        if any(self._reason(key, now) for key in _keys(spec)):
            return False
        self._tried_by |= {key: call_id for key in _keys(spec) if self._state(key).in_doubt}
        return True

    def end(self, call_id: str) -> None:
        """The call asks nobody any more."""
        self._tried_by = {key: one for key, one in self._tried_by.items() if one != call_id}

    def succeeded(self, spec: ModelSpec, asked_at: datetime) -> None:
        for key in _keys(spec):
            self._mend(key, asked_at)

    def failed(self, spec: ModelSpec, error: ProviderError, asked_at: datetime) -> None:
        """A provider that refuses one model, or one request, can be reached and takes the key."""
        whole, model = _keys(spec)
        match error.scope:
            case "request":
                self.succeeded(spec, asked_at)
            case "model":
                self._mend(whole, asked_at)
                self._pause(model, error, asked_at)
            case "provider":
                self._pause(whole, error, asked_at)

    def _mend(self, key: ModelKey, asked_at: datetime) -> None:
        before = self._state(key)
        self._states[key] = after = availability.after_success(before, asked_at)
        if before.in_doubt and not after.in_doubt:
            self._recovered.set()
            self._recovered = asyncio.Event()

    def _pause(self, key: ModelKey, error: ProviderError, asked_at: datetime) -> None:
        self._states[key] = availability.after_failure(
            self._state(key),
            error.kind,
            error.retry_after_s,
            asked_at=asked_at,
            now=self._clock(),
            jitter=self._chance(),
        )

    # --- who is out ---

    def providers_out(self) -> dict[Provider, str]:
        """Those of which no model is asked now for a reason that concerns all of them: the kind of the last failure."""
        now = self._clock()
        return {
            provider: reason
            for provider in dict.fromkeys(spec.provider for spec in self._models)
            if (reason := self._reason((provider, _WHOLE), now))
        }

    def models_out(self) -> dict[ModelKey, str]:
        """Models that are not asked now for a reason of their own."""
        now = self._clock()
        keys = [(spec.provider, spec.model) for spec in self._models]
        return {key: reason for key in keys if (reason := self._reason(key, now))}

    def proven(self, spec: ModelSpec) -> bool:
        """It answered, and has not failed since. One that was never asked is not."""
        return all(key in self._states and not self._state(key).in_doubt for key in _keys(spec))

    def next_up(self) -> datetime:
        """When the first of those that are out may be asked again."""
        now = self._clock()
        times = [max(self._until(key, now) for key in _keys(spec)) for spec in self._models]
        return min((one for one in times if one > now), default=now)

    async def recovery(self) -> None:
        """Returns as soon as one that was in doubt answers."""
        await self._recovered.wait()

    def _state(self, key: ModelKey) -> Availability:
        return self._states.get(key) or Availability()

    def _reason(self, key: ModelKey, now: datetime) -> str:
        """Why it is not asked now; empty if it is."""
        state = self._state(key)
        return state.reason if state.paused(now) or key in self._tried_by else ""

    def _until(self, key: ModelKey, now: datetime) -> datetime:
        state = self._state(key)
        if state.until is not None and state.paused(now):
            return state.until
        return now + timedelta(seconds=_TRIED_FOR_S) if key in self._tried_by else now


def _keys(spec: ModelSpec) -> tuple[ModelKey, ModelKey]:
    return (spec.provider, _WHOLE), (spec.provider, spec.model)
