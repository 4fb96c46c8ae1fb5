"""However many more urgent cards come, each that may start is started within a bounded number of starts."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from vapora.domain.fairness import EVERY, PATIENCE, Turns


@dataclass
class Line:
    """Cards with priorities, of which the one of the highest starts unless it is another's turn."""

    turns: Turns = field(default_factory=Turns)
    waiting: dict[str, tuple[int, str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def submit(self, task_id: str, priority: int, project: str = "p", lane: str = "code") -> None:
        self.waiting[task_id] = (priority, project)
        self.turns.put(task_id, lane, project)

    def start(self, lanes: tuple[str, ...] = ("code",)) -> str:
        due = self.turns.due(lanes)
        best = max(self.waiting, key=lambda one: self.waiting[one][0])
        chosen = best if due is None else due
        _, project = self.waiting.pop(chosen)
        self.turns.forget(chosen)
        self.turns.started(project)
        self.order.append(chosen)
        return chosen


@settings(max_examples=60, deadline=None)
@given(
    older=st.lists(st.integers(0, 100), max_size=6),
    arriving=st.lists(st.lists(st.integers(51, 100), min_size=1, max_size=3), min_size=1, max_size=30),
    projects=st.integers(1, 4),
)
def test_a_card_is_started_within_the_bound_however_many_more_urgent_ones_come(
    older: list[int], arriving: list[list[int]], projects: int
) -> None:
    line = Line()
    for number, priority in enumerate(older):
        line.submit(f"older-{number}", priority, f"p{number % projects}")
    line.submit("patient", 0, "p0")
    bound = PATIENCE + 2 * EVERY * (len(older) + 1)
    for turn in range(bound):
        for number, priority in enumerate(arriving[turn % len(arriving)]):
            line.submit(f"urgent-{turn}-{number}", priority, f"p{number % projects}")
        line.start()
    assert "patient" in line.order


@settings(max_examples=40, deadline=None)
@given(flood=st.integers(1, 300), others=st.integers(1, 5))
def test_a_project_is_not_starved_by_one_that_hands_in_ever_more(flood: int, others: int) -> None:
    line = Line()
    for number in range(flood):
        line.submit(f"flood-{number}", 90, "flood")
    for number in range(others):
        line.submit(f"small-{number}", 10, f"small-{number}")
    bound = PATIENCE + 2 * EVERY * (others + 2)
    for turn in range(bound):
        line.submit(f"more-{turn}", 90, "flood")
        line.start()
    assert {f"small-{number}" for number in range(others)} <= set(line.order)


def test_without_the_fair_turns_it_would_wait_for_ever() -> None:
    """The fault that the rule is there for."""
    line = Line()
    line.submit("patient", 0)
    for turn in range(500):
        line.submit(f"urgent-{turn}", 100)
        best = max(line.waiting, key=lambda one: line.waiting[one][0])
        del line.waiting[best]
        assert best != "patient"


def test_a_short_line_starts_by_priority_alone() -> None:
    line = Line()
    for number in range(PATIENCE):
        line.submit(f"t{number}", number)
    assert [line.start() for _ in range(PATIENCE)] == [f"t{number}" for number in reversed(range(PATIENCE))]


def test_equals_start_in_the_order_in_which_they_came() -> None:
    line = Line()
    for number in range(500):
        line.submit(f"t{number}", 50)
    assert [line.start() for _ in range(500)] == [f"t{number}" for number in range(500)]


def test_only_what_somebody_is_free_for_has_a_turn() -> None:
    line = Line()
    line.submit("test", 0, lane="test")
    for turn in range(PATIENCE * 2):
        line.submit(f"urgent-{turn}", 100)
        assert line.turns.due(("code",)) != "test"
        line.start()
    line.submit("urgent", 100)
    chosen = [line.turns.due(("code", "test"))]
    for turn in range(EVERY):
        line.submit(f"again-{turn}", 100)
        line.start(("code", "test"))
        chosen.append("test" if "test" in line.order else None)
    assert "test" in chosen


def test_a_card_that_is_put_aside_for_a_moment_keeps_its_place_in_time() -> None:
    turns = Turns()
    turns.put("t1", "code", "p")
    turns.put("t2", "code", "p")
    turns.take("t1")
    turns.put("t1", "code", "p")
    assert [turns.place(one) and turns.place(one).number for one in ("t1", "t2")] == [1, 2]  # type: ignore[union-attr]
    turns.forget("t1")
    turns.put("t1", "code", "p")
    place = turns.place("t1")
    assert place is not None
    assert place.number == 3
