"""The models that the router knows (M5.1-M5.4), with what it has to know about them beside their prices.

Qualities are baselines, from 0 to 1. ADR-016 gives four: Opus .95, GPT-4 .92, Gemini Flash .88, Ollama .75;
the others are set between them by family and size. Vendors retire models: today's `gpt-6.1-terra`
has the place of GPT-4 and GPT-4o, `gemini-4-argon` that of Gemini Pro. Context windows are those that
`genai-prices` lists; output limits are what each family's models write at most in one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from events.ids import Provider

Size = Literal["economy", "standard", "premium"]
SIZES: tuple[Size, ...] = ("economy", "standard", "premium")

# M13.5: free and local, cheap cloud, middle, premium. It breaks ties.
CHEAPEST_FIRST = (Provider.OLLAMA, Provider.GEMINI, Provider.OPENAI, Provider.ANTHROPIC)

OLLAMA_MODEL = "llama3.3"
_OLLAMA_CONTEXT = 131_072


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """`size`: its place in its family, which roles and rules ask for. `output_tokens`: the most that one answer has.
    `tools`: whether it can call tools; None where nobody knows before its provider is asked."""

    provider: Provider
    model: str
    size: Size
    quality: float
    context_tokens: int
    output_tokens: int
    tools: bool | None = True

    @property
    def key(self) -> tuple[Provider, str]:
        return self.provider, self.model


def models(ollama_model: str = OLLAMA_MODEL) -> tuple[ModelSpec, ...]:
    """The table, with the local model that this installation has. The first of a family and size is its choice."""
    known = ollama_model.partition(":")[0] == OLLAMA_MODEL
    return (
        ModelSpec(Provider.ANTHROPIC, "claude-opus-5-5", "premium", 0.95, 1_000_000, 128_000),
        ModelSpec(Provider.ANTHROPIC, "claude-sonnet-5-5", "standard", 0.93, 1_000_000, 128_000),
        ModelSpec(Provider.ANTHROPIC, "claude-haiku-5-5", "economy", 0.85, 1_000_000, 64_000),
        ModelSpec(Provider.OPENAI, "gpt-6.1-sol", "premium", 0.94, 1_050_000, 128_000, tools=False),
        ModelSpec(Provider.OPENAI, "gpt-6.1-terra", "standard", 0.92, 1_050_000, 128_000),
        ModelSpec(Provider.OPENAI, "gpt-6-luna", "economy", 0.84, 1_050_000, 128_000),
        ModelSpec(Provider.GEMINI, "gemini-4-argon", "standard", 0.92, 1_048_576, 65_536),
        ModelSpec(Provider.GEMINI, "gemini-3.8-flash", "economy", 0.88, 1_000_000, 65_536),
        ModelSpec(Provider.GEMINI, "gemini-3.5-flash-lite", "economy", 0.80, 1_000_000, 65_536),
        ModelSpec(
            Provider.OLLAMA,
            ollama_model,
            "economy",
            0.75,
            _OLLAMA_CONTEXT,
            _OLLAMA_CONTEXT // 2,
            tools=True if known else None,
        ),
    )


MODELS = models()
