"""The router: every call to a model goes through it, and none goes out without its worst case reserved.

It is shared by all workspaces. What it appends rides along with the budget manager's events, so that the run and its
money stand or fall together. A call, once begun, is brought to its end even if the one who asked is gone.
"""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from actors.kinds import never_repeated
from actors.llm_router.asking import Asking, Keep, stopping_error
from actors.llm_router.attempts import CallAttempts, ChosenModel, selected
from actors.llm_router.budget_client import BudgetClient, SpendPort
from actors.llm_router.held_choices import HeldChoices
from actors.llm_router.model_access import ModelAccess, ModelAccesses
from actors.llm_router.no_answer import no_room
from actors.llm_router.own_keys import KeySource
from actors.llm_router.selection import made
from actors.llm_router.sizes import CallSizes
from actors.llm_router.vendor_sentences import VendorSentences
from actors.messages import Call, CallOutcome, NoProvider, NoRoom, Reserved, Unanswerable
from events.ids import DEFAULT_WORKSPACE, Provider, Tier, WaitReason
from vapora.clock import Clock, Sleep
from vapora.domain import availability
from vapora.domain.pricing import PriceBook
from vapora.errors import UnavailableError, VaultError
from vapora.llm.catalogue import Catalogue
from vapora.llm.protocol import ModelClient, image_count
from vapora.ports import Origin

# What a call rests here in all before its card says that it waits, and what it rests once the card says so.
_UNSEEN_S = 1.0
_SEEN_S = 5.0
_MOST_ATTEMPTS = 8
# When a call that could not learn whose key it is made with comes again.
_VAULT_AGAIN_S = 5.0
# How long a stop waits for answers that are on their way: their money is spent.
DRAIN_S = 4.0


class _UnderWay(NamedTuple):
    run_id: str
    outcome: asyncio.Task[CallOutcome]


