"""The budget manager: the one place where a workspace's money is promised, and the reason why the cap holds.

It folds the ledger and answers from memory; every promise is in the log before it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from actors.budget_manager.alerts import Alerts
from actors.budget_manager.requests import Decided, Request, Round
from actors.budget_manager.stream_decider import StreamDecider
from actors.follower import Ticker
from actors.messages import Closing, CoAppend, NoRoom, Reserved, Settled, Settlement
from events import DomainEvent
from events.budget import Charge, SpendRefused, SpendReserved
from events.ids import LEDGER, Scope, WhenExceeded
from vapora.clock import Clock
from vapora.commands import EditBudget, EditTaskBudget, SetBudget, SetTaskBudget
from vapora.dispatch import answer_to, position_of_effect
from vapora.domain import budget as rules
from vapora.domain import limits
from vapora.domain.budget import Ledger, ReserveSpend
from vapora.domain.cell import Rest
from vapora.domain.ledger import LIFE, account
from vapora.errors import ConflictError, VersionConflictError
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.ports import IfMatch, Origin, RequestKey
from vapora.views import LimitsChanged

_TICK_S = 1.0
_MOST_TRIES = 20

# A reservation for the next step, and what joins the run's events if it is made.
Following = tuple[ReserveSpend, tuple[DomainEvent, ...]]


@dataclass(frozen=True, slots=True)
class _Change:
    """Of the limits of one scope."""

    scope: Scope
    scope_id: str
    command: SetBudget | SetTaskBudget | EditBudget | EditTaskBudget

    def decide(
        self, current: Round[Ledger], *, key: RequestKey | None, version: int, if_match: IfMatch | None
    ) -> Decided:
        """`version`: of the key's stream."""
        before = limits.limits(current.state, self.scope, self.scope_id)
        if if_match is not None:
            if_match.require(limits.version_of(before))
        if isinstance(self.command, EditBudget | EditTaskBudget):
            events = limits.edit_budget(current.state, self.scope, self.scope_id, self.command)
        else:
            events = rules.set_budget(current.state, self.scope, self.scope_id, self.command)
        after = limits.limits_of(events[0]) if events else before
        along: tuple[CoAppend, ...] = ()
        if key is not None and events:
            said = {"before": before.model_dump(mode="json"), "after": after.model_dump(mode="json")}
            along = ((key.stream, version, (key.accepted(self.scope_id, said),)),)
        answer = partial(LimitsChanged, before=before, after=after)
        return Decided(events, along, lambda position: answer(position=position_of_effect(position, along)))


