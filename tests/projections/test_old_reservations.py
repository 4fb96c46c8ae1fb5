"""Settlements of versions that did not say whose they are read as those that do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given

from events import DomainEvent, Recorded
from events.budget import ReservationClosed, SpendRefused, SpendReserved, SpendSettled, whose
from events.ids import Scope
from projections import all_projections
from projections.budgets import OLD, Budgets, budget_of
from projections.costs import Costs, costs
from projections.engine.memory import MemoryRows
from tests.projections.story import Story, dump
from tests.projections.test_replay import quick, stories

# What each said before: the rest is filled in by the upcast.
_BEFORE = {"spend-settled": 2, "spend-released": 1, "spend-unknown": 1, "spend-refused": 1, "spend-reserved": 1}
_SCOPES_SINCE = ("team", "workflow", "tool", "token")


def aged(log: Iterable[Recorded]) -> list[Recorded]:
    """The log as the version before would have written it."""
    return [replace(one, event=old, topic_version=version) for one in log for old, version in [_aged(one.event)]]


def _aged(event: DomainEvent) -> tuple[DomainEvent, int]:
    version = _BEFORE.get(event.TOPIC.removeprefix("budget."), event.VERSION)
    data: dict[str, Any] = event.model_dump(mode="json")
    match event:
        case SpendReserved():
            data["charge"] = {name: one for name, one in data["charge"].items() if name not in _SCOPES_SINCE}
        case ReservationClosed():
            since = whose(_any_reservation()).keys() - {"call_id", "attempt"}
            data = {name: one for name, one in data.items() if name not in since}
        case SpendRefused():
            del data["charge"]
        case _:
            return event, event.VERSION
    return type(event).model_validate(type(event).upcast(version, data)), version


def _any_reservation() -> SpendReserved:
    story = Story().submit("t-1").assign("t-1.1").reserve("t-1.1/0")
    [reserved] = [one.event for one in story.log if isinstance(one.event, SpendReserved)]
    return reserved


def _rows(log: Iterable[Recorded]) -> dict[str, Any]:
    rows, projections = MemoryRows(), all_projections()
    for projection in projections:
        rows.fold(projection, list(log))
    return dump(rows, projections)


def _kept(rows: dict[str, Any]) -> list[tuple[str, str]]:
    return [(table, row["call_id"]) for table in rows if table.endswith("_old_reservations") for row in rows[table]]


@quick
@given(story=stories())
def test_a_log_of_the_version_before_gives_the_same_rows(story: Story) -> None:
    old, new = _rows(aged(story.log)), _rows(story.log)
    still_open = {one.event.call_id for one in story.log if isinstance(one.event, SpendReserved)} - {
        one.event.call_id for one in story.log if isinstance(one.event, ReservationClosed)
    }
    assert _kept(new) == []
    assert {call_id for _, call_id in _kept(old)} == still_open
    assert {name: rows for name, rows in old.items() if not name.endswith("_old_reservations")} == {
        name: rows for name, rows in new.items() if not name.endswith("_old_reservations")
    }


def test_a_call_that_was_open_when_the_newer_version_took_over_counts_once() -> None:
    story = Story().submit("t-1").assign("t-1.1").call("t-1.1/0", cost=5).reserve("t-1.1/1", 100)
    upgraded = len(story.log)
    story.answer("t-1.1/1", cost=60).call("t-1.1/2", cost=7)
    log = [*aged(story.log[:upgraded]), *story.log[upgraded:]]
    [total] = costs(MemoryRows().fold(Costs(), log), ("agent",))
    assert (total.key, total.cost_microusd, total.calls) == ({"agent": "developer"}, 72, 3)


def test_an_old_settlement_of_nothing_counts_nothing() -> None:
    story = Story().submit("t-1").assign("t-1.1").call("t-1.1/0", cost=5)
    alone = [one for one in aged(story.log) if isinstance(one.event, SpendSettled)]
    rows = MemoryRows().fold(Budgets(), alone).fold(Costs(), alone)
    assert costs(rows, ()) == ()
    assert rows.select(OLD.table) == []
    assert budget_of(rows, Scope.ROLE, "developer", story.at) is None
