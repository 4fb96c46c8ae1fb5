"""Which model a call goes to (B4, M13.2-M13.5, R7, R9): the task's rule, unless money or health say otherwise.

Two chains. The *budget chain* goes by this call's worst-case cost: near a limit the best quality for
the money, past it what is free and then the cheapest. The *availability chain* goes by quality: it
follows the rule's model where that one cannot answer.

Where quality is learned (`vapora.domain.model_quality`), it takes the baseline's place throughout, and where neither
money nor health decides, a model that is known to be better than the rule's and not dearer goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from events.ids import Provider, Tier, WhenExceeded
from events.money import MicroUsd
from events.routing import ModelOption
from vapora.domain.model_quality import Evidence, with_learned
from vapora.domain.models import ModelSpec, Size
from vapora.domain.routing_chains import Option as Option
from vapora.domain.routing_chains import availability_chain, budget_chain, by_cost, quality_chain
from vapora.domain.routing_chains import efficiency as efficiency
from vapora.domain.routing_table import COMPLEXITIES as COMPLEXITIES
from vapora.domain.routing_table import Complexity as Complexity
from vapora.domain.routing_table import preferred
from vapora.domain.routing_table import rule as rule

Policy = Literal["rules", "learned", "near-threshold", "exceeded", "availability"]
ModelKey = tuple[Provider, str]


@dataclass(frozen=True, slots=True)
class Routing:
    """What the choice of a model depends on, beside the budget and who answers. `prefers`: a model (`provider/model`),
    or a provider, in place of the rule's, where there is one of that name. `learned`: what runs say of models at this
    type of task; None: qualities are not learned."""

    task_type: str
    size: Size
    complexity: Complexity = "medium"
    critical: bool = False
    prefers: str = ""
    learned: tuple[Evidence, ...] | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a call asks of a model: room in its context for the prompt, its images and the answer, and whether it calls
    tools. A model that cannot see is told of images by their names."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    tools: bool = False
    images: int = 0

    def lacking(self, spec: ModelSpec) -> str | None:
        """Why the model cannot take the call, ever; None where it can."""
        if self.tools and spec.tools is None:
            return "whether it can call tools is not known"
        if self.tools and not spec.tools:
            return "it cannot call tools"
        wanted = self.prompt_tokens + spec.tokens_of(self.images) + min(self.output_tokens, spec.output_tokens)
        if spec.context_tokens < wanted:
            return f"its context of {spec.context_tokens} tokens is too small for {wanted}"
        return None


@dataclass(frozen=True, slots=True)
class RoutingPlan:
    """`options`: to be tried in this order. `candidates`: every known model, those left out with the reason.

    `fallback_reason`: why the first is not the rule's model. `cheap_chain`: reservations may use an overflow.
    `would_do`: the best one that could take the call, if its provider were configured.
    """

    policy: Policy
    options: tuple[Option, ...]
    candidates: tuple[ModelOption, ...]
    reason: str
    cheap_chain: bool
    fallback_reason: str | None
    would_do: ModelSpec | None = None


@dataclass(frozen=True, slots=True)
class _Left:
    """Who is not asked, and why, as `plan` is told."""

    down: Mapping[Provider, str]
    paused: Mapping[ModelKey, str]
    excluded: Mapping[ModelKey, str]


@dataclass(frozen=True, slots=True)
class _Field:
    """The models that can take the call, the rest with the reason why not, and the rule's model."""

    ruled: ModelSpec
    usable: tuple[Option, ...]
    excluded: dict[ModelKey, str]
    would_do: ModelSpec | None

    @property
    def obstacle(self) -> str | None:
        """Why the rule's model cannot take the call."""
        return self.excluded.get(self.ruled.key)


def plan(
    *,
    task_type: str,
    complexity: Complexity,
    critical: bool,
    size: Size,
    tier: Tier,
    options: Sequence[Option],
    needs: Needs,
    table: Sequence[ModelSpec],
    down: Mapping[Provider, str] | None = None,
    paused: Mapping[ModelKey, str] | None = None,
    excluded: Mapping[ModelKey, str] | None = None,
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK,
    prefers: str = "",
    learned: tuple[Evidence, ...] | None = None,
) -> RoutingPlan:
    """Order the models that can take the call.

    `table`: all models that there are; `options`: those of configured providers. `down`: providers that are left alone
    now, with the reason; `paused`: single models that are, while their siblings are asked. `excluded`: models that
    cannot take this call for a reason learned elsewhere. `prefers`, `learned`: as in `Routing`.

    A budget that says stop is planned like any other: its reservations are refused. Of what was learned the plan's
    candidates tell, each with its baseline and how many runs say so; its options are models as they ship.
    """
    shipped = {spec.key: spec for spec in table}
    if learned is not None:
        table = [with_learned(spec, learned) for spec in table]
        options = [replace(one, spec=with_learned(one.spec, learned)) for one in options]
    ruled, why = rule(task_type, complexity, critical, size, table)
    if (wanted := preferred(prefers, ruled, table)) is not None:
        ruled, why = wanted, f"the agent's package prefers {wanted.provider}/{wanted.model}"
    found = _field(ruled, table, options, needs, _Left(down or {}, paused or {}, excluded or {}))
    by_quality = None
    if learned is not None and wanted is None and not found.obstacle:
        by_quality = quality_chain(found.usable, ruled, shipped[ruled.key].quality, learned)
    planned = _planned(found, table, options, tier, when_exceeded, why, by_quality)
    return planned if learned is None else _told(planned, shipped, learned)


