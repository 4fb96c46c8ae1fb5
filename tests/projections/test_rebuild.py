from __future__ import annotations

from typing import Any

import pytest

from events import task
from projections import ReadStore, Rebuild, Rows, Runner, Table, all_projections
from projections.board import Board, card
from projections.engine.base import Projection
from projections.engine.runner import GapError
from projections.engine.sql import SQLITE
from tests.projections.counter import COUNTS, Counter, count
from tests.projections.story import Story, dump
from vapora.database import Place
from vapora.errors import UnavailableError


class Doubling(Counter):
    """Later code that finds that it had counted wrongly, in the same form of rows."""

    VERSION = 2

    def apply(self, recorded: Any, rows: Rows) -> None:
        super().apply(recorded, rows)
        row = rows.get(COUNTS, ("all",))
        if row is not None:
            rows.put(COUNTS, {**row, "n": row["n"] + 1})


class Wider(Counter):
    """Later code with more tables, under the same version by mistake."""

    TABLES = (COUNTS, Table("more_counts", key=("id",), columns={"id": "text"}))


class Reshaped(Counter):
    """Later code that cannot read what there is."""

    WIDE = Table("counts", key=("id",), columns={"id": "text", "n": "int", "notes": "json", "more": "int"})
    TABLES = (WIDE,)
    VIEWS = ()

    def apply(self, recorded: Any, rows: Rows) -> None:
        row = rows.get(self.WIDE, ("all",)) or {"id": "all", "n": 0, "notes": [], "more": 0}
        rows.put(self.WIDE, {**row, "n": row["n"] + 1})


def story(*titles: str) -> Story:
    told = Story()
    for number, title in enumerate(titles or ("a", "b", "c"), 1):
        told.submit(f"t-{number}", title=title)
    return told


def feed(rebuild: Rebuild, told: Story, size: int = 100) -> None:
    checkpoint = rebuild.checkpoint()
    while checkpoint is not None and checkpoint.position < told.position:
        batch = [one for one in told.log if one.position > checkpoint.position][:size]
        checkpoint = rebuild.feed(batch, batch[-1].position)
        assert checkpoint is not None
        assert checkpoint.failure is None


def test_a_rebuild_gives_the_same_rows_and_nobody_misses_them_meanwhile(store: ReadStore) -> None:
    told = Story().submit("t-1").assign("t-1.1").call("t-1.1/0").succeed("t-1.1")
    every = all_projections()
    runner = Runner(store, every)
    runner.apply(told.log)
    with store.snapshot() as rows:
        before = dump(rows, every)
    for projection in every:
        rebuild = Rebuild.begin(store, projection)
        with store.snapshot() as rows:
            assert dump(rows, every) == before
        assert not rebuild.switch()
        feed(rebuild, told, size=3)
        assert rebuild.switch()
        assert rebuild.checkpoint() is None
    with store.snapshot() as rows:
        assert dump(rows, every) == before
        assert rows.position == runner.position == told.position
        found = rows._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if rows._connection.dialect is SQLITE
            else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        )
        # The rows, and those of the past.
        assert sum(name.startswith("board_cards") for (name,) in found.fetchall()) == 2


def test_a_rebuild_is_fed_what_its_projection_wants_and_told_how_far_that_is(store: ReadStore) -> None:
    told = story().register("developer")
    Runner(store, [Counter()]).apply(told.log)
    rebuild = Rebuild.begin(store, Counter())
    checkpoint = rebuild.feed([one for one in told.log if one.topic in (Counter.TOPICS or ())], told.position)
    assert checkpoint is not None
    assert checkpoint.position == told.position
    assert rebuild.switch()


def test_what_was_built_before_a_crash_is_kept_and_what_is_fed_twice_counts_once(
    place: Place, store: ReadStore
) -> None:
    told = story()
    Runner(store, [Counter()]).apply(told.log)
    Rebuild.begin(store, Counter()).feed(told.log[:2], told.log[1].position)
    other = ReadStore(place)
    Runner(other, [Counter()])  # a start
    [rebuild] = Rebuild.pending(other, [Counter()])
    rebuild.feed(told.log[:2], told.log[1].position)
    feed(rebuild, told)
    assert rebuild.switch()
    assert count(store) == 3
    other.close()


