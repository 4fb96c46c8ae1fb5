from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from actors.log_writer import LogWriter
from events.agent import AgentDisabled, AgentEdited, AgentEnabled, AgentRegistered, AgentRemoved
from events.ids import Review, TaskState, project_stream, task_stream
from events.project import ProjectArchived, ProjectCreated, ProjectEdited
from events.task import TaskArchived, TaskEdited, TaskReordered, TaskSubmitted
from events.workspace import RequestAccepted, WorkspaceOpened
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, Line, MovableClock, everything, log_writer, of_kind
from vapora.commands import (
    ArchiveProject,
    Command,
    CreateProject,
    EditAgent,
    EditProject,
    EditTask,
    MoveTask,
    RegisterAgent,
    RemoveAgent,
    SetBudget,
    SubmitTask,
)
from vapora.dispatch import Dispatcher, RequestKey
from vapora.errors import BadInputError, ConflictError, DependencyRingError, KeyReusedError, NotFoundError
from vapora.log.client import LogClient
from vapora.records import Append, AppendResult
from vapora.views import Accepted

KEY = RequestKey(user="anna", route="POST /api/v1/tasks", key="k-1", body=b"{}")


class QueueConsumer:
    def __init__(self, writer: LogWriter, clock: MovableClock) -> None:
        self.writer = writer
        self.clock = clock
        self.log = LogClient(writer, WORKSPACE)
        self.dispatcher = Dispatcher(self.log, clock)

    async def do(self, command: Command, target: str = "", key: RequestKey | None = None) -> Accepted:
        return await self.dispatcher.dispatch(ORIGIN, command, target, key)

    async def project(self) -> str:
        return (await self.do(CreateProject(name="All of it"))).id

    async def task(self, **fields: Any) -> str:
        project = fields.pop("project_id", None) or await self.project()
        values: dict[str, Any] = {"project_id": project, "title": "Do it"}
        return (await self.do(SubmitTask(**{**values, **fields}))).id


@pytest.fixture
async def consumer() -> AsyncIterator[QueueConsumer]:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        yield QueueConsumer(writer, clock)


async def test_a_project_is_made_edited_and_archived(consumer: QueueConsumer) -> None:
    made = await consumer.do(CreateProject(name="All of it", description="really"))
    assert made.id.startswith("project-")
    assert made.position == 1
    edited = await consumer.do(EditProject(name="Most of it"), made.id)
    archived = await consumer.do(ArchiveProject(), made.id)
    assert (edited.position, archived.position) == (2, 3)
    events = [one.event for one in await everything(consumer.log)]
    assert [type(one) for one in events] == [ProjectCreated, ProjectEdited, ProjectArchived]


async def test_what_changes_nothing_appends_nothing_and_answers_where_the_thing_stands(consumer: QueueConsumer) -> None:
    made = await consumer.do(CreateProject(name="All of it"))
    await consumer.do(CreateProject(name="Another"))
    assert await consumer.do(EditProject(name="All of it"), made.id) == made
    assert len(await everything(consumer.log)) == 2


async def test_a_task_is_submitted_as_it_was_asked_for(consumer: QueueConsumer) -> None:
    project = await consumer.project()
    command = SubmitTask(
        project_id=project, title="Write it", task_type="unit-test", role="tester", priority=7, review=Review.NONE
    )
    accepted = await consumer.do(command)
    [event] = await of_kind(consumer.log, TaskSubmitted)
    assert accepted.id == event.task_id
    assert (event.task_type, event.task_type_reason, event.role, event.priority) == ("unit-test", "", "tester", 7)


@pytest.mark.parametrize(
    ("fields", "task_type"),
    [
        ({"title": "Add unit tests for the parser"}, "unit-test"),
        ({"title": "Something or other"}, "general-query"),
        ({"title": "Something or other", "type": "bugfix"}, "code-generation"),
        ({"title": "Add unit tests", "role": "architect"}, "architecture-design"),
    ],
)
async def test_a_task_type_that_nobody_named_is_inferred_and_says_why(
    consumer: QueueConsumer, fields: dict[str, Any], task_type: str
) -> None:
    await consumer.task(**fields)
    [event] = await of_kind(consumer.log, TaskSubmitted)
    assert event.task_type == task_type
    assert event.task_type_reason


