"""Windows, tiers and the numbers that people see (R8, B5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from events import DomainEvent
from events.budget import BudgetSet, Charge, SpendRefused, SpendReserved, SpendSettled, Windows, whose
from events.ids import Provider, Scope, Tier, WhenExceeded
from tests.domain.usage import usage
from vapora.domain import budget as rules
from vapora.domain.ledger import Ledger

NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)
CHARGE = Charge(
    project_id="p1", task_id="t1", run_id="r1", agent_id="a1", role="developer", task_type="code-generation"
)


def given(*events: DomainEvent) -> Ledger:
    ledger = rules.initial()
    for event in events:
        rules.evolve(ledger, event)
    return ledger


def held(amount: int, call_id: str, now: datetime = NOW, **more: Any) -> SpendReserved:
    return SpendReserved(
        call_id=call_id,
        attempt=1,
        charge=CHARGE,
        provider=Provider.OPENAI,
        model="gpt-6.1-terra",
        amount_microusd=amount,
        windows=rules.windows(now),
        expires_at=now + timedelta(minutes=3),
        **more,
    )


def spent(amount: int, call_id: str = "spent", now: datetime = NOW, **more: Any) -> tuple[DomainEvent, ...]:
    reserved = held(amount, call_id, now, **more)
    return reserved, SpendSettled(**whose(reserved), cost_microusd=amount)


def limit(scope: Scope, scope_id: str, **more: Any) -> BudgetSet:
    return BudgetSet(scope=scope, scope_id=scope_id, **more)


def standing(ledger: Ledger, now: datetime = NOW, simulated: bool = False) -> rules.BudgetStatus:
    return rules.standing(ledger, CHARGE, "w1", simulated, now)


@pytest.mark.parametrize(
    ("now", "month", "week"),
    [
        (datetime(2026, 11, 19, tzinfo=UTC), "2026-11", "2026-W47"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01", "2026-W01"),
        (datetime(2027, 1, 1, tzinfo=UTC), "2027-01", "2026-W53"),
        (datetime(2024, 12, 30, tzinfo=UTC), "2024-12", "2025-W01"),
        (datetime(2026, 12, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2026-11", "2026-W49"),
    ],
)
def test_windows_are_the_calendar_month_and_the_iso_week_in_utc(now: datetime, month: str, week: str) -> None:
    assert rules.windows(now) == Windows(month=month, week=week)


@pytest.mark.parametrize(
    ("now", "turns"),
    [
        (datetime(2026, 11, 19, 12, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)),
        (datetime(2026, 11, 30, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2027, 1, 31, 12, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)),
    ],
)
def test_the_next_window_begins_at_the_next_monday_or_first_of_a_month(now: datetime, turns: datetime) -> None:
    assert rules.window_turns_at(now) == turns
    assert rules.windows(turns) != rules.windows(turns - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("spent_microusd", "tier"),
    [
        (0, Tier.NORMAL),
        (800_000, Tier.NORMAL),
        (800_001, Tier.NEAR),
        (999_999, Tier.NEAR),
        (1_000_000, Tier.EXCEEDED),
        (1_200_000, Tier.EXCEEDED),
    ],
)
@pytest.mark.parametrize("span", ["monthly", "weekly"])
def test_tiers_begin_just_above_80_per_cent_and_at_100(span: str, spent_microusd: int, tier: Tier) -> None:
    ledger = given(limit(Scope.ROLE, "developer", **{f"{span}_limit_microusd": 1_000_000}), *spent(spent_microusd))
    assert standing(ledger).tier is tier


def test_the_boundary_is_exact_where_floats_are_not() -> None:
    huge = 10**17
    assert rules.tier_of(huge * 8 // 10, huge, False) is Tier.NORMAL
    assert rules.tier_of(huge * 8 // 10 + 1, huge, False) is Tier.NEAR
    assert rules.tier_of(huge - 1, huge, False) is Tier.NEAR


def test_money_that_is_held_is_not_yet_spent() -> None:
    ledger = given(limit(Scope.ROLE, "developer", monthly_limit_microusd=100), held(100, "c1"))
    assert standing(ledger).tier is Tier.NORMAL


def test_without_a_limit_nothing_is_used() -> None:
    found = standing(given(*spent(10**9)))
    assert (found.tier, found.utilisation, found.scope, found.scope_id) == (Tier.NORMAL, 0.0, Scope.WORKSPACE, "w1")


def test_the_worse_of_both_windows_decides() -> None:
    ledger = given(
        limit(Scope.ROLE, "developer", monthly_limit_microusd=1_000, weekly_limit_microusd=100),
        *spent(400, now=NOW - timedelta(days=7)),
        *spent(90, "this week"),
    )
    found = standing(ledger)
    assert (found.tier, found.utilisation) == (Tier.NEAR, 0.9)
    assert found.reason == "role developer has spent $0.0001 of $0.0001 in 2026-W47"


def test_the_worst_of_the_scopes_decides() -> None:
    ledger = given(
        limit(Scope.WORKSPACE, "w1", monthly_limit_microusd=1_000_000),
        limit(Scope.AGENT, "a1", monthly_limit_microusd=110),
        limit(Scope.TASK, "t1", lifetime_limit_microusd=300),
        *spent(100),
    )
    assert (standing(ledger).scope, standing(ledger).scope_id) == (Scope.AGENT, "a1")


def test_among_exceeded_budgets_one_that_says_stop_wins() -> None:
    ledger = given(
        limit(Scope.WORKSPACE, "w1", monthly_limit_microusd=10),
        limit(Scope.AGENT, "a1", monthly_limit_microusd=100, when_exceeded=WhenExceeded.STOP),
        *spent(100),
    )
    assert (standing(ledger).scope, standing(ledger).when_exceeded) == (Scope.AGENT, WhenExceeded.STOP)


def test_a_budget_that_says_stop_does_not_hide_an_exceeded_one_while_it_is_near() -> None:
    ledger = given(
        limit(Scope.WORKSPACE, "w1", monthly_limit_microusd=100),
        limit(Scope.AGENT, "a1", monthly_limit_microusd=110, when_exceeded=WhenExceeded.STOP),
        *spent(100),
    )
    assert standing(ledger).scope is Scope.WORKSPACE


def test_a_refused_call_makes_the_tier_exceeded_and_says_so() -> None:
    mark = SpendRefused(
        scope=Scope.ROLE,
        scope_id="developer",
        window="2026-W47",
        call_id="x",
        charge=CHARGE,
        amount_microusd=9,
        room_microusd=5,
    )
    ledger = given(limit(Scope.ROLE, "developer", weekly_limit_microusd=2_000_000), *spent(1_500_000), mark)
    found = standing(ledger)
    assert (found.tier, found.utilisation) == (Tier.EXCEEDED, 0.75)
    assert found.reason == ("role developer has spent $1.50 of $2.00 in 2026-W47; a call found no room in the rest")
    assert standing(ledger, simulated=True).tier is Tier.NORMAL
    assert standing(ledger, now=NOW + timedelta(days=7)).tier is Tier.NORMAL


def test_usage_shows_both_windows_of_a_scope() -> None:
    ledger = given(
        limit(Scope.ROLE, "developer", monthly_limit_microusd=200, weekly_limit_microusd=50, overflow_microusd=5),
        *spent(60, now=NOW - timedelta(days=7)),
        *spent(40, "this week"),
        held(7, "open"),
    )
    found = usage(ledger, Scope.ROLE, "developer", NOW)
    assert (found.monthly_spent_microusd, found.weekly_spent_microusd) == (100, 40)
    assert (found.monthly_held_microusd, found.weekly_held_microusd) == (7, 7)
    assert (found.utilisation, found.tier) == (0.8, Tier.NORMAL)


def test_usage_of_a_task_is_over_its_life() -> None:
    ledger = given(
        limit(Scope.TASK, "t1", lifetime_limit_microusd=100),
        *spent(50, now=NOW - timedelta(days=90)),
        *spent(35, "now"),
    )
    found = usage(ledger, Scope.TASK, "t1", NOW)
    assert (found.lifetime_spent_microusd, found.monthly_spent_microusd) == (85, 35)
    assert (found.utilisation, found.tier) == (0.85, Tier.NEAR)


def test_usage_is_known_for_a_scope_that_has_no_limit() -> None:
    found = usage(given(*spent(100)), Scope.PROJECT, "p1", NOW)
    assert (found.monthly_spent_microusd, found.tier, found.utilisation) == (100, Tier.NORMAL, 0.0)


def test_windows_before_the_previous_one_are_forgotten_unless_money_is_held_there() -> None:
    ledger = given()
    for month in range(1, 13):
        day = datetime(2026, month, 15, tzinfo=UTC)
        for event in spent(10, f"spent-{month}", day):
            rules.evolve(ledger, event)
        if month == 3:
            rules.evolve(ledger, held(5, "forgotten call", day))
    kept = {window for scope, _, window, _ in ledger.accounts if scope is Scope.WORKSPACE}
    assert kept == {"2026-03", "2026-W11", "2026-11", "2026-12", "2026-W51"}
    assert sorted(ledger.closed) == ["2026-11", "2026-12"]
    assert usage(ledger, Scope.TASK, "t1", day).lifetime_spent_microusd == 120
    rules.evolve(ledger, SpendSettled(**whose(held(5, "forgotten call")), cost_microusd=5))
    assert usage(ledger, Scope.TASK, "t1", day).lifetime_held_microusd == 0


def test_refusals_of_windows_long_past_are_forgotten() -> None:
    ledger = given()
    for month in range(1, 13):
        mark = SpendRefused(
            scope=Scope.AGENT,
            scope_id="a1",
            window=f"2026-{month:02d}",
            call_id="x",
            charge=CHARGE,
            amount_microusd=9,
            room_microusd=5,
        )
        rules.evolve(ledger, held(1, f"c{month}", datetime(2026, month, 15, tzinfo=UTC)))
        rules.evolve(ledger, mark)
    assert {window for _, _, window, _ in ledger.refused} == {"2026-11", "2026-12"}


def test_a_clock_that_steps_back_does_not_open_an_old_window_again() -> None:
    december = datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC)
    ledger = given(limit(Scope.ROLE, "developer", monthly_limit_microusd=100), *spent(100, now=december))
    wish = rules.ReserveSpend(
        "c", 1, CHARGE, Provider.OPENAI, "gpt-6.1-terra", 1, False, False, december + timedelta(minutes=3)
    )
    refused = rules.reserve(ledger, wish, "w1", december - timedelta(minutes=1))
    assert isinstance(refused, rules.Refused)
    assert refused.window == "2026-12"