def _planned(
    found: _Field,
    table: Sequence[ModelSpec],
    options: Sequence[Option],
    tier: Tier,
    when_exceeded: WhenExceeded,
    why: str,
    by_quality: tuple[Option, ...] | None,
) -> RoutingPlan:
    match tier:
        case Tier.NEAR:
            return _near(found, table, options, why)
        case Tier.EXCEEDED:
            stops = "the budget is exceeded and says stop" if when_exceeded is WhenExceeded.STOP else None
            reason = stops or "the budget is exceeded: what is free first, then the cheapest for this call"
            return _made(found, table, options, "exceeded", budget_chain(found.usable), reason, "budget exceeded")
        case _ if by_quality is not None:
            best, reason = by_quality[0].spec, f"{why}: none that costs no more is known to be better"
            if best.key != found.ruled.key:
                reason = (
                    f"{why}, but {best.model} costs no more and its learned quality is {best.quality:.3f}, "
                    f"against {found.ruled.quality:.3f}"
                )
            return _made(found, table, options, "learned", by_quality, reason, "learned quality")
        case _:
            order = availability_chain(found.usable, found.ruled)
            policy: Policy = "availability" if found.obstacle else "rules"
            reason = f"{why} is out, so the next best quality" if found.obstacle else why
            return _made(found, table, options, policy, order, reason, "availability")


def _near(found: _Field, table: Sequence[ModelSpec], options: Sequence[Option], why: str) -> RoutingPlan:
    """The most efficient of those that are not dearer than the rule's model; dearer ones only where nothing else
    is left, since work that can be done is better than work that waits."""
    ceiling = next((one.worst_case_microusd for one in options if one.spec.key == found.ruled.key), None)
    within = [one for one in found.usable if ceiling is None or one.worst_case_microusd <= ceiling]
    if found.usable and not within:
        reason = f"{why} is out, and so is all that costs no more: the cheapest that is left"
        return _made(found, table, options, "availability", budget_chain(found.usable), reason, "availability")
    order = tuple(sorted(within, key=lambda one: (-efficiency(one), *by_cost(one))))
    too_dear = f"dearer than the rule's {found.ruled.model}"
    kept = {one.spec.key for one in within}
    dearer = {one.spec.key: too_dear for one in found.usable if one.spec.key not in kept}
    found = replace(found, usable=order, excluded={**found.excluded, **dearer})
    reason = "the budget is near its limit: the best quality for the cost of this call"
    return _made(found, table, options, "near-threshold", order, reason, "budget near its limit")


def _made(
    found: _Field,
    table: Sequence[ModelSpec],
    options: Sequence[Option],
    policy: Policy,
    order: tuple[Option, ...],
    reason: str,
    cause: str,
) -> RoutingPlan:
    fallback = None
    if order and order[0].spec.key != found.ruled.key:
        obstacle = f"; {found.ruled.model}: {found.obstacle}" if found.obstacle else ""
        fallback = f"{cause}{obstacle or f', instead of {found.ruled.model}'}"
    costs = {one.spec.key: one.worst_case_microusd for one in options}
    left_out = [spec for spec in table if spec.key in found.excluded]
    candidates = tuple(
        ModelOption(
            provider=spec.provider,
            model=spec.model,
            worst_case_microusd=MicroUsd(costs.get(spec.key, 0)),
            quality=spec.quality,
            excluded=found.excluded.get(spec.key),
        )
        for spec in (*(one.spec for one in order), *left_out)
    )
    return RoutingPlan(policy, order, candidates, reason, policy == "exceeded", fallback, found.would_do)


def _told(planned: RoutingPlan, shipped: Mapping[ModelKey, ModelSpec], learned: tuple[Evidence, ...]) -> RoutingPlan:
    runs = {one.model: one.runs for one in learned}
    return replace(
        planned,
        options=tuple(replace(one, spec=shipped[one.spec.key]) for one in planned.options),
        candidates=tuple(
            one.model_copy(
                update={
                    "baseline": shipped[one.provider, one.model].quality,
                    "runs": runs.get(f"{one.provider}/{one.model}", 0.0),
                }
            )
            for one in planned.candidates
        ),
        would_do=None if planned.would_do is None else shipped[planned.would_do.key],
    )


def _field(
    ruled: ModelSpec,
    table: Sequence[ModelSpec],
    options: Sequence[Option],
    needs: Needs,
    left: _Left,
) -> _Field:
    offered = {one.spec.key for one in options}
    configured = {one.spec.provider for one in options}
    configured.update(provider for provider, _ in left.excluded)
    out: dict[ModelKey, str] = {}
    absent: list[ModelSpec] = []
    for spec in table:
        lacking = needs.lacking(spec)
        if spec.provider not in configured and lacking is None:
            absent.append(spec)
        if spec.key in left.excluded:
            why: str | None = left.excluded[spec.key]
        elif spec.key not in offered:
            why = "not offered" if spec.provider in configured else f"{spec.provider} is not configured"
        elif spec.provider in left.down:
            why = f"{spec.provider} is down: {left.down[spec.provider]}"
        elif spec.key in left.paused:
            why = f"paused: {left.paused[spec.key]}"
        else:
            why = lacking
        if why:
            out[spec.key] = why
    return _Field(
        ruled,
        tuple(one for one in options if one.spec.key not in out),
        out,
        max(absent, key=lambda spec: (spec == ruled, spec.quality), default=None),
    )
