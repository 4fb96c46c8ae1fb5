"""How the router looks at the models: what each would cost at worst, who can answer now, whom the rules take."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from actors.llm_router.attempts import Ahead, ChosenModel, following_call, selected
from actors.llm_router.circuit_breaker import CircuitBreaker
from actors.llm_router.sizes import CallSizes
from actors.messages import Call
from events.ids import Provider
from vapora.clock import Clock
from vapora.domain import routing
from vapora.domain.budget import BudgetStatus, ReserveSpend
from vapora.domain.models import ModelSpec
from vapora.domain.pricing import PriceBook
from vapora.errors import ProviderError, UnpricedModelError
from vapora.llm.protocol import ModelClient


class ModelChoice:
    """`models`: all that there are, also those of providers that are not configured. `timeout_s`: how long a call may
    take; `margin_s`: how much longer its reservation lives. `breaker`: who is asked now."""

    def __init__(
        self,
        clients: Mapping[Provider, ModelClient],
        models: tuple[ModelSpec, ...],
        prices: PriceBook,
        clock: Clock,
        breaker: CircuitBreaker,
        timeout_s: float,
        margin_s: float,
    ) -> None:
        self._clients = clients
        self._table = list(models)
        self._learning = asyncio.Lock()
        self._prices = prices
        self._clock = clock
        self._timeout_s = timeout_s
        self._margin_s = margin_s
        self._breaker = breaker
        self._simulated = any(client.simulated for client in clients.values())

    async def learn(self, excluded: dict[tuple[Provider, str], str]) -> None:
        """Ask the providers about models of which nobody knows whether they call tools, or see.

        One that refuses to tell is put into `excluded`, for this call; one that does not answer is left alone for a
        while, like any other that fails.
        """
        async with self._learning:
            for place, spec in enumerate(self._table):
                told_all = None not in (spec.tools, spec.vision)
                known = told_all or spec.provider not in self._clients
                if known or spec.key in excluded or spec.provider in self._breaker.providers_out():
                    continue
                asked_at = self._clock()
                try:
                    told = await self._clients[spec.provider].capabilities(spec.model)
                except ProviderError as error:
                    self._breaker.failed(spec, error, asked_at)
                    if error.scope == "request":
                        excluded[spec.key] = f"{error}"
                    continue
                context = min(told.context_tokens or spec.context_tokens, spec.context_tokens)
                tools = bool(told.tools) if spec.tools is None else spec.tools
                vision = bool(told.vision) if spec.vision is None else spec.vision
                self._table[place] = replace(spec, tools=tools, vision=vision, context_tokens=context)

    def plan(
        self,
        call: Call,
        sizes: CallSizes,
        standing: BudgetStatus,
        excluded: dict[tuple[Provider, str], str],
        *,
        all_up: bool = False,
    ) -> routing.RoutingPlan:
        """Whom to ask, in which order; `all_up`: if every provider answered, and told what it was asked. Models without
        a price are excluded from then on: they are never called."""
        table = self._table
        if all_up:
            table = [replace(one, tools=True) if one.tools is None else one for one in table]
        options: list[routing.Option] = []
        now = self._clock()
        for spec in table:
            if spec.provider not in self._clients:
                continue
            barred = call.barred(spec.provider, spec.model)
            if barred is not None:
                excluded[spec.key] = barred
            if spec.key in excluded:
                continue
            try:
                options.append(routing.Option(spec, self.worst_case(spec, sizes, now)))
            except UnpricedModelError as error:
                excluded[spec.key] = error.message
        return routing.plan(
            task_type=call.routing.task_type,
            complexity=call.routing.complexity,
            critical=call.routing.critical,
            prefers=call.routing.prefers,
            learned=call.routing.learned,
            size=call.routing.size,
            tier=standing.tier,
            when_exceeded=standing.when_exceeded,
            options=options,
            down={} if all_up else self._breaker.providers_out(),
            paused={} if all_up else self._breaker.models_out(),
            excluded=excluded,
            needs=sizes.needs(),
            table=table,
        )

    def worst_case(self, spec: ModelSpec, sizes: CallSizes, now: datetime) -> int:
        """Micro-dollars. What costs nothing however long it is, is not measured."""
        bound = self._prices.bound(spec.provider, spec.model, at=now)
        if bound.is_free:
            return 0
        return bound.of(sizes.counted_bytes(spec, self._clients[spec.provider]), sizes.room(spec))

    def wish(self, call: Call, option: routing.Option, *, cheap: bool) -> ReserveSpend:
        return ReserveSpend(
            call_id=call.call_id,
            attempt=call.attempt,
            charge=call.charge,
            provider=option.spec.provider,
            model=option.spec.model,
            amount_microusd=option.worst_case_microusd,
            cheap_chain=cheap,
            simulated=self._simulated,
            expires_at=self._clock() + timedelta(seconds=self._timeout_s + self._margin_s),
        )

    def following(self, call: Call, choice: ChosenModel, answer: str) -> Ahead | None:
        """The choice for the next step, made beforehand so that its money can be held in the append of this answer.

        It rests on the standing that this call was chosen by; the reservation itself is judged afresh.
        """
        following = following_call(call, answer)
        sizes = CallSizes(following)
        plan = self.plan(following, sizes, choice.standing, {})
        if not plan.options:
            return None
        option = plan.options[0]
        wish = self.wish(following, option, cheap=plan.cheap_chain)
        event = selected(following, plan, option, choice.standing, self._simulated)
        return Ahead(made(wish, option, choice.standing), wish, (event,), sizes)

    def covers(self, held: ChosenModel, call: Call, sizes: CallSizes) -> bool:
        """Whether what was held beforehand is enough for the call as it came, for as long as that may take, and its
        model may be asked now."""
        if held.spec.provider not in self._clients or held.simulated != self._simulated:
            return False  # its key was taken away, or brought, meanwhile
        now = self._clock()
        in_time = now + timedelta(seconds=self._timeout_s) <= held.expires_at
        enough = self.worst_case(held.spec, sizes, now) <= held.amount_microusd
        enough = enough and call.barred(held.spec.provider, held.spec.model) is None
        return in_time and enough and self._breaker.admit(held.spec, call.call_id)

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """Those of configured providers."""
        return tuple(spec for spec in self._table if spec.provider in self._clients)

    # --- who answers ---

    def out(self) -> dict[str, str]:
        """Providers, and models of the other ones, that are left alone now, with the kind of their last failure."""
        whole = self._breaker.providers_out()
        single = {model: why for (provider, model), why in self._breaker.models_out().items() if provider not in whole}
        return {**{str(provider): why for provider, why in whole.items()}, **single}

    def down(self) -> dict[Provider, str]:
        """Providers of which no model is asked now, with the reason: one for all of them, or each model's."""
        whole, single = self._breaker.providers_out(), self._breaker.models_out()
        found: dict[Provider, str] = {}
        for provider in self._clients:
            keys = [(one.provider, one.model) for one in self._table if one.provider == provider]
            reasons = list(dict.fromkeys(single[key] for key in keys if key in single))
            if provider in whole:
                found[provider] = whole[provider]
            elif keys and all(key in single for key in keys):
                found[provider] = ", ".join(reasons)
        return found


def made(wish: ReserveSpend, option: routing.Option, standing: BudgetStatus) -> ChosenModel:
    """The choice that a granted wish is."""
    return ChosenModel(
        wish.call_id,
        wish.attempt,
        option.spec,
        option.worst_case_microusd,
        standing,
        expires_at=wish.expires_at,
        simulated=wish.simulated,
    )
