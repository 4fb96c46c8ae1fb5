from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from actors.budget_manager import BudgetManager
from actors.log_writer import LogWriter
from actors.messages import CoAppend, NoRoom, Reserved, Settled, Settlement
from events.budget import SpendRefused, SpendReleased, SpendReserved, SpendSettled, SpendUnknown
from events.ids import Scope, Tier, run_stream
from events.run import RunContinued
from tests.actors.kit import (
    NOON,
    ORIGIN,
    WORKSPACE,
    Line,
    MovableClock,
    charge,
    everything,
    ledger_of,
    log_writer,
    manager,
    of_kind,
    passed,
    seen,
    wish,
)
from tests.waiting import DEADLINE_S
from vapora.commands import SetBudget
from vapora.domain.audit import violations
from vapora.errors import BadInputError, ConflictError, LogError, UnavailableError, VersionConflictError
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.records import Append, AppendResult

CENT = 10_000
RUN = run_stream("t0.1")


@dataclass
class Cell:
    clock: MovableClock
    writer: LogWriter
    line: Line
    log: LogClient
    money: BudgetManager

    async def limit(self, cents: int, scope: str = "workspace", scope_id: str = WORKSPACE) -> None:
        await self.money.set_budget(ORIGIN, scope, scope_id, SetBudget(monthly_limit_cents=cents))

    async def somebody_waits(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while (await self.money.health())["waiting"] == 0:
                await asyncio.sleep(0)

    async def versions(self, stream: str) -> int:
        return len(await self.writer.read(stream))


@asynccontextmanager
async def open_cell(patience_s: float = 20) -> AsyncIterator[Cell]:
    clock = MovableClock()
    async with log_writer(clock) as writer:
        line = Line(writer)
        log = LogClient(line, WORKSPACE)
        money = manager(log, clock, patience_s)
        await money.start()
        yield Cell(clock, writer, line, log, money)
        await money.stop()


@pytest.fixture
async def cell() -> AsyncIterator[Cell]:
    async with open_cell() as opened:
        yield opened


def riding(version: int = 0, count: int = 1) -> CoAppend:
    return RUN, version, (RunContinued(run_id="t0.1", task_id="t0"),) * count


def cost(call_id: str, amount: int, attempt: int = 1) -> Settlement:
    return Settlement(call_id, attempt, amount, 10, 5)


async def test_a_reservation_stands_in_the_log_with_what_rides_along_when_it_is_answered(cell: Cell) -> None:
    reply = await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), (riding(),))
    assert reply == Reserved(2)
    events = await everything(cell.log)
    assert [one.topic for one in events] == ["budget.spend-reserved", "run.continued"]
    assert events[0].request_id == events[1].request_id


async def test_settling_takes_the_held_money_and_books_the_cost_with_the_answer(cell: Cell) -> None:
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    settled = await cell.money.settle(ORIGIN, cost("c1", CENT), riding())
    assert settled == Settled(3, False)
    ledger = await ledger_of(cell.log)
    account = ledger.accounts[Scope.ROLE, "developer", "2026-11", False]
    assert (account.spent, account.held, ledger.open) == (CENT, 0, {})


async def test_the_next_steps_reservation_joins_the_append_that_settles_this_one(cell: Cell) -> None:
    await cell.limit(3)
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    following = wish("c2", 2 * CENT), riding()[2]
    settled = await cell.money.settle(ORIGIN, cost("c1", CENT), riding(), following)
    assert settled.next_held
    last = (await everything(cell.log))[-4:]
    assert [one.topic for one in last] == [
        "budget.spend-settled",
        "budget.spend-reserved",
        "run.continued",
        "run.continued",
    ]
    assert len({one.request_id for one in last}) == 1


async def test_without_room_for_the_next_step_this_one_is_settled_alone(cell: Cell) -> None:
    await cell.limit(3)
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    settled = await cell.money.settle(ORIGIN, cost("c1", CENT), riding(), (wish("c2", 3 * CENT), riding()[2]))
    assert not settled.next_held
    assert await cell.versions(RUN) == 1
    assert not (await ledger_of(cell.log)).open


