from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from actors.coordinator import SwarmCoordinator
from actors.log_writer import LogWriter
from actors.messages import Assignment
from events import DomainEvent
from events.agent import AgentRoleFollowed
from events.ids import Review, TaskState, WaitReason, agent_stream, run_stream, task_stream
from events.run import RunCancelled, RunFailed, RunStarted, RunSucceeded
from events.task import (
    TaskAssigned,
    TaskCompleted,
    TaskFailed,
    TaskReleased,
    TaskSentToReview,
    TaskWaiting,
)
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, Line, MovableClock, everything, log_writer, of_kind, passed, seen
from tests.waiting import until
from vapora.commands import ArchiveProject, CreateProject, EditAgent, MoveTask, RegisterAgent, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.agent import RoleDefaults
from vapora.domain.cell import AT_REST, Rest
from vapora.domain.heartbeat import Pulse
from vapora.errors import UnavailableError
from vapora.log.client import LogClient
from vapora.ports import LogWriterPort, Origin
from vapora.records import Append, AppendResult


@dataclass
class AgentPool:
    """Every agent of the cell: keeps what it is told, and begins the runs that it is given."""

    log: LogClient
    performed: list[Assignment] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    paused: set[str] = field(default_factory=set)
    deaf: int = 0  # how many of the next messages do not arrive

    def agent(self, agent_id: str) -> AgentPool:
        return self

    async def perform(self, assignments: Sequence[Assignment]) -> None:
        self._hear()
        known = {one.run_id for one in self.performed}
        self.performed += [one for one in assignments if one.run_id not in known]

    async def cancel(self, assignment: Assignment, reason: str) -> None:
        self._hear()
        if (assignment.run_id, reason) not in self.cancelled:
            self.cancelled.append((assignment.run_id, reason))

    async def pause(self, run_ids: Sequence[str]) -> None:
        self._hear()
        self.paused.update(run_ids)

    async def resume(self, run_ids: Sequence[str]) -> None:
        self._hear()
        self.paused.difference_update(run_ids)

    async def pulse(self, run_ids: Sequence[str]) -> tuple[Pulse, ...]:
        return ()

    async def let_go(self, run_ids: Sequence[str]) -> None:
        self._hear()

    async def rest(self, run_ids: Sequence[str]) -> Rest:
        return AT_REST

    async def health(self) -> dict[str, Any]:
        return {}

    async def retire(self, agent_id: str) -> None:
        self.retired.append(agent_id)

    def _hear(self) -> None:
        if self.deaf:
            self.deaf -= 1
            raise UnavailableError("not there")

    async def got(self, count: int) -> list[Assignment]:
        await passed(lambda: len(self.performed) >= count)
        return self.performed

    async def end(self, work: Assignment, kind: type[DomainEvent] = RunSucceeded) -> None:
        names = {"run_id": work.run_id, "task_id": work.task.id, "agent_id": work.agent_id}
        if kind is not RunCancelled:
            names |= {"role": work.role, "task_type": work.task.task_type}
        rest = {"summary": "done"} if kind is RunSucceeded else {"reason": "because"}
        begun = RunStarted(
            run_id=work.run_id,
            task_id=work.task.id,
            project_id="p",
            agent_id=work.agent_id,
            role=work.role,
            task_type=work.task.task_type,
            steps=("one",),
        )
        await self.log.append(work.origin, (run_stream(work.run_id), 0, (begun, kind(**names, **rest))))


@dataclass
class Cell:
    clock: MovableClock
    writer: LogWriter
    log: LogClient
    people: Dispatcher
    pool: AgentPool
    project: str = ""

    def coordinator(
        self,
        *,
        port: LogWriterPort | None = None,
        idle_s: float = 60,
        resend_s: float = 60,
        role_defaults: Callable[[str], RoleDefaults | None] = lambda role: None,
        full: Callable[[], str | None] = lambda: None,
        exploration: float = 0,
    ) -> Any:
        return SwarmCoordinator(
            self.log if port is None else LogClient(port, WORKSPACE),
            WORKSPACE,
            agent=self.pool.agent,
            retire=self.pool.retire,
            is_simulated=_no,
            clock=self.clock,
            idle_s=idle_s,
            resend_s=resend_s,
            role_defaults=role_defaults,
            full=full,
            exploration=exploration,
        )

    async def submit(self, title: str = "Do it", **fields: Any) -> str:
        values: dict[str, Any] = {
            "project_id": self.project,
            "title": title,
            "role": "developer",
            "task_type": "code-generation",
            "review": Review.NONE,
        }
        return (await self.people.dispatch(ORIGIN, SubmitTask(**{**values, **fields}))).id

    async def capacity(self, agent_id: str, capacity: int) -> None:
        await self.people.dispatch(ORIGIN, EditAgent(capacity=capacity), agent_id)

    async def assigned(self, count: int) -> list[TaskAssigned]:
        return [one.event for one in await seen(self.log, TaskAssigned, count)]  # type: ignore[misc]


