"""Vectors of texts by the vendors that make them, through their SDKs and over the wire."""

from __future__ import annotations

import pytest

from events.ids import Provider
from vapora.errors import BadAnswerError, InvalidRequestError, OverloadedError
from vapora.llm import factory
from vapora.llm.catalogue import catalogue, shipped
from vapora.llm.protocol import EmbeddingClient, EmbeddingRequest
from vapora.llm.rehearsal import RehearsalClient
from vapora.testing.wire.script import Behaviour, Fault, Raw
from vapora.testing.wire.server import FakeVendors

TEXTS = ("the red kite", "a red kite", "prime numbers")
MODELS = {
    Provider.OPENAI: ("text-embedding-3-small", 256, True),
    Provider.GEMINI: ("gemini-embedding-001", 768, False),
    Provider.OLLAMA: ("nomic-embed-text:v1.5", None, True),
}


def near(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("provider", MODELS)
async def test_each_text_has_its_vector(vendors: FakeVendors, provider: Provider) -> None:
    model, dimensions, counts = MODELS[provider]
    client = factory.clients(vendors.environ(provider))[provider]
    assert isinstance(client, EmbeddingClient)
    request = EmbeddingRequest(model=model, texts=TEXTS, dimensions=dimensions, timeout_s=20)
    try:
        found = await client.embed(request)
        assert [len(one) for one in found.vectors] == [dimensions or 32] * 3
        first, second, third = found.vectors
        assert near(first, second) > near(first, third)
        assert (found.tokens is not None) is counts
        assert len(vendors.ledger.bills) == 1, "one call for all of them"
        vendors.script(provider, Behaviour(fault=Fault.OVERLOADED))
        with pytest.raises(OverloadedError):
            await client.embed(request)
        body = {"data": [], "embeddings": [], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
        vendors.script(provider, Behaviour(raw=Raw(body)))
        with pytest.raises(BadAnswerError):
            await client.embed(request)
    finally:
        await client.aclose()


async def test_who_makes_none_says_so(vendors: FakeVendors) -> None:
    client = factory.clients(vendors.environ(Provider.ANTHROPIC))[Provider.ANTHROPIC]
    assert isinstance(client, EmbeddingClient)
    try:
        with pytest.raises(InvalidRequestError, match="makes no vectors"):
            await client.embed(EmbeddingRequest(model="claude", texts=("a",)))
    finally:
        await client.aclose()


async def test_the_rehearsal_makes_them_too() -> None:
    found = await RehearsalClient(Provider.OPENAI).embed(EmbeddingRequest(model="any", texts=TEXTS))
    first, second, third = found.vectors
    assert near(first, second) > near(first, third)


def test_models_that_make_them_are_listed_and_a_free_provider_has_any() -> None:
    known = shipped()
    small = known.embedding("openai", "text-embedding-3-small")
    assert small is not None and (small.dimensions, small.text_bytes) == (256, 8_000)
    assert known.embedding("ollama", "whatever:latest") is not None
    assert known.embedding("openai", "gpt-6.1-sol") is None and known.embedding("nobody", "x") is None
    assert catalogue().embeddings == known.embeddings
