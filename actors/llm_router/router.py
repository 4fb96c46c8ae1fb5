"""The router: every call to a model goes through it, and none goes out without its worst case reserved.

It is shared by all workspaces. What it appends rides along with the budget manager's events, so that the run and its
money stand or fall together. A call, once begun, is brought to its end even if the one who asked is gone.
"""

from __future__ import annotations

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, NoReturn

import structlog

from actors.kinds import never_repeated
from actors.llm_router import attempts as steps
from actors.llm_router.attempts import CallAttempts, ChosenModel, Held, build_request, selected
from actors.llm_router.budget_client import BudgetClient, SpendPort
from actors.llm_router.circuit_breaker import CircuitBreaker
from actors.llm_router.held_choices import HeldChoices
from actors.llm_router.no_answer import NoAnswer, no_room
from actors.llm_router.selection import ModelChoice, made
from actors.llm_router.vendor_sentences import VendorSentences
from actors.messages import (
    Answered,
    Call,
    CallOutcome,
    NoProvider,
    NoRoom,
    Reserved,
    Unanswerable,
)
from events.content import Content
from events.ids import Provider, Tier, WaitReason
from events.run import ModelCalled
from vapora.clock import Clock, Sleep
from vapora.domain import availability
from vapora.domain.answer import Verdict, judge
from vapora.domain.pricing import PriceBook
from vapora.errors import BadAnswerError, ProviderError, ProviderTimeoutError, UnavailableError
from vapora.llm.catalogue import Catalogue
from vapora.llm.protocol import ModelAnswer, ModelClient, image_count
from vapora.ports import Origin

# What a call rests here in all before its card says that it waits, and what it rests once the card says so.
_UNSEEN_S = 1.0
_SEEN_S = 5.0
_MOST_ATTEMPTS = 8
# How long a stop waits for answers that are on their way: their money is spent.
DRAIN_S = 4.0


class _UnderWay(NamedTuple):
    run_id: str
    outcome: asyncio.Task[CallOutcome]