async def _no() -> bool:
    return False


@asynccontextmanager
async def open_cell() -> AsyncIterator[Cell]:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        people = Dispatcher(log, clock)
        await people.open_workspace(ORIGIN)
        cell = Cell(clock, writer, log, people, AgentPool(log))
        cell.project = (await people.dispatch(ORIGIN, CreateProject(name="All of it"))).id
        yield cell


@pytest.fixture
async def cell() -> AsyncIterator[Cell]:
    async with open_cell() as opened:
        yield opened


@pytest.fixture
async def working(cell: Cell) -> AsyncIterator[Cell]:
    coordinator = cell.coordinator()
    await coordinator.start()
    yield cell
    await coordinator.stop()


async def test_a_task_is_given_to_an_able_agent_with_all_that_the_choice_was_taken_from(working: Cell) -> None:
    task_id = await working.submit(priority=80)
    [event] = await working.assigned(1)
    assert (event.task_id, event.run_id, event.agent_id) == (task_id, f"{task_id}.1", "developer")
    assert event.subject == "acme.tasks.code-generation.high"
    assert len(event.candidates) == 12
    assert [one.agent_id for one in event.candidates if one.excluded is None] == ["developer"]
    assert (event.policy, event.propensity) == ("formula-v1", 1.0)
    assert "developer scored" in event.reason
    [work] = await working.pool.got(1)
    assert (work.run_id, work.role, work.task.id) == (event.run_id, "developer", task_id)
    recorded = await everything(working.log)
    assigned = next(one for one in recorded if one.event == event)
    assert work.origin == Origin(WORKSPACE, "agent:developer", assigned.correlation, assigned.position)
    assert assigned.causation == assigned.position - 1


async def test_of_two_able_agents_the_one_with_the_lower_load_gets_the_next_task(working: Cell) -> None:
    await working.people.dispatch(ORIGIN, RegisterAgent(role="developer"))
    await working.capacity("developer", 2)
    await working.capacity("developer-2", 2)
    for _ in range(4):
        await working.submit()
    given = Counter(one.agent_id for one in await working.assigned(4))
    assert given == {"developer": 2, "developer-2": 2}


async def test_with_exploration_the_log_says_what_it_added_to_the_score(cell: Cell) -> None:
    await cell.capacity("developer", 2)
    coordinator = cell.coordinator(exploration=0.5)
    await coordinator.start()
    await cell.submit()
    await cell.submit()
    second = (await cell.assigned(2))[1]
    await coordinator.stop()
    [parts] = [one.parts for one in second.candidates if one.excluded is None]
    assert second.policy == "formula-ucb1-v1"
    assert parts is not None and parts.exploration == pytest.approx(0.5 * (math.log(2) / 2) ** 0.5), "one is in flight"


async def test_the_highest_priority_goes_first_and_then_the_oldest(cell: Cell) -> None:
    await cell.capacity("developer", 1)
    late = [await cell.submit(priority=priority) for priority in (10, 90, 50, 90)]
    coordinator = cell.coordinator()
    await coordinator.start()
    for number in range(4):
        works = await cell.pool.got(number + 1)
        await cell.pool.end(works[number])
    order = [late.index(one.task_id) for one in await cell.assigned(4)]
    assert order == [1, 3, 2, 0]
    await coordinator.stop()


async def test_of_an_archived_project_nothing_starts_and_what_runs_may_end(working: Cell) -> None:
    await working.capacity("developer", 1)
    running, _ = await working.submit(), await working.submit()
    [work] = await working.pool.got(1)
    await working.people.dispatch(ORIGIN, ArchiveProject(), working.project)
    await working.pool.end(work)
    await seen(working.log, TaskCompleted)
    # A task of another project shows that the coordinator has gone on.
    working.project = (await working.people.dispatch(ORIGIN, CreateProject(name="Another"))).id
    other = await working.submit()
    assert [one.task_id for one in await working.assigned(2)] == [running, other]
    assert working.pool.cancelled == []