async def test_the_next_step_does_not_overtake_whoever_waits(cell: Cell) -> None:
    await cell.limit(3)
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    waiting = asyncio.create_task(cell.money.reserve(ORIGIN, wish("c9", 2 * CENT), ()))
    await cell.somebody_waits()
    settled = await cell.money.settle(ORIGIN, cost("c1", CENT), riding(), (wish("c2", CENT), riding()[2]))
    assert not settled.next_held
    assert isinstance(await waiting, Reserved)


async def test_a_run_that_has_gone_on_refuses_its_own_request_alone(cell: Cell) -> None:
    replies = await asyncio.gather(
        cell.money.reserve(ORIGIN, wish("c1", CENT), ()),
        cell.money.reserve(ORIGIN, wish("c2", CENT), (riding(version=7),)),
        cell.money.reserve(ORIGIN, wish("c3", CENT), (riding(),)),
        return_exceptions=True,
    )
    assert isinstance(replies[1], VersionConflictError)
    assert isinstance(replies[0], Reserved)
    assert isinstance(replies[2], Reserved)
    ledger = await ledger_of(cell.log)
    assert set(ledger.open) == {("c1", 1), ("c3", 1)}
    assert cell.money.ledger == ledger


async def test_a_refused_settlement_books_nothing_until_it_comes_without_the_answer(cell: Cell) -> None:
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    with pytest.raises(VersionConflictError):
        await cell.money.settle(ORIGIN, cost("c1", CENT), riding(version=4))
    assert set((await ledger_of(cell.log)).open) == {("c1", 1)}
    await cell.money.settle_money(ORIGIN, cost("c1", CENT))
    assert not (await ledger_of(cell.log)).open


async def test_settling_twice_is_settling_once(cell: Cell) -> None:
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    following = wish("c2", CENT), riding()[2]
    first, second = await asyncio.gather(
        *(cell.money.settle(ORIGIN, cost("c1", CENT), riding(), following) for _ in range(2))
    )
    assert first.next_held
    assert second.next_held
    assert await cell.versions(RUN) == 2
    assert len(await of_kind(cell.log, SpendSettled)) == 1


async def test_an_answer_to_what_is_about_to_stand_is_given_when_it_stands(cell: Cell) -> None:
    """The second of two equal requests sees the first one's effect in memory before it is in the log."""
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    cell.line.cut.extend(["before"])
    both = [asyncio.create_task(cell.money.settle(ORIGIN, cost("c1", CENT), riding())) for _ in range(2)]
    await passed(lambda: not cell.line.cut)
    assert not any(one.done() for one in both)
    await asyncio.gather(*both)
    assert await cell.versions(RUN) == 1


async def test_a_late_answer_to_a_booked_call_is_refused(cell: Cell) -> None:
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    await cell.money.book_unknown(ORIGIN, "c1", 1, "lost")
    with pytest.raises(ConflictError, match="closed as unknown"):
        await cell.money.settle(ORIGIN, cost("c1", CENT), riding())
    await cell.money.settle_money(ORIGIN, cost("c1", CENT))
    assert len(await of_kind(cell.log, SpendSettled)) == 0
    assert await cell.versions(RUN) == 0


async def test_releasing_gives_back_and_booking_keeps_the_worst_case(cell: Cell) -> None:
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    await cell.money.reserve(ORIGIN, wish("c2", 2 * CENT), ())
    await cell.money.release(ORIGIN, "c1", 1, "rate-limited", (riding(),))
    await cell.money.book_unknown(ORIGIN, "c2", 1, "timeout", (riding(version=1),))
    account = (await ledger_of(cell.log)).accounts[Scope.WORKSPACE, "", "2026-11", False]
    assert (account.spent, account.held) == (2 * CENT, 0)
    assert await cell.versions(RUN) == 2
    await cell.money.release(ORIGIN, "c1", 1, "again", (riding(version=2),))
    assert await cell.versions(RUN) == 2


