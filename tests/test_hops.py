"""What one task costs in commits, events, calls between actors and hand-overs to threads: exact, and no time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pytest

from actors.composition import ActorSystem, builder
from actors.log_writer import LogWriter
from actors.runtime.base import Address
from actors.runtime.local import LocalRuntime
from events import Recorded
from events.ids import BUDGET_ALERTS, Review
from events.task import TaskCompleted, TaskSentToReview
from tests.waiting import DEADLINE_S
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings

STEPS = 3
TASKS = 5
# Of the read models and of what looks after the others: not on a task's way.
_BESIDE = {"projector", "supervisor", "webhooks", "repositories"}
# How often a follower asks depends on what it finds at once.
_POLLS = {"poll", "head", "health", "woken"}
# The budget manager looks for what to warn of when its time has come, whatever the tasks do.
_BY_THE_CLOCK = {BUDGET_ALERTS}


class CountingRuntime(LocalRuntime):
    """Counts each call from one actor, or from dispatch, to another."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(builder(settings, {}))
        self.calls: Counter[str] = Counter()

    async def call(self, address: Address, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        on_the_way = address.kind not in _BESIDE and method not in _POLLS
        if on_the_way and not (method == "read" and args[0] in _BY_THE_CLOCK):
            self.calls[f"{address.kind}.{method}"] += 1
        return await super().call(address, method, args, kwargs)


class CountingThreads(ThreadPoolExecutor):
    """The loop's own threads, with what was handed to them."""

    def __init__(self) -> None:
        super().__init__(4)
        self.handed: list[str] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.handed.append(repr((fn, *args)))
        return super().submit(fn, *args, **kwargs)


class Office:
    def __init__(self, folder: Path) -> None:
        settings = Settings(
            data=folder,
            model="rehearsal",
            rehearsal_min_delay_s=0,
            rehearsal_max_delay_s=0,
            rehearsal_steps=STEPS,
            # Whoever looks after others does not do so while it is counted.
            health_interval_s=3_600,
            resend_s=3_600,
        )
        self.runtime = CountingRuntime(settings)
        self.system = ActorSystem(settings, self.runtime)
        self.log = LogClient(self.system.log("default"), "default")
        self.dispatcher = Dispatcher(self.log, now)
        self.threads = CountingThreads()
        self.position = 0

    async def start(self) -> None:
        asyncio.get_running_loop().set_default_executor(self.threads)
        await self.system.open("default")
        project = await self.dispatcher.dispatch(self.origin(), CreateProject(name="One after the other"))
        self.project, self.position = project.id, project.position

    def origin(self) -> Origin:
        return Origin("default", "user:local", new_id("cor"))

    async def writer(self) -> LogWriter:
        return cast(LogWriter, await self.runtime.activate(Address("log", "default")))

    async def work(self, review: Review) -> list[Recorded]:
        """One task, to where nothing of it is left to do without a person; its events."""
        command = SubmitTask(project_id=self.project, title="Do it", task_type="architecture-design", review=review)
        await self.dispatcher.dispatch(self.origin(), command)
        found: list[Recorded] = []
        async with asyncio.timeout(DEADLINE_S):
            while not any(isinstance(one.event, TaskCompleted | TaskSentToReview) for one in found):
                polled = await self.log.poll(self.position, 1_000, 5)
                found, self.position = [*found, *polled.events], polled.position
        return found


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    opened = Office(tmp_path)
    await opened.start()
    await opened.work(Review.NONE)  # whatever is only done once
    yield opened
    await opened.runtime.shutdown()


@pytest.mark.parametrize("review", [Review.NONE, Review.HUMAN])
async def test_a_task_of_three_steps_is_eighteen_events_in_six_commits(office: Office, review: Review) -> None:
    writer = await office.writer()
    commits, events = writer.figures.commits, writer.figures.events
    appends: list[list[list[str]]] = []
    for _ in range(TASKS):
        grouped = groupby(await office.work(review), lambda one: one.request_id)
        appends.append([[one.event.TOPIC for one in group] for _, group in grouped])
    assert writer.figures.commits - commits == 6 * TASKS
    assert writer.figures.events - events == 18 * TASKS
    # Submission, assignment, beginning with the first reservation, and one for each answer; each in causal order.
    moved = TaskCompleted.TOPIC if review is Review.NONE else TaskSentToReview.TOPIC
    answered = ["budget.spend-settled", "budget.spend-reserved", "run.model-called", "routing.provider-selected"]
    last = ["budget.spend-settled", "run.model-called", "run.artifact-recorded", "run.succeeded", moved]
    begun = ["run.started", "budget.spend-reserved", "routing.provider-selected"]
    assert appends == [[["task.submitted"], ["task.assigned"], begun, answered, answered, last]] * TASKS


async def test_a_task_of_three_steps_is_twenty_two_calls_between_actors(office: Office) -> None:
    office.runtime.calls.clear()
    for _ in range(TASKS):
        await office.work(Review.NONE)
    assert {name: count / TASKS for name, count in office.runtime.calls.items()} == {
        "log.read": 3 + STEPS,
        "log.append": 3 + STEPS,
        "agent.perform": 1,
        "router.is_simulated": 1,
        "router.complete": STEPS,
        "budget.standing": 1,
        "budget.reserve": 1,
        "budget.settle": STEPS,
    }


async def test_nothing_on_a_tasks_way_is_handed_to_another_thread_but_what_is_written(office: Office) -> None:
    """Small texts and what is in memory already are answered on the loop; what is read of a stream is nothing new."""
    writer = await office.writer()
    office.threads.handed.clear()
    reads = writer.figures.reads
    for _ in range(TASKS):
        await office.work(Review.NONE)
    assert office.threads.handed == []
    assert writer.figures.reads == reads
