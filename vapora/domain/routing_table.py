"""The rule: which model a task would take, whatever it costs and whoever answers (B4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from events.ids import Provider
from vapora.domain.models import SIZES, ModelSpec, Size

Complexity = Literal["low", "medium", "high"]
COMPLEXITIES: tuple[Complexity, ...] = ("low", "medium", "high")
_Family = tuple[Provider, Size]
_OPUS: _Family = (Provider.ANTHROPIC, "premium")
_SONNET: _Family = (Provider.ANTHROPIC, "standard")
_HAIKU: _Family = (Provider.ANTHROPIC, "economy")
_GPT: _Family = (Provider.OPENAI, "standard")
_PRO: _Family = (Provider.GEMINI, "standard")
_FLASH: _Family = (Provider.GEMINI, "economy")
_LOCAL: _Family = (Provider.OLLAMA, "economy")
# B4's decided table: what each type takes, and what it takes instead at one complexity.
_BY_TYPE: dict[str, tuple[_Family, dict[Complexity, _Family]]] = {
    "architecture-design": (_OPUS, {}),
    "security-analysis": (_OPUS, {}),
    "code-generation": (_SONNET, {"high": _OPUS}),
    "code-review": (_SONNET, {"high": _OPUS}),
    "code-refactor": (_SONNET, {"high": _OPUS}),
    "unit-test": (_GPT, {}),
    "integration-test": (_GPT, {}),
    "performance-analysis": (_PRO, {}),
    "document-generation": (_GPT, {"low": _HAIKU}),
    "code-documentation": (_GPT, {"low": _HAIKU}),
    "api-documentation": (_GPT, {"low": _HAIKU}),
    "general-query": (_FLASH, {}),
    "embeddings": (_LOCAL, {}),
    "semantic-search": (_LOCAL, {}),
}
# Every other type: decisions are premium, monitoring is economy, as their roles' manifests say.
_BY_SIZE: dict[Size, _Family] = {"premium": _OPUS, "standard": _SONNET, "economy": _FLASH}


def rule(
    task_type: str,
    complexity: Complexity,
    critical: bool,
    default_size: Size,
    table: Sequence[ModelSpec],
) -> tuple[ModelSpec, str]:
    """The model that the rules alone would take, and why. `critical` raises it one size within its family."""
    if task_type in _BY_TYPE:
        family, instead = _BY_TYPE[task_type]
        reason = f"rule for {task_type}"
        if complexity in instead:
            family, reason = instead[complexity], f"{reason} of {complexity} complexity"
    else:
        family, reason = _BY_SIZE[default_size], f"{default_size} model of the role, no rule for {task_type}"
    spec = _of_family(family, table)
    if critical:
        larger = _one_larger(spec, table)
        spec, reason = larger, f"{reason}, critical" + (": one size up" if larger != spec else "")
    return spec, f"{reason}: {spec.model}"


def preferred(prefers: str, ruled: ModelSpec, table: Sequence[ModelSpec]) -> ModelSpec | None:
    """The model of that name; of a provider, the one of the size that the rules would take. None: there is none."""
    provider, _, model = prefers.partition("/")
    of_provider = [spec for spec in table if spec.provider == provider]
    if model:
        return next((spec for spec in of_provider if spec.model == model), None)
    return min(of_provider, key=lambda spec: abs(_rank(spec.size) - _rank(ruled.size)), default=None)


def _of_family(family: _Family, table: Sequence[ModelSpec]) -> ModelSpec:
    """The first of its size; in a table of the installation's own the family's nearest in size, else of all."""
    provider, size = family
    ours = [spec for spec in table if spec.provider == provider] or list(table)
    return min(ours, key=lambda spec: abs(_rank(spec.size) - _rank(size)))


def _one_larger(spec: ModelSpec, table: Sequence[ModelSpec]) -> ModelSpec:
    """The family's next size, or the same model where it has none."""
    larger = [one for one in table if one.provider == spec.provider and _rank(one.size) > _rank(spec.size)]
    return min(larger, key=lambda one: _rank(one.size), default=spec)


def _rank(size: Size) -> int:
    return SIZES.index(size)
