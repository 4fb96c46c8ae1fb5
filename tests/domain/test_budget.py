"""Given what the ledger holds, when money is asked for, then it is granted, waited for or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events import DomainEvent
from events.budget import (
    BudgetSet,
    Charge,
    SpendRefused,
    SpendReleased,
    SpendReserved,
    SpendSettled,
    SpendUnknown,
    Windows,
    whose,
)
from events.ids import Provider, Scope, Tier, WhenExceeded
from tests.domain.usage import usage
from vapora.commands import SetBudget, SetTaskBudget
from vapora.domain import budget as rules
from vapora.domain.ledger import Ledger, account
from vapora.errors import BadInputError, ConflictError, CorruptLogError

NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)
CHARGE = Charge(
    project_id="p1", task_id="t1", run_id="r1", agent_id="a1", role="developer", task_type="code-generation"
)


def given(*events: DomainEvent) -> Ledger:
    ledger = rules.initial()
    for event in events:
        rules.evolve(ledger, event)
    return ledger


def limit(
    monthly: int | None = None,
    weekly: int | None = None,
    scope: Scope = Scope.ROLE,
    scope_id: str = "developer",
    **more: Any,
) -> BudgetSet:
    return BudgetSet(
        scope=scope, scope_id=scope_id, monthly_limit_microusd=monthly, weekly_limit_microusd=weekly, **more
    )


def wish(amount: int, call_id: str = "new", **more: Any) -> rules.ReserveSpend:
    given = {
        "call_id": call_id,
        "attempt": 1,
        "charge": CHARGE,
        "provider": Provider.ANTHROPIC,
        "model": "claude-opus-5-5",
        "amount_microusd": amount,
        "cheap_chain": False,
        "simulated": False,
        "expires_at": NOW + timedelta(minutes=3),
    }
    return rules.ReserveSpend(**{**given, **more})


def held(amount: int, call_id: str = "held", now: datetime = NOW, **more: Any) -> SpendReserved:
    granted = rules.reserve(given(), wish(amount, call_id, **more), "w1", now)
    assert isinstance(granted, rules.Granted)
    return granted.events[0]


def spent(amount: int, call_id: str = "spent", now: datetime = NOW, **more: Any) -> tuple[DomainEvent, ...]:
    reserved = held(amount, call_id, now, **more)
    return reserved, SpendSettled(**whose(reserved), cost_microusd=amount)


def reserve(ledger: Ledger, asked: rules.ReserveSpend, now: datetime = NOW) -> Any:
    return rules.reserve(ledger, asked, "w1", now)


# --- reserving ---


def test_without_any_limit_every_amount_is_granted() -> None:
    (event,) = reserve(given(), wish(10**12)).events
    assert (event.amount_microusd, event.windows) == (10**12, Windows(month="2026-11", week="2026-W47"))


def test_the_last_micro_dollar_of_a_limit_is_granted_and_the_next_is_refused() -> None:
    ledger = given(limit(monthly=100), *spent(60))
    assert isinstance(reserve(ledger, wish(40)), rules.Granted)
    refused = reserve(ledger, wish(41))
    assert isinstance(refused, rules.Refused)
    assert (refused.scope, refused.scope_id, refused.window) == (Scope.ROLE, "developer", "2026-11")
    assert refused.room_microusd == 40


def test_room_that_calls_in_flight_hold_is_contended_and_not_refused() -> None:
    ledger = given(limit(monthly=100), *spent(30), held(50))
    assert reserve(ledger, wish(40)) == rules.Contended(Scope.ROLE, "developer")
    assert rules.standing(ledger, CHARGE, "w1", False, NOW).tier is Tier.NORMAL


def test_a_call_that_would_just_fit_without_the_others_waits_and_a_larger_one_does_not() -> None:
    ledger = given(limit(monthly=100), *spent(30), held(1))
    assert reserve(ledger, wish(70)) == rules.Contended(Scope.ROLE, "developer")
    assert isinstance(reserve(ledger, wish(71)), rules.Refused)


def test_contended_names_the_scope_that_is_shortest_of_room() -> None:
    ledger = given(limit(monthly=100), limit(monthly=80, scope=Scope.AGENT, scope_id="a1"), held(70))
    assert reserve(ledger, wish(40)) == rules.Contended(Scope.AGENT, "a1")


def test_a_refusal_weighs_more_than_contention_elsewhere() -> None:
    ledger = given(limit(monthly=100), limit(monthly=30, scope=Scope.PROJECT, scope_id="p1"), held(90, charge=other()))
    assert reserve(ledger, wish(40)).scope is Scope.PROJECT


def other(**changes: Any) -> Charge:
    return CHARGE.model_copy(update={"project_id": "p2", "task_id": "t2", "agent_id": "a2", **changes})


@pytest.mark.parametrize(
    ("scope", "scope_id"),
    [(Scope.WORKSPACE, "w1"), (Scope.PROJECT, "p1"), (Scope.ROLE, "developer"), (Scope.AGENT, "a1")],
)
@pytest.mark.parametrize("span", ["monthly", "weekly"])
def test_every_scope_and_window_limits_by_itself(scope: Scope, scope_id: str, span: str) -> None:
    ledger = given(limit(**{span: 100}, scope=scope, scope_id=scope_id))
    assert isinstance(reserve(ledger, wish(100)), rules.Granted)
    assert reserve(ledger, wish(101)).scope is scope


def test_a_task_is_limited_over_its_whole_life() -> None:
    life = BudgetSet(scope=Scope.TASK, scope_id="t1", lifetime_limit_microusd=100)
    ledger = given(life, *spent(70, now=NOW - timedelta(days=200)))
    refused = reserve(ledger, wish(31))
    assert (refused.scope, refused.window, refused.room_microusd) == (Scope.TASK, "life", 30)


def test_a_limit_does_not_concern_others() -> None:
    ledger = given(limit(monthly=0, scope=Scope.AGENT, scope_id="a2"))
    assert isinstance(reserve(ledger, wish(50)), rules.Granted)


def test_spending_before_the_limit_was_set_counts() -> None:
    ledger = given(*spent(90), limit(monthly=100))
    assert isinstance(reserve(ledger, wish(11)), rules.Refused)


def test_real_and_simulated_money_never_mix() -> None:
    ledger = given(limit(monthly=100), *spent(100, simulated=True))
    assert isinstance(reserve(ledger, wish(100)), rules.Granted)
    assert isinstance(reserve(ledger, wish(1, simulated=True)), rules.Refused)


def test_the_same_attempt_again_changes_nothing_while_open_and_once_settled() -> None:
    assert reserve(given(held(40)), wish(40, "held")) == rules.Granted(())
    assert reserve(given(*spent(40)), wish(40, "spent")) == rules.Granted(())


def test_an_attempt_that_was_given_back_is_not_granted_again() -> None:
    ledger = given(held(40), SpendReleased(**whose(held(40)), reason="refused"))
    with pytest.raises(ConflictError, match="released"):
        reserve(ledger, wish(40, "held"))
    assert reserve(ledger, wish(40, "held", attempt=2)).events


# --- exceeded ---


def test_a_refusal_is_recorded_once_a_scope_and_window() -> None:
    ledger = given(limit(monthly=100, weekly=100))
    first = reserve(ledger, wish(101))
    assert [event.window for event in first.events] == ["2026-11", "2026-W47"]
    for event in first.events:
        rules.evolve(ledger, event)
    assert reserve(ledger, wish(101)).events == ()
    assert len(reserve(ledger, wish(101, simulated=True)).events) == 2


def test_after_a_refusal_even_a_small_priced_call_is_refused_until_the_window_turns() -> None:
    ledger = given(limit(weekly=100), *spent(50))
    for event in reserve(ledger, wish(51)).events:
        rules.evolve(ledger, event)
    assert isinstance(reserve(ledger, wish(1)), rules.Refused)
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    assert isinstance(reserve(ledger, wish(1), monday - timedelta(microseconds=1)), rules.Refused)
    assert isinstance(reserve(ledger, wish(100), monday), rules.Granted)


@pytest.mark.parametrize("raised", [limit(monthly=101), limit(monthly=None)])
def test_a_limit_that_is_raised_or_removed_lets_priced_calls_in_again(raised: BudgetSet) -> None:
    ledger = given(limit(monthly=100), *spent(50))
    for event in reserve(ledger, wish(51)).events:
        rules.evolve(ledger, event)
    rules.evolve(ledger, raised)
    assert isinstance(reserve(ledger, wish(51)), rules.Granted)


def test_a_limit_that_is_not_raised_stays_shut() -> None:
    ledger = given(limit(monthly=100, weekly=100))
    for event in reserve(ledger, wish(101)).events:
        rules.evolve(ledger, event)
    rules.evolve(ledger, limit(monthly=1000, weekly=100))
    refused = reserve(ledger, wish(10))
    assert (refused.window, refused.events) == ("2026-W47", ())


def test_a_free_call_is_admissible_with_the_budget_spent() -> None:
    ledger = given(limit(monthly=100), *spent(100), held(0, "other"))
    (event,) = reserve(ledger, wish(0, provider=Provider.OLLAMA, model="llama3.3")).events
    assert event.amount_microusd == 0


def test_a_limit_of_nothing_admits_free_models_only() -> None:
    ledger = given(limit(monthly=0))
    assert rules.standing(ledger, CHARGE, "w1", False, NOW).tier is Tier.EXCEEDED
    assert isinstance(reserve(ledger, wish(1)), rules.Refused)
    assert isinstance(reserve(ledger, wish(1, cheap_chain=True)), rules.Refused)
    assert isinstance(reserve(ledger, wish(0)), rules.Granted)


def test_only_the_cheap_chain_may_use_the_overflow() -> None:
    ledger = given(limit(monthly=100, overflow_microusd=20), *spent(100))
    assert isinstance(reserve(ledger, wish(1)), rules.Refused)
    assert isinstance(reserve(ledger, wish(20, cheap_chain=True)), rules.Granted)
    assert isinstance(reserve(ledger, wish(21, cheap_chain=True)), rules.Refused)


def test_the_cheap_chain_waits_for_the_overflow_that_others_hold() -> None:
    ledger = given(limit(monthly=100, overflow_microusd=20), *spent(100), held(15, cheap_chain=True))
    assert reserve(ledger, wish(10, cheap_chain=True)) == rules.Contended(Scope.ROLE, "developer")


def test_a_spent_budget_that_says_stop_refuses_even_free_calls_and_the_cheap_chain() -> None:
    ledger = given(limit(monthly=100, overflow_microusd=50, when_exceeded=WhenExceeded.STOP), *spent(100))
    for asked in (wish(0), wish(1), wish(1, cheap_chain=True)):
        refused = reserve(ledger, asked)
        assert isinstance(refused, rules.Refused)
        assert refused.when_exceeded is WhenExceeded.STOP
    assert reserve(ledger, wish(0)).events == ()


def test_a_budget_that_says_stop_lends_no_overflow_to_a_chain_of_another_budget() -> None:
    ledger = given(limit(monthly=100, overflow_microusd=50, when_exceeded=WhenExceeded.STOP), *spent(90))
    assert isinstance(reserve(ledger, wish(11, cheap_chain=True)), rules.Refused)


def test_of_several_that_refuse_the_one_that_says_stop_is_named() -> None:
    stop = limit(monthly=50, scope=Scope.AGENT, scope_id="a1", when_exceeded=WhenExceeded.STOP)
    ledger = given(limit(monthly=10), stop, *spent(50))
    refused = reserve(ledger, wish(1))
    assert (refused.scope, refused.when_exceeded) == (Scope.AGENT, WhenExceeded.STOP)
    assert {event.scope for event in refused.events} == {Scope.ROLE, Scope.AGENT}


# --- closing ---


def test_settling_books_the_cost_and_gives_back_the_rest() -> None:
    ledger = given(limit(monthly=100), held(100))
    (event,) = rules.settle(ledger, "held", 1, 30, 1_000, 200)
    assert event == SpendSettled(**whose(held(100)), cost_microusd=30, tokens_in=1_000, tokens_out=200)
    rules.evolve(ledger, event)
    assert isinstance(reserve(ledger, wish(70)), rules.Granted)
    assert isinstance(reserve(ledger, wish(71)), rules.Refused)


def test_a_provider_that_bills_more_than_the_worst_case_is_recorded_as_overcharging() -> None:
    (event,) = rules.settle(given(held(100)), "held", 1, 130, 0, 0)
    assert (event.cost_microusd, event.overcharge_microusd) == (130, 30)


def test_releasing_gives_all_of_it_back() -> None:
    ledger = given(limit(monthly=100), held(100))
    for event in rules.release(ledger, "held", 1, "connection-refused"):
        rules.evolve(ledger, event)
    assert isinstance(reserve(ledger, wish(100)), rules.Granted)


def test_an_unknown_outcome_is_booked_at_its_worst_case() -> None:
    ledger = given(held(100))
    (event,) = rules.book_unknown(ledger, "held", 1, "timeout")
    rules.evolve(ledger, event)
    assert usage(ledger, Scope.AGENT, "a1", NOW).monthly_spent_microusd == 100


def test_an_expired_reservation_is_booked_and_never_released() -> None:
    ledger = given(held(100), held(50, "later", expires_at=NOW + timedelta(hours=1)))
    assert rules.expire(ledger, NOW + timedelta(minutes=2)) == ()
    (event,) = rules.expire(ledger, NOW + timedelta(minutes=3))
    assert isinstance(event, SpendUnknown)
    assert (event.call_id, event.amount_microusd) == ("held", 100)
    rules.evolve(ledger, event)
    assert rules.expire(ledger, NOW + timedelta(minutes=4)) == ()


@pytest.mark.parametrize(
    "closed",
    [
        SpendSettled(**whose(held(100)), cost_microusd=3),
        SpendReleased(**whose(held(100)), reason="refused"),
        SpendUnknown(**whose(held(100)), amount_microusd=100, reason="timeout"),
    ],
)
def test_what_is_closed_stays_as_it_was_closed(closed: DomainEvent) -> None:
    ledger = given(held(100), closed)
    assert rules.settle(ledger, "held", 1, 50, 0, 0) == ()
    assert rules.release(ledger, "held", 1, "again") == ()
    assert rules.book_unknown(ledger, "held", 1, "again") == ()
    assert rules.open_reservations(ledger) == ()
    assert closed.TOPIC.endswith(str(rules.outcome(ledger, "held", 1)))


@pytest.mark.parametrize(
    "close",
    [
        lambda ledger: rules.settle(ledger, "x", 1, 1, 0, 0),
        lambda ledger: rules.release(ledger, "x", 1, "refused"),
        lambda ledger: rules.book_unknown(ledger, "x", 1, "timeout"),
    ],
)
def test_closing_what_was_never_reserved_is_a_conflict(close: Callable[[Ledger], object]) -> None:
    with pytest.raises(ConflictError, match="Nothing was ever reserved for attempt 1 of call x"):
        close(given())


def test_a_log_that_closes_a_call_which_is_not_open_cannot_be_folded() -> None:
    with pytest.raises(CorruptLogError):
        given(SpendReleased(**whose(held(1, "x")), reason=""))


def test_a_reservation_is_settled_in_the_window_in_which_it_was_made() -> None:
    late, early = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
    ledger = given(limit(monthly=100), held(80, now=late), held(10, "december", now=early))
    rules.evolve(ledger, SpendSettled(**whose(held(80, now=late)), cost_microusd=80))
    assert account(ledger, Scope.ROLE, "developer", "2026-11", False).spent == 80
    assert usage(ledger, Scope.ROLE, "developer", early).monthly_spent_microusd == 0
    assert isinstance(reserve(ledger, wish(90), early), rules.Granted)


# --- limits ---


def test_cents_become_micro_dollars() -> None:
    command = SetBudget(monthly_limit_cents=500, overflow_cents=5, when_exceeded=WhenExceeded.STOP)
    (event,) = rules.set_budget(given(), Scope.ROLE, "developer", command)
    assert event == limit(monthly=5_000_000, overflow_microusd=50_000, when_exceeded=WhenExceeded.STOP)
    (event,) = rules.set_budget(given(), Scope.TASK, "t1", SetTaskBudget(limit_cents=7))
    assert event.lifetime_limit_microusd == 70_000


def test_a_budget_that_does_not_change_is_no_event() -> None:
    same = SetBudget(monthly_limit_cents=1)
    assert rules.set_budget(given(limit(monthly=10_000)), Scope.ROLE, "developer", same) == ()
    assert rules.set_budget(given(), Scope.ROLE, "developer", SetBudget()) == ()


def test_what_is_not_named_stays_and_none_lifts_it() -> None:
    before = limit(10_000, 20_000, overflow_microusd=5, when_exceeded=WhenExceeded.STOP)
    (event,) = rules.set_budget(given(before), Scope.ROLE, "developer", SetBudget(weekly_limit_cents=3))
    assert event == before.model_copy(update={"weekly_limit_microusd": 30_000, "overflow_microusd": 0})
    (event,) = rules.set_budget(given(before), Scope.ROLE, "developer", SetBudget(monthly_limit_cents=None))
    assert (event.monthly_limit_microusd, event.weekly_limit_microusd) == (None, 20_000)


def test_a_default_cap_is_set_where_nobody_ever_decided() -> None:
    (event,) = rules.default_cap(given(), "w1", 2_000)
    assert event == limit(monthly=20_000_000, scope=Scope.WORKSPACE, scope_id="w1")
    lifted = SetBudget(monthly_limit_cents=None)
    ledger = given(event)
    assert rules.default_cap(ledger, "w1", 3_000) == ()
    for one in rules.set_budget(ledger, Scope.WORKSPACE, "w1", lifted):
        rules.evolve(ledger, one)
    assert rules.default_cap(ledger, "w1", 2_000) == ()


def test_a_task_takes_no_monthly_limit_and_a_role_none_for_life() -> None:
    with pytest.raises(BadInputError):
        rules.set_budget(given(), Scope.TASK, "t1", SetBudget(monthly_limit_cents=1))
    with pytest.raises(BadInputError):
        rules.set_budget(given(), Scope.ROLE, "developer", SetTaskBudget(limit_cents=1))


def test_a_limit_may_be_lowered_below_what_is_spent_and_stops_what_comes() -> None:
    ledger = given(limit(monthly=1_000_000), *spent(500_000))
    for event in rules.set_budget(ledger, Scope.ROLE, "developer", SetBudget(monthly_limit_cents=10)):
        rules.evolve(ledger, event)
    assert isinstance(reserve(ledger, wish(1)), rules.Refused)
    assert isinstance(reserve(ledger, wish(0)), rules.Granted)


def test_a_refusal_of_one_agent_leaves_its_colleagues_alone() -> None:
    mark = SpendRefused(
        scope=Scope.AGENT,
        scope_id="a1",
        window="2026-11",
        call_id="x",
        charge=CHARGE,
        amount_microusd=5,
        room_microusd=0,
    )
    ledger = given(limit(monthly=100), limit(monthly=10, scope=Scope.AGENT, scope_id="a1"), mark)
    assert isinstance(reserve(ledger, wish(5)), rules.Refused)
    assert isinstance(reserve(ledger, wish(5, charge=other())), rules.Granted)
