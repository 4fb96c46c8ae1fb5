"""One model is asked once, and what comes of it is recorded: the answer with its money, or the failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import NoReturn

import structlog

from actors.llm_router import attempts as steps
from actors.llm_router.attempts import CallAttempts, ChosenModel, Held, build_request
from actors.llm_router.budget_client import BudgetClient
from actors.llm_router.held_choices import HeldChoices
from actors.llm_router.model_access import ModelAccess
from actors.llm_router.vendor_sentences import VendorSentences
from actors.messages import Answered, Call, CallOutcome
from events.content import Content
from events.run import ModelCalled
from vapora.blobs import inline
from vapora.clock import Clock
from vapora.domain.answer import Verdict, judge
from vapora.domain.pricing import PriceBook
from vapora.errors import BadAnswerError, ProviderError, ProviderTimeoutError, UnavailableError
from vapora.llm.protocol import ModelAnswer
from vapora.observability import live
from vapora.trace_ids import call_span

# `keep(workspace, text)` stores a text of a workspace.
Keep = Callable[[str, str], Content]


class Asking:
    """`stopping` is set once nothing more may go out."""

    def __init__(
        self,
        budget_client: BudgetClient,
        held: HeldChoices,
        keep: Keep,
        sentences: VendorSentences,
        clock: Clock,
        prices: PriceBook,
        timeout_s: float,
        stopping: asyncio.Event,
    ) -> None:
        self._budget_client = budget_client
        self._held = held
        self._keep = keep
        self._sentences = sentences
        self._clock = clock
        self._prices = prices
        self._timeout_s = timeout_s
        self._stopping = stopping
        self._journal = structlog.get_logger("router")

    async def attempt(self, access: ModelAccess, attempts: CallAttempts, choice: ChosenModel) -> CallOutcome | None:
        """Ask the model. None: it failed in a way that another attempt may mend."""
        if self._stopping.is_set():
            await self._withdraw(attempts, choice)
        call, provider = attempts.call, choice.spec.provider
        if provider in access.keys:
            access.asked.add(provider)
        request = build_request(call, attempts.sizes, choice.spec, self._timeout_s, attempts.images)
        asked_at, began = self._clock(), time.monotonic()
        try:
            with _recorded(call, choice):
                async with asyncio.timeout(self._timeout_s):
                    answer = await access.clients[provider].complete(request)
        except TimeoutError:
            failure: ProviderError = ProviderTimeoutError(f"{provider} gave no answer in {self._timeout_s:g} s.")
        except ProviderError as error:
            failure = error
        except Exception:  # an adapter's bug: the provider may have billed us all the same
            self._journal.exception("adapter failed", provider=provider)
            failure = BadAnswerError(f"An answer of {provider} could not be read: a fault of VAPORA, see its journal.")
        else:
            self._sentences.answered(choice.spec, access.breaker.account(provider))
            access.breaker.succeeded(choice.spec, asked_at)
            return await self._settle(access, attempts, choice, answer, int((time.monotonic() - began) * 1_000))
        await self._failed(access, attempts, choice, failure, asked_at)
        return None

    async def _withdraw(self, attempts: CallAttempts, choice: ChosenModel) -> NoReturn:
        """Chosen and paid for, and not sent: the router stops."""
        call = attempts.call
        event = steps.withdrawn(call.charge, call.step, choice)
        await self._budget_client.hand_back(call.origin, choice, attempts.along((event,)))
        raise stopping_error()

    async def _settle(
        self,
        access: ModelAccess,
        attempts: CallAttempts,
        choice: ChosenModel,
        answer: ModelAnswer,
        latency_ms: int,
    ) -> CallOutcome:
        """The answer, its money and the next step's reservation in one append, before anybody sees the answer."""
        call = attempts.call
        event = await self._record(access, call, choice, answer, latency_ms)
        settlement = steps.settlement(event)
        events = attempts.answered(event)
        ahead = held = None
        goes_on = call.follow_up is not None and not event.tool_calls and judge(event) is Verdict.USABLE
        if goes_on and not self._stopping.is_set():
            ahead = access.choice.following(call, choice, answer.text)
        if ahead is not None:
            version = attempts.version + len(events) + len(ahead.events)
            held = Held(ahead.choice, call.origin, call.charge, call.step + 1, version, ahead.sizes)
            # Before it is in the log: an agent that resumes may read it there before the reply is here.
            self._held.keep(held)
        stands = False
        try:
            following = (ahead.wish, ahead.events) if ahead else None
            along, closing = attempts.along(events), steps.closing(call, event, answer)
            settled = await self._budget_client.settle(call.origin, settlement, along, following, closing)
            stands = settled.next_held
        finally:
            if held is not None and not stands:
                self._held.discard(held)
        attempts.appended(events)
        if ahead is not None and stands:
            attempts.appended(ahead.events)
        if closing is not None and settled.closed:
            attempts.appended(closing.events)
        return Answered(tuple(attempts.events), event, settled.position, settled.next_held)

    async def _record(
        self, access: ModelAccess, call: Call, choice: ChosenModel, answer: ModelAnswer, latency_ms: int
    ) -> ModelCalled:
        # The texts are on the disk before the event that names them.
        content = await self._kept(call.origin.workspace, steps.text_of(answer))
        native = None if answer.native is None else await self._kept(call.origin.workspace, answer.native)
        cost = partial(self._prices.cost, choice.spec.provider, choice.spec.model, at=self._clock())
        return steps.called(call, choice, answer, content, native, cost, latency_ms, access.simulated)

    async def _kept(self, workspace: str, text: str) -> Content:
        """In a thread where it is large: it goes to the disk or over the network."""
        small = inline(text)
        return small if small is not None else await asyncio.to_thread(self._keep, workspace, text)

    async def _failed(
        self,
        access: ModelAccess,
        attempts: CallAttempts,
        choice: ChosenModel,
        error: ProviderError,
        asked_at: datetime,
    ) -> None:
        """Give the money back only where the provider provably did not bill; remember whom not to ask for a while."""
        call = attempts.call
        event = steps.failed(call, choice, error, access.simulated)
        attempts.failed(choice, error)
        account = access.breaker.account(choice.spec.provider)
        self._sentences.failed(call.origin.workspace, choice.spec, f"{error}", account)
        access.breaker.failed(choice.spec, error, asked_at)
        if error.scope == "request":
            attempts.excluded[choice.spec.provider, choice.spec.model] = error.kind
        await self._budget_client.give_up(
            call.origin, choice, error.kind, attempts.along((event,)), billed=error.maybe_billed
        )
        attempts.appended((event,))


@contextmanager
def _recorded(call: Call, choice: ChosenModel) -> Iterator[None]:
    """As a live span, beneath the one that the log will tell of this attempt."""
    spec = choice.spec
    known = call_span(call.charge.run_id, choice.call_id, choice.attempt)
    attributes = {"gen_ai.provider.name": str(spec.provider), "gen_ai.request.model": spec.model}
    with (
        live.under(call.origin.correlation, known),
        live.span("provider call", "client", attributes=attributes),
    ):
        yield


def stopping_error() -> UnavailableError:
    return UnavailableError("The router is stopping.", remedy="Ask again once it has started.")
