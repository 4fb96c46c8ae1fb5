"""The protocols that models are spoken to in. One more is a module beside these and an entry here (docs/recipes.md)."""

from __future__ import annotations

from vapora.llm.adapter import VendorAdapter
from vapora.llm.anthropic_client import AnthropicClient
from vapora.llm.gemini_client import GeminiClient
from vapora.llm.ollama_client import OllamaClient
from vapora.llm.openai_client import CompatibleClient, OpenAIClient

DIALECTS: dict[str, type[VendorAdapter]] = {
    "anthropic": AnthropicClient,
    "openai": OpenAIClient,
    "openai-compatible": CompatibleClient,
    "gemini": GeminiClient,
    "ollama": OllamaClient,
}
