"""What a choice among all models measures: each form on the wire once, whatever is free not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from actors.llm_router.attempts import build_request, following_call
from actors.llm_router.circuit_breaker import CircuitBreaker
from actors.llm_router.selection import ModelChoice, made
from actors.llm_router.sizes import CallSizes
from actors.messages import Call, FollowUp
from benchmarks.decision import call_of
from events.ids import PROVIDERS, Provider, Scope, Tier, WhenExceeded
from vapora.domain.budget_status import BudgetStatus
from vapora.domain.pricing import PriceBook
from vapora.llm.anthropic_client import AnthropicClient
from vapora.llm.catalogue import shipped
from vapora.llm.gemini_client import GeminiClient
from vapora.llm.ollama_client import OllamaClient
from vapora.llm.openai_client import OpenAIClient
from vapora.llm.protocol import Image, Message, ModelClient, ModelRequest, NativeTurn
from vapora.llm.rehearsal import RehearsalClient

AT = datetime(2026, 11, 28, tzinfo=UTC)
STANDING = BudgetStatus(Tier.NORMAL, Scope.WORKSPACE, "default", WhenExceeded.FALLBACK, 0.1, "a tenth")
MODELS = shipped().models

Measured = Counter[str]


def counting(kind: type[RehearsalClient], provider: Provider, measured: Measured) -> ModelClient:
    """A real client that counts how often what is said is measured there."""

    class Counting(kind):  # type: ignore[misc, valid-type]
        def said_bytes(self, request: ModelRequest) -> int:
            measured[self.wire(request.model)] += 1
            return int(super().said_bytes(request))

    made: ModelClient = Counting(provider)
    return made


def clients(measured: Measured, rehearsal: bool) -> dict[Provider, ModelClient]:
    real = dict(zip(PROVIDERS, (AnthropicClient, OpenAIClient, GeminiClient, OllamaClient), strict=True))
    kinds = dict.fromkeys(PROVIDERS, RehearsalClient) if rehearsal else real
    return {provider: counting(kind, provider, measured) for provider, kind in kinds.items()}  # type: ignore[arg-type]


def choice(of: dict[Provider, ModelClient], prices: PriceBook | None = None) -> ModelChoice:
    breaker = CircuitBreaker(MODELS, lambda: AT, lambda: 0.5)
    book = prices or PriceBook(named=shipped().prices)
    return ModelChoice(of, MODELS, book, lambda: AT, breaker, 60, 60)


@pytest.mark.parametrize("tools", [0, 3])
def test_what_is_said_is_measured_once_a_form_and_not_for_what_is_free(tools: int) -> None:
    measured: Measured = Counter()
    plan = choice(clients(measured, rehearsal=False)).plan(call := call_of(3, tools), CallSizes(call), STANDING, {})
    assert measured == {"anthropic": 1, "openai": 1, "gemini": 1}
    assert len(plan.candidates) == len(MODELS) > len(measured)


def test_the_rehearsal_is_measured_once_for_all_whom_it_stands_in_for() -> None:
    measured: Measured = Counter()
    chosen, call = choice(clients(measured, rehearsal=True)), call_of(3)
    sizes = CallSizes(call)
    chosen.plan(call, sizes, STANDING, {})
    chosen.plan(call, sizes, replace(STANDING, tier=Tier.EXCEEDED), {}, all_up=True)
    assert measured == {"rehearsal": 1}


def test_a_step_to_come_is_measured_when_it_is_chosen_and_not_again_when_it_comes_as_expected() -> None:
    measured: Measured = Counter()
    chosen = choice(clients(measured, rehearsal=True))
    call = replace(call_of(3), follow_up=FollowUp("Go on.", 100))
    option = chosen.plan(call, CallSizes(call), STANDING, {}).options[0]
    ahead = chosen.following(call, made(chosen.wish(call, option, cheap=False), option, STANDING), "The answer.")
    assert ahead is not None
    coming = replace(following_call(call, "The answer."), run_version=9)
    assert ahead.sizes.is_of(coming)
    assert chosen.covers(ahead.choice, coming, ahead.sizes)
    assert measured == {"rehearsal": 2}


def test_a_step_that_comes_otherwise_than_expected_is_measured_anew() -> None:
    call = call_of(3)
    sizes = CallSizes(call)
    longer = (*call.messages, Message(role="user", text="One thing more."))
    changed: list[dict[str, Any]] = [{"messages": longer}, {"max_output_tokens": 5}]
    changed += [{"system": "Another."}, {"temperature": 0.5}, {"tools": call_of(3, 1).tools}]
    assert sizes.is_of(replace(call_of(3), attempt=2, run_version=7))
    assert not any(sizes.is_of(replace(call, **other)) for other in changed)


def conversations() -> dict[str, Callable[[Call], Call]]:
    picture = Image(name="a.png", media_type="image/png", digest="d" * 64)
    native = NativeTurn(provider=Provider.ANTHROPIC, body='[{"type":"text","text":"hm"}]', tokens=700)

    def ended(call: Call, *more: Message) -> Call:
        return replace(call, messages=(*call.messages, *more))

    return {
        "plain": lambda call: call,
        "image": lambda call: ended(call, Message(role="user", text="a.png", images=(picture,))),
        "thoughts": lambda call: ended(
            call, Message(role="assistant", text="hm", native=native), Message(role="user", text="Go on.")
        ),
        "too long": lambda call: replace(
            call, messages=tuple(one.model_copy(update={"text": one.text * 200}) for one in call.messages)
        ),
    }


@pytest.mark.parametrize("rehearsal", [True, False])
@pytest.mark.parametrize("tools", [0, 3])
@pytest.mark.parametrize("name", conversations())
def test_a_size_is_that_of_the_very_request_that_is_sent(name: str, tools: int, rehearsal: bool) -> None:
    call, of = conversations()[name](call_of(3, tools)), clients(Counter(), rehearsal)
    sizes = CallSizes(call)
    for spec in MODELS:
        request = build_request(call, sizes, spec, 60, {})
        images = sum(len(one.images) for one in request.messages)
        thoughts = sum(
            one.native.tokens for one in request.messages if one.native and one.native.provider == spec.provider
        )
        counted = of[spec.provider].request_bytes(request) + 2 * (thoughts + spec.tokens_of(images))
        assert sizes.counted_bytes(spec, of[spec.provider]) == counted
