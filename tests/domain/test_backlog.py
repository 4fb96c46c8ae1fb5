from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.backlog import Dependencies, Lane, WaitingLine

CODE: Lane = ("code-generation", None)
TEST: Lane = ("unit-test", "tester")


def line(*entries: tuple[str, Lane, int, int]) -> WaitingLine:
    made = WaitingLine()
    for entry in entries:
        made.put(*entry)
    return made


def test_the_highest_priority_comes_first_then_what_was_submitted_first() -> None:
    made = line(("late", CODE, 50, 9), ("early", TEST, 50, 1), ("urgent", CODE, 90, 7), ("minor", TEST, 10, 2))
    assert list(made) == ["urgent", "early", "late", "minor"]
    assert made.lanes() == (CODE, TEST)
    assert list(made.in_lane(TEST)) == ["early", "minor"]


def test_a_task_put_again_takes_its_new_place_and_stands_there_once() -> None:
    made = line(("a", CODE, 50, 1), ("b", CODE, 50, 2))
    made.put("b", TEST, 60, 2)
    made.put("b", TEST, 60, 2)
    assert list(made) == ["b", "a"]
    assert len(made) == 2
    assert list(made.in_lane(CODE)) == ["a"]


def test_a_lane_without_tasks_is_gone() -> None:
    made = line(("a", CODE, 50, 1))
    made.take("a")
    made.take("a")
    assert made.lanes() == ()
    assert "a" not in made
    assert list(made.in_lane(CODE)) == []


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([CODE, TEST, None]), st.integers(0, 3)), max_size=40)
)
def test_the_line_is_always_what_sorting_all_of_it_would_give(steps: list[tuple[str, Lane | None, int]]) -> None:
    made, model = WaitingLine(), dict[str, tuple[int, int]]()
    for task_id, lane, priority in steps:
        if lane is None:
            made.take(task_id)
            model.pop(task_id, None)
        else:
            made.put(task_id, lane, priority, ord(task_id))
            model[task_id] = (-priority, ord(task_id))
    assert list(made) == sorted(model, key=model.__getitem__)


def test_only_a_done_task_lets_go_of_those_behind_it() -> None:
    dependencies = Dependencies()
    dependencies.set("c", ("a", "b"))
    assert dependencies.blockers("c") == {"a", "b"}
    dependencies.done("a")
    assert dependencies.behind("b") == ("c",)
    assert dependencies.is_blocked("c")
    dependencies.done("b")
    assert not dependencies.is_blocked("c")
    assert dependencies.is_done("a")


def test_what_is_done_already_blocks_nobody() -> None:
    dependencies = Dependencies()
    dependencies.done("a")
    dependencies.set("b", ("a",))
    assert not dependencies.is_blocked("b")


def test_new_blockers_take_the_place_of_the_old() -> None:
    dependencies = pickle.loads(pickle.dumps(Dependencies()))
    dependencies.set("c", ("a",))
    dependencies.set("c", ("b",))
    assert dependencies.behind("a") == ()
    dependencies.set("c", ())
    assert not dependencies.is_blocked("c")
    assert dependencies.behind("b") == ()