async def test_the_same_wish_again_is_granted_without_a_second_reservation(cell: Cell) -> None:
    one = wish("c1", CENT)
    await cell.money.reserve(ORIGIN, one, (riding(),))
    assert await cell.money.reserve(ORIGIN, one, (riding(),)) == Reserved(None)
    assert await cell.versions(RUN) == 1


async def test_another_wish_for_the_same_attempt_is_another_call_and_has_no_reservation(cell: Cell) -> None:
    await cell.money.reserve(ORIGIN, wish("c1", CENT), ())
    with pytest.raises(ConflictError):
        await cell.money.reserve(ORIGIN, wish("c1", CENT, at=NOON + timedelta(seconds=1)), ())
    await cell.money.settle_money(ORIGIN, cost("c1", CENT))
    with pytest.raises(ConflictError):
        await cell.money.reserve(ORIGIN, wish("c1", CENT), ())


async def test_what_a_full_workspace_refuses_marks_its_tier_and_is_said_once(cell: Cell) -> None:
    await cell.limit(1)
    for number in range(3):
        reply = await cell.money.reserve(ORIGIN, wish(f"c{number}", 2 * CENT), ())
        assert isinstance(reply, NoRoom)
        assert not reply.contended
    assert len(await of_kind(cell.log, SpendRefused)) == 1
    assert (await cell.money.standing(charge(), simulated=False)).tier is Tier.EXCEEDED
    await cell.limit(9)
    assert isinstance(await cell.money.reserve(ORIGIN, wish("c9", 2 * CENT), ()), Reserved)


async def test_many_at_once_never_hold_more_than_the_limit_and_are_served_in_their_order(cell: Cell) -> None:
    await cell.limit(10)
    order: list[int] = []

    async def call(number: int) -> None:
        reply = await cell.money.reserve(ORIGIN, wish(f"c{number}", 3 * CENT), ())
        assert isinstance(reply, Reserved)
        order.append(number)
        await cell.money.settle(ORIGIN, cost(f"c{number}", 100), (RUN, 0, ()))

    await asyncio.gather(*(call(number) for number in range(25)))
    assert order == list(range(25))
    assert not violations(await everything(cell.log), WORKSPACE)
    assert cell.money.ledger == await ledger_of(cell.log)


async def test_a_small_call_does_not_overtake_a_large_one_of_the_same_scope(cell: Cell) -> None:
    await cell.limit(4)
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    large = asyncio.create_task(cell.money.reserve(ORIGIN, wish("large", 4 * CENT), ()))
    await cell.somebody_waits()
    small = asyncio.create_task(cell.money.reserve(ORIGIN, wish("small", CENT), ()))
    free = await cell.money.reserve(ORIGIN, wish("free", 0), ())
    assert isinstance(free, Reserved)
    assert not small.done()
    await cell.money.release(ORIGIN, "c1", 1, "refused")
    await large
    await cell.money.release(ORIGIN, "large", 1, "refused")
    await small
    reserved = [one.call_id for one in await of_kind(cell.log, SpendReserved)]
    assert reserved == ["c1", "free", "large", "small"]


async def test_a_call_of_another_scope_passes_those_who_wait(cell: Cell) -> None:
    await cell.limit(4, "role", "developer")
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    waiting = asyncio.create_task(cell.money.reserve(ORIGIN, wish("c2", 3 * CENT), ()))
    await cell.somebody_waits()
    other = await cell.money.reserve(ORIGIN, wish("c3", 3 * CENT, charge=charge(1, role="tester")), ())
    assert isinstance(other, Reserved)
    await cell.money.release(ORIGIN, "c1", 1, "refused")
    await waiting


@pytest.mark.parametrize("patience_s", [0, 0.01])
async def test_who_waits_too_long_is_told_that_others_hold_the_room(patience_s: float) -> None:
    async with open_cell(patience_s) as cell, asyncio.timeout(DEADLINE_S):
        await cell.limit(4)
        await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
        reply = await cell.money.reserve(ORIGIN, wish("c2", 3 * CENT), ())
        assert reply == NoRoom("workspace", WORKSPACE, contended=True, stop=False, room_microusd=0)
        await cell.money.release(ORIGIN, "c1", 1, "refused")
        assert set((await ledger_of(cell.log)).open) == set()


