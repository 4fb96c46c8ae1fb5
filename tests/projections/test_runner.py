from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from events import agent, task
from events.ids import TaskState
from projections import Projection, ReadStore, Rows, Runner, Table, all_projections
from projections.base import Handler, PublicView
from projections.board import Board, board, card
from projections.projects import Projects
from projections.registry import Registry, agents
from tests.projections.story import Story, dump
from vapora.errors import NotFoundError, UnavailableError

COUNTS = Table("counts", key=("id",), columns={"id": "text", "n": "int", "notes": "json"})


def _count(recorded: Any, event: task.TaskSubmitted, rows: Rows) -> None:
    if event.title == "poison":
        raise KeyError("cannot take it")
    row = rows.get(COUNTS, ("all",)) or {"id": "all", "n": 0, "notes": []}
    notes = {1} if event.title == "unstorable" else [event.title]
    rows.put(COUNTS, {"id": "all", "n": row["n"] + 1, "notes": notes})


class Counter(Projection):
    NAME = "counter"
    VERSION = 1
    TABLES = (COUNTS,)
    VIEWS = (PublicView("count", COUNTS, lambda row: {"n": row["n"]}),)
    HANDLERS: ClassVar[dict[Any, Handler]] = {task.TaskSubmitted: _count}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "read" / "read.db"


@pytest.fixture
def store(path: Path) -> Iterator[ReadStore]:
    store = ReadStore(path)
    yield store
    store.close()


def count(store: ReadStore) -> int:
    with store.snapshot() as rows:
        row = rows.get(COUNTS, ("all",))
    return 0 if row is None else int(row["n"])


def test_applying_a_batch_moves_rows_and_checkpoint_together(store: ReadStore) -> None:
    runner = Runner(store, [Counter()])
    story = Story().submit("t-1").submit("t-2")
    runner.apply(story.log)
    assert (count(store), runner.position) == (2, story.position)


def test_a_batch_that_comes_again_changes_nothing_and_makes_no_frames(store: ReadStore) -> None:
    runner = Runner(store, [Counter()])
    story = Story().submit("t-1").submit("t-2")
    runner.apply(story.log)
    assert runner.apply(story.log) == []
    runner.apply(story.submit("t-3").log[1:])
    assert count(store) == 3


def test_each_position_that_changed_something_has_one_frame_with_the_row_as_it_was_then(store: ReadStore) -> None:
    runner = Runner(store, [Board(), Counter(), Registry()])
    story = Story().submit("t-1").tell(task.TaskEdited(task_id="t-1", priority=1)).register("developer")
    story.tell(task.TaskEdited(task_id="t-9", priority=1))
    first, second, third = runner.apply(story.log)
    assert [row["view"] for row in first["rows"]] == ["task", "count"]
    assert (first["position"], first["rows"][0]["row"]["priority"]) == (2, 50)
    assert (second["position"], second["rows"][0]["row"]["priority"]) == (4, 1)
    assert second["rows"][0]["row"]["position"] == 4
    assert (third["position"], third["rows"][0]["view"]) == (6, "agent")
    assert runner.apply(story.submit("t-2").log, frames_wanted=False) == []


def test_frames_after_a_position_give_each_changed_rows_latest_state_once(store: ReadStore) -> None:
    runner = Runner(store, [Board(), Registry()])
    story = Story().submit("t-1").submit("t-2").register("developer")
    story.tell(task.TaskEdited(task_id="t-1", priority=1))
    runner.apply(story.log)
    found = runner.frames_after(0)
    assert [(frame["position"], frame["rows"][0]["row"]["id"]) for frame in found] == [
        (4, "t-2"),
        (6, "developer"),
        (8, "t-1"),
    ]
    assert runner.frames_after(6) == found[2:]
    assert runner.frames_after(0, limit=1) == found[:1]
    assert runner.frames_after(8) == []


def test_a_position_is_never_cut_in_two(store: ReadStore) -> None:
    story = Story().submit("t-1").submit("t-2", blocked_by=("t-1",)).submit("t-3", blocked_by=("t-1",))
    story.tell(task.TaskCompleted(task_id="t-1", run_id="t-1.1"))
    runner = Runner(store, [Board()])
    runner.apply(story.log)
    [frame] = runner.frames_after(6, limit=1)
    assert {row["row"]["id"] for row in frame["rows"]} == {"t-1", "t-2", "t-3"}


def test_a_removed_agent_reaches_those_who_look_on(store: ReadStore) -> None:
    runner = Runner(store, [Registry()])
    runner.apply(Story().register("developer").tell(agent.AgentRemoved(agent_id="developer")).log)
    [frame] = runner.frames_after(2)
    assert frame["rows"] == [{"view": "agent", "row": {"id": "developer", "removed": True, "position": 4}}]


