from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from events.schedule import ScheduleFired, ScheduleRemoved, ScheduleSet, ScheduleSkipped
from vapora.commands import EditSchedule, RemoveSchedule, SetSchedule, SubmitTask
from vapora.domain import schedule as rules
from vapora.domain.schedule import Fire, Schedule, Skip, Wait
from vapora.errors import BadInputError, ConflictError, NotFoundError

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
TASK = SubmitTask(project_id="p", title="Look at the logs")


def at(hours: float = 0, minutes: float = 0) -> datetime:
    return NOON + timedelta(hours=hours, minutes=minutes)


def command(**more: Any) -> SetSchedule:
    return SetSchedule(**{"cron": "0 * * * *", "task": TASK, **more})


def schedule(**more: Any) -> Schedule:
    """Made at noon; due at each full hour."""
    (event,) = rules.decide(None, command(**more), "s", NOON)
    state = rules.evolve(None, event)
    assert state is not None
    return state


def fold(state: Schedule, *events: Any) -> Schedule:
    for event in events:
        after = rules.evolve(state, event)
        assert after is not None
        state = after
    return state


def test_one_is_made_changed_paused_and_removed() -> None:
    made = schedule(name="Hourly", zone="Europe/Berlin")
    assert made.set.task == {"project_id": "p", "title": "Look at the logs"}
    assert made.next() == at(1)
    assert rules.decide(made, command(name="Hourly", zone="Europe/Berlin"), "s", at(5)) == ()
    (renamed,) = rules.decide(made, EditSchedule(name="Each hour"), "s", at(2, 30))
    assert isinstance(renamed, ScheduleSet) and renamed.since == NOON
    (paused,) = rules.decide(made, EditSchedule(enabled=False), "s", at(2, 30))
    stopped = fold(made, paused)
    assert stopped.next() is None and rules.look(stopped, at(9), False) is None
    (resumed,) = rules.decide(stopped, EditSchedule(enabled=True), "s", at(4, 30))
    # What was due while it was paused is not missed.
    assert fold(stopped, resumed).next() == at(5)
    (other,) = rules.decide(made, EditSchedule(cron="15 * * * *"), "s", at(4, 30))
    assert fold(made, other).next() == at(5, 15)
    gone = fold(made, *rules.decide(made, RemoveSchedule(), "s", at(1)))
    assert gone.next() is None
    for late in (RemoveSchedule(), EditSchedule(name="x")):
        with pytest.raises(NotFoundError):
            rules.decide(gone, late, "s", at(1))
    assert fold(gone, *rules.decide(gone, command(), "s", at(2, 30))).next() == at(3)


def test_it_makes_a_task_or_begins_a_workflow_and_an_edit_may_change_which() -> None:
    for bad in ({"task": None}, {"workflow_id": "release"}):
        with pytest.raises(ValidationError, match="either a task or a workflow_id"):
            command(**bad)
    made = schedule()
    flow = fold(made, *rules.decide(made, EditSchedule(workflow_id="release", inputs={"a": 1}), "s", NOON))
    assert (flow.set.task, flow.set.workflow_id, flow.set.inputs) == (None, "release", {"a": 1})
    back = fold(flow, *rules.decide(flow, EditSchedule(task=TASK), "s", NOON))
    assert (back.set.workflow_id, back.set.task) == (None, {"project_id": "p", "title": "Look at the logs"})


@pytest.mark.parametrize("wrong", [{"cron": "61 * * * *"}, {"zone": "Mars/Olympus"}])
def test_times_that_cannot_be_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(BadInputError):
        rules.decide(None, command(**wrong), "s", NOON)


def test_what_is_due_fires_once() -> None:
    made = schedule()
    assert rules.look(made, at(0, 59), False) is None
    assert rules.look(made, at(1), False) == Fire(at(1))
    fired = fold(made, ScheduleFired(schedule_id="s", due_at=at(1), task_id="task-1"))
    assert rules.look(fired, at(1), False) is None
    # Nor where the clock is set back.
    assert rules.look(fired, at(0), False) is None
    assert fired.next() == at(2)