async def test_when_the_first_gives_up_those_behind_it_get_their_turn() -> None:
    async with open_cell(patience_s=0.1) as cell, asyncio.timeout(DEADLINE_S):
        await cell.limit(4)
        await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
        large = asyncio.create_task(cell.money.reserve(ORIGIN, wish("large", 4 * CENT), ()))
        await cell.somebody_waits()
        small = asyncio.create_task(cell.money.reserve(ORIGIN, wish("small", CENT), ()))
        assert isinstance(await large, NoRoom)
        assert isinstance(await small, Reserved)


async def test_who_goes_away_while_waiting_takes_no_room(cell: Cell) -> None:
    await cell.limit(4)
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    waiting = asyncio.create_task(cell.money.reserve(ORIGIN, wish("c2", 3 * CENT), ()))
    await cell.somebody_waits()
    waiting.cancel()
    await asyncio.wait([waiting])
    await cell.money.release(ORIGIN, "c1", 1, "refused")
    assert await cell.money.reserve(ORIGIN, wish("c3", 4 * CENT), ()) == Reserved(4)


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_log_that_is_away_for_a_while_neither_loses_nor_doubles_money(cell: Cell, how: str) -> None:
    await cell.limit(10)
    cell.line.cut.extend([how, "before", how])

    async def call(number: int) -> None:
        await cell.money.reserve(ORIGIN, wish(f"c{number}", CENT), ())
        await cell.money.settle(ORIGIN, cost(f"c{number}", 100), (run_stream(f"r{number}"), 0, riding()[2]))

    await asyncio.gather(*(call(number) for number in range(5)))
    account = (await ledger_of(cell.log)).accounts[Scope.WORKSPACE, "", "2026-11", False]
    assert (account.spent, account.held) == (500, 0)
    assert len(await of_kind(cell.log, RunContinued)) == 5
    assert (await cell.money.health())["problem"] is None


class _Broken(Line):
    """Fails the next append for good, once it has taken effect or not: a full disk says no more than that."""

    broken = False

    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        if self.broken:
            self.broken = False
            await super().append(requests[:1])
            raise LogError("disk full")
        return await super().append(requests)


async def test_after_an_append_that_failed_in_the_dark_the_ledger_is_what_the_log_says() -> None:
    clock = MovableClock()
    async with log_writer(clock) as writer:
        line = _Broken(writer)
        log = LogClient(line, WORKSPACE)
        money = manager(log, clock)
        await money.start()
        line.broken = True
        replies = await asyncio.gather(
            *(money.reserve(ORIGIN, wish(f"c{number}", CENT), ()) for number in range(3)), return_exceptions=True
        )
        assert all(isinstance(reply, LogError) for reply in replies)
        assert isinstance(await money.reserve(ORIGIN, wish("c9", CENT), ()), Reserved)
        assert money.ledger == await ledger_of(log)
        assert set(money.ledger.open) == {("c0", 1), ("c9", 1)}
        await money.stop()


async def test_a_request_that_cannot_be_packed_leaves_no_trace_in_the_ledger(cell: Cell) -> None:
    stranger = Origin("elsewhere", "tester", "cor")
    replies: tuple[Any, Any] = await asyncio.gather(
        cell.money.reserve(stranger, wish("c1", CENT), ()),
        cell.money.reserve(ORIGIN, wish("c2", CENT), ()),
        return_exceptions=True,
    )
    assert isinstance(replies[0], BadInputError)
    assert isinstance(replies[1], Reserved)
    assert cell.money.ledger == await ledger_of(cell.log)


