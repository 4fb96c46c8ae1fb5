"""Facts about how a model call was routed."""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent, Value
from events.ids import Provider, Tier
from events.money import Amount, MicroUsd


class ModelOption(Value):
    """A model that could have served the call. `excluded` says why it could not."""

    provider: Provider
    model: str
    worst_case_microusd: Amount = MicroUsd(0)
    quality: float = 0.0
    excluded: str | None = None


class ProviderSelected(DomainEvent):
    """The router chose a model, and the budget manager reserved its worst case, in one append.

    `policy`: `rules`, `near-threshold`, `exceeded` or `availability`. `fallback_reason` is set where the
    choice differs from what the rules alone would have taken. `budget` says which scope stood worst.
    """

    TOPIC: ClassVar[str] = "routing.provider-selected"

    run_id: str
    task_id: str
    call_id: str
    step: int
    attempt: int
    provider: Provider
    model: str
    policy: str
    reason: str
    tier: Tier
    budget: str
    candidates: tuple[ModelOption, ...]
    fallback_reason: str | None = None
    simulated: bool = False
