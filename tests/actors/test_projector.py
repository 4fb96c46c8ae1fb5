from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from actors.log_writer import LogWriter
from actors.projector import Projector
from events import Recorded
from events.ids import TaskState, task_stream
from events.task import TaskEdited, TaskSubmitted
from projections import Rebuild, Rows, all_projections
from projections.board import Board, board
from projections.board_waiting import CARDS
from projections.engine.store import ReadStore, StoreReader
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, log_writer
from tests.waiting import DEADLINE_S
from vapora.commands import CreateProject, EditTask, MoveTask, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.errors import UnavailableError
from vapora.log.client import LogClient

Open = Callable[..., Projector]


@pytest.fixture
async def writer() -> AsyncIterator[LogWriter]:
    async with log_writer(MovableClock(NOON)) as opened:
        yield opened


@pytest.fixture
def log(writer: LogWriter) -> LogClient:
    return LogClient(writer, WORKSPACE)


@pytest.fixture
def people(log: LogClient) -> Dispatcher:
    return Dispatcher(log, MovableClock(NOON))


@pytest.fixture
def open_projector(log: LogClient, tmp_path: Path) -> Open:
    def opened(**settings: Any) -> Projector:
        return Projector(log, WORKSPACE, lambda: ReadStore(tmp_path / "read.db"), all_projections(), **settings)

    return opened


@pytest.fixture
async def projector(open_projector: Open) -> AsyncIterator[Projector]:
    opened = open_projector()
    await opened.start()
    yield opened
    await opened.stop()


async def submit(people: Dispatcher, count: int) -> list[str]:
    project = await people.dispatch(ORIGIN, CreateProject(name="All of it"))
    tasks = [SubmitTask(project_id=project.id, title=f"Task {number}") for number in range(count)]
    return [(await people.dispatch(ORIGIN, task)).id for task in tasks]


class Screen:
    """What a browser holds: rows by view and id. It must never be shown an older state than it had."""

    def __init__(self, after: int = 0) -> None:
        self.position = after
        self.rows: dict[tuple[str, str], tuple[int, object]] = {}

    async def show(self, projector: Projector, limit: int = 1_000, timeout_s: float = 0) -> int:
        frames = await projector.frames(self.position, limit, timeout_s)
        for frame in frames:
            assert frame["position"] > self.position
            self.position = frame["position"]
            for entry in frame["rows"]:
                key = entry["view"], str(entry["row"].get("id"))
                before = self.rows.get(key, (0, None))[0]
                assert before <= frame["position"]
                self.rows[key] = frame["position"], entry["row"]
        return len(frames)


async def test_whoever_wrote_reads_it_after_waiting_for_its_position(projector: Projector, people: Dispatcher) -> None:
    accepted = await people.dispatch(ORIGIN, CreateProject(name="All of it"))
    assert await projector.wait_for(accepted.position, 60) >= accepted.position
    assert await projector.wait_for(accepted.position + 1, 0.01) == accepted.position
    assert (await projector.status())["failed"] == {}
    assert (await projector.health())["problem"] is None


async def test_a_reader_that_waits_gets_the_next_change(projector: Projector, people: Dispatcher) -> None:
    waiting = asyncio.create_task(projector.frames(0, timeout_s=5))
    [task_id] = await submit(people, 1)
    first = await waiting
    screen = Screen()
    while ("task", task_id) not in screen.rows:
        await screen.show(projector, timeout_s=5)
    assert first[0]["rows"][0]["view"] == "project"
    assert await projector.frames(screen.position, timeout_s=0.01) == []


async def test_live_frames_and_those_from_the_tables_lead_to_the_same_screen(
    open_projector: Open, people: Dispatcher, log: LogClient
) -> None:
    first = open_projector()
    await first.start()
    live, cut = Screen(), Screen()
    tasks = await submit(people, 20)
    for number, task_id in enumerate(tasks):
        await people.dispatch(ORIGIN, EditTask(priority=number), task_id)
        await first.wait_for(await log.head(), 60)
        await live.show(first)
        if number == 10:
            await cut.show(first, limit=7)
    await first.stop()

    second = open_projector()  # it holds nothing in memory of what was before
    await second.start()
    for task_id in tasks[:5]:
        await people.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), task_id)
    await second.wait_for(await log.head(), 60)
    fresh = Screen()
    for screen in (live, cut, fresh):
        while await screen.show(second, limit=3):
            pass
    assert live.rows == cut.rows
    # A screen that was never told about what is past holds the rows as they are now, and those alone.
    assert {key: row for key, (_, row) in fresh.rows.items()} == {key: row for key, (_, row) in live.rows.items()}
    await second.stop()


async def test_a_reader_far_behind_gets_the_latest_state_of_each_row(
    projector: Projector, people: Dispatcher, log: LogClient
) -> None:
    [task_id] = await submit(people, 1)
    for number in range(30):
        await people.dispatch(ORIGIN, EditTask(priority=number), task_id)
    await projector.wait_for(await log.head(), 60)
    frames = await projector.frames(0, limit=5)
    [row] = [row for frame in frames for row in frame["rows"] if row["view"] == "task"]
    assert row["row"]["priority"] == 29
    assert [frame["position"] for frame in frames] == sorted({frame["position"] for frame in frames})


async def test_whoever_follows_gets_a_frame_for_each_change_also_of_one_batch(
    open_projector: Open, people: Dispatcher, log: LogClient
) -> None:
    [task_id] = await submit(people, 1)
    projector = open_projector()
    await projector.start()
    begin = await projector.wait_for(await log.head(), 60)
    following = asyncio.create_task(projector.frames(begin, timeout_s=5))
    edits = [
        log.request(ORIGIN, (task_stream(task_id), version, [TaskEdited(task_id=task_id, priority=version)]))
        for version in range(1, 31)
    ]
    await log.append_many(edits)
    await following
    await projector.wait_for(await log.head(), 60)
    frames = await projector.frames(begin)
    assert [frame["position"] for frame in frames] == list(range(begin + 1, begin + 31))
    await projector.stop()


