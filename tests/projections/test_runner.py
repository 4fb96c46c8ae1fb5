from __future__ import annotations

import os
import sqlite3
from collections import Counter as Counted
from pathlib import Path
from typing import Any

import pytest

from events import agent, task
from projections import ReadStore, Rows, Runner, all_projections
from projections.board import Board, card
from projections.projects import Projects
from projections.registry import Registry
from tests.projections.counter import COUNTS, Counter, count
from tests.projections.story import Story
from vapora.database import Place
from vapora.errors import UnavailableError
from vapora.views.live import VIEWS


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
    assert [row["view"] for row in first["rows"]] == ["task", "column", "count"]
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
    assert {row["row"]["id"] for row in frame["rows"] if row["view"] == "task"} == {"t-1", "t-2", "t-3"}


def test_every_view_that_is_pushed_has_a_type() -> None:
    pushed = {view.name for projection in all_projections() for view in projection.VIEWS}
    assert pushed == VIEWS


def test_a_removed_agent_reaches_those_who_look_on(store: ReadStore) -> None:
    runner = Runner(store, [Registry()])
    runner.apply(Story().register("developer").tell(agent.AgentRemoved(agent_id="developer")).log)
    [frame] = runner.frames_after(2)
    row = {"id": "developer", "removed": True, "position": 4}
    assert frame["rows"] == [{"view": "agent", "key": "developer", "operation": "remove", "row": row}]


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
    assert [[row["view"] for row in frame["rows"]] for frame in found] == [
        ["count", "task", "column"],
        ["task", "column"],
    ]


def test_when_every_projection_has_failed_the_runner_says_so(store: ReadStore) -> None:
    runner = Runner(store, [Counter()])
    story = Story().submit("t-1", title="poison").submit("t-2")
    runner.apply(story.log)
    with pytest.raises(UnavailableError):
        runner.apply(story.log)


def test_a_failed_projection_gets_another_try_at_the_next_start(place: Place, store: ReadStore) -> None:
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
        TOPICS = None

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


def test_a_process_killed_in_the_middle_of_a_batch_counts_each_event_once(place: Place) -> None:
    class Exiting(Projects):
        TOPICS = None

        def apply(self, recorded: Any, rows: Rows) -> None:
            if recorded.position == 6:
                os._exit(0)

    story = Story().submit("t-1").submit("t-2").submit("t-3")
    child = os.fork()
    if child == 0:
        runner = Runner(ReadStore(place), [Counter(), Exiting()])
        runner.apply(story.log[:2])
        runner.apply(story.log[2:])
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    store = ReadStore(place)
    runner = Runner(store, [Counter(), Projects()])
    assert (count(store), runner.position) == (2, 4)
    runner.apply(story.log)
    assert (count(store), runner.position) == (3, 6)
    store.close()


def test_trouble_with_the_store_is_not_laid_to_a_projection(store: ReadStore) -> None:
    class Full(Counter):
        def apply(self, recorded: Any, rows: Rows) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    runner = Runner(store, [Full()])
    with pytest.raises(sqlite3.OperationalError):
        runner.apply(Story().submit("t-1").log)
    assert (runner.status()["failed"], runner.position) == ({}, 0)


def test_two_runners_on_one_file_count_each_event_once(place: Place, store: ReadStore) -> None:
    other = ReadStore(place)
    story = Story().submit("t-1").submit("t-2")
    one, two = Runner(store, [Counter()]), Runner(other, [Counter()])
    one.apply(story.log)
    two.apply(story.log)
    assert count(store) == 2
    other.close()


def test_rows_are_not_gone_on_with_where_somebody_else_wrote_meanwhile(place: Place, store: ReadStore) -> None:
    other = ReadStore(place)
    story = Story().submit("t-1").submit("t-2").submit("t-3").submit("t-4")
    one, two = Runner(store, [Counter()]), Runner(other, [Counter()])
    for runner, entry in zip((one, two, two, one), story.log, strict=True):
        runner.apply([entry])
    assert count(store) == 4
    other.close()


def test_rows_of_a_batch_that_was_not_committed_are_not_gone_on_with(store: ReadStore) -> None:
    runner = Runner(store, [Counter(), Board()])
    story = Story().submit("t-1").submit("t-2").submit("t-3", title="poison").submit("t-4")
    for entry in story.log:
        runner.apply([entry])
    assert count(store) == 2
    with store.snapshot() as rows:
        assert card(rows, "t-4") is not None


def test_a_batch_has_one_checkpoint_and_looks_at_no_row_twice(tmp_path: Path) -> None:
    store = ReadStore(tmp_path / "read.db")
    runner = Runner(store, all_projections())
    story = Story().submit("t-1")
    runner.apply(story.log)
    said: list[str] = []
    with store.transaction() as transaction:
        connection = transaction._connection
        assert isinstance(connection, sqlite3.Connection)
    connection.set_trace_callback(said.append)
    runner.apply(story.tell(task.TaskEdited(task_id="t-1", priority=7)).log[1:])
    connection.set_trace_callback(None)
    verbs = Counted(" ".join(line.split()[:2]).lower() for line in said)
    assert (verbs["update checkpoints"], verbs["savepoint part"]) == (1, 1)
    assert [line for line in said if line.startswith("SELECT") and "cards" in line] == []
    store.close()


def test_looking_at_a_store_does_not_make_a_running_projector_retry_what_failed(place: Place, store: ReadStore) -> None:
    story = Story().submit("t-1", title="poison").submit("t-2").submit("t-3")
    running = Runner(store, [Counter(), Board()])
    running.apply(story.log[:2])
    other = ReadStore(place)
    Runner(other, [Counter(), Board()])
    running.apply(story.log[2:])
    assert (running.position, list(running.status()["failed"])) == (6, ["counter"])
    other.close()


def test_a_projection_that_is_no_longer_there_does_not_hold_the_position_back(store: ReadStore) -> None:
    story = Story().submit("t-1")
    Runner(store, [Counter(), Board()])
    runner = Runner(store, [Board()])
    runner.apply(story.log)
    with store.snapshot() as rows:
        assert rows.position == runner.position == 2
        with pytest.raises(UnavailableError):
            rows.get(COUNTS, ("all",))


def test_names_and_tables_must_differ(store: ReadStore) -> None:
    with pytest.raises(ValueError, match="taken twice"):
        Runner(store, [Counter(), Counter()])


def test_a_projection_sees_no_tables_but_its_own(store: ReadStore) -> None:
    class Nosy(Registry):
        TOPICS = None

        def apply(self, recorded: Any, rows: Rows) -> None:
            rows.get(COUNTS, ("all",))

    runner = Runner(store, [Counter(), Nosy()])
    runner.apply(Story().submit("t-1").log)
    assert "registry" in runner.status()["failed"]