class BudgetManager:
    """`patience_s`: how long a reservation waits for calls in flight to give back what they do not use. `saved`: where
    the ledger is saved now and then, for a quick start."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        clock: Clock,
        *,
        patience_s: float,
        saved: SavedFold[Ledger] | None = None,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._patience_s = patience_s
        name = f"budget/{workspace}"
        self._queue: StreamDecider[Ledger] = StreamDecider(
            name, log, LEDGER, (rules.initial, rules.evolve), clock, gives_back=_makes_room, saved=saved
        )
        self._alerts = Alerts(log, workspace, clock, lambda: self.ledger)
        self._ticker = Ticker(name, self._tick, _TICK_S)

    async def start(self) -> None:
        await self._queue.start()
        self._ticker.start()

    async def stop(self) -> None:
        await self._ticker.stop()
        await self._queue.stop()

    async def health(self) -> dict[str, Any]:
        return {
            "problem": self._queue.problem or self._ticker.problem,
            "open": len(rules.open_reservations(self.ledger)),
            "waiting": self._queue.waiting,
        }

    async def rest(self) -> Rest:
        if problem := self._queue.problem or self._ticker.problem:
            return Rest(f"its budgets: {problem}")
        if self._queue.is_busy or rules.open_reservations(self.ledger):
            return Rest("money is held for calls of models")
        if self._alerts.has_news:
            return Rest("it is to be told how its budgets stand")
        return Rest()

    @property
    def ledger(self) -> Ledger:
        """What it decides on, decisions that are being appended among it. Not to be changed."""
        return self._queue.state

    async def standing(self, charge: Charge, simulated: bool) -> rules.BudgetStatus:
        """The worst-standing scope that the charge counts against (M10.5a)."""
        return rules.standing(self.ledger, charge, self._workspace, simulated, self._clock())

    async def spent_on(self, task_ids: Sequence[str]) -> dict[str, int]:
        """What each of these tasks has cost so far, in micro-dollars, with what is held for it; real or simulated,
        whichever is more."""

        def of(task_id: str, simulated: bool) -> int:
            found = account(self.ledger, Scope.TASK, task_id, LIFE, simulated)
            return found.spent + found.held

        return {one: max(of(one, False), of(one, True)) for one in task_ids}

    async def window_turns_at(self) -> datetime:
        """When the next window begins."""
        return rules.window_turns_at(self._clock())

    async def reserve(
        self, origin: Origin, wish: ReserveSpend, along: tuple[CoAppend, ...], before: tuple[CoAppend, ...] = ()
    ) -> Reserved | NoRoom:
        """Hold the worst case of a call before it is made; `before` and `along` stand in the same append.

        Waits up to the patience while other calls hold the room that is missing.
        """
        request: Request[Ledger] = Request(
            origin,
            lambda current: self._reserved(current, wish, along, before),
            patience_s=self._patience_s,
            give_up=lambda: self._no_room(wish),
        )
        result: Reserved | NoRoom = await self._queue.submit(request)
        return result

    async def settle(
        self,
        origin: Origin,
        settlement: Settlement,
        along: CoAppend,
        following: Following | None = None,
        closing: Closing | None = None,
    ) -> Settled:
        """Book what a call cost, with its answer (`along`) and, if there is room, the next call's reservation.

        `following`: that reservation, and the events which join `along` if it is made. `closing`: the end of the run,
        which joins if its card is as it was. Raises `VersionConflictError` where the run has gone on without this
        answer, and `ConflictError` where the call was closed otherwise before; nothing is booked then.
        """
        if closing is None:
            return await self._settle(origin, settlement, along, following)
        try:
            return await self._close(origin, settlement, along, closing)
        except VersionConflictError as error:
            if error.details["stream"] != closing.move[0]:
                raise
            return await self._settle(origin, settlement, along, following)

    async def _close(self, origin: Origin, settlement: Settlement, along: CoAppend, closing: Closing) -> Settled:
        stream, version, events = along

        def decide(current: Round[Ledger]) -> Decided:
            settled = _settled(current.state, settlement)
            if not settled:
                return self._settled_before(current.state, settlement, None)
            riding = ((stream, version, (*events, *closing.events)), closing.move)
            return Decided(settled, riding, lambda position: Settled(position, False, closed=True))

        result: Settled = await self._queue.submit(Request(origin, decide))
        return result

    async def _settle(
        self, origin: Origin, settlement: Settlement, along: CoAppend, following: Following | None
    ) -> Settled:

        def decide(current: Round[Ledger]) -> Decided:
            settled = _settled(current.state, settlement)
            if not settled:
                return self._settled_before(current.state, settlement, following)
            if following is None:
                return Decided(settled, (along,), lambda position: Settled(position, False))
            # The next reservation is judged with this one's money already given back, as it will stand in the log.
            return Decided(settled, then=lambda: self._next_reserved(current, along, following))

        result: Settled = await self._queue.submit(Request(origin, decide))
        return result

    async def settle_money(self, origin: Origin, settlement: Settlement) -> int:
        """Book what a call cost without its answer, which nobody waits for any more."""
        return await self._ask(origin, lambda ledger: _settled(ledger, settlement))

    async def release(
        self, origin: Origin, call_id: str, attempt: int, reason: str, along: tuple[CoAppend, ...] = ()
    ) -> int:
        """Give back what provably was not billed."""
        return await self._ask(origin, lambda ledger: rules.release(ledger, call_id, attempt, reason), along)

    async def book_unknown(
        self, origin: Origin, call_id: str, attempt: int, reason: str, along: tuple[CoAppend, ...] = ()
    ) -> int:
        """Book the worst case of a call whose outcome nobody knows."""
        return await self._ask(origin, lambda ledger: rules.book_unknown(ledger, call_id, attempt, reason), along)

    async def set_budget(
        self,
        origin: Origin,
        scope: str,
        scope_id: str,
        command: SetBudget | SetTaskBudget,
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
    ) -> LimitsChanged:
        """All limits of a scope, but for those that the command does not name."""
        change = _Change(Scope(scope), scope_id, command)
        return await self._change(origin, change, key, if_match)

    async def edit_budget(
        self,
        origin: Origin,
        scope: str,
        scope_id: str,
        command: EditBudget | EditTaskBudget,
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
    ) -> LimitsChanged:
        """Change what the command names; decided on what holds then, so two that edit at once lose nothing."""
        change = _Change(Scope(scope), scope_id, command)
        return await self._change(origin, change, key, if_match)

    async def set_default_cap(self, origin: Origin, monthly_cents: int) -> int:
        """Limit the workspace's month where nobody ever set a limit for it."""
        return await self._ask(origin, lambda ledger: rules.default_cap(ledger, self._workspace, monthly_cents))

    # --- deciding ---

    async def _change(
        self, origin: Origin, change: _Change, key: RequestKey | None, if_match: IfMatch | None
    ) -> LimitsChanged:
        """With the key that it came under in the same append."""
        for _ in range(_MOST_TRIES):
            version = 0
            if key is not None:
                earlier, version = await answer_to(key, self._log, self._clock())
                if earlier is not None:
                    return LimitsChanged.model_validate(earlier.whole)
            decide = partial(change.decide, key=key, version=version, if_match=if_match)
            try:
                result: LimitsChanged = await self._queue.submit(Request(origin, decide))
            except VersionConflictError:
                continue  # the same request came twice at once
            # Or both came to one round: then the second one found nothing to change.
            earlier = None if key is None else (await answer_to(key, self._log, self._clock()))[0]
            return result if earlier is None else LimitsChanged.model_validate(earlier.whole)
        raise ConflictError("The limits change faster than the request can be decided.", remedy="Try again.")

    def _reserved(
        self, current: Round[Ledger], wish: ReserveSpend, along: tuple[CoAppend, ...], before: tuple[CoAppend, ...]
    ) -> Decided | None:
        if wish.amount_microusd and current.blocked.intersection(rules.scopes(wish.charge, self._workspace)):
            return None  # first come, first served: a small call does not starve a large one
        match rules.reserve(current.state, wish, self._workspace, current.now):
            case rules.Granted(events=events) if events:
                return Decided(events, along, Reserved, before=before)
            case rules.Granted():
                # It stands already, and so does what rode along.
                _require_same(current.state, wish)
                return Decided((), answer=lambda _: Reserved(None))
            case rules.Contended(scope=scope, scope_id=scope_id):
                current.blocked.add((scope, scope_id))
                return None
            case rules.Refused() as no:
                stop = no.when_exceeded is WhenExceeded.STOP
                answer = NoRoom(no.scope, no.scope_id, contended=False, stop=stop, room_microusd=no.room_microusd)
                return Decided(no.events, answer=lambda _: answer)

    def _no_room(self, wish: ReserveSpend) -> NoRoom:
        """Patience is over."""
        scope, scope_id = rules.scopes(wish.charge, self._workspace)[0]
        decision = rules.reserve(self.ledger, wish, self._workspace, self._clock())
        if isinstance(decision, rules.Contended):
            scope, scope_id = decision.scope, decision.scope_id
        return NoRoom(scope, scope_id, contended=True, stop=False, room_microusd=0)

    def _next_reserved(self, current: Round[Ledger], along: CoAppend, following: Following) -> Decided:
        wish, joining = following
        reserved: tuple[DomainEvent, ...] = ()
        # Whoever waits came before the next step of this run.
        if not current.waiting and rules.outcome(current.state, wish.call_id, wish.attempt) is None:
            decision = rules.reserve(current.state, wish, self._workspace, current.now)
            reserved = decision.events if isinstance(decision, rules.Granted) else ()
        granted = bool(reserved)
        stream, version, events = along
        riding = (stream, version, (*events, *joining) if granted else events)
        return Decided(reserved, (riding,), lambda position: Settled(position, granted))

    def _settled_before(self, ledger: Ledger, settlement: Settlement, following: Following | None) -> Decided:
        """The same settlement again, after a lost reply: it stands with all that rode along."""
        closed = rules.outcome(ledger, settlement.call_id, settlement.attempt)
        if closed != "settled":
            raise ConflictError(f"Call {settlement.call_id} was closed as {closed} before its answer came.")
        held = following is not None and rules.outcome(ledger, following[0].call_id, following[0].attempt) == "open"
        return Decided((), answer=lambda position: Settled(position, held))

    async def _ask(
        self,
        origin: Origin,
        decide: Callable[[Ledger], tuple[DomainEvent, ...]],
        along: tuple[CoAppend, ...] = (),
    ) -> int:
        """The position of the effect, or of the last one where it took effect before, with what rode along then."""

        def decided(current: Round[Ledger]) -> Decided:
            events = decide(current.state)
            return Decided(events, along if events else ())

        result: int = await self._queue.submit(Request(origin, decided))
        return result

    async def _tick(self) -> None:
        await self._expire()
        await self._alerts.look()

    async def _expire(self) -> None:
        if rules.expire(self.ledger, self._clock()):
            origin = Origin(self._workspace, actor="budget-manager", correlation="expiry")
            await self._queue.submit(Request(origin, lambda current: Decided(rules.expire(current.state, current.now))))


def _makes_room(event: DomainEvent) -> bool:
    """Every other event of the ledger may make room for somebody who waits."""
    return not isinstance(event, SpendReserved | SpendRefused)


def _settled(ledger: Ledger, one: Settlement) -> tuple[DomainEvent, ...]:
    cost, tokens = one.cost_microusd, (one.tokens_in, one.tokens_out)
    return rules.settle(ledger, one.call_id, one.attempt, cost, *tokens, estimated=one.estimated)


def _require_same(ledger: Ledger, wish: ReserveSpend) -> None:
    """One reservation pays for one call. The same wish, sent again after a lost reply, is the same call; another one
    for this attempt is a second call, by somebody who has not seen the first."""
    made = ledger.open.get((wish.call_id, wish.attempt))
    same = made is not None and (made.provider, made.model, made.expires_at) == (
        wish.provider,
        wish.model,
        wish.expires_at,
    )
    if not same:
        raise ConflictError(
            f"Attempt {wish.attempt} of call {wish.call_id} is somebody else's.", remedy="Look at the run again."
        )
