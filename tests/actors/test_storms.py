"""Vendors that refuse every call, through their own SDKs, on a clock that moves only while somebody sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from actors.agent import Agent
from actors.llm_router import LLMRouter
from events.content import Content
from events.ids import PROVIDERS, Provider, WaitReason, run_stream
from events.run import ModelCallFailed, RunContinued, RunStarted, RunSucceeded, RunWaiting
from tests.actors.kit import NOON, WORKSPACE, MovableClock, everything, log_writer, manager, of_kind
from tests.actors.test_agent import InlineTexts, assignment
from tests.waiting import DEADLINE_S
from vapora.catalog import role
from vapora.domain.pricing import PriceBook
from vapora.llm import factory
from vapora.llm.catalogue import catalogue
from vapora.log.client import LogClient
from vapora.testing import Behaviour, FakeVendors, Fault, Raw, Received

SPAN_S = 15
MOST_CALLS = 8


class Hours(MovableClock):
    """Once `end_s` have passed, whoever sleeps does so for good."""

    def __init__(self, end_s: float) -> None:
        super().__init__()
        self._end_s = end_s
        self.over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if (self.now - NOON).total_seconds() + seconds >= self._end_s:
            self.over.set()
            await asyncio.get_running_loop().create_future()
        await super().sleep(seconds)


@dataclass
class Site:
    vendors: FakeVendors
    clock: Hours
    log: LogClient
    agent: Agent
    router: LLMRouter

    async def work(self, task_type: str = "architecture-design") -> None:
        """One run, until the time is over or the run is."""
        given = assignment("architect")
        await self.agent.perform([replace(given, task=replace(given.task, task_type=task_type))])
        ended = asyncio.create_task(self._ended())
        over = asyncio.create_task(self.clock.over.wait())
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait((ended, over), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        over.cancel()

    async def _ended(self) -> None:
        while (await self.agent.health())["runs"]:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_site(*providers: Provider, end_s: float = SPAN_S, chance: float = 0.0) -> AsyncIterator[Site]:
    clock = Hours(end_s)
    with FakeVendors() as vendors:
        async with log_writer(clock) as writer:
            log = LogClient(writer, WORKSPACE)
            money = manager(log, clock, 0)
            await money.start()
            clients = factory.clients(vendors.environ(*providers))
            router = LLMRouter(
                clients,
                money=lambda _: money,
                keep=lambda _, text: Content(text=text, size=len(text)),
                clock=clock,
                catalogue=catalogue(),
                prices=PriceBook(),
                timeout_s=30,
                margin_s=86_400,
                sleep=clock.sleep,
                chance=lambda: chance,
            )
            agent = Agent("architect", log, router, money, role, InlineTexts(), clock, sleep=clock.sleep)
            yield Site(vendors, clock, log, agent, router)
            await agent.stop()
            await router.stop()
            await money.stop()


REFUSALS = {
    "429": Behaviour(fault=Fault.RATE_LIMITED, retry_after_s=0),
    "503": Behaviour(raw=Raw({"error": {"message": "busy"}}, 503, headers={"retry-after": "0"})),
    "529": Behaviour(fault=Fault.OVERLOADED, retry_after_s=0),
}


@pytest.mark.parametrize("chance", [0.0, 0.99])
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("providers", [(Provider.ANTHROPIC,), PROVIDERS], ids=["one", "all"])
async def test_a_word_of_zero_starts_no_storm(
    providers: tuple[Provider, ...], refusal: Behaviour, chance: float
) -> None:
    async with open_site(*providers, chance=chance) as site:
        site.vendors.default(refusal)
        await site.work()
        assert 3 <= len(site.vendors.requests) <= MOST_CALLS
        # The card says it once, and all the while.
        [waiting] = await of_kind(site.log, RunWaiting)
        assert waiting.reason is WaitReason.PROVIDER
        assert not await of_kind(site.log, RunContinued)
        waits_since = next(one.recorded_at for one in await everything(site.log) if one.topic == RunWaiting.TOPIC)
        assert (waits_since - NOON).total_seconds() <= 1


async def test_a_night_of_refusals_is_a_few_calls_an_hour_and_one_line_on_the_card() -> None:
    hours = 8
    async with open_site(Provider.OLLAMA, end_s=hours * 3_600) as site:
        site.vendors.default(REFUSALS["503"])
        await site.work()
        assert len(site.vendors.requests) <= hours * 120 + MOST_CALLS
        assert len(await of_kind(site.log, RunWaiting)) == 1
        attempts = len(await of_kind(site.log, ModelCallFailed))
        written = [one for one in await everything(site.log) if not isinstance(one.event, RunStarted | RunWaiting)]
        assert attempts == len(site.vendors.requests)
        # Chosen, reserved, failed and released: what an attempt must say, and not more.
        assert len(written) == 4 * attempts


async def test_the_run_goes_on_by_itself_once_the_vendor_answers_again() -> None:
    async with open_site(Provider.ANTHROPIC, end_s=3_600) as site:
        site.vendors.script(Provider.ANTHROPIC, *[REFUSALS["429"]] * 9)
        await site.work()
        assert len(await of_kind(site.log, RunSucceeded)) == 1
        topics = [one.topic for one in await everything(site.log) if one.stream == run_stream("task-1.1")]
        assert (topics.count("run.waiting"), topics.count("run.continued")) == (1, 1)
        assert topics[topics.index("run.continued") + 1] == "run.model-called"


async def test_the_vendors_word_is_a_floor_under_the_pause() -> None:
    async with open_site(Provider.OLLAMA, end_s=100) as site:
        site.vendors.default(Behaviour(fault=Fault.OVERLOADED, retry_after_s=37))
        await site.work()
        assert len(site.vendors.requests) == 3  # at 0, 37 and 74 s


def _quota(received: Received) -> Behaviour:
    """A free tier that one model is not in, as Gemini says it."""
    if received.model != "gemini-4-argon":
        return Behaviour()
    quota = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"},
    ]
    message = "You exceeded your current quota, please check your plan and billing details. limit: 0"
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": message, "details": details}
    return Behaviour(raw=Raw({"error": error}, 429))


def _only(model: str, refusal: Behaviour) -> Callable[[Received], Behaviour]:
    return lambda received: refusal if received.model == model else Behaviour()


OPUS = "claude-opus-5-5"
TOO_LARGE = {
    "type": "tokens",
    "code": "rate_limit_exceeded",
    "message": "Request too large for gpt-6.1-sol on tokens per min (TPM): Limit 10000, Requested 15000.",
}
# Who is configured, what the task is, what is asked first and what that vendor answers, and what is then paused.
ONE_MODEL = {
    "gemini-daily": (Provider.GEMINI, "performance-analysis", "gemini-4-argon", _quota, "rate-limited"),
    "403": (Provider.ANTHROPIC, "architecture-design", OPUS, Fault.FORBIDDEN, "permission-denied"),
    "429": (Provider.ANTHROPIC, "architecture-design", OPUS, Fault.RATE_LIMITED, "rate-limited"),
    "529": (Provider.ANTHROPIC, "architecture-design", OPUS, Fault.OVERLOADED, "overloaded"),
    "too-large": (Provider.OPENAI, "unit-test", "gpt-6.1-terra", Raw({"error": TOO_LARGE}, 429), None),
}


@pytest.mark.parametrize(("provider", "task_type", "model", "said", "paused"), ONE_MODEL.values(), ids=ONE_MODEL)
async def test_one_models_trouble_leaves_its_siblings_to_do_the_work(
    provider: Provider, task_type: str, model: str, said: Any, paused: str | None
) -> None:
    async with open_site(provider) as site:
        if not callable(said):
            said = _only(model, Behaviour(raw=said) if isinstance(said, Raw) else Behaviour(fault=said))
        site.vendors.default(said)
        await site.work(task_type=task_type)
        assert len(await of_kind(site.log, RunSucceeded)) == 1
        asked = [one.model for one in site.vendors.requests]
        assert asked[0] == model
        assert len(set(asked)) == 2
        assert not await of_kind(site.log, RunWaiting)
        assert await site.router.providers() == {provider: "up"}
        assert await site.router.paused_models() == ({f"{provider}/{model}": paused} if paused else {})
        # Not paused means asked again with the next step: it is the request that was too large.
        assert asked.count(model) == (1 if paused else len(role("architect").steps))


@pytest.mark.parametrize("fault", [Fault.AUTHENTICATION, Fault.OUT_OF_CREDIT], ids=str)
async def test_what_is_the_providers_trouble_is_not_asked_of_its_other_models(fault: Fault) -> None:
    async with open_site(Provider.ANTHROPIC) as site:
        site.vendors.default(Behaviour(fault=fault))
        await site.work()
        assert len(site.vendors.requests) == 1
        assert await site.router.providers() == {"anthropic": f"down: {fault}"}
        assert len(await of_kind(site.log, RunWaiting)) == 1
