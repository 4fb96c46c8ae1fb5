from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from actors.budget_manager import BudgetManager
from actors.llm_router import LLMRouter
from actors.log_writer import LogWriter
from actors.messages import Answered, Call, FollowUp, NoProvider, OutOfBudget, Unanswerable
from events import DomainEvent
from events.budget import SpendReleased, SpendReserved, SpendSettled, SpendUnknown
from events.content import Content
from events.ids import PROVIDERS, Provider, Tier, run_stream
from events.routing import ProviderSelected
from events.run import ModelCalled, ModelCallFailed, RunStarted
from tests.actors.kit import (
    ORIGIN,
    WORKSPACE,
    MovableClock,
    ScriptedClient,
    charge,
    everything,
    ledger_of,
    log_writer,
    manager,
    of_kind,
)
from vapora.commands import SetBudget
from vapora.domain.audit import violations
from vapora.domain.pricing import PriceBook
from vapora.domain.routing import Routing
from vapora.errors import (
    AuthenticationError,
    ConflictError,
    ConnectionLostError,
    ContextTooLongError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    UnavailableError,
)
from vapora.llm.catalogue import catalogue
from vapora.llm.protocol import Message, Usage
from vapora.log.client import LogClient

RUN = run_stream("t0.1")
CALL = "t0.1/0"
NEXT = "t0.1/1"
SONNET = (Provider.ANTHROPIC, "claude-sonnet-5-5")


@dataclass
class Cell:
    clock: MovableClock
    writer: LogWriter
    log: LogClient
    money: BudgetManager
    router: LLMRouter
    clients: dict[Provider, ScriptedClient]

    def client(self, provider: Provider) -> ScriptedClient:
        return self.clients[provider]

    async def limit(self, cents: int, overflow: int = 0) -> None:
        command = SetBudget(monthly_limit_cents=cents, overflow_cents=overflow)
        await self.money.set_budget(ORIGIN, "workspace", WORKSPACE, command)

    async def call(self, **fields: Any) -> Call:
        values: dict[str, Any] = {
            "origin": ORIGIN,
            "charge": charge(),
            "call_id": CALL,
            "step": 0,
            "attempt": 1,
            "run_version": len(await self.writer.read(RUN)),
            "routing": Routing("code-generation", "standard"),
            "system": "You write code.",
            "messages": (Message(role="user", text="Write it."),),
            "max_output_tokens": 500,
        }
        return Call(**{**values, **fields})

    async def with_next(self) -> Call:
        return await self.call(follow_up=FollowUp("And now?", 500))

    def next_call(self, first: Call, outcome: Any, **fields: Any) -> Call:
        """The call of the next step as the agent would make it."""
        assert isinstance(outcome, Answered)
        said = outcome.answer.answer.text or ""
        messages = (*first.messages, Message(role="assistant", text=said), Message(role="user", text="And now?"))
        changed: dict[str, Any] = {"call_id": NEXT, "step": 1, "attempt": 2, "messages": messages, "follow_up": None}
        changed["run_version"] = first.run_version + len(outcome.events)
        return replace(first, **{**changed, **fields})


@asynccontextmanager
async def open_cell(*providers: Provider, timeout_s: float = 30, patience_s: float = 0) -> AsyncIterator[Cell]:
    clock = MovableClock()
    clients = {provider: ScriptedClient(provider) for provider in providers or PROVIDERS}
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        money = manager(log, clock, patience_s)
        await money.start()
        router = LLMRouter(
            clients,
            money=lambda _: money,
            keep=lambda _, text: Content(text=text, size=len(text)),
            clock=clock,
            catalogue=catalogue(),
            prices=PriceBook(),
            timeout_s=timeout_s,
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
            steps=("one", "two"),
        )
        await log.append(ORIGIN, (RUN, 0, (begun,)))
        yield Cell(clock, writer, log, money, router, clients)
        await money.stop()


@pytest.fixture
async def cell() -> AsyncIterator[Cell]:
    async with open_cell() as opened:
        yield opened


def kinds(events: tuple[DomainEvent, ...]) -> list[str]:
    return [event.TOPIC for event in events]


