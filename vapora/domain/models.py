"""What the router knows of a model beside its price (M5.1-M5.4). Which there are is data: `vapora/llm/models.toml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from events.ids import Provider

Size = Literal["economy", "standard", "premium"]
SIZES: tuple[Size, ...] = ("economy", "standard", "premium")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """`size`: its place in its family, which roles and rules ask for. `quality`: from 0 to 1. `output_tokens`: the most
    that one answer has. `tools`: whether it can call tools; None where nobody knows before its provider is asked.
    `vision`: whether it can see images, likewise; `image_tokens`: the most tokens that an image counts as there.
    `free`: its provider bills nothing. `rank`: which of two that cost the same goes first (M13.5)."""

    provider: Provider
    model: str
    size: Size
    quality: float
    context_tokens: int
    output_tokens: int
    tools: bool | None = True
    free: bool = False
    rank: int = 0
    vision: bool | None = False
    image_tokens: int = 0
    # Made once: a choice among all models looks at it a hundred times.
    key: tuple[Provider, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", (self.provider, self.model))

    def tokens_of(self, images: int) -> int:
        """The most that so many images count as: none where the model is not shown any."""
        return images * self.image_tokens if self.vision else 0
