"""Who is asked now: providers and models rest after failures, then one call at a time finds out whether they answer.

Without that one call, all runs that wait would ask in the moment in which a pause ends.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from events.ids import Provider
from vapora.clock import Clock
from vapora.domain import availability
from vapora.domain.availability import Availability
from vapora.domain.models import ModelSpec
from vapora.domain.routing import ModelKey
from vapora.errors import ProviderError

# A model, or all of a provider's, as they are for whoever asks with one key.
_Key = tuple[str, ModelKey]
# When to look again at a model that another call is trying.
_TRIED_FOR_S = 2.0
# What is known of a provider as a whole stands under no model.
_WHOLE = ""


@dataclass(slots=True)
class Availabilities:
    """What is known, by account: the one of the installation is '', a key that a workspace brought is another.

    `tried_by`: models in doubt, and which call is finding out. `recovered`: set when one that was in doubt answers.
    """

    states: dict[_Key, Availability] = field(default_factory=dict)
    tried_by: dict[_Key, str] = field(default_factory=dict)
    recovered: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))


class CircuitBreaker:
    """`chance`: random numbers from 0 to 1, which spread the pauses. `accounts`: whose key each provider is asked with,
    where it is not the installation's; `known` is shared by all who may ask with the same one."""

    def __init__(
        self,
        models: Sequence[ModelSpec],
        clock: Clock,
        chance: Callable[[], float],
        accounts: Mapping[Provider, str] | None = None,
        known: Availabilities | None = None,
    ) -> None:
        self._models = tuple(models)
        self._clock = clock
        self._chance = chance
        self._accounts = accounts or {}
        self._known = known or Availabilities()

    def account(self, provider: Provider) -> str:
        return self._accounts.get(provider, "")

    def forget_own(self) -> None:
        """What is known of the accounts that are nobody else's: their keys are used no more."""
        own, known = set(self._accounts.values()), self._known
        known.states = {key: one for key, one in known.states.items() if key[0] not in own}
        known.tried_by = {key: one for key, one in known.tried_by.items() if key[0] not in own}
        for account in own:
            known.recovered.pop(account, None)

    # --- a call's way ---

    def admit(self, spec: ModelSpec, call_id: str) -> bool:
        """Whether the call may go there now. What is in doubt takes one call at a time, until `end`."""
        self.end(call_id)
        now = self._clock()
        if any(self._reason(key, now) for key in self._keys(spec)):
            return False
        self._known.tried_by |= {key: call_id for key in self._keys(spec) if self._state(key).in_doubt}
        return True

    def end(self, call_id: str) -> None:
        """The call asks nobody any more."""
        tried_by = self._known.tried_by
        self._known.tried_by = {key: one for key, one in tried_by.items() if one != call_id}

    def succeeded(self, spec: ModelSpec, asked_at: datetime) -> None:
        for key in self._keys(spec):
            self._mend(key, asked_at)

    def failed(self, spec: ModelSpec, error: ProviderError, asked_at: datetime) -> None:
        """A provider that refuses one model, or one request, can be reached and takes the key."""
        whole, model = self._keys(spec)
        match error.scope:
            case "request":
                self.succeeded(spec, asked_at)
            case "model":
                self._mend(whole, asked_at)
                self._pause(model, error, asked_at)
            case "provider":
                self._pause(whole, error, asked_at)

    def _mend(self, key: _Key, asked_at: datetime) -> None:
        before = self._state(key)
        self._known.states[key] = after = availability.after_success(before, asked_at)
        if before.in_doubt and not after.in_doubt:
            # Whoever waits now is told; whoever comes later waits for the next one.
            self._known.recovered.pop(key[0], asyncio.Event()).set()

    def _pause(self, key: _Key, error: ProviderError, asked_at: datetime) -> None:
        self._known.states[key] = availability.after_failure(
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
        if not self._somebody_is_out(now):
            return {}
        return {
            provider: reason
            for provider in dict.fromkeys(spec.provider for spec in self._models)
            if (reason := self._reason(self._key(provider, _WHOLE), now))
        }

    def models_out(self) -> dict[ModelKey, str]:
        """Models that are not asked now for a reason of their own."""
        now = self._clock()
        if not self._somebody_is_out(now):
            return {}
        keys = [self._key(spec.provider, spec.model) for spec in self._models]
        return {model: reason for account, model in keys if (reason := self._reason((account, model), now))}

    def proven(self, spec: ModelSpec) -> bool:
        """It answered, and has not failed since. One that was never asked is not."""
        return all(key in self._known.states and not self._state(key).in_doubt for key in self._keys(spec))

    def next_up(self) -> datetime:
        """When the first of those that are out may be asked again."""
        now = self._clock()
        times = [max(self._until(key, now) for key in self._keys(spec)) for spec in self._models]
        return min((one for one in times if one > now), default=now)

    async def recovery(self) -> None:
        """Returns as soon as one that was in doubt answers."""
        accounts = {self.account(spec.provider) for spec in self._models}
        waits = [asyncio.ensure_future(self._known.recovered[one].wait()) for one in accounts]
        try:
            if waits:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.get_running_loop().create_future()
        finally:
            for one in waits:
                one.cancel()

    def _key(self, provider: Provider, model: str) -> _Key:
        return self.account(provider), (provider, model)

    def _keys(self, spec: ModelSpec) -> tuple[_Key, _Key]:
        return self._key(spec.provider, _WHOLE), self._key(spec.provider, spec.model)

    def _somebody_is_out(self, now: datetime) -> bool:
        """Asked for each call, and mostly nobody is."""
        return bool(self._known.tried_by) or any(one.paused(now) for one in self._known.states.values())

    def _state(self, key: _Key) -> Availability:
        return self._known.states.get(key) or Availability()

    def _reason(self, key: _Key, now: datetime) -> str:
        """Why it is not asked now; empty if it is."""
        state = self._state(key)
        return state.reason if state.paused(now) or key in self._known.tried_by else ""

    def _until(self, key: _Key, now: datetime) -> datetime:
        state = self._state(key)
        if state.until is not None and state.paused(now):
            return state.until
        return now + timedelta(seconds=_TRIED_FOR_S) if key in self._known.tried_by else now
