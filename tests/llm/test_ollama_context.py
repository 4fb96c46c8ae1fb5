"""Ollama is told how large a context the call needs: its own default cuts long prompts off without a word."""

from __future__ import annotations

import pytest

from events.ids import Provider
from vapora.llm.ollama_client import OllamaClient
from vapora.llm.protocol import Message, ModelRequest


@pytest.mark.parametrize(
    ("prompt_bytes", "output", "context"),
    [(10, 500, 4_096), (10, 4_096, 8_192), (40_000, 4_096, 32_768), (1_000_000, 4_096, 131_072)],
)
async def test_the_context_holds_the_prompt_and_the_answer_up_to_the_models_own(
    prompt_bytes: int, output: int, context: int
) -> None:
    client = OllamaClient(Provider.OLLAMA, "", "http://127.0.0.1:1")
    request = ModelRequest(
        model="llama3.3", messages=(Message(role="user", text="x" * prompt_bytes),), max_output_tokens=output
    )
    assert client.body(request)["options"]["num_ctx"] == context
    await client.aclose()
