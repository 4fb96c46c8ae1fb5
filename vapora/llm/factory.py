"""Which clients there are, from the environment. Importing this loads no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from vapora.llm.anthropic_client import AnthropicClient
from vapora.llm.gemini_client import GeminiClient
from vapora.llm.ollama_client import OllamaClient
from vapora.llm.openai_client import OpenAIClient
from vapora.llm.protocol import ModelClient, Provider
from vapora.llm.rehearsal import RehearsalClient

Mode = Literal["auto", "rehearsal"]

# The variable whose presence configures a provider. Ollama needs no key, so its address does.
_SWITCH = {
    Provider.ANTHROPIC: "ANTHROPIC_API_KEY",
    Provider.OPENAI: "OPENAI_API_KEY",
    Provider.GEMINI: "GEMINI_API_KEY",
    Provider.OLLAMA: "OLLAMA_HOST",
}


def configured(environ: Mapping[str, str]) -> tuple[Provider, ...]:
    """The providers that the environment names; a variable that is empty or blank counts as absent."""
    return tuple(provider for provider in Provider if _get(environ, _SWITCH[provider]))


def switch(provider: Provider) -> str:
    """The variable that configures it."""
    return _SWITCH[provider]


def is_rehearsal(environ: Mapping[str, str], mode: Mode) -> bool:
    """True if no real model will answer."""
    return mode == "rehearsal" or not configured(environ)


def clients(
    environ: Mapping[str, str], mode: Mode = "auto", rehearsal_delay: tuple[float, float] = (0.0, 0.0)
) -> dict[Provider, ModelClient]:
    """One client for each configured provider; the rehearsal model for all four where it stands in.

    They connect to nothing and import no SDK until they are first asked. `rehearsal_delay` bounds the
    rehearsal's answers in seconds.
    """
    if is_rehearsal(environ, mode):
        return {provider: RehearsalClient(provider, rehearsal_delay) for provider in Provider}
    return {provider: _client(provider, environ) for provider in configured(environ)}


def _client(provider: Provider, environ: Mapping[str, str]) -> ModelClient:
    key = _get(environ, _SWITCH[provider])
    if provider is Provider.ANTHROPIC:
        return AnthropicClient(key, _get(environ, "ANTHROPIC_BASE_URL") or None)
    if provider is Provider.OPENAI:
        return OpenAIClient(key, _get(environ, "OPENAI_BASE_URL") or None)
    if provider is Provider.GEMINI:
        return GeminiClient(key, _get(environ, "GOOGLE_GEMINI_BASE_URL") or None)
    return OllamaClient(_get(environ, "OLLAMA_API_KEY"), key)


def _get(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()