async def test_a_task_needs_a_project_that_is_open(consumer: QueueConsumer) -> None:
    with pytest.raises(NotFoundError):
        await consumer.do(SubmitTask(project_id="project-0", title="Do it"))
    project = await consumer.project()
    await consumer.do(ArchiveProject(), project)
    with pytest.raises(ConflictError):
        await consumer.do(SubmitTask(project_id=project, title="Do it"))
    assert not await of_kind(consumer.log, TaskSubmitted)


@pytest.mark.parametrize(
    "fields", [{"role": "wizard"}, {"task_type": "magic"}, {"role": "tester", "task_type": "planning"}]
)
async def test_a_role_or_type_that_does_not_exist_or_does_not_fit_is_refused(
    consumer: QueueConsumer, fields: dict[str, Any]
) -> None:
    with pytest.raises(BadInputError):
        await consumer.task(**fields)


async def test_blockers_must_exist_wherever_they_are_named(consumer: QueueConsumer) -> None:
    first = await consumer.task()
    second = await consumer.task(blocked_by=(first,))
    with pytest.raises(NotFoundError, match="task-0"):
        await consumer.task(blocked_by=(first, "task-0"))
    with pytest.raises(NotFoundError, match="task-0"):
        await consumer.do(EditTask(blocked_by=("task-0",)), second)
    with pytest.raises(BadInputError):
        await consumer.do(EditTask(blocked_by=(second,)), second)
    await consumer.do(EditTask(blocked_by=()), second)
    assert [one.blocked_by for one in await of_kind(consumer.log, TaskEdited)] == [()]


async def test_a_ring_of_dependencies_is_refused_and_named(consumer: QueueConsumer) -> None:
    first = await consumer.task()
    second = await consumer.task(blocked_by=(first,))
    third = await consumer.task(blocked_by=(second,))
    with pytest.raises(DependencyRingError, match=f"{first} → {third} → {second} → {first}"):
        await consumer.do(EditTask(blocked_by=(third,)), first)
    assert await of_kind(consumer.log, TaskEdited) == []
    await consumer.do(EditTask(blocked_by=()), second)
    await consumer.do(EditTask(blocked_by=(third,)), first)


async def test_who_is_done_or_archived_closes_no_ring(consumer: QueueConsumer) -> None:
    first = await consumer.task()
    second = await consumer.task(blocked_by=(first,))
    await consumer.do(MoveTask(state=TaskState.ARCHIVED), second)
    await consumer.do(EditTask(blocked_by=(second,)), first)
    assert len(await of_kind(consumer.log, TaskEdited)) == 1


async def test_two_edits_at_once_cannot_close_a_ring_together(consumer: QueueConsumer) -> None:
    one, middle, other = await consumer.task(), await consumer.task(), await consumer.task()
    await consumer.do(EditTask(blocked_by=(other,)), middle)

    class Between(Line):
        """Lets the other edit pass while this one, decided already, is on its way."""

        async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
            if not self.appends:
                self.appends = 1
                await consumer.do(EditTask(blocked_by=(one,)), other)
            return await super().append(requests)

    late = Dispatcher(LogClient(Between(consumer.writer), WORKSPACE), consumer.clock)
    with pytest.raises(DependencyRingError):
        await late.dispatch(ORIGIN, EditTask(blocked_by=(middle,)), one)
    assert [one.task_id for one in await of_kind(consumer.log, TaskEdited)] == [middle, other]


async def test_a_ring_that_stands_can_be_broken_and_edited_otherwise(consumer: QueueConsumer) -> None:
    one = await consumer.task()
    other = await consumer.task(blocked_by=(one,))
    third = await consumer.task()
    # As an older version let it into the log.
    await consumer.log.append(ORIGIN, (task_stream(one), 1, (TaskEdited(task_id=one, blocked_by=(other, third)),)))
    await consumer.do(EditTask(title="Another name"), one)
    await consumer.do(EditTask(blocked_by=(other,)), one)
    await consumer.do(EditTask(blocked_by=()), one)


async def test_null_empties_a_field_and_the_log_says_so(consumer: QueueConsumer) -> None:
    project = (await consumer.do(CreateProject(name="All of it", repo="/srv/it"))).id
    task = await consumer.task(project_id=project, deadline=NOON)
    await consumer.do(EditTask(deadline=None), task)
    await consumer.do(EditTask(deadline=None), task)
    await consumer.do(EditProject(repo=None), project)
    assert [one.cleared for one in await of_kind(consumer.log, TaskEdited)] == [("deadline",)]
    assert [one.cleared for one in await of_kind(consumer.log, ProjectEdited)] == [("repo",)]
    found = (await consumer.dispatcher.tasks.load(task_stream(task))).state
    assert found is not None
    assert found.deadline is None
    of_project = (await consumer.dispatcher.projects.load(project_stream(project))).state
    assert of_project is not None
    assert of_project.repo is None


