"""A log that was written with a clock ahead: how it is noticed, and how its time goes on truly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.budget_manager import BudgetManager
from actors.log_writer import LogWriter
from actors.messages import NoRoom, Reserved, Settlement
from events.budget import WindowsCorrected
from events.ids import CLOCK, Scope, run_stream
from events.run import RunContinued
from events.task import TaskApproved
from events.workspace import ClockCorrected
from projections.budgets import Budgets, budget_of
from projections.engine.memory import MemoryRows
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, everything, ledger_of, manager, wish
from tests.domain.usage import usage
from vapora.commands import SetBudget
from vapora.domain.audit import violations
from vapora.domain.ledger import windows
from vapora.errors import ConflictError
from vapora.log import EventLog, mapper
from vapora.log.client import LogClient
from vapora.log.clock_correction import ClockCorrector, Correction, behind
from vapora.log.memory import MemoryLog
from vapora.log.proof import verify
from vapora.log.search import last_until_in
from vapora.log.sqlite import SQLiteLog
from vapora.records import Append, Appended, StreamAppend
from vapora.testing.soundness import order

CENT = 10_000
RIDES = (RunContinued(run_id="t0.1", task_id="t0"),)
AHEAD = timedelta(days=400)
HOUR = timedelta(hours=1)


def test_a_small_step_back_is_no_trouble_and_a_large_one_is_said() -> None:
    assert behind(timedelta(seconds=59)) == ""
    assert behind(-AHEAD) == ""
    assert "behind the last event by 400 days" in behind(AHEAD)


def add(log: EventLog, clock: MovableClock, at: datetime) -> int:
    clock.now = at
    version = len(log.read("task:t"))
    event = StreamAppend("task:t", version, (mapper.encode(TaskApproved(task_id="t")),))
    [appended] = log.append([Append(f"r{version}", "somebody", "cor", None, (event,))])
    assert isinstance(appended, Appended)
    return appended.positions[0]


def test_after_a_correction_time_goes_on_truly_and_everything_is_found(tmp_path: Path) -> None:
    clock = MovableClock(NOON)
    log = SQLiteLog.open(tmp_path / "log.db", WORKSPACE, clock)
    first = add(log, clock, NOON)
    wrong = add(log, clock, NOON + AHEAD)
    pinned = add(log, clock, NOON + HOUR)
    assert log.since_last() == HOUR - AHEAD

    clock.now = NOON + 2 * HOUR
    corrected = ClockCorrector(log, clock, "user:local").carry_out()
    later = add(log, clock, NOON + 3 * HOUR)
    log.close()
    log = SQLiteLog.open(tmp_path / "log.db", WORKSPACE, clock)
    last = add(log, clock, NOON + 4 * HOUR)

    recorded = [mapper.open_record(one) for one in log.after(0)]
    assert [one.recorded_at - NOON for one in recorded] == [0 * HOUR, AHEAD, AHEAD, 2 * HOUR, 3 * HOUR, 4 * HOUR]
    event = recorded[3].event
    assert event == ClockCorrected(recorded_until=NOON + AHEAD, corrected_to=NOON + 2 * HOUR)
    assert recorded[3].stream == CLOCK
    assert order(recorded) == []
    assert verify(log).ok
    # What was recorded in a time to come counts as of the correction.
    for hours, position in ((-1, 0), (0, first), (1, first), (2, corrected), (3, later), (9, last)):
        assert last_until_in(log, NOON + hours * HOUR) == position
    assert first < wrong < pinned < corrected
    log.close()


def test_time_that_goes_back_without_a_correction_is_found(tmp_path: Path) -> None:
    clock = MovableClock(NOON)
    log = MemoryLog(WORKSPACE, clock)
    add(log, clock, NOON + AHEAD)
    clock.now = NOON
    ClockCorrector(log, clock, "user:local").carry_out()
    recorded = [mapper.open_record(one) for one in log.after(0)]
    recorded[1] = replace(recorded[1], event=TaskApproved(task_id="t"))
    assert any("time goes back" in one.message for one in order(recorded))


def test_a_clock_that_is_not_behind_is_not_corrected() -> None:
    log = MemoryLog(WORKSPACE, MovableClock(NOON))
    with pytest.raises(ConflictError, match="not behind"):
        ClockCorrector(log, MovableClock(NOON), "user:local").carry_out()


@asynccontextmanager
async def money_of(log: MemoryLog, clock: MovableClock) -> AsyncIterator[tuple[LogClient, BudgetManager]]:
    writer = LogWriter(lambda: log)
    await writer.start()
    client = LogClient(writer, WORKSPACE)
    money = manager(client, clock, patience_s=0)
    await money.start()
    yield client, money
    await money.stop()
    await writer.stop()


async def test_a_correction_gives_no_limit_again_and_the_next_month_does() -> None:
    clock = MovableClock(NOON + AHEAD)
    log = MemoryLog(WORKSPACE, clock)
    async with money_of(log, clock) as (_, money):
        await money.set_budget(ORIGIN, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=10))
        await money.reserve(ORIGIN, wish("spent", 6 * CENT), ())
        await money.settle(ORIGIN, Settlement("spent", 1, 6 * CENT, 10, 5), (run_stream("t0.1"), 0, RIDES))
        await money.reserve(ORIGIN, wish("open", 2 * CENT), ())
    clock.now = NOON
    corrector = ClockCorrector(log, clock, "user:local")
    true, wrong = windows(NOON), windows(NOON + AHEAD)
    assert corrector.plan() == Correction(NOON + AHEAD, NOON, 1, WindowsCorrected(before=wrong, windows=true))
    corrector.carry_out()
    async with money_of(log, clock) as (client, money):
        assert isinstance(await money.reserve(ORIGIN, wish("fits", 2 * CENT), ()), Reserved)
        assert isinstance(await money.reserve(ORIGIN, wish("too much", CENT), ()), NoRoom)
        recorded = await everything(client)
        ledger = await ledger_of(client)
        rows = MemoryRows()
        rows.fold(Budgets(), recorded)
        for scope, scope_id in ((Scope.WORKSPACE, WORKSPACE), (Scope.ROLE, "developer")):
            shown, known = budget_of(rows, scope, scope_id, NOON), usage(ledger, scope, scope_id, NOON)
            assert shown is not None
            assert (shown.monthly_spent_microusd, shown.monthly_held_microusd) == (8 * CENT, 2 * CENT)
            assert (known.monthly_spent_microusd, known.weekly_spent_microusd) == (8 * CENT, 8 * CENT)
            assert (shown.weekly_spent_microusd, shown.tier) == (known.weekly_spent_microusd, known.tier)
        clock.now = NOON + timedelta(days=20)
        assert isinstance(await money.reserve(ORIGIN, wish("next month", 10 * CENT), ()), Reserved)
        assert violations(await everything(client), WORKSPACE) == []


async def test_where_no_window_lies_ahead_none_is_renamed() -> None:
    clock = MovableClock(NOON + HOUR)
    log = MemoryLog(WORKSPACE, clock)
    async with money_of(log, clock) as (_, money):
        await money.reserve(ORIGIN, wish("open", 2 * CENT), ())
    clock.now = NOON
    assert ClockCorrector(log, clock, "user:local").plan() == Correction(NOON + HOUR, NOON, 1, None)


async def test_a_log_writer_says_that_the_clock_is_behind_at_the_start_and_when_asked() -> None:
    clock = MovableClock(NOON + AHEAD)
    log = MemoryLog(WORKSPACE, clock)
    add(log, clock, NOON + AHEAD)
    writer = LogWriter(lambda: log)
    clock.now = NOON
    with capture_logs() as lines:
        await writer.start()
    assert ["behind the last event by 400 days" in line["event"] for line in lines] == [True]
    assert "behind the last event" in (await writer.health())["clock"]
    await writer.stop()
    clock.now = NOON + 2 * AHEAD
    with capture_logs() as lines:
        await writer.start()
    assert [line["days"] for line in lines] == [400]
    assert (await writer.health())["clock"] == ""
    await writer.stop()