def test_a_new_version_grows_beside_while_the_old_rows_are_served_and_go_on(store: ReadStore) -> None:
    told = story()
    Runner(store, [Counter(), Board()]).apply(told.log)
    runner = Runner(store, [Doubling(), Board()])
    assert runner.position == told.position
    assert (count(store), runner.status()["rebuilding"]) == (3, {"counter": 0})
    [rebuild] = Rebuild.pending(store, [Doubling(), Board()])
    feed(rebuild, told)
    runner.apply(told.submit("t-4").log)
    assert not rebuild.switch()  # the served rows are ahead now
    feed(rebuild, told)
    assert count(store) == 5
    assert rebuild.switch()
    assert (count(store), runner.status()["rebuilding"]) == (8, {})
    assert Rebuild.pending(store, [Doubling(), Board()]) == []


def test_tables_of_another_shape_grow_beside_even_under_the_same_version(store: ReadStore) -> None:
    told = story()
    Runner(store, [Counter()]).apply(told.log)
    Runner(store, [Wider()])
    [rebuild] = Rebuild.pending(store, [Wider()])
    assert rebuild.checkpoint() is not None


def test_rows_that_todays_code_cannot_read_are_refused_with_a_reason_until_the_switch(store: ReadStore) -> None:
    told = story()
    Runner(store, [Counter(), Board()]).apply(told.log)
    runner = Runner(store, [Reshaped(), Board()])
    with store.snapshot() as rows:
        with pytest.raises(UnavailableError):
            rows.get(Reshaped.WIDE, ("all",))
        assert rows.get(COUNTS, ("all",)) is not None  # the code before can
        assert card(rows, "t-1") is not None
    runner.apply(told.submit("t-4").log)
    assert (runner.position, runner.status()["failed"]) == (told.position, {})
    [rebuild] = Rebuild.pending(store, [Reshaped()])
    feed(rebuild, told)
    assert rebuild.switch()
    with store.snapshot() as rows:
        row = rows.get(Reshaped.WIDE, ("all",))
    assert row is not None
    assert row["n"] == 4


def test_going_back_to_the_code_before_takes_up_its_rows_again(store: ReadStore) -> None:
    told = story()
    Runner(store, [Counter()]).apply(told.log)
    Runner(store, [Reshaped()])
    runner = Runner(store, [Counter()])
    assert (runner.status()["rebuilding"], count(store)) == ({}, 3)
    runner.apply(told.submit("t-4").log)
    assert count(store) == 4


def test_after_a_switch_the_feeder_is_sent_back_to_what_the_new_rows_lack(store: ReadStore) -> None:
    told = story()
    Runner(store, [Counter()]).apply(told.log)
    runner = Runner(store, [Reshaped()])
    [rebuild] = Rebuild.pending(store, [Reshaped()])
    runner.apply(told.submit("t-4").log)  # frozen: nobody takes it
    rebuild.feed(told.log[:3], told.log[2].position)
    assert rebuild.switch()
    told.submit("t-5")
    with pytest.raises(GapError):
        runner.apply(told.log[4:])
    runner.apply([one for one in told.log if one.position > runner.position])
    with store.snapshot() as rows:
        row = rows.get(Reshaped.WIDE, ("all",))
    assert row is not None
    assert row["n"] == 5


