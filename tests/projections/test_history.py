"""What is said of a past position is what was said when it was the present."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import task
from projections import ReadStore, Rebuild, Runner
from projections.board import Board, board
from projections.budgets import Budgets, budgets
from projections.engine.base import Projection, Reader
from projections.engine.history import EVERY, HistoryKeeper, superfluous
from projections.engine.memory import MemoryRows
from projections.registry import Registry, agents
from tests.projections.story import START, Story
from tests.projections.test_replay import quick, stories
from vapora.database import Place

PROJECTIONS: tuple[Projection, ...] = (Board(), Budgets(), Registry())


def seen(rows: Reader, position: int, name: str) -> Any:
    match name:
        case "board":
            return board(rows, None, position)
        case "budgets":
            return budgets(rows, START + timedelta(hours=position))
        case _:
            return agents(rows)


def looked_back(store: ReadStore, story: Story, position: int, projections: tuple[Projection, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with store.snapshot() as snapshot:
        for projection in projections:
            past = snapshot.past(projection, position)
            past.fold(projection, [one for one in story.log if past.position < one.position <= position])
            found[projection.NAME] = seen(past, position, projection.NAME)
    return found


def rebuild(store: ReadStore, story: Story, projection: Projection, size: int) -> None:
    again = Rebuild.begin(store, projection)
    for start in range(0, len(story.log), size):
        batch = story.log[start : start + size]
        again.feed(batch, batch[-1].position)
    assert again.switch()


@quick
@given(story=stories(), every=st.integers(1, 30), size=st.integers(1, 20))
def test_the_past_is_what_the_present_was_then(story: Story, every: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = ReadStore(Path(folder) / "read.db", keep_every=every)
        runner = Runner(store, PROJECTIONS)
        then: dict[int, dict[str, Any]] = {}
        for recorded in story.log:
            runner.apply([recorded])
            with store.snapshot() as rows:
                then[recorded.position] = {one.NAME: seen(rows, recorded.position, one.NAME) for one in PROJECTIONS}
        assert then == {position: looked_back(store, story, position, PROJECTIONS) for position in then}
        for projection in PROJECTIONS if story.log else ():
            rebuild(store, story, projection, size)
        assert then == {position: looked_back(store, story, position, PROJECTIONS) for position in then}
        store.close()


def test_a_look_begins_at_the_last_kept_moment(place: Place) -> None:
    store = ReadStore(place, keep_every=10)
    story = Story()
    runner = Runner(store, [Board()])
    for number in range(20):
        runner.apply(story.submit(f"t-{number}").log[-1:])
    with store.snapshot() as rows:
        assert [rows.past(Board(), at).position for at in (5, 10, 19, 40)] == [0, 10, 10, 40]
        [cards] = {
            len(column) for state, column in board(rows.past(Board(), 10), None, 10).columns.items() if state == "todo"
        }
        assert cards == 5
    store.close()


def test_what_other_code_has_kept_is_not_looked_at(place: Place) -> None:
    store = ReadStore(place, keep_every=2)
    story = Story().submit("t-1").submit("t-2")
    Runner(store, [Board()]).apply(story.log)

    class Later(Board):
        VERSION = Board.VERSION + 1

    Runner(store, [Later()])
    with store.snapshot() as rows:
        assert rows.past(Board(), 4).position == 4
        assert rows.past(Later(), 4).position == 0
    assert looked_back(store, story, 4, (Later(),))["board"] == board(story.rows(Board()), None, 4)
    rebuild(store, story, Later(), 1)
    with store.snapshot() as rows:
        assert rows.past(Later(), 4).position == 4
    store.close()


@pytest.mark.parametrize("head", [10**5, 10**6, 10**7])
def test_moments_become_fewer_with_age_and_a_look_stays_short(head: int) -> None:
    kept: list[int] = []
    for moment in range(EVERY, head + 1, EVERY):
        kept.append(moment)
        for dropped in superfluous(kept, moment):
            kept.remove(dropped)
    assert len(kept) <= 100 + 64 * max(0, (head // (EVERY * 32)).bit_length())
    for before, after in zip([0, *kept], kept, strict=False):
        assert after - before <= max(EVERY, (head - before) // 32 + EVERY)
    assert kept[-1] == head


def test_what_no_moment_shows_any_more_is_deleted(place: Place) -> None:
    store = ReadStore(place, keep_every=2)
    story = Story().submit("t-1")
    runner = Runner(store, [Board()])
    runner.apply(story.log)
    for priority in range(600):
        runner.apply(story.tell(task.TaskEdited(task_id="t-1", priority=priority % 100)).log[-1:])
    with store.snapshot() as rows:
        generation = rows.checkpoints()["board"].generation
        moments = HistoryKeeper(rows._connection, Board(), generation).moments()
        versions = rows._connection.execute(f"SELECT COUNT(*) FROM board_cards__{generation}__past").fetchone()[0]
    assert 50 < versions <= len(moments) < 250
    for position in (2, 300, 1_000, story.position):
        assert looked_back(store, story, position, (Board(),))["board"] == board(
            MemoryRows().fold(Board(), [one for one in story.log if one.position <= position]), None, position
        )
    store.close()


def test_sums_over_the_past_are_those_over_its_rows(place: Place) -> None:
    store = ReadStore(place, keep_every=4)
    story = Story().submit("t-1").submit("t-2").submit("t-3", priority=7)
    Runner(store, [Board()]).apply(story.log[:2])
    from projections.board_waiting import CARDS

    with store.snapshot() as rows:
        past = rows.past(Board(), 6).fold(Board(), story.log[2:])
        assert past.group(CARDS, ("state",), ("priority",)) == [{"state": "todo", "priority": 107}]
    store.close()