def test_what_was_missed_is_left_out_or_made_up_for_as_one_has_chosen() -> None:
    off_for_a_day = at(24, 30)
    missed = ScheduleSkipped(schedule_id="s", due_at=at(24), reason="missed", count=24)
    assert rules.look(schedule(), off_for_a_day, False) == Skip(missed)
    before = missed.model_copy(update={"due_at": at(23), "count": 23})
    assert rules.look(schedule(catch_up="last"), off_for_a_day, False) == Fire(at(24), (before,))
    older = missed.model_copy(update={"due_at": at(21), "count": 21})
    found = rules.look(schedule(catch_up="all", catch_up_limit=3), off_for_a_day, False)
    assert found == Fire(at(22), (older,))
    # One after the other, then it is at the present.
    fired = ScheduleFired(schedule_id="s", due_at=at(22), task_id="task-1")
    state = fold(schedule(catch_up="all", catch_up_limit=3), older, fired)
    assert rules.look(state, off_for_a_day, False) == Fire(at(23))


def test_seen_a_little_late_is_on_time_and_what_was_due_before_is_missed() -> None:
    assert rules.look(schedule(), at(1, 4.9), False) == Fire(at(1))
    assert isinstance(rules.look(schedule(), at(1, 5.1), False), Skip)
    found = rules.look(schedule(cron="* * * * *"), at(0, 3), False)
    missed = ScheduleSkipped(schedule_id="s", due_at=at(0, 2), reason="missed", count=2)
    assert found == Fire(at(0, 3), (missed,))


def test_two_do_not_overlap_unless_told() -> None:
    overlap = ScheduleSkipped(schedule_id="s", due_at=at(1), reason="overlap")
    assert rules.look(schedule(), at(1), True) == Skip(overlap)
    assert rules.look(schedule(catch_up="last"), at(1), True) == Skip(overlap)
    assert rules.look(schedule(overlap=True), at(1), True) == Fire(at(1))
    # Who wants all of them has them one after the other.
    assert rules.look(schedule(catch_up="all"), at(1), True) == Wait()
    with pytest.raises(ConflictError, match="under way"):
        rules.require_alone(schedule(), True, False)
    rules.require_alone(schedule(), True, True)
    rules.require_alone(schedule(overlap=True), True, False)


def test_a_year_off_takes_no_year_to_look_at() -> None:
    each_minute = schedule(cron="* * * * *")
    found = rules.look(each_minute, NOON + timedelta(days=365), False)
    assert isinstance(found, Fire) and found.skipped[0].count == 100 and found.skipped[0].more


def test_what_it_began_is_kept_as_long_as_it_may_be_under_way() -> None:
    by_hand = [ScheduleFired(schedule_id="s", due_at=None, task_id=f"task-{number}") for number in range(30)]
    state = fold(schedule(), *by_hand)
    assert state.made == tuple(f"task-{number}" for number in range(10, 30)) and state.after == NOON
    # It fires by itself only where nothing is under way.
    assert fold(state, ScheduleFired(schedule_id="s", due_at=at(1), task_id="task-x")).made == ("task-x",)


def test_a_workflow_s_own_trigger_is_a_schedule_of_its_own() -> None:
    trigger = {"schedule": {"cron": "0 6 * * *", "zone": "Europe/Berlin"}}
    (made,) = rules.of_workflow(None, "release", trigger, NOON)
    state = rules.evolve(None, made)
    assert state is not None and state.id == "workflow-release" and state.set.workflow_id == "release"
    assert rules.of_workflow(state, "release", trigger, at(5)) == ()
    paused = fold(state, *rules.decide(state, EditSchedule(enabled=False), state.id, NOON))
    (moved,) = rules.of_workflow(paused, "release", {"schedule": {"cron": "0 7 * * *", "zone": "UTC"}}, NOON)
    assert isinstance(moved, ScheduleSet) and moved.cron == "0 7 * * *" and not moved.enabled
    assert rules.of_workflow(state, "release", "manual", NOON) == (ScheduleRemoved(schedule_id="workflow-release"),)
    assert rules.of_workflow(None, "release", "manual", NOON) == ()
