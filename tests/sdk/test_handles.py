"""Projects and tasks that are named once and then asked, with and without `await`."""

from __future__ import annotations

from itertools import count

import pytest

from events.ids import Review, TaskState
from tests.waiting import caught_up, wait_for
from vapora import AsyncClient, Client
from vapora.commands import CreateProject, EditTask
from vapora.errors import NotFoundError
from vapora.sdk import AmbiguousError, ApiError, WaitTimeoutError

_NUMBERS = count(1)


@pytest.fixture
def name(client: Client) -> str:
    """That of a project of one's own."""
    made = client.create_project(CreateProject(name=f"Handle {next(_NUMBERS)}"))
    caught_up(client)
    return made.name


def test_a_task_is_handed_in_waited_for_and_read(client: Client, name: str) -> None:
    task = client.projects[name].tasks.submit("Write unit tests for slugs", role="tester", review=Review.NONE)

    card = task.wait(timeout=240)

    assert (card.state, task.state) == (TaskState.DONE, TaskState.DONE)
    [run] = task.runs()
    assert (run.task_id, run.state) == (task.id, "succeeded")
    assert client.run(run.run_id).run_id == run.run_id
    work = task.output()
    assert work.text == client.artifact(run.run_id, work.name)
    assert client.output(task.id, run.run_id) == work
    assert {one.kind for one in task.why().decisions} >= {"agent", "provider"}


def test_a_task_that_waits_for_a_person_is_waited_for_no_longer(client: Client, name: str) -> None:
    task = client.tasks.submit("Write unit tests for slugs", project=name, role="tester")
    assert task.wait(timeout=240).state is TaskState.REVIEW
    task.move(TaskState.DONE)
    assert task.state is TaskState.DONE
    assert client.wait(task.id, until=[TaskState.DONE]).id == task.id


def test_who_waits_in_vain_is_told_what_the_task_waits_for(client: Client, name: str) -> None:
    tasks = client.projects[name].tasks
    first = tasks.submit("Write unit tests for slugs", role="tester")
    second = tasks.submit("Write the rest of them", role="tester", blocked_by=(first.id,))

    wait_for("it to be known why", lambda: second.card().waiting)
    with pytest.raises(WaitTimeoutError) as caught:
        second.wait(timeout=0.3)

    assert isinstance(caught.value, TimeoutError)
    assert "still todo after 0.3 s: it waits for dependency" in str(caught.value)
    assert caught.value.remedy
    assert caught.value.details["card"].id == second.id
    with pytest.raises(NotFoundError, match="no run yet"):
        second.output()


def test_names_lead_to_projects_and_their_tasks(client: Client, name: str) -> None:
    project = client.projects[name]
    task = project.tasks.submit("Write unit tests for slugs", review=Review.HUMAN)
    task.edit(EditTask(priority=99))

    assert task.card().priority == 99
    assert [card.id for card in project.tasks()] == [task.id]
    assert project.show().name == name
    assert client.project(name.upper()).id == client.projects[project.id()].show().id
    assert project.board().position >= 0


def test_a_name_of_nobody_and_one_of_several_are_told(client: Client, name: str) -> None:
    other = client.create_project(CreateProject(name=name))
    caught_up(client)

    with pytest.raises(ApiError) as nobody:
        client.project("Nowhere")
    with pytest.raises(AmbiguousError) as several:
        client.project(name)

    assert nobody.value.status == 404
    assert other.id in several.value.details["candidates"]
    archived = client.projects[other.id].archive()
    assert client.project(name, after=archived).name == name


def test_a_task_without_a_project_is_refused_before_it_is_sent(client: Client) -> None:
    with pytest.raises(TypeError, match="project"):
        client.tasks.submit("Write it")


async def test_all_of_it_without_blocking(url: str, client: Client, name: str) -> None:
    async with AsyncClient(url) as asynchronous:
        position = await asynchronous.position()
        project = asynchronous.projects[name]
        task = await project.tasks.submit("Write unit tests for slugs", role="tester", review=Review.NONE)
        assert (await task.wait(timeout=240)).state is TaskState.DONE
        assert await task.state is TaskState.DONE
        assert [card.id async for card in project.tasks()] == [task.id]
        assert (await task.output()).text
        assert [one.name for one in await asynchronous.projects()].count(name) == 1
        assert [event.position async for event in asynchronous.events(limit=3)] == [1, 2, 3]
        async with asynchronous.live(position) as frames:
            async for frame in frames:
                assert frame.position > position
                break


async def test_following_ends_when_it_is_closed(url: str) -> None:
    async with AsyncClient(url) as client:
        live = client.live(0)
        async for _ in live:
            await live.close()


async def test_silence_is_told_where_nobody_shall_connect_again(silent_port: int) -> None:
    from vapora.sdk import NoServerError

    async with AsyncClient(f"http://127.0.0.1:{silent_port}", timeout=2) as client:
        with pytest.raises(NoServerError):
            async for _ in client.live(reconnect=False):
                pass
