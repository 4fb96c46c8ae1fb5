"""The fake itself: what tests of the spend cap rely on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from events.ids import Provider
from vapora import errors
from vapora.domain import pricing
from vapora.llm import factory
from vapora.llm.protocol import Message, ModelClient, ModelRequest, Usage
from vapora.testing import Behaviour, FakeVendors, Fault, Received

MODELS = {
    Provider.ANTHROPIC: "claude-haiku-5-5",
    Provider.OPENAI: "gpt-6-luna",
    Provider.GEMINI: "gemini-3.5-flash-lite",
    Provider.OLLAMA: "qwen3",
}


def request_for(provider: Provider, limit: int = 100) -> ModelRequest:
    return ModelRequest(model=MODELS[provider], messages=(Message(role="user", text="hi"),), max_output_tokens=limit)


def billed(vendors: FakeVendors) -> int:
    return len(vendors.ledger.bills)


@pytest.fixture
def vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as fake:
        yield fake


@pytest.fixture
async def openai(vendors: FakeVendors) -> AsyncIterator[ModelClient]:
    client = factory.clients(vendors.environ())[Provider.OPENAI]
    yield client
    await client.aclose()


async def test_the_ledger_is_what_the_answers_said(vendors: FakeVendors) -> None:
    clients = factory.clients(vendors.environ())
    answers = {provider: await client.complete(request_for(provider)) for provider, client in clients.items()}
    await asyncio.gather(*(client.aclose() for client in clients.values()))
    bills = {bill.provider: bill for bill in vendors.ledger.bills}
    assert {provider: bill.usage for provider, bill in bills.items()} == {
        provider: answer.usage for provider, answer in answers.items()
    }
    costs = [pricing.cost(bill.provider, bill.model, bill.usage) for bill in bills.values()]
    assert vendors.ledger.billed_microusd == sum(costs) > 0


async def test_a_given_usage_is_billed_within_the_requests_limit(vendors: FakeVendors, openai: ModelClient) -> None:
    vendors.script(Provider.OPENAI, Behaviour(usage=Usage(input_tokens=5_000, output_tokens=9_999)))
    answer = await openai.complete(request_for(Provider.OPENAI, limit=30))
    assert answer.usage == Usage(input_tokens=5_000, output_tokens=30)
    assert vendors.ledger.bills[0].microusd == 500 + 15


async def test_scripts_come_in_order_and_then_the_default(vendors: FakeVendors, openai: ModelClient) -> None:
    def echo(received: Received) -> Behaviour:
        return Behaviour(text=f"limit {received.max_output_tokens}")

    vendors.default(echo, Provider.OPENAI)
    vendors.script(Provider.OPENAI, Behaviour(text="first"), Behaviour(text="second"))
    texts = [(await openai.complete(request_for(Provider.OPENAI))).text for _ in range(3)]
    assert texts == ["first", "second", "limit 100"]


@pytest.mark.parametrize("fault", list(Fault), ids=str)
async def test_what_is_billed_and_what_not(vendors: FakeVendors, openai: ModelClient, fault: Fault) -> None:
    vendors.script(Provider.OPENAI, Behaviour(fault=fault))
    with pytest.raises(errors.ProviderError):
        await openai.complete(request_for(Provider.OPENAI))
    assert [bill.answered for bill in vendors.ledger.bills] == ([False] if fault.billed else [])


async def test_calls_wait_at_a_gate_and_pass_one_by_one(vendors: FakeVendors, openai: ModelClient) -> None:
    with vendors.hold(Provider.OPENAI) as gate:
        calls = [asyncio.create_task(openai.complete(request_for(Provider.OPENAI))) for _ in range(20)]
        await gate.arrivals(20)
        assert gate.arrived == 20
        assert billed(vendors) == 0
        gate.release(1)
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert billed(vendors) == 1
    await asyncio.gather(*calls)
    assert billed(vendors) == 20
    await vendors.ledger.deliveries.reached(20)
    assert all(bill.answered for bill in vendors.ledger.bills)
    assert (await openai.complete(request_for(Provider.OPENAI))).text  # an open gate stays open


async def test_a_gate_holds_only_the_vendors_that_it_names(vendors: FakeVendors, openai: ModelClient) -> None:
    with vendors.hold(Provider.GEMINI):
        assert (await openai.complete(request_for(Provider.OPENAI))).text


async def test_a_caller_who_went_away_is_billed_but_not_answered(vendors: FakeVendors, openai: ModelClient) -> None:
    with vendors.hold() as gate:
        call = asyncio.create_task(openai.complete(request_for(Provider.OPENAI)))
        await gate.arrivals(1)
        call.cancel()
        await asyncio.wait([call])
        await vendors.departures.reached(1)
    await openai.complete(request_for(Provider.OPENAI))
    await vendors.ledger.deliveries.reached(1)
    assert [bill.answered for bill in vendors.ledger.bills] == [False, True]


async def test_stopping_drops_what_still_waits_and_bills_nothing() -> None:
    async with FakeVendors() as vendors:
        client = factory.clients(vendors.environ())[Provider.ANTHROPIC]
        gate = vendors.hold()
        call = asyncio.create_task(client.complete(request_for(Provider.ANTHROPIC)))
        await gate.arrivals(1)
    with pytest.raises(errors.ConnectionLostError):
        await call
    await client.aclose()
    assert vendors.ledger.bills == ()


async def test_only_the_vendors_asked_for_are_in_the_environment(vendors: FakeVendors) -> None:
    assert set(factory.clients(vendors.environ(Provider.GEMINI, Provider.OLLAMA))) == {
        Provider.GEMINI,
        Provider.OLLAMA,
    }


def test_a_gate_says_how_many_calls_did_not_come(vendors: FakeVendors) -> None:
    with vendors.hold() as gate, pytest.raises(TimeoutError, match="0 of 1"):
        gate.wait_for(1, timeout_s=0.01)
