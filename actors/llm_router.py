"""The router: every call to a model goes through it, and none goes out without its worst case reserved.

It is shared by all workspaces. What it appends rides along with the budget manager's events, so that the run and its
money stand or fall together. A call, once begun, is brought to its end even if the one who asked is gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from actors import journey as steps
from actors.cashier import Cashier, Money
from actors.journey import Choice, Journey, build_request, selected
from actors.messages import (
    Answered,
    Call,
    NoProvider,
    NoRoom,
    Outcome,
    OutOfBudget,
    Reserved,
    Unanswerable,
)
from actors.model_choice import ModelChoice, made
from actors.vendor_sentences import VendorSentences, listed, shortened
from events.content import Content
from events.ids import Provider, Tier
from events.run import ModelCalled
from vapora.clock import Clock
from vapora.domain import budget
from vapora.domain.answer import Verdict, judge
from vapora.domain.models import ModelSpec
from vapora.domain.pricing import PriceBook
from vapora.errors import BadAnswerError, ProviderError, ProviderTimeoutError, UnavailableError
from vapora.llm.protocol import ModelAnswer, ModelClient
from vapora.ports import Origin

# A pause this short is waited out here; a longer one shows on the card.
_BRIEF_S = 5.0
_MOST_ATTEMPTS = 8


class LLMRouter:
    """`money(workspace)` and `keep(workspace, text)` reach a cell's budget manager and its blob store."""

    def __init__(
        self,
        clients: Mapping[Provider, ModelClient],
        money: Callable[[str], Money],
        keep: Callable[[str, str], Content],
        clock: Clock,
        *,
        models: tuple[ModelSpec, ...],
        prices: PriceBook,
        timeout_s: float,
        margin_s: float,
    ) -> None:
        self._clients = clients
        self._money = money
        self._keep = keep
        self._clock = clock
        self._prices = prices
        self._timeout_s = timeout_s
        self._simulated = any(client.simulated for client in clients.values())
        self._choice = ModelChoice(clients, models, prices, clock, timeout_s, margin_s)
        self._cashier = Cashier(money, patience_s=timeout_s)
        self._under_way: dict[str, asyncio.Task[Outcome]] = {}
        self._held: dict[str, Choice] = {}
        self._sentences = VendorSentences(clock)
        self._stopping = False
        self._journal = structlog.get_logger("router")

    async def start(self) -> None:
        """Nothing to rebuild: what it must know stands in the runs and the ledgers."""

    async def stop(self) -> None:
        # A call that is out may be billed, so it is waited for, as long as a call may take.
        self._stopping = True
        if self._under_way:
            await asyncio.wait(list(self._under_way.values()), timeout=self._timeout_s)
        for client in self._clients.values():
            await client.aclose()

    async def health(self) -> dict[str, Any]:
        return {"under_way": len(self._under_way), "held": len(self._held), "providers": await self.providers()}

    async def providers(self) -> dict[str, str]:
        """Provider → `up`, or `down: <why>` while it is left alone after failures."""
        down = self._choice.down()
        return {one.value: f"down: {down[one]}" if one in down else "up" for one in self._clients}

    async def is_simulated(self) -> bool:
        """Whether the rehearsal model answers."""
        return self._simulated

    async def complete(self, call: Call) -> Outcome:
        """Have one step answered. The same `call_id` again joins the call that is under way."""
        task = self._under_way.get(call.call_id)
        if task is None:
            if self._stopping:
                raise UnavailableError("The router is stopping.", remedy="Ask again once it has started.")
            task = asyncio.create_task(self._work(call), name=call.call_id)
            self._under_way[call.call_id] = task
            task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def attach(self, call_id: str) -> Outcome | bool:
        """For a run that resumes: the outcome of its call if it is under way; True if its money is held and nothing was
        sent; False if nothing is known of it, so that its answer must count as lost."""
        task = self._under_way.get(call_id)
        return await asyncio.shield(task) if task else call_id in self._held

    async def drop(self, origin: Origin, call_id: str) -> bool:
        """The next step's money is not needed: the run ends here. False if nothing is held for it here."""
        held = self._held.pop(call_id, None)
        if held is not None:
            await self._cashier.hand_back(origin, held)
        return held is not None

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        self._under_way.pop(task.get_name(), None)
        # Told here too: the one who asked may be gone.
        if not task.cancelled() and (error := task.exception()) is not None:
            self._journal.warning("call not brought to its end", call=task.get_name(), error=str(error))

    # --- one call ---

    async def _work(self, call: Call) -> Outcome:
        journey = Journey.of(call)
        choice = await self._redeem(call)
        for attempt in range(call.attempt, call.attempt + _MOST_ATTEMPTS):
            if choice is None:
                found = await self.select_provider(replace(call, attempt=attempt), journey)
                if not isinstance(found, Choice):
                    if not isinstance(found, NoProvider) or (pause := self._pause(found)) is None:
                        return found
                    await asyncio.sleep(pause)
                    continue
                choice = found
            outcome = await self._attempt(call, journey, choice)
            if outcome is not None:
                return outcome
            if journey.maybe_billed >= call.maybe_billed_left:
                return Unanswerable(tuple(journey.events), "Too many calls may have been billed and brought no answer.")
            choice = None
        return self._no_provider(journey)

    async def _redeem(self, call: Call) -> Choice | None:
        """The reservation made together with the previous answer, if it covers this call."""
        held = self._held.pop(call.call_id, None)
        if held is None and call.held:
            # Another attempt would leave the first one's money reserved until it expires.
            raise UnavailableError(
                "What was held for this call went with the router before.", remedy="Look at the run again."
            )
        if held is None or self._choice.covers(held, call):
            return held
        await self._cashier.hand_back(call.origin, held)
        return None

    async def select_provider(self, call: Call, journey: Journey) -> Choice | Outcome:
        """Choose a model by budget tier, rules and health, and reserve its worst case (M5.9, M10.5).

        A refusal makes the tier `exceeded`, so the second round goes down the cheap chain.
        """
        money = self._money(call.origin.workspace)
        refused: NoRoom | None = None
        for _ in range(2):
            standing = await money.standing(call.charge, self._simulated)
            plan = self._choice.plan(call, standing, journey.excluded)
            for option in plan.options:
                events = journey.resumed(selected(call, plan, option, standing, self._simulated))
                wish = self._choice.wish(call, option, cheap=plan.cheap_chain)
                reply = await money.reserve(call.origin, wish, (journey.along(events),))
                if isinstance(reply, Reserved):
                    journey.appended(events)
                    return made(wish, option, standing)
                refused = reply
                if reply.contended or reply.stop:
                    return await self._out_of_budget(money, journey, reply)
                if standing.tier is not Tier.EXCEEDED:
                    break  # now it is: look again with the other chain
        if refused is not None:
            return await self._out_of_budget(money, journey, refused)
        return self._nobody(call, journey, standing)

    async def _attempt(self, call: Call, journey: Journey, choice: Choice) -> Outcome | None:
        """Ask the model. None: it failed in a way that another attempt may mend."""
        provider = choice.spec.provider
        request = build_request(call, choice.spec, self._timeout_s)
        began = time.monotonic()
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
            self._choice.succeeded(provider)
            self._sentences.answered(choice.spec)
            return await self._settle(journey, choice, answer, int((time.monotonic() - began) * 1_000))
        await self._failed(journey, choice, failure)
        return None

    async def _settle(self, journey: Journey, choice: Choice, answer: ModelAnswer, latency_ms: int) -> Outcome:
        """The answer, its money and the next step's reservation in one append, before anybody sees the answer."""
        call = journey.call
        event = await self._record(call, choice, answer, latency_ms)
        settlement = steps.settlement(event)
        ahead = None
        if call.follow_up is not None and not event.tool_calls and judge(event) is Verdict.USABLE:
            ahead = self._choice.following(call, choice, answer.text)
        following = ahead[1:] if ahead else None
        if ahead is not None:
            # Before it is in the log: an agent that resumes may read it there before the reply is here.
            self._hold(ahead[0])
        held = False
        try:
            settled = await self._cashier.settle(call.origin, settlement, journey.along((event,)), following)
            held = settled.next_held
        finally:
            if ahead is not None and not held:
                self._let_go(ahead[0])
        journey.appended((event,))
        if ahead is not None and held:
            journey.appended(ahead[2])
        return Answered(tuple(journey.events), event, settled.position, settled.next_held)

    async def _record(self, call: Call, choice: Choice, answer: ModelAnswer, latency_ms: int) -> ModelCalled:
        # The text is on the disk before the event that names it.
        content = await asyncio.to_thread(self._keep, call.origin.workspace, steps.text_of(answer))
        cost = partial(self._prices.cost, choice.spec.provider, choice.spec.model, at=self._clock())
        return steps.called(call, choice, answer, content, cost, latency_ms, self._simulated)

    async def _failed(self, journey: Journey, choice: Choice, error: ProviderError) -> None:
        """Give the money back only where the provider provably did not bill; remember whom not to ask for a while."""
        call = journey.call
        event = steps.failed(call, choice, error, self._simulated)
        self._choice.failed(choice, error, journey)
        journey.failed(choice, error)
        self._sentences.failed(call.origin.workspace, choice.spec, f"{error}")
        await self._cashier.give_up(call.origin, choice, error.kind, journey.along((event,)), billed=error.maybe_billed)
        journey.appended((event,))

    def _hold(self, choice: Choice) -> None:
        """Keep the next step's choice until it is asked for; what nobody came for is forgotten: its money is booked."""
        self._held = {key: one for key, one in self._held.items() if not self._choice.expired(one)}
        self._held[choice.call_id] = choice

    def _let_go(self, choice: Choice) -> None:
        """It was not reserved."""
        if self._held.get(choice.call_id) is choice:
            del self._held[choice.call_id]

    # --- no answer ---

    def _nobody(self, call: Call, journey: Journey, standing: budget.Standing) -> Outcome:
        if self._choice.plan(call, standing, journey.excluded, all_up=True).options:
            return self._no_provider(journey)
        why = listed((model, journey.said.get((of, model), reason)) for (of, model), reason in journey.excluded.items())
        reason = shortened(f"No model can take this call. {why or 'None is configured.'}")
        return Unanswerable(tuple(journey.events), reason)

    def _no_provider(self, journey: Journey) -> NoProvider:
        down = ", ".join(f"{provider}: {why}" for provider, why in self._choice.down().items())
        said = self._sentences.told(journey.call.origin.workspace)
        remedy = f"No provider answers ({down or 'too many attempts failed'}). It is tried again by itself."
        remedy = shortened(f"{remedy} Check keys and addresses with `vapora doctor`. {said}".strip())
        return NoProvider(tuple(journey.events), remedy, self._choice.next_up())

    def _pause(self, nobody: NoProvider) -> float | None:
        """Seconds until somebody may answer, if it is worth waiting here."""
        left = (nobody.retry_at - self._clock()).total_seconds()
        return max(left, 0.0) if left <= _BRIEF_S else None

    async def _out_of_budget(self, money: Money, journey: Journey, room: NoRoom) -> OutOfBudget:
        events, where = tuple(journey.events), f"the budget of {room.scope} {room.scope_id}"
        if room.contended:
            remedy = f"Other calls hold what is left of {where}; this one waits its turn."
            return OutOfBudget(events, remedy, contended=True, until=None)
        until = await money.window_turns_at()
        remedy = (
            f"No room for this call is left in {where}. Raise its limit, allow an overflow, configure a local model, "
            f"or wait until {until:%Y-%m-%d %H:%M} UTC."
        )
        return OutOfBudget(events, remedy, contended=False, until=until)
