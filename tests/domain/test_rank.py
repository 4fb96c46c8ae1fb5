from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from events.ids import TaskState
from vapora.domain import rank


class Column:
    """A column in its plainest form."""

    def __init__(self) -> None:
        self.ranks: dict[str, str] = {}

    def rank(self, task_id: str) -> str | None:
        return self.ranks.get(task_id)

    def downwards(self, below: str | None) -> Iterator[tuple[str, str]]:
        found = sorted(((one, task_id) for task_id, one in self.ranks.items()), reverse=True)
        return (one for one in found if below is None or one[0] < below)

    def order(self) -> list[str]:
        return sorted(self.ranks, key=self.ranks.__getitem__)


def test_higher_priorities_come_first_and_equals_in_the_order_in_which_they_entered() -> None:
    todo = [rank.entering(TaskState.TODO, priority, at) for priority, at in ((100, 9), (50, 3), (50, 2**40), (0, 1))]
    assert todo == sorted(todo)


def test_where_work_has_ended_only_time_counts() -> None:
    assert rank.entering(TaskState.DONE, 0, 7) < rank.entering(TaskState.DONE, 100, 8)


def test_a_place_before_the_first_of_a_priority_belongs_to_that_priority() -> None:
    high, low = rank.entering(TaskState.TODO, 100, 5), rank.entering(TaskState.TODO, 0, 1)
    place = rank.before(low, high)
    assert rank.entering(TaskState.TODO, 1, 2**62) < place < low


def test_a_thousand_places_fit_before_the_same_card_and_a_thousand_after_it() -> None:
    low, high = (rank.entering(TaskState.TODO, 50, at) for at in (1, 2))
    for _ in range(1_000):
        place = rank.before(high, low)
        assert low < place < high
        high = place
    low, high = (rank.entering(TaskState.TODO, 50, at) for at in (1, 2))
    for _ in range(1_000):
        place = rank.before(high, low)
        assert low < place < high
        low = place
    assert len(place) < 300


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from([0, 50, 51, 100, None]), st.sampled_from("abcdefgh")),
        max_size=80,
    )
)
def test_a_move_changes_one_card_and_puts_it_exactly_there(steps: list[tuple[str, int | None, str]]) -> None:
    column = Column()
    for position, (task_id, priority, target) in enumerate(steps, 1):
        before = column.order()
        if priority is not None:
            column.ranks[task_id] = rank.entering(TaskState.TODO, priority, position)
        elif task_id in column.ranks:
            to_the_end = target == "h"
            place = rank.moved(column, task_id, None if to_the_end else target, position)
            others = [one for one in before if one != task_id]
            if place is not None:
                column.ranks[task_id] = place
                where = len(others) if to_the_end else others.index(target)
                assert column.order() == [*others[:where], task_id, *others[where:]]
            else:
                assert (to_the_end and not others) or target not in others
        assert len(set(column.ranks.values())) == len(column.ranks)
