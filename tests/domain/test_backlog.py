from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.backlog import Column, Dependencies, Lane, ReadyQueue

CODE = Lane("code-generation", None)
TEST = Lane("unit-test", "tester")


def line(*entries: tuple[str, Lane, str]) -> ReadyQueue:
    made = ReadyQueue()
    for entry in entries:
        made.put(*entry)
    return made


def test_the_lowest_rank_comes_first_in_all_lanes_and_in_some() -> None:
    made = line(("late", CODE, "c"), ("early", TEST, "b"), ("urgent", CODE, "a"), ("minor", TEST, "d"))
    assert list(made) == ["urgent", "early", "late", "minor"]
    assert made.lanes() == (CODE, TEST)
    assert list(made.in_lane(TEST)) == ["early", "minor"]
    assert list(made.in_lanes([TEST, CODE])) == list(made)


def test_a_column_is_walked_down_from_any_place() -> None:
    column = Column()
    for task_id, rank in (("a", "1"), ("b", "2"), ("c", "3"), ("b", "4")):
        column.put(task_id, rank)
    assert list(column.downwards(None)) == [("4", "b"), ("3", "c"), ("1", "a")]
    assert list(column.downwards("3")) == [("1", "a")]
    column.take("c")
    column.take("c")
    assert (column.rank("b"), column.rank("c")) == ("4", None)


def test_a_task_put_again_takes_its_new_place_and_stands_there_once() -> None:
    made = line(("a", CODE, "2"), ("b", CODE, "3"))
    made.put("b", TEST, "1")
    made.put("b", TEST, "1")
    assert list(made) == ["b", "a"]
    assert len(made) == 2
    assert list(made.in_lane(CODE)) == ["a"]


def test_a_lane_without_tasks_is_gone() -> None:
    made = line(("a", CODE, "1"))
    made.take("a")
    made.take("a")
    assert made.lanes() == ()
    assert "a" not in made
    assert list(made.in_lane(CODE)) == []


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([CODE, TEST, None]), st.integers(0, 3)), max_size=40)
)
def test_the_line_is_always_what_sorting_all_of_it_would_give(steps: list[tuple[str, Lane | None, int]]) -> None:
    made, model = ReadyQueue(), dict[str, tuple[str, str]]()
    for task_id, lane, place in steps:
        if lane is None:
            made.take(task_id)
            model.pop(task_id, None)
        else:
            made.put(task_id, lane, str(place))
            model[task_id] = (str(place), task_id)
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
    assert "a" in dependencies.all_done()


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