async def test_two_managers_on_one_ledger_never_grant_the_same_room() -> None:
    """The old one lingers while the new one works already: the log lets only one of them speak at a time."""
    async with open_cell(patience_s=0.2) as cell:
        await cell.limit(10)
        other = manager(cell.log, cell.clock, patience_s=0.2)
        await other.start()

        async def call(number: int) -> int:
            money = (cell.money, other)[number % 2]
            reply = await money.reserve(ORIGIN, wish(f"c{number}", 2 * CENT), ())
            return isinstance(reply, Reserved)

        granted = await asyncio.gather(*(call(number) for number in range(12)))
        assert sum(granted) == 5
        assert not violations(await everything(cell.log), WORKSPACE)
        await other.stop()


async def test_an_expired_reservation_is_booked(cell: Cell) -> None:
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    cell.clock.move(181)
    [booked] = await seen(cell.log, SpendUnknown)
    assert isinstance(booked.event, SpendUnknown)
    assert booked.event.amount_microusd == 3 * CENT
    assert not await of_kind(cell.log, SpendReleased)


async def test_a_restart_rebuilds_the_same_ledger(cell: Cell) -> None:
    await cell.limit(10)
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    await cell.money.reserve(ORIGIN, wish("c2", 2 * CENT), ())
    await cell.money.settle(ORIGIN, cost("c1", CENT), riding())
    again = manager(cell.log, cell.clock)
    await again.start()
    assert again._queue.state == cell.money.ledger
    await again.stop()


async def test_whoever_is_not_answered_when_it_stops_hears_that(cell: Cell) -> None:
    await cell.limit(4)
    await cell.money.reserve(ORIGIN, wish("c1", 3 * CENT), ())
    waiting = asyncio.create_task(cell.money.reserve(ORIGIN, wish("c2", 3 * CENT), ()))
    await cell.somebody_waits()
    cell.line.dies_after = cell.line.appends + 1
    appending = asyncio.create_task(cell.money.release(ORIGIN, "c1", 1, "refused"))
    await cell.line.dead.wait()
    await cell.money.stop()
    for asked in (waiting, appending):
        with pytest.raises(UnavailableError):
            await asked
    with pytest.raises(UnavailableError):
        await cell.money.reserve(ORIGIN, wish("c3", CENT), ())


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_in_whatever_order_the_ledger_is_a_fold_of_the_log(seed: int) -> None:
    dice = random.Random(seed)
    async with open_cell(patience_s=0.05) as cell:
        await cell.limit(12)
        versions = dict.fromkeys(range(4), 0)

        async def life(number: int) -> None:
            run = number % 4
            reply = await cell.money.reserve(
                ORIGIN, wish(f"c{number}", dice.choice([0, CENT, 3 * CENT]), charge=charge(run)), ()
            )
            if isinstance(reply, NoRoom):
                return
            stream, guess = run_stream(f"t{run}.1"), versions[run]
            end = dice.choice(["settle", "settle", "ahead", "release", "unknown", "nothing"])
            if end == "release":
                await cell.money.release(ORIGIN, f"c{number}", 1, "refused", ((stream, guess, riding()[2]),))
            elif end == "unknown":
                await cell.money.book_unknown(ORIGIN, f"c{number}", 1, "timeout", ((stream, guess, riding()[2]),))
            elif end != "nothing":
                ahead = (wish(f"n{number}", CENT, charge=charge(run)), riding()[2]) if end == "ahead" else None
                await cell.money.settle(
                    ORIGIN, cost(f"c{number}", dice.choice([0, 500, 5 * CENT])), (stream, guess, riding()[2]), ahead
                )
            versions[run] = await cell.versions(stream)

        cell.line.cut.extend(dice.choice(["", "", "", "before", "after"]) for _ in range(8))
        for _ in range(4):
            first = dice.randrange(10_000) * 10
            outcomes = await asyncio.gather(*(life(first + one) for one in range(10)), return_exceptions=True)
            assert all(one is None or isinstance(one, ConflictError) for one in outcomes), outcomes
        await cell.money.set_budget(ORIGIN, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=50))
        await cell.money.reserve(ORIGIN, wish("last", 0), ())
        recorded = await everything(cell.log)
        assert cell.money.ledger == await ledger_of(cell.log)
        assert not violations(recorded, WORKSPACE)
