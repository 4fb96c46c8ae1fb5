"""Read models that stayed where the log was put back to a backup: they tell of what did not happen, and must go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.projector import Projector
from events import Recorded
from projections import all_projections
from projections.board import board
from projections.engine.last_event import LastEvent
from projections.engine.store import ReadStore, StoreReader
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, everything, log_writer
from vapora.commands import CreateProject, SubmitTask
from vapora.database import Database, Place
from vapora.dispatch import Dispatcher
from vapora.log.client import LogClient

TOLD = "the read models are of another past of this log and are built again"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "read.db"
    database: Database = request.getfixturevalue("database")
    return database


async def write(log: LogClient, titles: list[str], clock: MovableClock) -> None:
    people = Dispatcher(log, clock)
    project = await people.dispatch(ORIGIN, CreateProject(name="All of it"))
    for title in titles:
        await people.dispatch(ORIGIN, SubmitTask(project_id=project.id, title=title))


@asynccontextmanager
async def a_log(*titles: str, later_s: float = 0) -> AsyncIterator[LogClient]:
    clock = MovableClock(NOON)
    clock.move(seconds=later_s)
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        await write(log, list(titles), clock)
        yield log


async def shown(log: LogClient, place: Place) -> tuple[list[str], list[str], int]:
    """The titles on the board once the projector is as far as the log; what was said meanwhile; how far it came."""
    projector = Projector(log, WORKSPACE, lambda: ReadStore(place), all_projections())
    with capture_logs() as said:
        await projector.start()
        head = await log.head()
        assert await projector.wait_for(head, 60) == head
    reader = StoreReader(place)
    with reader.snapshot() as rows:
        found = board(rows, None, rows.position)
        assert rows.position == head
    reader.close()
    await projector.stop()
    titles = sorted(card.title for column in found.columns.values() for card in column)
    return titles, [one["event"] for one in said], head


@pytest.mark.parametrize("now", [["New one"], ["New one", "New two", "New three", "New four", "New five"]])
async def test_rows_of_another_past_are_built_again_however_long_the_log_is_now(now: list[str], place: Place) -> None:
    async with a_log("Old one", "Old two", "Old three") as log:
        assert (await shown(log, place))[0] == ["Old one", "Old three", "Old two"]
    async with a_log(*now, later_s=60) as log:
        titles, said, _ = await shown(log, place)
        assert titles == sorted(now)
        assert said.count(TOLD) == 1
        assert (await shown(log, place))[:2] == (sorted(now), [])


async def test_rows_of_a_log_that_went_on_are_kept(place: Place) -> None:
    async with a_log("Task one", "Task two") as log:
        await shown(log, place)
        await write(log, ["Task three"], MovableClock(NOON))
        titles, said, _ = await shown(log, place)
        assert (titles, said) == (["Task one", "Task three", "Task two"], [])


async def test_rows_that_an_older_version_made_know_a_position_only(place: Place) -> None:
    async with a_log("Old one", "Old two") as log:
        await shown(log, place)
        store = ReadStore(place)
        with store.transaction() as transaction:
            transaction._connection.execute("DELETE FROM mark")
            assert transaction.mark() == LastEvent(await log.head(), "")
        store.close()
        assert (await shown(log, place))[:2] == (["Old one", "Old two"], [])
        store = ReadStore(place)
        with store.transaction() as transaction:
            transaction._connection.execute("DELETE FROM mark")
        store.close()
    async with a_log("New one", later_s=60) as log:
        assert (await shown(log, place))[:2] == (["New one"], [TOLD])


async def test_a_mark_is_of_one_event_alone() -> None:
    async with a_log("Task one", "Task two") as log:
        events: list[Recorded] = await everything(log)
    marks = [LastEvent.of(one) for one in events]
    assert len(set(marks)) == len(events)
    assert [[mark.is_of(one) for one in events] for mark in marks] == [
        [one is other for one in events] for other in events
    ]
    assert not marks[0].is_of(None)