class LLMRouter:
    """`money(workspace)` and `keep(workspace, text)` reach a cell's budget manager and its blob store, as does
    `read(workspace, digest)`, for the images of a call. `clients` use the installation's keys, `keys` has those that
    workspaces brought. `chance`: random numbers from 0 to 1, which spread pauses."""

    def __init__(
        self,
        clients: Mapping[Provider, ModelClient],
        money: Callable[[str], SpendPort],
        keep: Keep,
        clock: Clock,
        *,
        catalogue: Catalogue,
        prices: PriceBook,
        timeout_s: float,
        margin_s: float,
        keys: KeySource | None = None,
        drain_s: float = DRAIN_S,
        sleep: Sleep = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        read: Callable[[str, str], bytes] | None = None,
    ) -> None:
        self._read = read
        self._clock = clock
        self._drain_s = drain_s
        self._sleep = sleep
        self._chance = chance
        self._budget_client = BudgetClient(money, patience_s=timeout_s)
        self._held = HeldChoices(self._budget_client, clock)
        self._under_way: dict[str, _UnderWay] = {}
        sentences = VendorSentences(clock)
        self._accesses = ModelAccesses(
            clients,
            keys,
            clock,
            catalogue=catalogue,
            prices=prices,
            sentences=sentences,
            timeout_s=timeout_s,
            margin_s=margin_s,
            chance=chance,
        )
        self._stopping = asyncio.Event()
        self._asking = Asking(
            self._budget_client, self._held, keep, sentences, clock, prices, timeout_s, self._stopping
        )
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
        await self._accesses.close()

    async def _drain(self) -> None:
        calls = [one.outcome for one in self._under_way.values()]
        if calls:
            _, late = await asyncio.wait(calls, timeout=self._drain_s)
            for call in late:
                self._journal.warning("no answer before the stop, so nobody knows what it cost", call=call.get_name())
                call.cancel()

    async def health(self) -> dict[str, Any]:
        return {"under_way": len(self._under_way), "held": len(self._held), "providers": await self.providers()}

    async def providers(self, workspace: str = DEFAULT_WORKSPACE) -> dict[str, str]:
        """Provider → `up`, or `down: <why>` while none of its models is asked after failures: as this workspace finds
        them, with its own keys where it has some."""
        return await self._accesses.shown(workspace)

    async def paused_models(self, workspace: str = DEFAULT_WORKSPACE) -> dict[str, str]:
        """`provider/model` → the kind of its last failure, for those that are left alone while it is up or not."""
        out = self._accesses.known(workspace).breaker.models_out()
        return {f"{provider}/{model}": why for (provider, model), why in out.items()}

    async def is_simulated(self, workspace: str = DEFAULT_WORKSPACE) -> bool:
        """Whether the rehearsal model answers this workspace. Raises what a `Vault` raises where it cannot be asked."""
        return await self._accesses.simulated(workspace)

    @never_repeated
    async def complete(self, call: Call) -> CallOutcome:
        """Have one step answered. The same `call_id` again joins the call that is under way."""
        under_way = self._under_way.get(call.call_id)
        if under_way is None:
            if self._stopping.is_set():
                raise stopping_error()
            task = asyncio.create_task(self._work(call), name=call.call_id)
            under_way = self._under_way[call.call_id] = _UnderWay(call.charge.run_id, task)
            task.add_done_callback(self._ended)
        return await self._outcome(under_way)

    async def _outcome(self, under_way: _UnderWay) -> CallOutcome:
        try:
            return await asyncio.shield(under_way.outcome)
        except asyncio.CancelledError:
            if not under_way.outcome.cancelled():
                raise
            raise UnavailableError("The call was given up.", remedy="Look at the run again.") from None

    async def attach(self, call_id: str) -> CallOutcome | bool:
        """For a run that resumes: the outcome of its call if it is under way; True if its money is held and nothing was
        sent; False if nothing is known of it, so that its answer must count as lost."""
        under_way = self._under_way.get(call_id)
        return await self._outcome(under_way) if under_way else call_id in self._held

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

    async def abandon(self, call_id: str) -> None:
        """Nobody waits for this call any longer: it took longer than any may. Whoever asked books it as lost; an answer
        that comes all the same finds its run elsewhere, and only its money is settled."""
        under_way = self._under_way.pop(call_id, None)
        if under_way is not None:
            under_way.outcome.cancel()

    def _ended(self, task: asyncio.Task[CallOutcome]) -> None:
        known = self._under_way.get(task.get_name())
        if known is not None and known.outcome is task:
            del self._under_way[task.get_name()]
        if task.cancelled() or (error := task.exception()) is None:
            return
        # Told here too: the one who asked may be gone. A stop is no news.
        if not (self._stopping.is_set() and isinstance(error, UnavailableError)):
            self._journal.warning("call not brought to its end", call=task.get_name(), error=str(error))

    # --- one call ---

    async def _work(self, call: Call) -> CallOutcome:
        # Before any money is held: where they are gone, nothing was promised.
        attempts = CallAttempts.of(call, self._held.sizes(call), await self._images(call))
        async with AsyncExitStack() as stack:
            try:
                access = await stack.enter_async_context(self._accesses.of(call.origin))
            except (UnavailableError, VaultError) as error:
                # The vault's: the run waits, and its card says why.
                return NoProvider((), str(error), self._clock() + timedelta(seconds=_VAULT_AGAIN_S))
            try:
                return await self._carry_out(call, attempts, access)
            finally:
                access.breaker.end(call.call_id)

    async def _carry_out(self, call: Call, attempts: CallAttempts, access: ModelAccess) -> CallOutcome:
        choice = await self._redeem(call, attempts.sizes, access)
        attempt = call.attempt
        rest_s = _SEEN_S if call.waiting is WaitReason.PROVIDER else _UNSEEN_S
        for _ in range(_MOST_ATTEMPTS):
            if choice is None:
                found = await self.select_provider(replace(call, attempt=attempt), attempts, access)
                if isinstance(found, NoProvider) and (left := access.no_answer.left(found)) <= rest_s:
                    rest_s -= left
                    await self._rest(left, access)
                    continue
                if not isinstance(found, ChosenModel):
                    return found
                choice = found
            outcome = await self._asking.attempt(access, attempts, choice)
            access.breaker.end(call.call_id)
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
                return access.no_answer.provider(attempts, pause)
            rest_s -= pause
            await self._rest(pause, access)
        return access.no_answer.provider(attempts)

    async def _images(self, call: Call) -> dict[str, str]:
        """The bytes of the call's images as base64, by digest. `NotFoundError` where one is gone."""
        read = self._read
        digests = {one.digest for message in call.messages for one in message.images}
        if read is None or not digests:
            return {}
        fetched = [await asyncio.to_thread(read, call.origin.workspace, digest) for digest in sorted(digests)]
        return {digest: b64encode(data).decode() for digest, data in zip(sorted(digests), fetched, strict=True)}

    async def _rest(self, seconds: float, access: ModelAccess) -> None:
        """For so long, or until a model that was in doubt answers; raises where the router stops meanwhile."""
        if seconds > 0:
            waits = (self._sleep(seconds), access.breaker.recovery(), self._stopping.wait())
            tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(one) for one in waits]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in tasks:
                    one.cancel()
        if self._stopping.is_set():
            raise stopping_error()

    async def _redeem(self, call: Call, sizes: CallSizes, access: ModelAccess) -> ChosenModel | None:
        """The reservation made together with the previous answer, if it covers this call."""
        held = self._held.take(call.call_id)
        if held is None and call.held:
            # Another attempt would leave the first one's money reserved until it expires.
            raise UnavailableError(
                "What was held for this call went with the router before.", remedy="Look at the run again."
            )
        if held is None or access.choice.covers(held, call, sizes):
            return held
        await self._budget_client.hand_back(call.origin, held)
        return None

    async def select_provider(
        self, call: Call, attempts: CallAttempts, access: ModelAccess
    ) -> ChosenModel | CallOutcome:
        """Choose a model by budget tier, rules and health, and reserve its worst case (M5.9, M10.5).

        A refusal makes the tier `exceeded`, so the second round goes down the cheap chain.
        """
        if call.tools or image_count(call.messages):
            await access.choice.learn(attempts.excluded)
        money = self._budget_client
        refused: NoRoom | None = None
        for _ in range(2):
            standing = await money.standing(call.origin, call.charge, access.simulated)
            plan = access.choice.plan(call, attempts.sizes, standing, attempts.excluded)
            for option in plan.options:
                if not access.breaker.admit(option.spec, call.call_id):
                    continue  # another call is finding out whether it answers
                proven = access.breaker.proven(option.spec)
                events = attempts.chosen(selected(call, plan, option, standing, access.simulated), proven=proven)
                wish = access.choice.wish(call, option, cheap=plan.cheap_chain)
                reply = await money.reserve(call.origin, wish, (attempts.along(events),), attempts.opening())
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
        all_up = access.choice.plan(call, attempts.sizes, standing, attempts.excluded, all_up=True)
        return access.no_answer.nobody(attempts, all_up)