async def test_a_project_that_is_archived_while_its_task_is_given_out_keeps_it_from_starting(cell: Cell) -> None:
    await cell.submit()

    class Between(Line):
        """Archives the project while the first assignment is on its way."""

        async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
            if not self.appends:
                self.appends = 1
                await cell.people.dispatch(ORIGIN, ArchiveProject(), cell.project)
            return await super().append(requests)

    coordinator = cell.coordinator(port=Between(cell.writer))
    await coordinator.start()
    cell.project = (await cell.people.dispatch(ORIGIN, CreateProject(name="Another"))).id
    other = await cell.submit()
    assert [one.task_id for one in await cell.assigned(1)] == [other]
    await coordinator.stop()


async def test_two_hundred_tasks_at_once_never_exceed_anybodys_capacity(cell: Cell) -> None:
    await cell.capacity("developer", 7)
    for number in range(200):
        await cell.submit(f"Task {number}")
    coordinator = cell.coordinator()
    await coordinator.start()
    for number in range(200):
        works = await cell.pool.got(number + 1)
        await cell.pool.end(works[number])
    await seen(cell.log, TaskCompleted, 200)
    in_flight = highest = 0
    for recorded in await everything(cell.log):
        in_flight += isinstance(recorded.event, TaskAssigned) - isinstance(recorded.event, RunSucceeded)
        highest = max(highest, in_flight)
    assert highest == 7
    await coordinator.stop()


@pytest.mark.parametrize(
    ("review", "end", "move"),
    [
        (Review.NONE, RunSucceeded, TaskCompleted),
        (Review.HUMAN, RunSucceeded, TaskSentToReview),
        (Review.HUMAN, RunFailed, TaskFailed),
        (Review.NONE, RunCancelled, TaskReleased),
    ],
)
async def test_the_card_follows_the_end_of_its_run(
    working: Cell, review: Review, end: type[DomainEvent], move: type[DomainEvent]
) -> None:
    await working.submit(review=review)
    [work] = await working.pool.got(1)
    await working.pool.end(work, end)
    [moved] = await seen(working.log, move)
    ended = next(one for one in await everything(working.log) if isinstance(one.event, end))
    assert moved.causation == ended.position
    assert moved.correlation == work.origin.correlation


async def test_a_task_waits_for_those_before_it_and_says_so(working: Cell) -> None:
    first = await working.submit("First one")
    second = await working.submit("Second one", blocked_by=(first,))
    [waiting] = await seen(working.log, TaskWaiting)
    assert (waiting.event.task_id, waiting.event.reason) == (second, WaitReason.DEPENDENCY)  # type: ignore[attr-defined]
    [work] = await working.pool.got(1)
    await working.pool.end(work)
    assert [one.task_id for one in await working.assigned(2)] == [first, second]


async def test_a_task_that_only_disabled_agents_can_do_says_so_and_starts_when_one_is_enabled(working: Cell) -> None:
    await working.people.dispatch(ORIGIN, EditAgent(enabled=False), "developer")
    await working.submit()
    [waiting] = await seen(working.log, TaskWaiting)
    assert waiting.event.reason is WaitReason.PAUSED  # type: ignore[attr-defined]
    assert "Enable developer" in waiting.event.remedy  # type: ignore[attr-defined]
    assert not await of_kind(working.log, TaskAssigned)
    await working.people.dispatch(ORIGIN, EditAgent(enabled=True), "developer")
    await working.assigned(1)
    assert len(await of_kind(working.log, TaskWaiting)) == 1


async def test_a_recalled_task_has_its_run_cancelled_and_is_given_out_again_after_that(working: Cell) -> None:
    await working.capacity("developer", 1)
    task_id = await working.submit()
    [work] = await working.pool.got(1)
    await working.people.dispatch(ORIGIN, MoveTask(state=TaskState.TODO), task_id)
    await passed(lambda: bool(working.pool.cancelled))
    assert working.pool.cancelled == [(work.run_id, "recalled")]
    assert len(await of_kind(working.log, TaskAssigned)) == 1
    await working.pool.end(work, RunCancelled)
    assert (await working.assigned(2))[1].run_id == f"{task_id}.2"
    assert not await of_kind(working.log, TaskReleased)


async def test_a_message_that_did_not_arrive_is_sent_again(cell: Cell) -> None:
    coordinator = cell.coordinator(resend_s=0.01)
    await coordinator.start()
    cell.pool.deaf = 3
    await cell.submit()
    await cell.pool.got(1)
    await coordinator.stop()