@pytest.mark.parametrize("poison", ["poison", "unstorable"])
@pytest.mark.parametrize("size", [1, 2, 10])
def test_a_projection_that_fails_stops_alone_at_the_event_that_it_cannot_take(
    store: ReadStore, size: int, poison: str
) -> None:
    runner = Runner(store, [Counter(), Board()])
    story = Story().submit("t-1").submit("t-2").submit("t-3", title=poison).submit("t-4")
    for start in range(0, 4, size):
        runner.apply(story.log[start : start + size])
    assert count(store) == 2
    assert runner.status()["checkpoints"] == {"counter": 4, "board": 8}
    assert runner.status()["failed"]["counter"].startswith("6 task.submitted: ")
    assert runner.position == 8
    with store.snapshot() as rows:
        assert card(rows, "t-4") is not None
        assert rows.position == 8


def test_the_others_frames_still_come_when_one_fails(store: ReadStore) -> None:
    runner = Runner(store, [Counter(), Board()])
    found = runner.apply(Story().submit("t-1").submit("t-2", title="poison").log)
    assert [[row["view"] for row in frame["rows"]] for frame in found] == [["count", "task"], ["task"]]


def test_when_every_projection_has_failed_the_runner_says_so(store: ReadStore) -> None:
    runner = Runner(store, [Counter()])
    story = Story().submit("t-1", title="poison").submit("t-2")
    runner.apply(story.log)
    with pytest.raises(UnavailableError):
        runner.apply(story.log)


def test_a_failed_projection_gets_another_try_at_the_next_start(path: Path, store: ReadStore) -> None:
    story = Story().submit("t-1").submit("t-2", title="poison").submit("t-3")
    Runner(store, [Counter(), Board()]).apply(story.log)

    class Mended(Counter):
        def apply(self, recorded: Any, rows: Rows) -> None:
            if getattr(recorded.event, "title", "") != "poison":
                super().apply(recorded, rows)

    runner = Runner(store, [Mended(), Board()])
    assert (runner.position, runner.status()["failed"]) == (2, {})
    runner.apply([recorded for recorded in story.log if recorded.position > runner.position])
    assert (count(store), runner.position) == (2, 6)


def test_a_crash_in_the_middle_leaves_neither_rows_nor_checkpoint(store: ReadStore) -> None:
    class Killed(BaseException):
        pass

    class Deadly(Projects):
        def apply(self, recorded: Any, rows: Rows) -> None:
            raise Killed

    story = Story().submit("t-1").submit("t-2")
    Runner(store, [Counter(), Projects()]).apply(story.log[:1])
    with pytest.raises(Killed):
        Runner(store, [Counter(), Deadly()]).apply(story.log)
    assert count(store) == 1
    after = Runner(store, [Counter(), Projects()])
    assert after.position == 2
    after.apply(story.log)
    assert (count(store), after.position) == (2, 4)


def test_trouble_with_the_store_is_not_laid_to_a_projection(store: ReadStore) -> None:
    class Full(Counter):
        def apply(self, recorded: Any, rows: Rows) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    runner = Runner(store, [Full()])
    with pytest.raises(sqlite3.OperationalError):
        runner.apply(Story().submit("t-1").log)
    assert (runner.status()["failed"], runner.position) == ({}, 0)


def test_two_runners_on_one_file_count_each_event_once(path: Path, store: ReadStore) -> None:
    other = ReadStore(path)
    story = Story().submit("t-1").submit("t-2")
    one, two = Runner(store, [Counter()]), Runner(other, [Counter()])
    one.apply(story.log)
    two.apply(story.log)
    assert count(store) == 2
    other.close()


def test_a_new_version_starts_anew_and_the_others_keep_what_they_have(store: ReadStore) -> None:
    story = Story().submit("t-1").submit("t-2")
    Runner(store, [Counter(), Board()]).apply(story.log)

    class Next(Counter):
        VERSION = 2

    runner = Runner(store, [Next(), Board()])
    assert (runner.position, count(store)) == (0, 0)
    assert runner.status()["checkpoints"] == {"counter": 0, "board": 4}
    assert [frame["rows"][0]["view"] for frame in runner.apply(story.log)] == ["count", "count"]
    assert count(store) == 2


def test_tables_of_another_shape_start_anew_even_under_the_same_version(store: ReadStore) -> None:
    story = Story().submit("t-1")
    Runner(store, [Counter()]).apply(story.log)

    class Wider(Counter):
        TABLES = (COUNTS, Table("more_counts", key=("id",), columns={"id": "text"}))

    assert Runner(store, [Wider()]).position == 0


