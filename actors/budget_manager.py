"""The budget manager: the one place where a workspace's money is promised, and the reason why the cap holds.

It folds the ledger and answers from memory; every promise is in the log before it is given. Requests that come
while an append is under way are decided together and sent as the next one, each still taking effect alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from actors.follower import Ticker, cancel
from actors.messages import Along, NoRoom, Reserved, Settled, Settlement
from events import DomainEvent, Recorded
from events.budget import Charge, SpendRefused, SpendReserved
from events.ids import LEDGER, Scope, WhenExceeded
from vapora.clock import Clock
from vapora.commands import SetBudget, SetTaskBudget
from vapora.domain import budget as rules
from vapora.errors import ConflictError, UnavailableError, VaporaError, VersionConflictError
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.records import Append, Appended, AppendResult, Conflict

_TICK_S = 1.0
_PAUSE_S = 0.2
# Every other event of the ledger may make room for somebody who waits.
_ONLY_TAKE = (SpendReserved, SpendRefused)


@dataclass(slots=True)
class Decided:
    """What a request leads to: events for the ledger, what rides along, and the answer once they stand at a position."""

    events: tuple[DomainEvent, ...]
    along: tuple[Along, ...] = ()
    answer: Callable[[int], Any] = lambda position: position


@dataclass(slots=True)
class _Request:
    origin: Origin
    decide: Callable[[datetime], Decided | None]  # None: wait for others to give room back
    reply: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    give_up: Callable[[], Any] | None = None


class BudgetManager:
    """`patience_s`: how long a reservation waits for calls in flight to give back what they do not use."""

    def __init__(self, log: LogClient, workspace: str, clock: Clock, *, patience_s: float) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._patience_s = patience_s
        self._ledger = rules.initial()
        self._version = 0
        self._position = 0
        self._queue: deque[_Request] = deque()
        self._waiting: list[_Request] = []
        self._short: set[tuple[Scope, str]] = set()  # scopes that an earlier request of this round waits for
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ticker = Ticker(f"budget/{workspace}", self._expire, _TICK_S)
        self._journal = structlog.get_logger("budget")

    async def start(self) -> None:
        await self._reload()
        self._task = asyncio.create_task(self._run(), name=f"budget:{self._workspace}")
        self._ticker.start()

    async def stop(self) -> None:
        await self._ticker.stop()
        await cancel(self._task)
        for request in (*self._queue, *self._waiting):
            if not request.reply.done():
                request.reply.set_exception(UnavailableError("The budget manager is stopping."))

    async def health(self) -> dict[str, Any]:
        return {
            "problem": self._ticker.problem,
            "open": len(rules.open_reservations(self._ledger)),
            "waiting": len(self._waiting),
        }

    async def standing(self, charge: Charge, simulated: bool) -> rules.Standing:
        """The worst-standing scope that the charge counts against (M10.5a)."""
        return rules.standing(self._ledger, charge, self._workspace, simulated, self._clock())

    async def window_turns_at(self) -> datetime:
        """When the next window begins."""
        return rules.window_turns_at(self._clock())

    async def reserve(self, origin: Origin, wish: rules.ReserveSpend, along: tuple[Along, ...]) -> Reserved | NoRoom:
        """Hold the worst case of a call before it is made; `along` stands in the same append.

        Waits up to the patience while other calls hold the room that is missing.
        """
        request = _Request(origin, lambda now: self._try_reserve(wish, along, now))
        request.give_up = lambda: self._no_room(wish)
        asyncio.get_running_loop().call_later(self._patience_s, self._lose_patience, request)
        result: Reserved | NoRoom = await self._submit(request)
        return result

    async def settle(
        self,
        origin: Origin,
        settlement: Settlement,
        along: Along,
        following: tuple[rules.ReserveSpend, tuple[DomainEvent, ...]] | None = None,
    ) -> Settled:
        """Book what a call cost, with its answer (`along`) and, if there is room, the next call's reservation.

        `following`: that reservation, and the events which join `along` if it is made. Raises `VersionConflictError` where
        the run has gone on without this answer; nothing is booked then.
        """

        def decide(now: datetime) -> Decided:
            settled = rules.settle(
                self._ledger,
                settlement.call_id,
                settlement.attempt,
                settlement.cost_microusd,
                settlement.tokens_in,
                settlement.tokens_out,
            )
            if not settled:
                return self._settled_before(settlement, following)
            if following is None:
                return Decided(settled, (along,), lambda position: Settled(position, False))
            return self._settle_and_reserve(settled, along, following, now)

        result: Settled = await self._submit(_Request(origin, decide))
        return result

    async def settle_money(self, origin: Origin, settlement: Settlement) -> int:
        """Book what a call cost without its answer, which nobody waits for any more."""
        one = settlement
        return await self._ask(
            origin,
            lambda: rules.settle(self._ledger, one.call_id, one.attempt, one.cost_microusd, one.tokens_in, one.tokens_out),
        )

    async def release(self, origin: Origin, call_id: str, attempt: int, reason: str, along: tuple[Along, ...] = ()) -> int:
        """Give back what provably was not billed."""
        return await self._ask(origin, lambda: rules.release(self._ledger, call_id, attempt, reason), along)

    async def book_unknown(
        self, origin: Origin, call_id: str, attempt: int, reason: str, along: tuple[Along, ...] = ()
    ) -> int:
        """Book the worst case of a call whose outcome nobody knows."""
        return await self._ask(origin, lambda: rules.book_unknown(self._ledger, call_id, attempt, reason), along)

    async def set_budget(self, origin: Origin, scope: str, scope_id: str, command: SetBudget | SetTaskBudget) -> int:
        return await self._ask(origin, lambda: rules.set_budget(self._ledger, Scope(scope), scope_id, command))

    # --- deciding ---

    def _try_reserve(self, wish: rules.ReserveSpend, along: tuple[Along, ...], now: datetime) -> Decided | None:
        scopes = set(rules.scopes(wish.charge, self._workspace))
        if wish.amount_microusd and scopes & self._short:
            return None  # first come, first served: a small call does not starve a large one
        match rules.reserve(self._ledger, wish, self._workspace, now):
            case rules.Granted(events=events):
                # No events: it stands already, and so does what rode along.
                return Decided(events, along if events else (), lambda position: Reserved(position if events else None))
            case rules.Contended(scope=scope, scope_id=scope_id):
                self._short.add((scope, scope_id))
                return None
            case rules.Refused() as no:
                stop = no.when_exceeded is WhenExceeded.STOP
                answer = NoRoom(no.scope, no.scope_id, contended=False, stop=stop, room_microusd=no.room_microusd)
                return Decided(no.events, (), lambda position: answer)

    def _no_room(self, wish: rules.ReserveSpend) -> NoRoom:
        scope, scope_id = next(iter(rules.scopes(wish.charge, self._workspace)))
        decision = rules.reserve(self._ledger, wish, self._workspace, self._clock())
        if isinstance(decision, rules.Contended):
            scope, scope_id = decision.scope, decision.scope_id
        return NoRoom(scope, scope_id, contended=True, stop=False, room_microusd=0)

    def _settle_and_reserve(
        self,
        settled: tuple[DomainEvent, ...],
        along: Along,
        following: tuple[rules.ReserveSpend, tuple[DomainEvent, ...]],
        now: datetime,
    ) -> Decided:
        wish, joining = following
        # The next reservation is judged with this one's money already given back, as it will stand in the log.
        for event in settled:
            rules.evolve(self._ledger, event)
        reserved: tuple[DomainEvent, ...] = ()
        # Whoever waits came before the next step of this run.
        if not self._waiting and rules.outcome(self._ledger, wish.call_id, wish.attempt) is None:
            decision = rules.reserve(self._ledger, wish, self._workspace, now)
            reserved = decision.events if isinstance(decision, rules.Granted) else ()
        granted = bool(reserved)
        for event in reserved:
            rules.evolve(self._ledger, event)
        stream, version, events = along
        riding = (stream, version, (*events, *joining) if granted else events)
        return _Evolved((*settled, *reserved), (riding,), lambda position: Settled(position, granted))

    def _settled_before(
        self, settlement: Settlement, following: tuple[rules.ReserveSpend, tuple[DomainEvent, ...]] | None
    ) -> Decided:
        """The same settlement again, after a lost reply: it stands with all that rode along."""
        closed = rules.outcome(self._ledger, settlement.call_id, settlement.attempt)
        if closed != "settled":
            raise ConflictError(f"Call {settlement.call_id} was closed as {closed} before its answer came.")
        held = following is not None and rules.outcome(self._ledger, following[0].call_id, following[0].attempt) == "open"
        return Decided((), (), lambda position: Settled(position, held))

    async def _expire(self) -> None:
        if rules.expire(self._ledger, self._clock()):
            origin = Origin(self._workspace, actor="budget-manager", correlation="expiry")
            await self._submit(_Request(origin, lambda now: Decided(rules.expire(self._ledger, now))))

    # --- committing ---

    async def _ask(
        self, origin: Origin, events: Callable[[], tuple[DomainEvent, ...]], along: tuple[Along, ...] = ()
    ) -> int:
        """The position of the effect, or of the last one where it took effect before."""
        result: int = await self._submit(_Request(origin, lambda now: _with(events(), along)))
        return result

    async def _submit(self, request: _Request) -> Any:
        self._queue.append(request)
        self._wake.set()
        # Shielded: a caller that goes away does not undo a decision that is being committed.
        return await asyncio.shield(request.reply)

    def _lose_patience(self, request: _Request) -> None:
        if request in self._waiting and request.give_up is not None:
            self._waiting.remove(request)
            request.reply.set_result(request.give_up())

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                while await self._round():
                    pass

    async def _round(self) -> bool:
        """Decide all that has come, append it in one go, answer; whether those who wait should be asked again."""
        # Whoever waits came before whoever comes now.
        requests = [*self._waiting, *self._queue]
        self._waiting.clear()
        self._queue.clear()
        self._short.clear()
        sent: list[tuple[_Request, Decided, Append]] = []
        for request in requests:
            try:
                self._decide(request, sent)
            except Exception as error:  # the caller's, whatever it is: the others go on
                _fail(request, error)
        if sent:
            await self._commit(sent)
        gave_back = any(not isinstance(one, _ONLY_TAKE) for _, decided, _ in sent for one in decided.events)
        return bool(self._waiting) and gave_back

    def _decide(self, request: _Request, sent: list[tuple[_Request, Decided, Append]]) -> None:
        decided = request.decide(self._clock())
        if decided is None:
            self._waiting.append(request)
            return
        if not decided.events and not any(events for _, _, events in decided.along):
            _answer(request, decided.answer(self._position))
            return
        ledger: tuple[Along, ...] = ((LEDGER, self._version, decided.events),) if decided.events else ()
        append = self._log.request(request.origin, *ledger, *decided.along)
        if not isinstance(decided, _Evolved):
            for event in decided.events:
                rules.evolve(self._ledger, event)
        self._version += len(decided.events)
        sent.append((request, decided, append))

    async def _commit(self, sent: Sequence[tuple[_Request, Decided, Append]]) -> None:
        try:
            results = await self._append([append for _, _, append in sent])
        except VaporaError as error:
            for request, _, _ in sent:
                _fail(request, error)
            await self._reload()
            return
        again: list[_Request] = []
        for (request, decided, _), result in zip(sent, results, strict=True):
            match result:
                case Appended():
                    self._position = max(self._position, result.position)
                    _answer(request, decided.answer(result.position))
                case Conflict(stream=stream) if stream != LEDGER:
                    _fail(request, VersionConflictError(f"{stream} has gone on.", stream=stream, version=result.version))
                case Conflict():
                    again.append(request)
        if any(isinstance(result, Conflict) for result in results):
            # What was folded in hope is not what stands: an event refused here shifts all that followed it.
            await self._reload()
        self._queue.extendleft(reversed(again))

    async def _append(self, appends: Sequence[Append]) -> list[AppendResult]:
        """The same requests again and again until it is known whether they stand: money is not left open."""
        while True:
            try:
                return await self._log.append_many(appends)
            except UnavailableError as error:
                self._journal.warning("the log does not answer, trying again", error=str(error))
                await asyncio.sleep(_PAUSE_S)

    async def _read_ledger(self) -> Sequence[Recorded]:
        """Nothing can be promised without it, so there is no giving up."""
        while True:
            try:
                return await self._log.read(LEDGER)
            except UnavailableError as error:
                self._journal.warning("the log does not answer, trying again", error=str(error))
                await asyncio.sleep(_PAUSE_S)

    async def _reload(self) -> None:
        ledger, version, position = rules.initial(), 0, 0
        for recorded in await self._read_ledger():
            rules.evolve(ledger, recorded.event)
            version, position = recorded.version, recorded.position
        self._ledger, self._version, self._position = ledger, version, position


def _with(events: tuple[DomainEvent, ...], along: tuple[Along, ...]) -> Decided:
    """What took effect before took what rode along with it."""
    return Decided(events, along if events else ())


class _Evolved(Decided):
    """Decided with its events folded already."""


def _answer(request: _Request, value: Any) -> None:
    if not request.reply.done():
        request.reply.set_result(value)


def _fail(request: _Request, error: Exception) -> None:
    if not request.reply.done():
        request.reply.set_exception(error)
