"""Costs, budgets and the counters of providers: the three read models of money."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events import budget, run
from events.budget import Windows
from events.ids import Provider, Scope, Tier, WhenExceeded
from events.money import MicroUsd
from projections.budgets import Budgets, budget_of, budgets
from projections.costs import Costs, costs
from projections.providers import Providers, metrics
from tests.projections.story import Story
from vapora.errors import BadInputError


def limit(scope: Scope, scope_id: str, monthly: int | None = None, life: int | None = None) -> budget.BudgetSet:
    return budget.BudgetSet(
        scope=scope,
        scope_id=scope_id,
        monthly_limit_microusd=None if monthly is None else MicroUsd(monthly),
        lifetime_limit_microusd=None if life is None else MicroUsd(life),
    )


def begun(simulated: bool = False) -> Story:
    return Story().submit("t-1").assign("t-1.1", simulated=simulated)


def test_costs_are_summed_by_what_is_asked_for() -> None:
    story = begun().call("t-1.1/0", cost=60).call("t-1.1/1", cost=7)
    story.submit("t-2").assign("t-2.1", "tester").call("t-2.1/0", cost=5)
    rows = story.rows(Costs())
    assert [(cost.key, cost.cost_microusd, cost.calls) for cost in costs(rows, ("agent",))] == [
        ({"agent": "developer"}, 67, 2),
        ({"agent": "tester"}, 5, 1),
    ]
    [total] = costs(rows, ())
    assert (total.key, total.cost_microusd, total.tokens_in, total.tokens_out) == ({}, 72, 30, 15)
    [by_day] = costs(rows, ("day", "provider"))
    assert by_day.key == {"day": "2026-11-20", "provider": "anthropic"}


def test_real_and_simulated_costs_are_never_one_sum() -> None:
    story = begun(simulated=True).call("t-1.1/0", cost=60)
    story.assign("t-1.2").call("t-1.2/0", cost=7)
    found = costs(story.rows(Costs()), ("task",))
    assert [(cost.simulated, cost.cost_microusd) for cost in found] == [(False, 7), (True, 60)]


def test_a_lost_call_costs_its_worst_case_and_a_released_one_nothing() -> None:
    story = begun().reserve("t-1.1/0", 100).lose("t-1.1/0")
    story.reserve("t-1.1/1").release("t-1.1/1")
    [total] = costs(story.rows(Costs()), ())
    assert (total.cost_microusd, total.calls) == (100, 1)


def test_costs_by_something_unknown_are_refused() -> None:
    with pytest.raises(BadInputError):
        costs(Story().rows(Costs()), ("colour",))


def test_a_budget_shows_what_is_spent_and_held_in_its_scope() -> None:
    story = begun().tell(limit(Scope.ROLE, "developer", monthly=10_000)).call("t-1.1/0", cost=60).reserve("t-1.1/1", 90)
    [found] = budgets(story.rows(Budgets()), story.at)
    assert (found.scope, found.id, found.monthly_limit_cents) == (Scope.ROLE, "developer", 1)
    assert (found.monthly_spent_microusd, found.monthly_held_microusd) == (60, 90)
    assert (found.weekly_spent_microusd, found.weekly_held_microusd) == (60, 90)
    assert (found.tier, found.utilisation) == (Tier.NORMAL, 0.006)


def test_spending_from_before_the_limit_was_set_counts() -> None:
    story = begun().call("t-1.1/0", cost=90).tell(limit(Scope.AGENT, "developer", monthly=100))
    [found] = budgets(story.rows(Budgets()), story.at)
    assert (found.monthly_spent_microusd, found.tier) == (90, Tier.NEAR)


def test_a_later_window_reads_as_zero_and_a_late_bill_stays_in_its_own() -> None:
    story = begun().tell(limit(Scope.PROJECT, "p-1", monthly=1_000)).reserve("t-1.1/0", 100).call("t-1.1/1", cost=60)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    [found] = budgets(story.rows(Budgets()), december)
    assert (found.monthly_spent_microusd, found.monthly_held_microusd) == (0, 0)
    story.at = december
    story.reserve("t-1.1/2", 30, at=Windows(month="2026-12", week="2026-W49")).answer("t-1.1/0", 100)
    [found] = budgets(story.rows(Budgets()), december)
    assert (found.monthly_spent_microusd, found.monthly_held_microusd) == (0, 30)


def test_a_refused_call_exceeds_the_budget_until_the_limit_is_raised_or_the_window_turns() -> None:
    story = begun().tell(limit(Scope.ROLE, "developer", monthly=100))
    story.call("t-1.1/9", cost=1).refuse("t-1.1/0", Scope.ROLE, "developer", "2026-11")
    assert budgets(story.rows(Budgets()), story.at)[0].tier is Tier.EXCEEDED
    assert budgets(story.rows(Budgets()), datetime(2026, 12, 1, tzinfo=UTC))[0].tier is Tier.NORMAL
    story.tell(limit(Scope.ROLE, "developer", monthly=90))
    assert budgets(story.rows(Budgets()), story.at)[0].tier is Tier.EXCEEDED
    story.tell(limit(Scope.ROLE, "developer", monthly=300))
    assert budgets(story.rows(Budgets()), story.at)[0].tier is Tier.NORMAL


def test_a_limit_of_nothing_is_used_up_from_the_start() -> None:
    story = Story().tell(limit(Scope.WORKSPACE, "default", monthly=0))
    [found] = budgets(story.rows(Budgets()), story.at)
    assert (found.tier, found.utilisation) == (Tier.EXCEEDED, 1.0)


def test_a_task_has_one_limit_over_its_whole_life() -> None:
    story = begun().tell(limit(Scope.TASK, "t-1", life=20_000)).call("t-1.1/0", cost=20_000)
    [found] = budgets(story.rows(Budgets()), datetime(2027, 5, 1, tzinfo=UTC))
    assert (found.limit_cents, found.tier, found.monthly_spent_microusd) == (2, Tier.EXCEEDED, 0)


def test_simulated_money_has_a_budget_of_its_own_under_the_same_limit() -> None:
    story = begun(simulated=True).tell(limit(Scope.ROLE, "developer", monthly=100)).call("t-1.1/0", cost=99)
    real, simulated = budgets(story.rows(Budgets()), story.at)
    assert (real.simulated, real.monthly_spent_microusd, real.tier) == (False, 0, Tier.NORMAL)
    assert (simulated.simulated, simulated.monthly_spent_microusd, simulated.tier) == (True, 99, Tier.NEAR)


def test_a_scope_whose_limit_was_lifted_is_not_listed_but_can_be_asked_for() -> None:
    story = begun().tell(limit(Scope.ROLE, "developer", monthly=100)).call("t-1.1/0", cost=50)
    story.tell(limit(Scope.ROLE, "developer"))
    rows = story.rows(Budgets())
    assert budgets(rows, story.at) == ()
    found = budget_of(rows, Scope.ROLE, "developer", story.at)
    assert found is not None
    assert (found.monthly_spent_microusd, found.when_exceeded) == (50, WhenExceeded.FALLBACK)
    assert budget_of(rows, Scope.ROLE, "nobody", story.at) is None


def test_providers_count_calls_failures_and_how_long_runs_take() -> None:
    story = begun().call("t-1.1/0", cost=60).reserve("t-1.1/1").lose("t-1.1/1")
    failed = run.ModelCallFailed(
        run_id="t-1.1",
        task_id="t-1",
        call_id="t-1.1/1",
        step=1,
        attempt=1,
        provider=Provider.ANTHROPIC,
        model="claude",
        error="timeout",
        message="no answer",
        retryable=True,
        booked=True,
    )
    story.tell(failed).later(seconds=20).succeed("t-1.1")
    found = metrics(story.rows(Providers()))
    [calls] = found.calls
    assert (calls.provider, calls.role, calls.calls, calls.unknown_calls) == ("anthropic", "developer", 2, 1)
    assert (calls.cost_microusd, calls.tokens_in, calls.tokens_out) == (160, 10, 5)
    assert [(count.reason, count.count) for count in found.failures] == [("timeout", 1)]
    [runs] = found.runs
    assert (runs.role, runs.outcome, runs.count, runs.sum_s) == ("developer", "succeeded", 1, 29.0)
    assert dict(runs.buckets)[10.0] == 0
    assert dict(runs.buckets)[30.0] == dict(runs.buckets)[3_600.0] == 1
    assert found.running == 0


def test_a_fallback_is_counted_by_its_policy() -> None:
    story = begun().reserve("t-1.1/0")
    selected = story.log[-2].event.model_copy(update={"policy": "exceeded", "fallback_reason": "…instead of opus"})
    [count] = metrics(story.tell(selected).rows(Providers())).fallbacks
    assert (count.reason, count.model, count.count) == ("exceeded", "claude", 1)