def test_a_projection_that_is_no_longer_there_does_not_hold_the_position_back(store: ReadStore) -> None:
    story = Story().submit("t-1")
    Runner(store, [Counter(), Board()])
    runner = Runner(store, [Board()])
    runner.apply(story.log)
    with store.snapshot() as rows:
        assert rows.position == runner.position == 2
        with pytest.raises(sqlite3.OperationalError):
            rows.get(COUNTS, ("all",))


def test_a_rebuild_gives_the_same_rows(store: ReadStore) -> None:
    story = Story().submit("t-1").assign("t-1.1").call("t-1.1/0").succeed("t-1.1")
    runner = Runner(store, all_projections())
    runner.apply(story.log)
    with store.snapshot() as rows:
        before = dump(rows, all_projections())
    for projection in all_projections():
        runner.rebuild(projection.NAME)
        assert runner.position == 0
    runner.apply(story.log)
    with store.snapshot() as rows:
        assert dump(rows, all_projections()) == before
    with pytest.raises(NotFoundError):
        runner.rebuild("nothing")


def test_names_and_tables_must_differ(store: ReadStore) -> None:
    with pytest.raises(ValueError, match="taken twice"):
        Runner(store, [Counter(), Counter()])


def test_a_projection_sees_no_tables_but_its_own(store: ReadStore) -> None:
    class Nosy(Registry):
        def apply(self, recorded: Any, rows: Rows) -> None:
            rows.get(COUNTS, ("all",))

    runner = Runner(store, [Counter(), Nosy()])
    runner.apply(Story().submit("t-1").log)
    assert "registry" in runner.status()["failed"]


def test_half_a_row_is_refused(store: ReadStore) -> None:
    with store.transaction() as transaction, pytest.raises(ValueError, match="notes"):
        transaction.rows(Counter()).put(COUNTS, {"id": "x", "n": 1})


def test_the_file_is_for_its_owner_alone(path: Path, store: ReadStore) -> None:
    Runner(store, [Counter()])
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_reader_in_another_thread_sees_one_moment_while_the_writer_goes_on(path: Path, store: ReadStore) -> None:
    runner = Runner(store, [Board()])
    story = Story().submit("t-1")
    runner.apply(story.log)
    reader = ReadStore.open_reader(path)
    seen: list[tuple[int, int]] = []

    def look() -> None:
        with reader.snapshot() as rows:
            seen.append((rows.position, len(board(rows, None, rows.position).columns["todo"])))

    with reader.snapshot() as rows:
        assert card(rows, "t-2") is None
        runner.apply(story.submit("t-2").log)
        assert (card(rows, "t-2"), rows.position) == (None, 2)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [(4, 2)]
    reader.close()


def test_a_reader_cannot_write_and_one_without_a_store_says_what_to_do(path: Path, store: ReadStore) -> None:
    Runner(store, [Registry()])
    reader = ReadStore.open_reader(path)
    with pytest.raises(UnavailableError), reader.snapshot() as rows:
        rows._connection.execute("DELETE FROM checkpoints")
    with reader.snapshot() as rows:
        assert agents(rows) == ()
    reader.close()
    with pytest.raises(UnavailableError), ReadStore.open_reader(path.with_name("no.db")).snapshot():
        pass


def test_what_was_read_may_be_changed_without_changing_what_is_stored(store: ReadStore) -> None:
    with store.transaction() as transaction:
        transaction.prepare(Counter())
        rows = transaction.rows(Counter())
        rows.put(COUNTS, {"id": "x", "n": 1, "notes": []})
        row = rows.get(COUNTS, ("x",))
        assert row is not None
        row["n"] = 2
        assert rows.get(COUNTS, ("x",)) == {"id": "x", "n": 1, "notes": [], "position": 0}


def test_a_deleted_row_is_gone_also_before_it_was_written(store: ReadStore) -> None:
    with store.transaction() as transaction:
        transaction.prepare(Counter())
        rows = transaction.rows(Counter())
        rows.put(COUNTS, {"id": "x", "n": 1, "notes": []})
        assert len(rows.select(COUNTS)) == 1
        rows.delete(COUNTS, ("x",))
        assert (rows.get(COUNTS, ("x",)), rows.select(COUNTS)) == (None, [])


def test_states_are_stored_as_the_words_of_the_interface(store: ReadStore) -> None:
    runner = Runner(store, [Board()])
    runner.apply(Story().submit("t-1").log)
    assert runner.frames_after(0)[0]["rows"][0]["row"]["state"] == TaskState.TODO.value