async def test_a_restart_sends_what_was_assigned_but_perhaps_not_sent(cell: Cell) -> None:
    first = cell.coordinator()
    cell.pool.deaf = 1
    await first.start()
    await cell.submit()
    await cell.assigned(1)
    await passed(lambda: cell.pool.deaf == 0)
    await first.stop()
    assert not cell.pool.performed
    second = cell.coordinator()
    await second.start()
    await cell.pool.got(1)
    await second.stop()


async def test_a_restart_moves_cards_whose_run_ended_meanwhile_and_cancels_what_was_recalled(cell: Cell) -> None:
    await cell.capacity("developer", 2)
    first = cell.coordinator()
    await first.start()
    ended, taken = await cell.submit("First one"), await cell.submit("Second one")
    works = {one.task.id: one for one in await cell.pool.got(2)}
    await first.stop()
    await cell.pool.end(works[ended])
    await cell.people.dispatch(ORIGIN, MoveTask(state=TaskState.TODO), taken)
    assert not cell.pool.cancelled
    second = cell.coordinator()
    await second.start()
    await seen(cell.log, TaskCompleted)
    await passed(lambda: bool(cell.pool.cancelled))
    await second.stop()


@pytest.mark.parametrize("how", ["before", "after"])
async def test_an_assignment_whose_append_was_in_doubt_is_made_once(cell: Cell, how: str) -> None:
    line = Line(cell.writer)
    coordinator = cell.coordinator(port=line)
    await coordinator.start()
    line.cut.append(how)
    for number in range(3):
        await cell.submit(f"Task {number}")
    await cell.pool.got(3)
    assert len(await of_kind(cell.log, TaskAssigned)) == 3
    await coordinator.stop()


async def test_an_assignment_that_may_still_arrive_keeps_its_agents_place(cell: Cell) -> None:
    await cell.capacity("developer", 1)
    line = Line(cell.writer)
    coordinator = cell.coordinator(port=line)
    await coordinator.start()
    line.cut += ["late", *["before"] * 3]
    first = await cell.submit()
    await passed(lambda: not line.cut)
    more_urgent = await cell.submit(priority=100)
    [work] = await cell.pool.got(1)
    await line.arrive()
    await cell.pool.end(work)
    assert [one.task_id for one in await cell.assigned(2)] == [first, more_urgent]
    topics = [one.topic for one in await everything(cell.log)]
    ours = [one for one in topics if one in (TaskAssigned.TOPIC, RunSucceeded.TOPIC)]
    assert ours == [TaskAssigned.TOPIC, RunSucceeded.TOPIC, TaskAssigned.TOPIC]
    await coordinator.stop()


async def test_an_assignment_in_doubt_of_a_task_that_is_gone_frees_its_agents_place(cell: Cell) -> None:
    await cell.capacity("developer", 1)
    line = Line(cell.writer)
    coordinator = cell.coordinator(port=line)
    await coordinator.start()
    line.cut += ["before"] * 3
    gone = await cell.submit("First one")
    await passed(lambda: len(line.cut) < 3)
    line.cut += ["before"] * 3
    await cell.people.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), gone)
    other = await cell.submit("Second one")
    [event] = await cell.assigned(1)
    assert event.task_id == other
    await coordinator.stop()


async def test_what_was_chosen_before_a_choice_that_failed_is_given_out_all_the_same(cell: Cell) -> None:
    class Stopped(MovableClock):
        def __call__(self) -> datetime:
            asked.append(1)
            if len(asked) == 2:
                raise OSError("no clock")
            return super().__call__()

    asked: list[int] = []
    await cell.people.dispatch(ORIGIN, EditAgent(enabled=False), "developer")
    cell.clock = Stopped()
    coordinator = cell.coordinator()
    await coordinator.start()
    for number in range(3):
        await cell.submit(f"Task {number}")
    await cell.people.dispatch(ORIGIN, EditAgent(enabled=True), "developer")
    await cell.assigned(3)
    await coordinator.stop()


