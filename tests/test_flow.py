"""The whole actor system in one process: a backlog goes in, and everything is done, paid for and accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.composition import LocalActorSystem
from events import Recorded
from events.agent import AgentRegistered
from events.budget import SpendReserved
from events.ids import LEDGER, TaskState
from events.run import ModelCalled, RunFailed, RunStarted, RunSucceeded
from events.task import TaskAssigned, TaskCompleted, TaskSubmitted
from projections import all_projections
from projections.board import board
from projections.engine.runner import Runner
from projections.engine.store import ReadStore, StoreReader
from tests.waiting import DEADLINE_S
from vapora.catalog import role, roles, task_types
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain import budget
from vapora.domain.audit import violations
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.views import Board

TASKS = 32


class Office:
    def __init__(self, folder: Path, database_url: str | None) -> None:
        self.folder = folder
        self.settings = Settings(
            data=folder,
            database_url=None if database_url is None else SecretStr(database_url),
            model="rehearsal",
            rehearsal_min_delay_s=0,
            rehearsal_max_delay_s=0.01,
            resend_s=0.2,
        )
        self.system = LocalActorSystem(self.settings)
        self.log = LogClient(self.system.log("default"), "default")
        self.dispatcher = Dispatcher(self.log, now)

    def origin(self) -> Origin:
        return Origin("default", "user:local", new_id("cor"))

    async def hand_in(self, count: int) -> list[str]:
        project = await self.dispatcher.dispatch(self.origin(), CreateProject(name="All of it"))
        types = task_types()
        tasks = [
            SubmitTask(
                project_id=project.id,
                title=f"Task {number}",
                task_type=types[number % len(types)],
                priority=number,
                review="none",
            )
            for number in range(count)
        ]
        return [(await self.dispatcher.dispatch(self.origin(), task)).id for task in tasks]

    async def done(self, count: int) -> list[Recorded]:
        """The whole log, once so many tasks are done and the read models know."""
        events: list[Recorded] = []
        position = 0
        async with asyncio.timeout(DEADLINE_S):
            while sum(isinstance(one.event, TaskCompleted) for one in events) < count:
                polled = await self.log.poll(position, 1_000, 5)
                events += polled.events
                position = polled.position
            await self.system.projector("default").wait_for(position, 60)
        return events

    def board(self) -> Board:
        reader = StoreReader(self.system.read_store("default"))
        try:
            with reader.snapshot() as rows:
                return board(rows, None, rows.position)
        finally:
            reader.close()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of a database without anything in it; None: files."""
    if request.param == "sqlite":
        return None
    made: str = request.getfixturevalue("database_url")
    return made


@pytest.fixture
async def office(tmp_path: Path, url: str | None) -> AsyncIterator[Office]:
    opened = Office(tmp_path, url)
    await opened.system.start()
    yield opened
    await opened.system.stop()


async def test_a_backlog_is_worked_off_by_all_and_everything_is_accounted_for(office: Office, tmp_path: Path) -> None:
    tasks = await office.hand_in(TASKS)
    events = await office.done(TASKS)
    kinds = Counter(type(one.event) for one in events)
    assert kinds[TaskSubmitted] == kinds[TaskAssigned] == kinds[RunStarted] == kinds[RunSucceeded] == TASKS
    assert kinds[AgentRegistered] == len(roles())
    assert not kinds[RunFailed]

    shown = office.board()
    assert {card.id for card in shown.columns["done"]} == set(tasks)
    assert sum(map(len, shown.columns.values())) == TASKS
    assert all(card.simulated and card.runs[0].state == "succeeded" for card in shown.columns["done"])
    assert shown == _rebuilt(events, tmp_path / "again.db")

    ledger = budget.initial()
    for recorded in events:
        if recorded.stream == LEDGER:
            budget.evolve(ledger, recorded.event)
    assert not ledger.open
    assert not violations(events, "default")
    # One correlation for each task, from its submission to its end.
    assert len({one.correlation for one in events if isinstance(one.event, TaskSubmitted)}) == TASKS
    for task_id in tasks:
        own = {one.correlation for one in events if getattr(one.event, "task_id", None) == task_id}
        assert len(own) == 1


async def test_agents_work_side_by_side_and_none_has_more_than_its_capacity(office: Office) -> None:
    await office.hand_in(TASKS)
    events = await office.done(TASKS)
    running: Counter[str] = Counter()
    highest: Counter[str] = Counter()
    together = 0
    for recorded in events:
        event = recorded.event
        if isinstance(event, TaskAssigned):
            running[event.agent_id] += 1
        elif isinstance(event, RunSucceeded):
            running[event.agent_id] -= 1
        highest |= running
        together = max(together, running.total())
    assert together > 4
    assert all(most <= role(agent_id).concurrency for agent_id, most in highest.items())
    assert not +running


async def test_each_step_is_reserved_once_asked_once_and_answered_once(office: Office) -> None:
    await office.hand_in(12)
    events = [one.event for one in await office.done(12)]
    steps = Counter((one.run_id, one.step) for one in events if isinstance(one, ModelCalled))
    assert set(steps.values()) == {1}
    assert sum(steps.values()) == sum(len(one.steps) for one in events if isinstance(one, RunStarted))
    reserved = [one.call_id for one in events if isinstance(one, SpendReserved)]
    assert len(reserved) == len(set(reserved)) == sum(steps.values())


async def test_stopped_in_the_middle_and_started_again_it_goes_on_and_ends_the_same(
    tmp_path: Path, url: str | None
) -> None:
    first = Office(tmp_path, url)
    await first.system.start()
    await first.hand_in(TASKS)
    await first.done(4)
    await first.system.stop()

    second = Office(tmp_path, url)
    await second.system.start()
    events = await second.done(TASKS)
    ends = Counter(one.event.run_id for one in events if isinstance(one.event, RunSucceeded))
    assert len(ends) == TASKS
    assert set(ends.values()) == {1}
    assert len(second.board().columns[TaskState.DONE.value]) == TASKS
    assert not violations(events, "default")
    await second.system.stop()


def _rebuilt(events: list[Recorded], path: Path) -> Board:
    store = ReadStore(path)
    Runner(store, all_projections()).apply(events)
    with store.snapshot() as rows:
        return board(rows, None, rows.position)