@pytest.mark.parametrize("field", ["title", "description", "type", "priority", "review", "blocked_by"])
def test_null_where_a_value_must_be_is_no_edit(field: str) -> None:
    with pytest.raises(ValidationError, match="cannot be null"):
        EditTask.model_validate({field: None})


async def test_nothing_is_submitted_into_a_project_that_is_archived_at_that_moment(consumer: QueueConsumer) -> None:
    project = await consumer.project()

    class Between(Line):
        async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
            if not self.appends:
                self.appends = 1
                await consumer.do(ArchiveProject(), project)
            return await super().append(requests)

    late = Dispatcher(LogClient(Between(consumer.writer), WORKSPACE), consumer.clock)
    with pytest.raises(ConflictError, match="archived"):
        await late.dispatch(ORIGIN, SubmitTask(project_id=project, title="Do it"))
    assert await of_kind(consumer.log, TaskSubmitted) == []


async def test_a_task_is_edited_moved_and_put_in_its_place(consumer: QueueConsumer) -> None:
    project = await consumer.project()
    one, other = await consumer.task(project_id=project), await consumer.task(project_id=project)
    await consumer.do(EditTask(priority=99), one)
    await consumer.do(MoveTask(state=TaskState.TODO, before=one), other)
    await consumer.do(MoveTask(state=TaskState.ARCHIVED, comment="no more"), one)
    assert [event.priority for event in await of_kind(consumer.log, TaskEdited)] == [99]
    assert [event.before for event in await of_kind(consumer.log, TaskReordered)] == [one]
    assert [event.comment for event in await of_kind(consumer.log, TaskArchived)] == ["no more"]


async def test_a_move_that_the_rules_forbid_leaves_nothing(consumer: QueueConsumer) -> None:
    task = await consumer.task()
    with pytest.raises(ConflictError):
        await consumer.do(MoveTask(state=TaskState.DONE), task)
    with pytest.raises(NotFoundError):
        await consumer.do(MoveTask(state=TaskState.TODO, before="task-0"), task)
    assert len(await consumer.log.read(task_stream(task))) == 1


@pytest.mark.parametrize(
    "command", [EditTask(priority=1), MoveTask(state=TaskState.DONE), EditProject(name="x"), ArchiveProject()]
)
async def test_what_does_not_exist_is_not_found(consumer: QueueConsumer, command: Command) -> None:
    with pytest.raises(NotFoundError):
        await consumer.do(command, "nothing-0")


async def test_an_agent_is_registered_edited_switched_and_removed(consumer: QueueConsumer) -> None:
    made = await consumer.do(RegisterAgent(role="tester", capacity=3))
    assert made.id == "tester"
    await consumer.do(EditAgent(name="Tess", enabled=False), "tester")
    await consumer.do(EditAgent(enabled=True), "tester")
    await consumer.do(RemoveAgent(), "tester")
    events = [type(one.event) for one in await everything(consumer.log)]
    assert events == [AgentRegistered, AgentEdited, AgentDisabled, AgentEnabled, AgentRemoved]
    with pytest.raises(NotFoundError):
        await consumer.do(EditAgent(name="Tess"), "tester")


async def test_agents_of_one_role_get_ids_of_their_own_even_if_they_come_at_once(consumer: QueueConsumer) -> None:
    made = await asyncio.gather(*(consumer.do(RegisterAgent(role="tester")) for _ in range(4)))
    assert sorted(one.id for one in made) == ["tester", "tester-2", "tester-3", "tester-4"]
    with pytest.raises(ConflictError):
        await consumer.do(RegisterAgent(role="tester", id="tester-2", capacity=9))
    with pytest.raises(BadInputError):
        await consumer.do(RegisterAgent(role="wizard"))


async def test_money_is_not_its_business(consumer: QueueConsumer) -> None:
    with pytest.raises(BadInputError, match="not carried out here"):
        await consumer.do(SetBudget())


