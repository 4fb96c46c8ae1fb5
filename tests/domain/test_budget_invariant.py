"""Whatever many callers do in whatever order, no priced call crosses a limit, and the log alone proves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from events import DomainEvent, Recorded
from events.budget import Charge
from events.ids import Provider, Scope, WhenExceeded
from vapora.commands import SetBudget, SetTaskBudget
from vapora.domain import budget as rules
from vapora.domain.audit import violations
from vapora.domain.ledger import Ledger

START = datetime(2026, 11, 27, 12, tzinfo=UTC)
CENT = 10_000

CHARGES = [
    Charge(
        project_id=f"p{number % 2}",
        task_id=f"t{number % 3}",
        run_id=f"r{number}",
        agent_id=f"a{number % 3}",
        role=("developer", "tester")[number % 2],
        task_type="code-generation",
    )
    for number in range(6)
]
SCOPES = [
    (Scope.WORKSPACE, "w1"),
    (Scope.PROJECT, "p0"),
    (Scope.ROLE, "developer"),
    (Scope.AGENT, "a1"),
    (Scope.TASK, "t2"),
]


@dataclass
class World:
    """A ledger with its log, as the budget manager would keep them."""

    now: datetime = START
    ledger: Ledger = field(default_factory=rules.initial)
    log: list[Recorded] = field(default_factory=list)
    calls: int = 0

    def append(self, events: tuple[DomainEvent, ...]) -> None:
        for event in events:
            rules.evolve(self.ledger, event)
            number = len(self.log) + 1
            self.log.append(Recorded(number, "ledger", number, self.now, "w1", "m", "c", None, f"r{number}", event))

    def wish(self, charge: Charge, amount: int, cheap: bool, simulated: bool) -> rules.ReserveSpend:
        self.calls += 1
        expires = self.now + timedelta(minutes=3)
        return rules.ReserveSpend(
            f"c{self.calls}", 1, charge, Provider.OPENAI, "gpt-6.1-terra", amount, cheap, simulated, expires
        )

    def reserve(self, wish: rules.ReserveSpend) -> rules.Granted | rules.Contended | rules.Refused:
        decision = rules.reserve(self.ledger, wish, "w1", self.now)
        if not isinstance(decision, rules.Contended):
            self.append(decision.events)
        return decision


amounts = st.one_of(st.just(0), st.integers(1, 3 * CENT))
limits = st.one_of(st.none(), st.integers(0, 6))
reserving = st.tuples(st.just("reserve"), st.sampled_from(CHARGES), amounts, st.booleans(), st.booleans())
closing = st.tuples(st.sampled_from(["settle", "release", "unknown"]), st.integers(0, 50), st.integers(0, 3 * CENT))
setting = st.tuples(
    st.just("limit"), st.sampled_from(SCOPES), limits, limits, st.integers(0, 2), st.sampled_from(WhenExceeded)
)
waiting = st.tuples(st.just("wait"), st.integers(0, 8 * 24 * 60))
steps = st.lists(st.one_of(reserving, reserving, closing, setting, waiting), max_size=60)


def act(world: World, step: tuple) -> None:  # type: ignore[type-arg]
    match step:
        case ("reserve", charge, amount, cheap, simulated):
            world.reserve(world.wish(charge, amount, cheap, simulated))
        case ("limit", (scope, scope_id), first, second, overflow, when):
            command: SetBudget | SetTaskBudget
            if scope is Scope.TASK:
                command = SetTaskBudget(limit_cents=first, overflow_cents=overflow, when_exceeded=when)
            else:
                command = SetBudget(
                    monthly_limit_cents=first, weekly_limit_cents=second, overflow_cents=overflow, when_exceeded=when
                )
            world.append(rules.set_budget(world.ledger, scope, scope_id, command))
        case ("wait", minutes):
            world.now += timedelta(minutes=minutes)
            world.append(rules.expire(world.ledger, world.now))
        case (how, number, cost):
            # Any call that was ever reserved: closing one a second time must be harmless.
            known = [one.event for one in world.log if one.topic == "budget.spend-reserved"]
            if known:
                call = known[number % len(known)].call_id
                if rules.outcome(world.ledger, call, 1) is not None:
                    close(world, how, call, cost)


def close(world: World, how: str, call: str, cost: int) -> None:
    match how:
        case "settle":
            world.append(rules.settle(world.ledger, call, 1, cost, 1, 1))
        case "release":
            world.append(rules.release(world.ledger, call, 1, "refused"))
        case _:
            world.append(rules.book_unknown(world.ledger, call, 1, "timeout"))


def live(history: list[tuple]) -> World:  # type: ignore[type-arg]
    world = World()
    for step in history:
        act(world, step)
    return world


@settings(max_examples=150, deadline=None)
@given(steps)
def test_no_interleaving_of_callers_crosses_a_limit(history: list[tuple]) -> None:  # type: ignore[type-arg]
    assert violations(live(history).log, "w1") == []


@settings(max_examples=60, deadline=None)
@given(steps)
def test_a_replay_gives_the_same_ledger(history: list[tuple]) -> None:  # type: ignore[type-arg]
    world = live(history)
    again = rules.initial()
    for recorded in world.log:
        rules.evolve(again, recorded.event)
    assert again == world.ledger


@settings(max_examples=60, deadline=None)
@given(steps)
def test_when_every_call_is_closed_nothing_is_held_any_more(history: list[tuple]) -> None:  # type: ignore[type-arg]
    world = live(history)
    world.append(rules.expire(world.ledger, world.now + timedelta(days=1)))
    assert rules.open_reservations(world.ledger) == ()
    assert {account.held for account in world.ledger.accounts.values()} <= {0}


@settings(max_examples=100, deadline=None)
@given(steps, st.sampled_from(CHARGES), amounts, st.booleans(), st.booleans())
def test_who_is_told_to_wait_is_granted_once_the_others_give_their_room_back(
    history: list[tuple],  # type: ignore[type-arg]
    charge: Charge,
    amount: int,
    cheap: bool,
    simulated: bool,
) -> None:
    world = live(history)
    wish = world.wish(charge, amount, cheap, simulated)
    first = rules.reserve(world.ledger, wish, "w1", world.now)
    for one in rules.open_reservations(world.ledger):
        world.append(rules.release(world.ledger, one.call_id, one.attempt, "refused"))
    then = rules.reserve(world.ledger, wish, "w1", world.now)
    assert isinstance(then, rules.Refused if isinstance(first, rules.Refused) else rules.Granted)


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from(CHARGES))
def test_a_free_call_is_refused_only_by_a_budget_that_says_stop(
    history: list[tuple],  # type: ignore[type-arg]
    charge: Charge,
) -> None:
    world = live(history)
    decision = rules.reserve(world.ledger, world.wish(charge, 0, True, False), "w1", world.now)
    if isinstance(decision, rules.Refused):
        assert decision.when_exceeded is WhenExceeded.STOP
        assert decision.events == ()
    else:
        assert isinstance(decision, rules.Granted)