class LLMRouter:
    """`money(workspace)` and `keep(workspace, text)` reach a cell's budget manager and its blob store, as does
    `read(workspace, digest)`, for the images of a call. `chance`: random numbers from 0 to 1, which spread pauses."""

    def __init__(
        self,
        clients: Mapping[Provider, ModelClient],
        money: Callable[[str], SpendPort],
        keep: Callable[[str, str], Content],
        clock: Clock,
        *,
        catalogue: Catalogue,
        prices: PriceBook,
        timeout_s: float,
        margin_s: float,
        drain_s: float = DRAIN_S,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        read: Callable[[str, str], bytes] | None = None,
    ) -> None:
        self._clients = clients
        self._keep = keep
        self._read = read
        self._clock = clock
        self._prices = prices
        self._timeout_s = timeout_s
        self._drain_s = drain_s
        self._sleep = sleep
        self._chance = chance
        self._simulated = any(client.simulated for client in clients.values())
        offered = [one for one in catalogue.models if one.provider in clients]
        self._breaker = CircuitBreaker(offered, clock, chance)
        self._choice = ModelChoice(clients, catalogue.models, prices, clock, self._breaker, timeout_s, margin_s)
        self._budget_client = BudgetClient(money, patience_s=timeout_s)
        self._held = HeldChoices(self._budget_client, clock)
        self._under_way: dict[str, _UnderWay] = {}
        self._sentences = VendorSentences(clock)
        self._no_answer = NoAnswer(self._choice, self._breaker, self._sentences, clock, catalogue)
        self._stopping = asyncio.Event()
        self._journal = structlog.get_logger("router")

    async def start(self) -> None:
        """Nothing to rebuild: what it must know stands in the runs and the ledgers."""

    async def stop(self) -> None:
        """Nothing more goes out. What was promised and not sent is given back; what is out may be billed, so its answer
        is waited for, up to the drain."""
        self._stopping.set()
        # Those whose previous answer is still being recorded are perhaps not promised yet: they come second.
        busy = {one.run_id for one in self._under_way.values()}
        await self._held.give_back(lambda held: held.charge.run_id not in busy, self._drain_s)
        await self._drain()
        await self._held.give_back(lambda held: True, self._drain_s)
        for client in self._clients.values():
            await client.aclose()

    async def _drain(self) -> None:
        calls = [one.outcome for one in self._under_way.values()]
        if calls:
            _, late = await asyncio.wait(calls, timeout=self._drain_s)
            for call in late:
                self._journal.warning("no answer before the stop, so nobody knows what it cost", call=call.get_name())
                call.cancel()

    async def health(self) -> dict[str, Any]:
        return {"under_way": len(self._under_way), "held": len(self._held), "providers": await self.providers()}

    async def providers(self) -> dict[str, str]:
        """Provider → `up`, or `down: <why>` while none of its models is asked after failures."""
        down = self._choice.down()
        return {str(one): f"down: {down[one]}" if one in down else "up" for one in self._clients}

    async def paused_models(self) -> dict[str, str]:
        """`provider/model` → the kind of its last failure, for those that are left alone while it is up or not."""
        return {f"{provider}/{model}": why for (provider, model), why in self._breaker.models_out().items()}

    async def is_simulated(self) -> bool:
        """Whether the rehearsal model answers."""
        return self._simulated

    @never_repeated
    async def complete(self, call: Call) -> CallOutcome:
        """Have one step answered. The same `call_id` again joins the call that is under way."""
        under_way = self._under_way.get(call.call_id)
        if under_way is None:
            if self._stopping.is_set():
                raise _stopping()
            task = asyncio.create_task(self._work(call), name=call.call_id)
            under_way = self._under_way[call.call_id] = _UnderWay(call.charge.run_id, task)
            task.add_done_callback(self._ended)
        return await asyncio.shield(under_way.outcome)

    async def attach(self, call_id: str) -> CallOutcome | bool:
        """For a run that resumes: the outcome of its call if it is under way; True if its money is held and nothing was
        sent; False if nothing is known of it, so that its answer must count as lost."""
        under_way = self._under_way.get(call_id)
        return await asyncio.shield(under_way.outcome) if under_way else call_id in self._held

    async def drop(self, origin: Origin, call_id: str) -> bool:
        """The next step's money is not needed: the run ends here. False if nothing is held for it here."""
        held = self._held.take(call_id)
        if held is not None:
            await self._budget_client.hand_back(origin, held)
        return held is not None

    async def withdraw(self, call_id: str) -> bool:
        """The next step's money is given back for now, and its run says that nothing was sent: the run is paused. False
        if nothing is held for it here."""
        return await self._held.withdraw(call_id)

    def _ended(self, task: asyncio.Task[CallOutcome]) -> None:
        self._under_way.pop(task.get_name(), None)
        self._breaker.end(task.get_name())
        if task.cancelled() or (error := task.exception()) is None:
            return
        # Told here too: the one who asked may be gone. A stop is no news.
        if not (self._stopping.is_set() and isinstance(error, UnavailableError)):
            self._journal.warning("call not brought to its end", call=task.get_name(), error=str(error))

    # --- one call ---

    async def _work(self, call: Call) -> CallOutcome:
        # Before any money is held: where they are gone, nothing was promised.
        attempts = CallAttempts.of(call, await self._images(call))
        choice = await self._redeem(call)
        attempt = call.attempt
        rest_s = _SEEN_S if call.waiting is WaitReason.PROVIDER else _UNSEEN_S
        for _ in range(_MOST_ATTEMPTS):
            if choice is None:
                found = await self.select_provider(replace(call, attempt=attempt), attempts)
                if isinstance(found, NoProvider) and (left := self._no_answer.left(found)) <= rest_s:
                    rest_s -= left
                    await self._rest(left)
                    continue
                if not isinstance(found, ChosenModel):
                    return found
                choice = found
            outcome = await self._attempt(call, attempts, choice)
            self._breaker.end(call.call_id)
            if outcome is not None:
                return outcome
            if attempts.maybe_billed >= call.maybe_billed_left:
                return Unanswerable(
                    tuple(attempts.events), "Too many calls may have been billed and brought no answer."
                )
            attempt = max(attempt, choice.attempt + 1)
            choice = None
            pause = availability.pace(attempt - 1, self._chance())
            if pause > rest_s:
                return self._no_answer.provider(attempts, pause)
            rest_s -= pause
            await self._rest(pause)
        return self._no_answer.provider(attempts)

    async def _images(self, call: Call) -> dict[str, str]:
        """The bytes of the call's images as base64, by digest. `NotFoundError` where one is gone."""
        read = self._read
        digests = {one.digest for message in call.messages for one in message.images}
        if read is None or not digests:
            return {}
        fetched = [await asyncio.to_thread(read, call.origin.workspace, digest) for digest in sorted(digests)]
        return {digest: b64encode(data).decode() for digest, data in zip(sorted(digests), fetched, strict=True)}

    async def _rest(self, seconds: float) -> None:
        """For so long, or until a model that was in doubt answers; raises where the router stops meanwhile."""
        if seconds > 0:
            waits = (self._sleep(seconds), self._breaker.recovery(), self._stopping.wait())
            tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(one) for one in waits]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in tasks:
                    one.cancel()
        if self._stopping.is_set():
            raise _stopping()

    async def _redeem(self, call: Call) -> ChosenModel | None:
        """The reservation made together with the previous answer, if it covers this call."""
        held = self._held.take(call.call_id)
        if held is None and call.held:
            # Another attempt would leave the first one's money reserved until it expires.
            raise UnavailableError(
                "What was held for this call went with the router before.", remedy="Look at the run again."
            )
        if held is None or self._choice.covers(held, call):
            return held
        await self._budget_client.hand_back(call.origin, held)
        return None

    async def select_provider(self, call: Call, attempts: CallAttempts) -> ChosenModel | CallOutcome:
        """Choose a model by budget tier, rules and health, and reserve its worst case (M5.9, M10.5).

        A refusal makes the tier `exceeded`, so the second round goes down the cheap chain.
        """
        if call.tools or image_count(call.messages):
            await self._choice.learn(attempts.excluded)
        money = self._budget_client
        refused: NoRoom | None = None
        for _ in range(2):
            standing = await money.standing(call.origin, call.charge, self._simulated)
            plan = self._choice.plan(call, standing, attempts.excluded)
            for option in plan.options:
                if not self._breaker.admit(option.spec, call.call_id):
                    continue  # another call is finding out whether it answers
                proven = self._breaker.proven(option.spec)
                events = attempts.chosen(selected(call, plan, option, standing, self._simulated), proven=proven)
                wish = self._choice.wish(call, option, cheap=plan.cheap_chain)
                reply = await money.reserve(call.origin, wish, (attempts.along(events),))
                if isinstance(reply, Reserved):
                    attempts.appended(events)
                    return made(wish, option, standing)
                refused = reply
                if reply.contended or reply.stop:
                    return await no_room(money, attempts, reply)
                if standing.tier is not Tier.EXCEEDED:
                    break  # now it is: look again with the other chain
        if refused is not None:
            return await no_room(money, attempts, refused)
        return self._no_answer.nobody(attempts, self._choice.plan(call, standing, attempts.excluded, all_up=True))

    async def _attempt(self, call: Call, attempts: CallAttempts, choice: ChosenModel) -> CallOutcome | None:
        """Ask the model. None: it failed in a way that another attempt may mend."""
        if self._stopping.is_set():
            await self._withdraw(attempts, choice)
        provider = choice.spec.provider
        request = build_request(call, choice.spec, self._timeout_s, attempts.images)
        asked_at, began = self._clock(), time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._clients[provider].complete(request)
        except TimeoutError:
            failure: ProviderError = ProviderTimeoutError(f"{provider} gave no answer in {self._timeout_s:g} s.")
        except ProviderError as error:
            failure = error
        except Exception:  # an adapter's bug: the provider may have billed us all the same
            self._journal.exception("adapter failed", provider=provider)
            failure = BadAnswerError(f"An answer of {provider} could not be read: a fault of VAPORA, see its journal.")
        else:
            self._sentences.answered(choice.spec)
            self._breaker.succeeded(choice.spec, asked_at)
            return await self._settle(attempts, choice, answer, int((time.monotonic() - began) * 1_000))
        await self._failed(attempts, choice, failure, asked_at)
        return None

    async def _withdraw(self, attempts: CallAttempts, choice: ChosenModel) -> NoReturn:
        """Chosen and paid for, and not sent: the router stops."""
        call = attempts.call
        event = steps.withdrawn(call.charge, call.step, choice)
        await self._budget_client.hand_back(call.origin, choice, attempts.along((event,)))
        raise _stopping()

    async def _settle(
        self, attempts: CallAttempts, choice: ChosenModel, answer: ModelAnswer, latency_ms: int
    ) -> CallOutcome:
        """The answer, its money and the next step's reservation in one append, before anybody sees the answer."""
        call = attempts.call
        event = await self._record(call, choice, answer, latency_ms)
        settlement = steps.settlement(event)
        events = attempts.answered(event)
        ahead = held = None
        goes_on = call.follow_up is not None and not event.tool_calls and judge(event) is Verdict.USABLE
        if goes_on and not self._stopping.is_set():
            ahead = self._choice.following(call, choice, answer.text)
        if ahead is not None:
            version = attempts.version + len(events) + len(ahead.events)
            held = Held(ahead.choice, call.origin, call.charge, call.step + 1, version)
            # Before it is in the log: an agent that resumes may read it there before the reply is here.
            self._held.keep(held)
        stands = False
        try:
            following = (ahead.wish, ahead.events) if ahead else None
            settled = await self._budget_client.settle(call.origin, settlement, attempts.along(events), following)
            stands = settled.next_held
        finally:
            if held is not None and not stands:
                self._held.discard(held)
        attempts.appended(events)
        if ahead is not None and stands:
            attempts.appended(ahead.events)
        return Answered(tuple(attempts.events), event, settled.position, settled.next_held)

    async def _record(self, call: Call, choice: ChosenModel, answer: ModelAnswer, latency_ms: int) -> ModelCalled:
        # The texts are on the disk before the event that names them.
        content = await asyncio.to_thread(self._keep, call.origin.workspace, steps.text_of(answer))
        native = None
        if answer.native is not None:
            native = await asyncio.to_thread(self._keep, call.origin.workspace, answer.native)
        cost = partial(self._prices.cost, choice.spec.provider, choice.spec.model, at=self._clock())
        return steps.called(call, choice, answer, content, native, cost, latency_ms, self._simulated)

    async def _failed(
        self, attempts: CallAttempts, choice: ChosenModel, error: ProviderError, asked_at: datetime
    ) -> None:
        """Give the money back only where the provider provably did not bill; remember whom not to ask for a while."""
        call = attempts.call
        event = steps.failed(call, choice, error, self._simulated)
        attempts.failed(choice, error)
        self._sentences.failed(call.origin.workspace, choice.spec, f"{error}")
        self._breaker.failed(choice.spec, error, asked_at)
        if error.scope == "request":
            attempts.excluded[choice.spec.provider, choice.spec.model] = error.kind
        await self._budget_client.give_up(
            call.origin, choice, error.kind, attempts.along((event,)), billed=error.maybe_billed
        )
        attempts.appended((event,))


def _stopping() -> UnavailableError:
    return UnavailableError("The router is stopping.", remedy="Ask again once it has started.")