def test_a_rebuild_that_fails_says_where_and_the_old_rows_stay(store: ReadStore) -> None:
    told = story("a", "b", "c")
    Runner(store, [Counter()]).apply(told.log)

    class Strict(Counter):
        VERSION = 2

        def apply(self, recorded: Any, rows: Rows) -> None:
            if recorded.event.title == "b":
                raise KeyError("b")
            super().apply(recorded, rows)

    runner = Runner(store, [Strict()])
    [rebuild] = Rebuild.pending(store, [Strict()])
    rebuild.feed(told.log, told.position)
    assert not rebuild.switch()
    assert runner.status()["failed"]["counter"].startswith("4 task.submitted: KeyError")
    assert "still served" in runner.status()["failed"]["counter"]
    assert count(store) == 3


def test_a_projection_that_has_stopped_is_replaced_by_its_rebuild(store: ReadStore) -> None:
    told = story("a", "poison", "c")
    runner = Runner(store, [Counter(), Board()])
    runner.apply(told.log)
    assert "counter" in runner.status()["failed"]

    class Mended(Counter):
        def apply(self, recorded: Any, rows: Rows) -> None:
            if recorded.event.title != "poison":
                super().apply(recorded, rows)

    rebuild = Rebuild.begin(store, Mended())
    feed(rebuild, told)
    assert rebuild.switch()
    runner.apply(told.submit("t-4").log)
    assert (runner.status()["failed"], count(store)) == ({}, 3)


def test_what_differs_after_a_switch_is_told_with_the_next_event_and_no_row_goes_backwards(store: ReadStore) -> None:
    told = story().register("developer")
    Runner(store, [Counter()]).apply(told.log)

    class Forgetful(Counter):
        """It no longer minds the last event: its row's own position would be an earlier one."""

        VERSION = 2

        def apply(self, recorded: Any, rows: Rows) -> None:
            if recorded.event.title != "c":
                super().apply(recorded, rows)

    runner = Runner(store, [Forgetful()])
    [rebuild] = Rebuild.pending(store, [Forgetful()])
    feed(rebuild, told)
    assert rebuild.switch()
    with store.snapshot() as rows:
        row = rows.get(COUNTS, ("all",))
        assert row is not None
        assert (row["n"], row["position"]) == (2, told.position)
    restarted = Runner(store, [Forgetful()])
    told.register("tester")  # nothing that the projection wants
    [frame] = restarted.apply(told.log)
    change = {"view": "count", "key": "all", "operation": "put", "row": {"n": 2}}
    assert frame == {"position": told.position, "rows": [change]}
    assert restarted.frames_after(told.log[-2].position) == [frame]
    assert restarted.apply(told.register("third").log) == []
    assert runner.frames_after(told.log[-2].position) == []


def test_rows_that_are_the_same_after_a_switch_are_not_told_again(store: ReadStore) -> None:
    told = story()
    runner = Runner(store, [Board()])
    runner.apply(told.log)
    rebuild = Rebuild.begin(store, Board())
    feed(rebuild, told)
    assert rebuild.switch()
    [frame] = runner.apply(told.tell(task.TaskEdited(task_id="t-1", priority=1)).log)
    # t-3 and the number of cards in its column are what the last event before the switch changed.
    assert {row["row"]["id"] for row in frame["rows"]} <= {"t-1", "t-3", "p-1/todo"}


def test_a_switch_never_leaves_a_row_at_an_earlier_position_than_it_had(store: ReadStore) -> None:
    told = story()
    runner = Runner(store, [Counter()])
    runner.apply(told.log)
    for version in (2, 3):

        class Next(Doubling):
            VERSION = version

        runner = Runner(store, [Next()])
        [rebuild] = Rebuild.pending(store, [Next()])
        before = latest(store)
        feed(rebuild, told)
        assert rebuild.switch()
        assert latest(store) >= before
        runner.apply(told.register("developer").log)
        assert latest(store) >= before


def latest(store: ReadStore) -> int:
    with store.snapshot() as rows:
        row = rows.get(COUNTS, ("all",))
    return 0 if row is None else int(row["position"])


def test_projections_name_the_topics_that_they_want() -> None:
    for projection in all_projections():
        assert isinstance(projection, Projection)
        assert projection.TOPICS is None or {kind.TOPIC for kind in projection.HANDLERS} == projection.TOPICS
