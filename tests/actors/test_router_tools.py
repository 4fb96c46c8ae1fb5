"""Runs with tools through the router: real adapters and SDKs, the fake vendors, the real ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actors.llm_router import LLMRouter
from actors.messages import Answered, Call, NoProvider, Unanswerable
from events.budget import SpendReserved, SpendSettled
from events.content import Content
from events.ids import PROVIDERS, Provider, run_stream
from events.routing import ProviderSelected
from events.run import ModelCalled, RunStarted
from tests.actors.kit import (
    ORIGIN,
    WORKSPACE,
    MovableClock,
    charge,
    everything,
    ledger_of,
    log_writer,
    manager,
    of_kind,
)
from tests.ports import free_port
from vapora.commands import SetBudget
from vapora.domain.audit import violations
from vapora.domain.pricing import PriceBook
from vapora.domain.routing import Routing
from vapora.llm import factory, turns
from vapora.llm.catalogue import Catalogue, catalogue, shipped
from vapora.llm.protocol import Message, ToolCall, ToolSpec, Usage
from vapora.log.client import LogClient
from vapora.testing import Behaviour, FakeVendors, Received

RUN = run_stream("t0.1")
READ = ToolSpec(
    name="file_read",
    description="Read a text file.",
    parameters={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)
BRIEF = Message(role="user", text="Mend the test.")


def asks(*paths: str, text: str = "", thoughts: str = "Let me see.") -> Behaviour:
    calls = tuple(ToolCall(id=f"call_{path}", name="file_read", arguments={"path": path}) for path in paths)
    return Behaviour(text=text, tool_calls=calls, thoughts=thoughts)


@pytest.fixture(scope="module")
def running() -> Iterator[FakeVendors]:
    with FakeVendors() as fake:
        yield fake


@pytest.fixture
def vendors(running: FakeVendors) -> FakeVendors:
    running.reset()
    return running


class Desk:
    """A run whose conversation is made from its log alone, as after a restart."""

    def __init__(self, router: LLMRouter, log: LogClient) -> None:
        self.router = router
        self.log = log
        self.lines = 50  # of each tool's result

    async def conversation(self) -> tuple[Message, ...]:
        messages = [BRIEF]
        for answer in await of_kind(self.log, ModelCalled):
            messages.append(turns.answered(answer, lambda content: content.text or ""))
            messages += [turns.result(one, f"# {one.arguments['path']}\n" * self.lines) for one in answer.tool_calls]
        return tuple(messages)

    async def step(self, number: int, **fields: Any) -> Any:
        values: dict[str, Any] = {
            "origin": ORIGIN,
            "charge": charge(),
            "call_id": f"t0.1/{number}",
            "step": number,
            "attempt": 1,
            "run_version": len(await self.log.read(RUN)),
            "routing": Routing("code-generation", "standard"),
            "system": "You write code.",
            "messages": await self.conversation(),
            "max_output_tokens": 500,
            "tools": (READ,),
        }
        return await self.router.complete(Call(**{**values, **fields}))


@asynccontextmanager
async def desk(vendors: FakeVendors, *providers: Provider, ollama_model: str = "llama3.3") -> AsyncIterator[Desk]:
    async with desk_of(catalogue(ollama_model=ollama_model), vendors.environ(*providers)) as opened:
        yield opened


@asynccontextmanager
async def desk_of(known: Catalogue, environ: Mapping[str, str]) -> AsyncIterator[Desk]:
    clock = MovableClock()
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        money = manager(log, clock)
        await money.start()
        await money.set_budget(ORIGIN, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=500))
        router = LLMRouter(
            factory.clients(environ, known=known),
            money=lambda _: money,
            keep=lambda _, text: Content(text=text, size=len(text.encode())),
            clock=clock,
            catalogue=known,
            prices=PriceBook(named=known.prices),
            timeout_s=20,
            margin_s=60,
            sleep=clock.sleep,
            chance=lambda: 0.0,
        )
        begun = RunStarted(
            run_id="t0.1",
            task_id="t0",
            project_id="p",
            agent_id="developer",
            role="developer",
            task_type="code-generation",
            steps=(),
        )
        await log.append(ORIGIN, (RUN, 0, (begun,)))
        yield Desk(router, log)
        await router.stop()
        await money.stop()


@pytest.mark.parametrize("provider", PROVIDERS, ids=str)
async def test_a_run_with_tools_goes_from_its_brief_to_its_last_answer(
    vendors: FakeVendors, provider: Provider
) -> None:
    vendors.script(provider, asks("a.py", "b.py"), asks("c.py", text="Looking."), Behaviour(text="Mended."))
    async with desk(vendors, provider) as ours:
        outcomes = [await ours.step(number) for number in range(3)]
        assert all(isinstance(one, Answered) and not one.held for one in outcomes)
        assert [len(one.answer.tool_calls) for one in outcomes] == [2, 1, 0]
        assert outcomes[-1].answer.answer.text == "Mended."
        assert not (await ledger_of(ours.log)).open
        reserved, settled = await of_kind(ours.log, SpendReserved), await of_kind(ours.log, SpendSettled)
        assert len(reserved) == len(settled) == 3
        assert sum(one.cost_microusd for one in settled) == vendors.ledger.billed_microusd
        for held, cost in zip(reserved, settled, strict=True):
            assert cost.cost_microusd <= held.amount_microusd
        assert not violations(await everything(ours.log), WORKSPACE)


async def test_another_vendor_goes_on_with_a_conversation_that_one_began(vendors: FakeVendors) -> None:
    for provider in PROVIDERS:
        vendors.script(provider, asks(f"{provider}.py"))
    async with desk(vendors) as ours:
        for number, provider in enumerate(PROVIDERS):
            excluded = tuple(
                (one.provider, one.model, "not now") for one in shipped().models if one.provider != provider
            )
            outcome = await ours.step(number, excluded=excluded)
            assert isinstance(outcome, Answered)
            assert outcome.answer.provider == provider
        assert isinstance(await ours.step(4), Answered)


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI], ids=str)
async def test_a_prompt_that_is_all_written_to_the_cache_costs_no_more_than_was_held(
    vendors: FakeVendors, provider: Provider
) -> None:
    """Writing costs 1.25 times the input."""

    def dearest(received: Received) -> Behaviour:
        prompt = received.body_bytes // 2 + 1_000
        usage = Usage(input_tokens=prompt, output_tokens=received.max_output_tokens or 0, cache_write_tokens=prompt)
        return Behaviour(usage=usage)

    vendors.script(provider, asks("a.py" * 20), dearest)
    async with desk(vendors, provider) as ours:
        await ours.step(0)
        assert isinstance(await ours.step(1), Answered)
        _, held = await of_kind(ours.log, SpendReserved)
        _, cost = await of_kind(ours.log, SpendSettled)
        assert 0.9 * held.amount_microusd <= cost.cost_microusd <= held.amount_microusd
        assert cost.cost_microusd == vendors.ledger.bills[-1].microusd


async def test_a_model_that_cannot_call_tools_is_left_out_with_the_reason(vendors: FakeVendors) -> None:
    vendors.shown = {"gemma": {"capabilities": ["completion"]}}
    async with desk(vendors, Provider.OLLAMA, Provider.GEMINI, ollama_model="gemma") as ours:
        outcome = await ours.step(0, routing=Routing("semantic-search", "economy"))
        assert isinstance(outcome, Answered)
        assert outcome.answer.provider is Provider.GEMINI
        [selected] = await of_kind(ours.log, ProviderSelected)
        assert {one.model: one.excluded for one in selected.candidates}["gemma"] == "it cannot call tools"
        # Without tools it is asked.
        plain = await ours.step(1, routing=Routing("semantic-search", "economy"), tools=(), messages=(BRIEF,))
        assert isinstance(plain, Answered)
        assert plain.answer.model == "gemma"


async def test_where_no_model_can_call_tools_it_is_said_which_one_could(vendors: FakeVendors) -> None:
    vendors.shown = {"gemma": {"capabilities": ["completion"]}}
    async with desk(vendors, Provider.OLLAMA, ollama_model="gemma") as ours:
        outcome = await ours.step(0)
        assert isinstance(outcome, Unanswerable)
        assert outcome.reason == (
            "No model can take this call. gemma: it cannot call tools. "
            "claude-sonnet-5-5 would do: it needs ANTHROPIC_API_KEY."
        )
        assert not vendors.requests


async def test_what_a_local_model_can_do_is_asked_once(vendors: FakeVendors) -> None:
    vendors.shown = {"qwen3": {"capabilities": ["tools"], "model_info": {"qwen3.context_length": 8_192}}}
    vendors.script(Provider.OLLAMA, asks("a.py"))
    async with desk(vendors, Provider.OLLAMA, ollama_model="qwen3") as ours:
        assert isinstance(await ours.step(0), Answered)
        vendors.shown = {}
        assert isinstance(await ours.step(1), Answered)
        long = await ours.step(2, messages=(Message(role="user", text="x" * 20_000),))
        assert isinstance(long, Unanswerable)
        assert "qwen3: its context of 8192 tokens is too small for" in long.reason


async def test_a_local_model_that_is_not_there_is_told_as_such(vendors: FakeVendors) -> None:
    async with desk(vendors, Provider.OLLAMA, ollama_model="nosuch") as ours:
        outcome = await ours.step(0)
        assert isinstance(outcome, Unanswerable)
        assert "ollama pull nosuch" in outcome.reason


async def test_a_local_server_that_is_away_is_waited_for(dead_port: int) -> None:
    async with desk(FakeVendorsAway(dead_port), Provider.OLLAMA, ollama_model="qwen3") as ours:
        outcome = await ours.step(0)
        assert isinstance(outcome, NoProvider)
        assert "ollama: connection-refused" in outcome.remedy


async def test_a_long_run_is_cut_to_what_its_model_reads_and_goes_on(vendors: FakeVendors) -> None:
    vendors.shown = {"qwen3": {"capabilities": ["tools"], "model_info": {"qwen3.context_length": 4_096}}}
    vendors.default(lambda received: asks(f"{received.body_bytes}.py"))
    async with desk(vendors, Provider.OLLAMA, ollama_model="qwen3") as ours:
        for number in range(60):
            assert isinstance(await ours.step(number), Answered)
    sizes = [sum(len(turn["content"]) for turn in request.body["messages"]) for request in vendors.requests]
    assert max(sizes) < 2 * (4_096 - 500)
    roles = [turn["role"] for turn in vendors.requests[-1].body["messages"]]
    assert roles.count("assistant") == roles.count("tool") < 60
    assert vendors.requests[-1].body["messages"][1]["content"] == BRIEF.text
    assert "answers of this conversation are left out" in vendors.requests[-1].body["messages"][2]["content"]


async def test_claude_takes_its_thoughts_back_over_a_run_that_is_cut(vendors: FakeVendors) -> None:
    """The fake refuses thoughts behind anything else than they were thought behind: one refusal would be seen."""
    vendors.default(lambda received: asks(f"{received.body_bytes}.py"))
    async with desk(vendors, Provider.ANTHROPIC) as ours:
        ours.lines = 8_000
        for number in range(12):
            assert isinstance(await ours.step(number), Answered)
    assert len(vendors.requests) == len(vendors.ledger.bills) == 12
    assert max(request.body_bytes for request in vendors.requests) < 420_000
    thoughts = [str(request.body).count("'signature'") for request in vendors.requests]
    assert thoughts[:3] == [0, 1, 2]
    first_cut = thoughts.index(0, 1)  # what was thought before it is left out, and thinking goes on behind it
    assert max(thoughts[first_cut:]) > 0


async def test_the_schemas_of_tools_count_for_money_and_for_the_context(vendors: FakeVendors) -> None:
    big = READ.model_copy(update={"description": "x" * 20_000})
    async with desk(vendors, Provider.ANTHROPIC) as ours:
        await ours.step(0)
        await ours.step(1, tools=(big,), messages=(BRIEF,))
        small, large = await of_kind(ours.log, SpendReserved)
        # 10,000 tokens more at 2.50 dollars a million, the price of writing them to the cache.
        assert large.amount_microusd - small.amount_microusd > 24_000
    async with desk(vendors, Provider.OLLAMA) as ours:
        huge = READ.model_copy(update={"description": "x" * 300_000})
        assert isinstance(await ours.step(0, tools=(huge,)), Unanswerable)


class FakeVendorsAway(FakeVendors):
    """Nobody listens."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port


@pytest.fixture
def dead_port() -> int:
    return free_port()
