"""The audit by replay finds what the rules never let happen, so its silence means something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events import DomainEvent, Recorded
from events.budget import (
    BudgetSet,
    Charge,
    SpendReleased,
    SpendReserved,
    SpendSettled,
    SpendUnknown,
    whose,
)
from events.ids import Provider, Scope
from events.workspace import WorkspaceOpened
from vapora.domain import budget as rules
from vapora.domain.audit import Violation, violations

NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)
CHARGE = Charge(
    project_id="p1", task_id="t1", run_id="r1", agent_id="a1", role="developer", task_type="code-generation"
)


def log(*events: DomainEvent) -> list[Recorded]:
    return [
        Recorded(number, "ledger", number, NOW, "w1", "budget-manager", "c", None, f"r{number}", event)
        for number, event in enumerate(events, 1)
    ]


def audit(*events: DomainEvent) -> list[Violation]:
    return violations(log(*events), "w1")


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


def settled(cost: int, reserved: SpendReserved) -> SpendSettled:
    return SpendSettled(**whose(reserved), cost_microusd=cost)


def role(**limits: int) -> BudgetSet:
    return BudgetSet(scope=Scope.ROLE, scope_id="developer", **limits)


def test_a_log_that_kept_its_limits_is_clean() -> None:
    assert not audit(
        WorkspaceOpened(workspace_id="w1"),
        role(monthly_limit_microusd=100, overflow_microusd=10),
        held(60, "a"),
        held(40, "b"),
        settled(50, held(60, "a")),
        SpendReleased(**whose(held(40, "b")), reason="refused"),
        held(50, "c"),
        SpendUnknown(**whose(held(50, "c")), amount_microusd=50, reason="timeout"),
        held(10, "d", cheap_chain=True),
        held(0, "free"),
    )


@pytest.mark.parametrize(
    ("scope", "scope_id", "window", "kind"),
    [
        (Scope.WORKSPACE, "w1", "2026-11", "monthly"),
        (Scope.PROJECT, "p1", "2026-W47", "weekly"),
        (Scope.ROLE, "developer", "2026-11", "monthly"),
        (Scope.AGENT, "a1", "2026-W47", "weekly"),
        (Scope.TASK, "t1", "life", "lifetime"),
    ],
)
def test_it_finds_a_crossed_limit_in_every_scope_and_window(
    scope: Scope, scope_id: str, window: str, kind: str
) -> None:
    limit = BudgetSet(scope=scope, scope_id=scope_id, **{f"{kind}_limit_microusd": 100})
    (found,) = audit(limit, held(60, "a"), settled(60, held(60, "a")), held(41, "b"))
    assert (found.position, found.call_id, found.scope, found.scope_id) == (4, "b", scope, scope_id)
    assert (found.window, found.total_microusd, found.allowed_microusd) == (window, 101, 100)


def test_it_finds_money_that_was_promised_twice_while_calls_were_in_flight() -> None:
    assert [one.call_id for one in audit(role(monthly_limit_microusd=100), held(60, "a"), held(60, "b"))] == ["b"]


def test_it_finds_an_overflow_that_was_used_outside_the_cheap_chain() -> None:
    budget = role(monthly_limit_microusd=100, overflow_microusd=50)
    assert audit(budget, held(101, "a"))
    assert not audit(budget, held(150, "a", cheap_chain=True))
    assert audit(budget, held(151, "a", cheap_chain=True))


def test_a_limit_lowered_below_what_is_spent_is_no_breach_but_a_priced_call_after_it_is() -> None:
    lowered = (
        role(monthly_limit_microusd=100),
        held(90, "a"),
        settled(90, held(90, "a")),
        role(monthly_limit_microusd=10),
    )
    assert not audit(*lowered, held(0, "free"))
    assert audit(*lowered, held(1, "b"))


def test_an_overcharge_is_no_breach_of_ours_but_counts_for_what_comes_after() -> None:
    budget = role(monthly_limit_microusd=100)
    assert not audit(budget, held(100, "a"), settled(130, held(100, "a")))
    assert audit(budget, held(100, "a"), settled(130, held(100, "a")), held(1, "b"))


def test_simulated_money_and_other_windows_are_counted_apart() -> None:
    next_month = NOW + timedelta(days=14)
    budget = role(monthly_limit_microusd=100)
    assert not audit(budget, held(100, "a"), held(100, "b", simulated=True), held(100, "c", next_month))


def test_it_finds_reservations_that_were_made_or_closed_twice_or_out_of_nothing() -> None:
    one, other = held(1, "a"), held(1, "b")
    found = audit(one, one, settled(1, one), settled(1, one), settled(1, other), one)
    assert [(one.position, one.message) for one in found] == [
        (2, "attempt 1 was reserved twice"),
        (4, "attempt 1 was closed twice"),
        (5, "attempt 1 was closed without a reservation"),
        (6, "attempt 1 was reserved twice"),
    ]


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("charge", CHARGE.model_copy(update={"agent_id": "a2"})),
        ("provider", Provider.OLLAMA),
        ("model", "another"),
        ("reserved_microusd", 61),
        ("windows", rules.windows(NOW + timedelta(days=40))),
        ("simulated", True),
    ],
)
def test_it_finds_a_settlement_that_says_another_money_than_was_reserved(what: str, other: object) -> None:
    reserved = held(60, "a")
    wrong = settled(50, reserved).model_copy(update={what: other})
    assert [(one.position, one.message) for one in audit(reserved, wrong)] == [
        (2, f"attempt 1 was closed with another {what} than it was reserved with")
    ]


def test_a_settlement_of_before_they_said_whose_they_are_is_taken_at_its_reservation() -> None:
    old = SpendSettled.upcast(2, {"call_id": "t1.1/0", "attempt": 1, "cost_microusd": 50})
    reserved = held(60, "t1.1/0")
    assert not audit(role(monthly_limit_microusd=100), reserved, SpendSettled.model_validate(old), held(50, "b"))
    assert audit(role(monthly_limit_microusd=100), reserved, SpendSettled.model_validate(old), held(51, "b"))