async def test_the_same_request_again_gets_the_same_answer_and_has_one_effect(consumer: QueueConsumer) -> None:
    project = await consumer.project()
    command = SubmitTask(project_id=project, title="Do it")
    first = await consumer.do(command, key=KEY)
    await consumer.project()
    assert await consumer.do(command, key=KEY) == first
    assert len(await of_kind(consumer.log, TaskSubmitted)) == 1
    recorded = await everything(consumer.log)
    [effect] = [one for one in recorded if isinstance(one.event, TaskSubmitted)]
    [marker] = [one for one in recorded if isinstance(one.event, RequestAccepted)]
    assert effect.request_id == marker.request_id
    assert (effect.position, marker.position) == (first.position, first.position + 1)


async def test_two_that_come_at_once_have_one_effect_and_one_answer(consumer: QueueConsumer) -> None:
    command = SubmitTask(project_id=await consumer.project(), title="Do it")
    answers = await asyncio.gather(*(consumer.do(command, key=KEY) for _ in range(6)))
    assert len({(one.id, one.position) for one in answers}) == 1
    assert len(await of_kind(consumer.log, TaskSubmitted)) == 1


async def test_a_key_with_another_body_is_refused(consumer: QueueConsumer) -> None:
    command = SubmitTask(project_id=await consumer.project(), title="Do it")
    await consumer.do(command, key=KEY)
    with pytest.raises(KeyReusedError):
        await consumer.do(command, key=replace(KEY, body=b'{"x":1}'))
    assert len(await of_kind(consumer.log, TaskSubmitted)) == 1


@pytest.mark.parametrize("other", [{"user": "bob"}, {"route": "POST /api/v1/projects"}, {"key": "k-2"}])
async def test_a_key_belongs_to_its_user_and_route(consumer: QueueConsumer, other: dict[str, Any]) -> None:
    command = SubmitTask(project_id=await consumer.project(), title="Do it")
    first = await consumer.do(command, key=KEY)
    assert (await consumer.do(command, key=replace(KEY, **other))).id != first.id


async def test_a_key_lives_a_day_and_can_then_be_used_anew(consumer: QueueConsumer) -> None:
    command = SubmitTask(project_id=await consumer.project(), title="Do it")
    first = await consumer.do(command, key=KEY)
    consumer.clock.move(24 * 3600)
    assert await consumer.do(command, key=KEY) == first
    consumer.clock.move(1)
    second = await consumer.do(command, key=replace(KEY, body=b"other"))
    assert second.id != first.id
    assert await consumer.do(command, key=replace(KEY, body=b"other")) == second


async def test_a_request_that_was_refused_does_not_use_up_its_key(consumer: QueueConsumer) -> None:
    with pytest.raises(NotFoundError):
        await consumer.do(SubmitTask(project_id="project-0", title="Do it"), key=KEY)
    await consumer.do(SubmitTask(project_id=await consumer.project(), title="Do it"), key=KEY)


class _Quicker(Line):
    """Somebody else appends first, a number of times."""

    def __init__(self, consumer: QueueConsumer, task: str, times: int) -> None:
        super().__init__(consumer.writer)
        self.consumer = consumer
        self.task = task
        self.times = times

    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        if self.times:
            self.times -= 1
            await self.consumer.do(EditTask(priority=self.times), self.task)
        return await super().append(requests)


async def test_if_somebody_is_quicker_it_decides_again_on_what_stands_now(consumer: QueueConsumer) -> None:
    task = await consumer.task()
    slow = Dispatcher(LogClient(_Quicker(consumer, task, 3), WORKSPACE), consumer.clock)
    await slow.dispatch(ORIGIN, EditTask(priority=77), task)
    assert [one.priority for one in await of_kind(consumer.log, TaskEdited)] == [2, 1, 0, 77]


async def test_a_thing_that_never_holds_still_is_given_up_in_the_end(consumer: QueueConsumer) -> None:
    task = await consumer.task()
    slow = Dispatcher(LogClient(_Quicker(consumer, task, 100), WORKSPACE), consumer.clock)
    with pytest.raises(ConflictError, match="faster"):
        await slow.dispatch(ORIGIN, EditTask(priority=77), task)


async def test_the_first_events_of_a_log_are_its_workspace_and_twelve_agents(consumer: QueueConsumer) -> None:
    await consumer.dispatcher.open_workspace(ORIGIN)
    await consumer.dispatcher.open_workspace(ORIGIN)
    recorded = await everything(consumer.log)
    assert recorded[0].event == WorkspaceOpened(workspace_id=WORKSPACE)
    assert [type(one.event) for one in recorded[1:]] == [AgentRegistered] * 12
    assert len({one.request_id for one in recorded}) == 1
