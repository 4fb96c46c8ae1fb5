"""A ledger that was saved at any point and restored goes on as if it had never been away."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.domain.test_budget_invariant import CHARGES, World, act, live, steps
from vapora.domain import budget as rules
from vapora.domain.ledger import Ledger
from vapora.domain.ledger_data import LedgerData, from_data, to_data

STORED = TypeAdapter(LedgerData)


def stored_and_read(ledger: Ledger) -> Ledger:
    return from_data(STORED.validate_json(STORED.dump_json(to_data(ledger))))


@settings(max_examples=120, deadline=None)
@given(steps, st.integers(0, 200))
def test_a_fold_is_the_restored_snapshot_of_any_point_and_the_rest(history: list, cut: int) -> None:  # type: ignore[type-arg]
    world = live(history)
    cut = min(cut, len(world.log))
    ledger = rules.initial()
    for recorded in world.log[:cut]:
        rules.evolve(ledger, recorded.event)
    restored = stored_and_read(ledger)
    assert restored == ledger
    for recorded in world.log[cut:]:
        rules.evolve(restored, recorded.event)
    assert restored == world.ledger


@settings(max_examples=60, deadline=None)
@given(steps, steps)
def test_a_restored_ledger_decides_as_the_one_that_was_saved(before: list, after: list) -> None:  # type: ignore[type-arg]
    saved = live(before)
    other = World(saved.now, stored_and_read(saved.ledger), list(saved.log), saved.calls)
    for step in after:
        act(saved, step)
        act(other, step)
    assert other.log == saved.log


def test_later_events_do_not_touch_what_was_copied() -> None:
    world = World()
    world.reserve(world.wish(CHARGES[0], 10_000, cheap=False, simulated=False))
    data = to_data(world.ledger)
    before = STORED.dump_json(data)
    world.append(rules.settle(world.ledger, "c1", 1, 5_000, 1, 1))
    world.reserve(world.wish(CHARGES[1], 10_000, cheap=False, simulated=False))
    assert STORED.dump_json(data) == before