async def test_the_rules_model_is_chosen_and_paid_for_before_the_call_goes_out(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    asking = asyncio.create_task(cell.router.complete(await cell.call()))
    await client.asked(1)
    [selected] = await of_kind(cell.log, ProviderSelected)
    [reserved] = await of_kind(cell.log, SpendReserved)
    assert (selected.provider, selected.model, selected.policy) == (*SONNET, "rules")
    assert selected.fallback_reason is None
    assert (reserved.model, client.requests[0].model) == (SONNET[1], SONNET[1])
    assert reserved.amount_microusd >= PriceBook().cost(*SONNET, client.usage)
    client.gate.set()
    outcome = await asking
    assert isinstance(outcome, Answered)
    assert kinds(outcome.events) == ["routing.provider-selected", "run.model-called"]
    assert not (await ledger_of(cell.log)).open


async def test_the_answer_and_its_money_stand_in_one_append(cell: Cell) -> None:
    outcome = await cell.router.complete(await cell.call())
    assert isinstance(outcome, Answered)
    settled, answer = (await everything(cell.log))[-2:]
    assert (settled.topic, answer.topic) == ("budget.spend-settled", "run.model-called")
    assert settled.request_id == answer.request_id
    assert answer.position == outcome.position


async def test_without_a_reservation_no_call_goes_out() -> None:
    async with open_cell(Provider.ANTHROPIC, Provider.OPENAI) as cell:
        await cell.limit(0)
        outcome = await cell.router.complete(await cell.call())
        assert isinstance(outcome, OutOfBudget)
        assert not outcome.contended
        assert outcome.until is not None
        assert "workspace acme" in outcome.remedy
        assert not any(client.requests for client in cell.clients.values())
        assert not await of_kind(cell.log, SpendReserved)


async def test_an_exceeded_budget_goes_to_what_is_free_first(cell: Cell) -> None:
    await cell.limit(0)
    outcome = await cell.router.complete(await cell.call())
    assert isinstance(outcome, Answered)
    assert outcome.answer.provider is Provider.OLLAMA
    [selected] = await of_kind(cell.log, ProviderSelected)
    assert (selected.policy, selected.tier) == ("exceeded", Tier.EXCEEDED)
    assert selected.fallback_reason is not None
    assert outcome.answer.cost_microusd == 0


async def test_a_call_that_is_refused_goes_down_the_cheap_chain_at_once(cell: Cell) -> None:
    """The first priced call without room makes the tier exceeded (R8), and this very call feels it."""
    await cell.limit(1)
    outcome = await cell.router.complete(await cell.call(max_output_tokens=4_000))
    assert isinstance(outcome, Answered)
    assert outcome.answer.provider is Provider.OLLAMA
    assert not violations(await everything(cell.log), WORKSPACE)


async def test_a_rate_limit_goes_to_the_next_best_model_and_its_money_comes_back(cell: Cell) -> None:
    cell.client(Provider.ANTHROPIC).script.append(RateLimitedError("slow down", retry_after_s=60))
    outcome = await cell.router.complete(await cell.call())
    assert isinstance(outcome, Answered)
    assert outcome.answer.provider is Provider.OPENAI
    first, second = await of_kind(cell.log, ProviderSelected)
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.policy == "availability"
    assert second.fallback_reason == f"availability; {SONNET[1]}: paused: rate-limited"
    [released] = await of_kind(cell.log, SpendReleased)
    assert (released.attempt, released.reason) == (1, "rate-limited")
    assert (await cell.router.providers())["anthropic"] == "up"
    assert await cell.router.paused_models() == {f"anthropic/{SONNET[1]}": "rate-limited"}
    cell.clock.move(61)
    assert await cell.router.paused_models() == {}


@pytest.mark.parametrize("error", [RateLimitedError("no"), OverloadedError("no"), PermissionDeniedError("no")])
async def test_where_one_model_refuses_its_siblings_are_asked(error: ProviderError) -> None:
    async with open_cell(Provider.GEMINI) as cell:
        cell.client(Provider.GEMINI).script.append(error)
        call = await cell.call(routing=Routing("performance-analysis", "standard"))
        outcome = await cell.router.complete(call)
        assert isinstance(outcome, Answered)
        assert [one.model for one in cell.client(Provider.GEMINI).requests] == ["gemini-4-argon", "gemini-3.8-flash"]
        assert await cell.router.providers() == {"gemini": "up"}
        assert await cell.router.paused_models() == {"gemini/gemini-4-argon": error.kind}


async def test_a_provider_whose_models_are_all_paused_is_down() -> None:
    async with open_cell(Provider.OLLAMA) as cell:
        cell.client(Provider.OLLAMA).script.append(OverloadedError("no", retry_after_s=40))
        assert isinstance(await cell.router.complete(await cell.call()), NoProvider)
        assert await cell.router.providers() == {"ollama": "down: overloaded"}


@pytest.mark.parametrize("error", [ProviderTimeoutError("slow"), ConnectionLostError("gone")])
async def test_what_may_have_been_billed_is_booked(cell: Cell, error: Exception) -> None:
    cell.client(Provider.ANTHROPIC).script.append(error)
    assert isinstance(await cell.router.complete(await cell.call()), Answered)
    [booked] = await of_kind(cell.log, SpendUnknown)
    first, _ = await of_kind(cell.log, SpendReserved)
    assert booked.amount_microusd == first.amount_microusd
    [failed] = await of_kind(cell.log, ModelCallFailed)
    assert failed.booked


async def test_an_adapter_that_breaks_is_booked_too(cell: Cell) -> None:
    cell.client(Provider.ANTHROPIC).script.append(KeyError("usage"))
    assert isinstance(await cell.router.complete(await cell.call()), Answered)
    [failed] = await of_kind(cell.log, ModelCallFailed)
    assert (failed.error, failed.booked) == ("bad-answer", True)
    assert len(await of_kind(cell.log, SpendUnknown)) == 1


async def test_a_call_that_takes_too_long_is_given_up_and_booked() -> None:
    async with open_cell(Provider.ANTHROPIC, Provider.OLLAMA, timeout_s=0.02) as cell:
        cell.client(Provider.ANTHROPIC).gate.clear()
        outcome = await cell.router.complete(await cell.call())
        assert isinstance(outcome, Answered)
        assert outcome.answer.provider is Provider.OLLAMA
        [failed] = await of_kind(cell.log, ModelCallFailed)
        assert (failed.error, failed.booked) == ("timeout", True)


async def test_a_prompt_that_is_too_long_goes_to_another_model_and_its_provider_stays_up(cell: Cell) -> None:
    cell.client(Provider.ANTHROPIC).script.append(ContextTooLongError("too long"))
    outcome = await cell.router.complete(await cell.call())
    assert isinstance(outcome, Answered)
    assert (outcome.answer.provider, outcome.answer.model) != SONNET
    assert set((await cell.router.providers()).values()) == {"up"}
    _, second = await of_kind(cell.log, ProviderSelected)
    assert next(one for one in second.candidates if one.model == SONNET[1]).excluded == "context-too-long"


async def test_a_prompt_that_no_model_takes_is_unanswerable() -> None:
    async with open_cell(Provider.OLLAMA) as cell:
        cell.client(Provider.OLLAMA).script.append(ContextTooLongError("too long"))
        outcome = await cell.router.complete(await cell.call())
        assert isinstance(outcome, Unanswerable)
        assert "too long" in outcome.reason
        assert kinds(outcome.events) == ["routing.provider-selected", "run.model-call-failed"]


async def test_with_all_providers_down_it_says_when_to_try_again() -> None:
    async with open_cell(Provider.ANTHROPIC, Provider.OPENAI) as cell:
        cell.client(Provider.ANTHROPIC).script.append(ConnectionLostError("no", retry_after_s=40))
        cell.client(Provider.OPENAI).script.append(ConnectionLostError("no", retry_after_s=30))
        outcome = await cell.router.complete(await cell.call())
        assert isinstance(outcome, NoProvider)
        assert outcome.retry_at == cell.clock() + timedelta(seconds=30)
        assert "anthropic: connection-lost, openai: connection-lost" in outcome.remedy
        assert not (await ledger_of(cell.log)).open
        cell.clock.move(31)
        retry = await cell.call(attempt=3)
        assert isinstance(await cell.router.complete(retry), Answered)


async def test_a_short_pause_is_waited_out_without_bothering_the_card() -> None:
    async with open_cell(Provider.OLLAMA) as cell:
        cell.client(Provider.OLLAMA).script.append(OverloadedError("no", retry_after_s=0))
        outcome = await cell.router.complete(await cell.call())
        assert isinstance(outcome, Answered)
        assert len(cell.client(Provider.OLLAMA).requests) == 2
        assert cell.clock.slept == [0.5]


async def test_a_model_that_was_away_is_tried_by_one_call_while_the_others_wait_for_what_it_finds() -> None:
    async with open_cell(Provider.OLLAMA) as cell:
        client = cell.client(Provider.OLLAMA)
        client.script.append(OverloadedError("no", retry_after_s=40))
        assert isinstance(await cell.router.complete(await cell.call()), NoProvider)
        cell.clock.move(41)
        client.gate.clear()
        calls = [await cell.call(attempt=2)]
        calls += [await cell.call(call_id=f"t{n}.1/0", charge=charge(n), run_version=0) for n in range(1, 9)]
        asking = [asyncio.create_task(cell.router.complete(call)) for call in calls]
        await client.asked(2)
        await asyncio.wait(asking[1:])
        assert len(client.requests) == 2
        assert all(isinstance(one.result(), NoProvider) for one in asking[1:])
        client.gate.set()
        assert isinstance(await asking[0], Answered)
        assert isinstance(await cell.router.complete(calls[1]), Answered)


async def test_a_bad_key_is_left_alone_until_somebody_may_have_mended_it(cell: Cell) -> None:
    cell.client(Provider.ANTHROPIC).script.append(AuthenticationError("bad key"))
    assert isinstance(await cell.router.complete(await cell.call()), Answered)
    cell.clock.move(200)
    assert isinstance(await cell.router.complete(await cell.call(call_id=NEXT, step=1)), Answered)
    assert len(cell.client(Provider.ANTHROPIC).requests) == 1
    assert (await cell.router.providers())["anthropic"] == "down: authentication"


async def test_a_caller_that_goes_away_does_not_stop_the_call(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    asking = asyncio.create_task(cell.router.complete(await cell.call()))
    await client.asked(1)
    asking.cancel()
    await asyncio.wait([asking])
    joined = asyncio.create_task(cell.router.attach(CALL))
    client.gate.set()
    assert isinstance(await joined, Answered)
    assert len(await of_kind(cell.log, ModelCalled)) == 1


async def test_the_same_call_again_joins_the_one_under_way(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    call = await cell.call()
    asking = [asyncio.create_task(cell.router.complete(call)) for _ in range(3)]
    await client.asked(1)
    client.gate.set()
    first, *others = await asyncio.gather(*asking)
    assert all(one is first for one in others)
    assert len(client.requests) == 1


async def test_of_a_call_that_it_never_heard_of_nothing_is_known(cell: Cell) -> None:
    assert await cell.router.attach("t9.1/0") is False


async def test_the_next_steps_choice_and_money_come_with_this_ones_answer(cell: Cell) -> None:
    outcome = await cell.router.complete(await cell.with_next())
    assert isinstance(outcome, Answered)
    assert outcome.held
    assert kinds(outcome.events) == ["routing.provider-selected", "run.model-called", "routing.provider-selected"]
    last = (await everything(cell.log))[-4:]
    assert [one.topic for one in last] == [
        "budget.spend-settled",
        "budget.spend-reserved",
        "run.model-called",
        "routing.provider-selected",
    ]
    assert len({one.request_id for one in last}) == 1
    assert [one.position for one in last] == list(range(last[0].position, last[0].position + 4))
    assert await cell.router.attach(NEXT) is True


async def test_where_there_is_no_room_for_the_next_step_nothing_is_held_for_it(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    asking = asyncio.create_task(cell.router.complete(await cell.with_next()))
    await client.asked(1)
    await cell.limit(0)
    client.gate.set()
    outcome = await asking
    assert isinstance(outcome, Answered)
    assert not outcome.held
    assert await cell.router.attach(NEXT) is False
    assert len(await of_kind(cell.log, SpendReserved)) == 1


async def test_what_is_held_pays_for_the_next_step(cell: Cell) -> None:
    first = await cell.with_next()
    outcome = await cell.router.complete(first)
    second = await cell.router.complete(cell.next_call(first, outcome))
    assert isinstance(second, Answered)
    assert kinds(second.events) == ["run.model-called"]
    assert len(await of_kind(cell.log, SpendReserved)) == 2
    assert len(await of_kind(cell.log, SpendSettled)) == 2
    assert await cell.router.attach(NEXT) is False


async def test_what_is_held_is_given_back_where_the_run_ends(cell: Cell) -> None:
    await cell.router.complete(await cell.with_next())
    assert await cell.router.drop(ORIGIN, NEXT)
    assert not await cell.router.drop(ORIGIN, NEXT)
    [released] = await of_kind(cell.log, SpendReleased)
    assert (released.call_id, released.reason) == (NEXT, "never sent")
    assert not (await ledger_of(cell.log)).open


@pytest.mark.parametrize("why", ["grown", "down", "old"])
async def test_what_is_held_and_does_not_cover_the_call_is_given_back_and_chosen_anew(cell: Cell, why: str) -> None:
    first = await cell.with_next()
    outcome = await cell.router.complete(first)
    call = cell.next_call(first, outcome)
    if why == "grown":
        call = replace(call, max_output_tokens=4_000)
    elif why == "down":
        cell.client(Provider.ANTHROPIC).script.append(AuthenticationError("bad key"))
        other = await cell.call(call_id="t1.1/0", charge=charge(1), run_version=0)
        await cell.router.complete(other)
    else:
        cell.clock.move(61)  # what is left of the reservation's life is shorter than a call may take
    second = await cell.router.complete(call)
    assert isinstance(second, Answered)
    assert kinds(second.events) == ["routing.provider-selected", "run.model-called"]
    assert "never sent" in [one.reason for one in await of_kind(cell.log, SpendReleased)]
    assert not (await ledger_of(cell.log)).open


async def test_a_call_whose_money_was_booked_meanwhile_is_not_made_with_it(cell: Cell) -> None:
    first = await cell.with_next()
    outcome = await cell.router.complete(first)
    cell.clock.move(100)
    await cell.money.book_unknown(ORIGIN, NEXT, 1, "expired")
    second = await cell.router.complete(cell.next_call(first, outcome))
    assert isinstance(second, Answered)
    assert len(await of_kind(cell.log, SpendReserved)) == 3


async def test_a_run_that_has_gone_on_loses_the_answer_but_not_the_money(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    asking = asyncio.create_task(cell.router.complete(await cell.with_next()))
    await client.asked(1)
    stray = ModelCallFailed(
        run_id="t0.1",
        task_id="t0",
        call_id=CALL,
        step=0,
        attempt=1,
        provider=Provider.ANTHROPIC,
        model=SONNET[1],
        error="x",
        message="",
        retryable=False,
        booked=False,
    )
    await cell.log.append(ORIGIN, (RUN, 2, (stray,)))
    client.gate.set()
    with pytest.raises(ConflictError):
        await asking
    assert len(await of_kind(cell.log, SpendSettled)) == 1
    assert not await of_kind(cell.log, ModelCalled)
    assert await cell.router.attach(NEXT) is False


async def test_a_late_answer_to_a_booked_call_changes_nothing(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    asking = asyncio.create_task(cell.router.complete(await cell.call()))
    await client.asked(1)
    await cell.money.book_unknown(ORIGIN, CALL, 1, "expired")
    client.gate.set()
    with pytest.raises(ConflictError):
        await asking
    assert not await of_kind(cell.log, ModelCalled)
    assert not await of_kind(cell.log, SpendSettled)


async def test_what_a_provider_bills_beyond_the_worst_case_is_recorded_as_such(cell: Cell) -> None:
    cell.client(Provider.ANTHROPIC).usage = Usage(input_tokens=900_000, output_tokens=90_000)
    await cell.router.complete(await cell.call())
    [reserved], [settled] = await of_kind(cell.log, SpendReserved), await of_kind(cell.log, SpendSettled)
    assert settled.overcharge_microusd == settled.cost_microusd - reserved.amount_microusd > 0


async def test_when_it_stops_it_waits_for_what_is_out_and_takes_nothing_new(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    asking = asyncio.create_task(cell.router.complete(await cell.call()))
    await client.asked(1)
    stopping = asyncio.create_task(cell.router.stop())
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError):
        await cell.router.complete(await cell.call(call_id=NEXT))
    assert not stopping.done()
    assert not client.closed
    client.gate.set()
    await stopping
    assert isinstance(await asking, Answered)
    assert client.closed


async def test_two_calls_for_one_reservation_are_not_made(cell: Cell) -> None:
    """The router before lingers and has reserved the attempt that this one is asked for."""
    client = cell.client(Provider.ANTHROPIC)
    call = await cell.call()
    await cell.router.complete(call)
    with pytest.raises(ConflictError):
        await cell.router.complete(call)
    assert len(client.requests) == 1


async def test_a_budget_manager_that_is_being_restarted_does_not_lose_a_paid_answer(cell: Cell) -> None:
    client = cell.client(Provider.ANTHROPIC)
    client.gate.clear()
    asking = asyncio.create_task(cell.router.complete(await cell.call()))
    await client.asked(1)
    await cell.money.stop()
    client.gate.set()
    await asyncio.sleep(0)
    await cell.money.start()
    assert isinstance(await asking, Answered)
    assert len(await of_kind(cell.log, ModelCalled)) == 1


async def test_contended_room_is_said_to_be_so() -> None:
    async with open_cell(Provider.ANTHROPIC, patience_s=0.01) as cell:
        client = cell.client(Provider.ANTHROPIC)
        client.gate.clear()
        call = await cell.call()
        asking = asyncio.create_task(cell.router.complete(call))
        await client.asked(1)
        [held] = await of_kind(cell.log, SpendReserved)
        await cell.limit(held.amount_microusd // 10_000 + 1)
        other = await cell.call(call_id="t1.1/0", charge=charge(1), run_version=0)
        outcome = await cell.router.complete(replace(other, max_output_tokens=700))
        assert isinstance(outcome, OutOfBudget)
        assert outcome.contended
        client.gate.set()
        assert isinstance(await asking, Answered)
