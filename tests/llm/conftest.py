from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest

from events.ids import PROVIDERS, Provider
from tests.ports import free_port
from vapora.llm import factory
from vapora.llm.protocol import Message, ModelAnswer, ModelClient, ModelRequest, TextDelta, ToolSpec
from vapora.testing import FakeVendors

MODELS = {
    Provider.ANTHROPIC: "claude-opus-5-5",
    Provider.OPENAI: "gpt-6.1-sol",
    Provider.GEMINI: "gemini-4-argon",
    Provider.OLLAMA: "qwen3",
}

SEARCH = ToolSpec(
    name="search",
    description="Searches the code.",
    parameters={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "where": {
                "type": "object",
                "properties": {"depth": {"type": "integer", "minimum": 1}},
                "required": ["depth"],
            },
        },
        "required": ["where"],
    },
)


def request_for(provider: Provider, text: str = "Grüße, “world” 世界 🙂", **fields: object) -> ModelRequest:
    values: dict[str, object] = {
        "model": MODELS[provider],
        "system": "# Developer\nYou write code.",
        "messages": (Message(role="user", text=text),),
        "max_output_tokens": 400,
        "timeout_s": 20,
    }
    return ModelRequest.model_validate(values | fields)


async def streamed(client: ModelClient, request: ModelRequest) -> tuple[list[str], ModelAnswer]:
    pieces = [piece async for piece in client.stream(request)]
    last = pieces[-1]
    assert isinstance(last, ModelAnswer)
    return [piece.text for piece in pieces[:-1] if isinstance(piece, TextDelta)], last


@pytest.fixture(params=PROVIDERS, ids=str)
def provider(request: pytest.FixtureRequest) -> Provider:
    chosen = request.param
    assert isinstance(chosen, Provider)
    return chosen


@pytest.fixture(scope="session")
def running_vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as fake:
        yield fake


@pytest.fixture
def vendors(running_vendors: FakeVendors) -> FakeVendors:
    """One server for all tests of the room: stopping one takes 0.1 s, and there are 200 tests."""
    running_vendors.reset()
    return running_vendors


Connect = Callable[[Mapping[str, str]], ModelClient]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes the one client that an environment configures, and closes it after the test."""
    made: list[ModelClient] = []

    def client_for(environ: Mapping[str, str]) -> ModelClient:
        (adapter,) = factory.clients(environ).values()
        made.append(adapter)
        return adapter

    yield client_for
    for adapter in made:
        await adapter.aclose()


@pytest.fixture
def client(connect: Connect, vendors: FakeVendors, provider: Provider) -> ModelClient:
    return connect(vendors.environ(provider))


@pytest.fixture
def dead_port() -> int:
    """A port of loopback that nobody listens on."""
    return free_port()
