from __future__ import annotations

import subprocess
import sys

import pytest

from events.ids import PROVIDERS, Provider
from vapora.llm import factory


def test_without_any_key_the_rehearsal_stands_in_for_all_four() -> None:
    made = factory.clients({"ANTHROPIC_API_KEY": " ", "PATH": "/bin"}, "auto", (0.0, 0.1))
    assert set(made) == set(PROVIDERS)
    assert all(client.simulated for client in made.values())
    assert factory.is_rehearsal({}, "auto")


@pytest.mark.parametrize(
    ("variable", "provider"),
    [
        ("ANTHROPIC_API_KEY", Provider.ANTHROPIC),
        ("OPENAI_API_KEY", Provider.OPENAI),
        ("GEMINI_API_KEY", Provider.GEMINI),
        ("OLLAMA_HOST", Provider.OLLAMA),
    ],
)
def test_one_variable_configures_one_provider(variable: str, provider: Provider) -> None:
    environ = {variable: "http://localhost:11434"}
    made = factory.clients(environ, "auto", (0, 0))
    assert list(made) == [provider]
    assert made[provider].provider is provider
    assert not made[provider].simulated
    assert not factory.is_rehearsal(environ, "auto")


def test_rehearsal_means_rehearsal_whatever_is_configured() -> None:
    environ = {"ANTHROPIC_API_KEY": "k"}
    assert all(client.simulated for client in factory.clients(environ, "rehearsal", (0, 0)).values())
    assert factory.is_rehearsal(environ, "rehearsal")


def test_neither_importing_nor_making_clients_nor_measuring_loads_an_sdk() -> None:
    code = """
import sys
from vapora.llm import factory
from vapora.llm.protocol import Message, ModelRequest
made = factory.clients({"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", "OLLAMA_HOST": "h"})
request = ModelRequest(model="m", messages=(Message(role="user", text="hi"),), max_output_tokens=9)
assert all(client.request_bytes(request) > 50 for client in made.values())
heavy = {"anthropic", "openai", "google.genai", "ollama", "httpx", "httpx2", "aiohttp", "ray"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
