"""Facts about how a model call was routed."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from events.base import DomainEvent, Value
from events.ids import Provider, Tier
from events.money import Amount, MicroUsd


class ModelOption(Value):
    """A model that could have served the call. `excluded` says why it could not. `quality` is what the choice went by;
    where it was learned from runs, `baseline` is what it was drawn from, and `runs` how many say so (a run that several
    models answered counts for each by its share)."""

    provider: Provider
    model: str
    worst_case_microusd: Amount = MicroUsd(0)
    quality: float = 0.0
    baseline: float | None = None
    runs: float = Field(default=0.0, ge=0)
    excluded: str | None = None


class ProviderSelected(DomainEvent):
    """The router chose a model, and the budget manager reserved its worst case, in one append.

    `policy`: `rules`, `learned`, `near-threshold`, `exceeded` or `availability`. `fallback_reason` is set where the
    choice differs from what the rules alone would have taken. `budget` says which scope stood worst.
    """

    TOPIC: ClassVar[str] = "routing.provider-selected"
    VERSION: ClassVar[int] = 2

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

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew only baselines of quality."""
        return data if version == 1 else super().upcast(version, data)