async def test_a_reader_of_its_own_write_does_not_wait_for_the_window(
    open_projector: Open, people: Dispatcher, log: LogClient
) -> None:
    projector = open_projector(window_s=3_600.0)
    await projector.start()
    for _ in range(3):
        accepted = await people.dispatch(ORIGIN, CreateProject(name="All of it"))
        assert await projector.wait_for(accepted.position, 60) >= accepted.position
    await projector.stop()


async def test_what_comes_after_a_pause_is_there_at_once_and_what_comes_within_the_window_is_one_batch(
    open_projector: Open, people: Dispatcher, log: LogClient
) -> None:
    projector = open_projector(window_s=3_600.0)
    await projector.start()
    first = (await people.dispatch(ORIGIN, CreateProject(name="The first"))).position
    async with asyncio.timeout(DEADLINE_S):
        while (await projector.status())["position"] < first:
            await asyncio.sleep(0)
    for number in range(5):
        await people.dispatch(ORIGIN, CreateProject(name=f"Number {number}"))
    assert (await projector.status())["position"] == first
    assert await projector.wait_for(await log.head(), 60) == await log.head()
    await projector.stop()


async def test_after_a_restart_it_goes_on_behind_its_checkpoint(
    open_projector: Open, people: Dispatcher, log: LogClient
) -> None:
    first = open_projector()
    await first.start()
    await submit(people, 3)
    reached = await first.wait_for(await log.head(), 60)
    await first.stop()
    second = open_projector()
    await second.start()
    assert (await second.health())["position"] == reached
    await submit(people, 1)
    assert await second.wait_for(await log.head(), 60) == await log.head()
    await second.stop()


async def test_a_start_that_failed_leaves_nothing_behind(log: LogClient, tmp_path: Path) -> None:
    def broken() -> ReadStore:
        raise UnavailableError("the disk is away")

    projector = Projector(log, WORKSPACE, broken, all_projections())
    with pytest.raises(UnavailableError):
        await projector.start()
    with pytest.raises(RuntimeError):
        await projector.status()


class NextBoard(Board):
    """Later code: titles are shown in capitals."""

    VERSION = Board.VERSION + 1

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        super().apply(recorded, rows)
        if isinstance(recorded.event, TaskSubmitted):
            row = rows.get(CARDS, (recorded.event.task_id,))
            assert row is not None
            rows.put(CARDS, {**row, "title": row["title"].upper()})


async def rebuilt(projector: Projector) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await projector.status())["rebuilding"]:
            await asyncio.sleep(0)


def titles(path: Path) -> list[str]:
    reader = StoreReader(path)
    with reader.snapshot() as rows:
        found = [card.title for card in board(rows, None, 0).columns["todo"]]
    reader.close()
    return found


async def test_after_an_update_the_old_rows_are_served_until_the_new_ones_take_their_place(
    open_projector: Open, people: Dispatcher, log: LogClient, tmp_path: Path
) -> None:
    first = open_projector()
    await first.start()
    [task_id] = await submit(people, 1)
    await first.wait_for(await log.head(), 60)
    live = Screen()
    await live.show(first)
    await first.stop()

    updated = tuple(NextBoard() if one.NAME == "board" else one for one in all_projections())
    second = Projector(log, WORKSPACE, lambda: ReadStore(tmp_path / "read.db"), updated, look_s=0.2)
    await second.start()
    assert (await second.status())["rebuilding"] == {"board": 0}
    assert titles(tmp_path / "read.db") == ["Task 0"]
    await rebuilt(second)
    assert titles(tmp_path / "read.db") == ["TASK 0"]
    assert (await second.health())["problem"] is None

    # Whoever looks on hears of the difference with the next event, whatever it is about.
    await people.dispatch(ORIGIN, CreateProject(name="Another"))
    while live.rows["task", task_id][1]["title"] != "TASK 0":  # type: ignore[index]
        await live.show(second, timeout_s=5)
    assert live.position == await log.head()
    await second.stop()


async def test_a_rebuild_that_another_process_left_behind_is_brought_to_its_end(
    log: LogClient, people: Dispatcher, tmp_path: Path
) -> None:
    path = tmp_path / "read.db"
    projector = Projector(log, WORKSPACE, lambda: ReadStore(path), all_projections(), look_s=0.1)
    await projector.start()
    await submit(people, 3)
    await projector.wait_for(await log.head(), 60)
    store = ReadStore(path)
    Rebuild.begin(store, Board())
    await rebuilt(projector)
    assert len(titles(path)) == 3
    store.close()
    await projector.stop()


async def test_far_behind_it_makes_no_frames_and_whoever_looks_on_gets_the_latest_rows(
    writer: LogWriter, log: LogClient, people: Dispatcher, open_projector: Open
) -> None:
    [task_id] = await submit(people, 1)
    edits = [
        log.request(ORIGIN, (task_stream(task_id), version, [TaskEdited(task_id=task_id, priority=version % 100)]))
        for version in range(1, 12_001)
    ]
    await log.append_many(edits)
    projector = open_projector()
    await projector.start()
    waiting = asyncio.create_task(projector.frames(0, timeout_s=20))
    assert await projector.wait_for(await log.head(), 60) == await log.head()
    first = await waiting
    assert len(first) < 12_000
    screen = Screen()
    while await screen.show(projector):
        pass
    assert screen.position == await log.head()
    assert screen.rows["task", task_id][1]["priority"] == 12_000 % 100  # type: ignore[index]
    await projector.stop()