async def test_a_person_who_moves_the_card_first_wins(cell: Cell) -> None:
    """The coordinator decides on what it has seen; the log refuses what is out of date, and it looks again."""

    class Slow(Line):
        async def append(self, requests: Any) -> Any:
            if not moved:
                moved.append(True)
                await cell.people.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), task_id)
            return await super().append(requests)

    moved: list[bool] = []
    task_id = await cell.submit("First one")
    coordinator = cell.coordinator(port=Slow(cell.writer))
    await coordinator.start()
    other = await cell.submit("Second one")
    [event] = await cell.assigned(1)
    assert event.task_id == other
    assert (await coordinator.health())["problem"] is None
    assert len(await cell.log.read(task_stream(task_id))) == 2
    await coordinator.stop()


async def test_agents_without_work_are_ended_once_and_those_with_work_are_not(cell: Cell) -> None:
    coordinator = cell.coordinator(idle_s=0, resend_s=0.01)
    # Before the first look at who is idle.
    await cell.submit()
    await coordinator.start()
    [work] = await cell.pool.got(1)
    await passed(lambda: len(cell.pool.retired) >= 11)
    assert "developer" not in cell.pool.retired
    await cell.pool.end(work)
    await seen(cell.log, TaskCompleted)
    await passed(lambda: "developer" in cell.pool.retired)
    assert len(cell.pool.retired) == len(set(cell.pool.retired))
    await coordinator.stop()


async def test_when_it_stops_nothing_of_it_goes_on(cell: Cell) -> None:
    class Busy(AgentPool):
        """An agent that never answers."""

        async def perform(self, assignments: Sequence[Assignment]) -> None:
            await super().perform(assignments)
            await asyncio.get_running_loop().create_future()

    cell.pool = Busy(cell.log)
    before = asyncio.all_tasks()
    coordinator = cell.coordinator(resend_s=0.01)
    await coordinator.start()
    await cell.submit()
    await cell.pool.got(1)
    assert any(task.get_name().startswith("perform") for task in asyncio.all_tasks())
    await coordinator.stop()
    assert asyncio.all_tasks() - before == set()


# --- manifests of roles ---


def edited_manifest(role_id: str) -> RoleDefaults | None:
    """The developer's, as a newer version of VAPORA has it."""
    if role_id != "developer":
        return None
    return RoleDefaults("developer", "Developer", ("implementation",), ("code-generation", "unit-test"), 9)


async def test_agents_that_nobody_edited_follow_the_manifest_of_their_role_at_a_start(cell: Cell) -> None:
    chosen = RegisterAgent(role="developer", id="ada", task_types=("code-refactor",))
    await cell.people.dispatch(ORIGIN, chosen)
    await cell.people.dispatch(ORIGIN, RegisterAgent(role="developer", id="grace"))
    await cell.capacity("grace", 2)
    for _ in range(2):  # the second start finds nothing to change
        coordinator = cell.coordinator(role_defaults=edited_manifest)
        await coordinator.start()
        await coordinator.stop()
    followed = await of_kind(cell.log, AgentRoleFollowed)
    assert sorted(one.agent_id for one in followed) == ["ada", "developer", "grace"]
    found = {one: (await cell.people.agents.load(agent_stream(one))).state for one in ("developer", "ada", "grace")}
    shown = {one: (agent.task_types, agent.capacity) for one, agent in found.items() if agent is not None}
    assert shown == {
        "developer": (("code-generation", "unit-test"), 9),
        "ada": (("code-refactor",), 9),
        "grace": (("code-generation", "unit-test"), 2),
    }


async def test_nothing_starts_on_a_full_disk_and_all_of_it_by_itself_once_there_is_room(cell: Cell) -> None:
    full: list[str] = ["Less than 5 % is free. Make room."]
    coordinator = cell.coordinator(resend_s=0.05, full=lambda: full[0] if full else None)
    await coordinator.start()
    try:
        task_id = await cell.submit()
        [told] = await seen(cell.log, TaskWaiting)
        assert told.event == TaskWaiting(task_id=task_id, reason=WaitReason.PAUSED, remedy=full[0])
        assert await coordinator.disk() == full[0]
        await submit_again_and_look(cell, coordinator)
        full.clear()
        assert {one.task_id for one in await cell.assigned(1)} == {task_id}
        assert await coordinator.disk() == ""
    finally:
        await coordinator.stop()


async def submit_again_and_look(cell: Cell, coordinator: Any) -> None:
    """Another event makes it look for work; what a card says already is not said again."""
    await cell.capacity("developer", 2)
    head = await cell.log.head()
    await until(lambda: coordinator.view.position >= head)
    assert [one for one in await everything(cell.log) if isinstance(one.event, TaskAssigned)] == []
    assert sum(isinstance(one.event, TaskWaiting) for one in await everything(cell.log)) == 1
