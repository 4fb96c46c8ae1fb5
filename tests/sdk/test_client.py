"""The client against the real server, on rehearsal models."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from events.ids import Review, Scope, TaskState
from tests.waiting import caught_up
from vapora.commands import CreateProject, EditAgent, EditTask, RegisterAgent, SetBudget, SetTaskBudget, SubmitTask
from vapora.errors import BadInputError
from vapora.sdk import ApiError, Client, NoServerError
from vapora.views import TaskCard


def hand_in(client: Client, review: Review = Review.HUMAN, title: str = "Write unit tests for slugs") -> str:
    project = client.create_project(CreateProject(name="Shortleaf"))
    task = SubmitTask(project_id=project.id, title=title, role="tester", review=review)
    made = client.submit_task(task).task_id
    caught_up(client)
    return made


def until(client: Client, task_id: str, state: TaskState) -> TaskCard:
    """Follow the live frames until the card is there."""
    board = client.board()
    card = client.task(task_id)
    if card.state is state:
        return card
    with client.live(board.position) as frames:
        for frame in frames:
            for one in frame.rows:
                if one.view == "task" and one.row.id == task_id and one.row.state is state:
                    return client.task(task_id, after=frame.position)
    raise AssertionError("the live frames ended")


def test_a_task_goes_from_hand_in_to_an_approved_review(client: Client) -> None:
    task_id = hand_in(client)

    card = until(client, task_id, TaskState.REVIEW)
    position = client.move(task_id, TaskState.DONE, comment="good work")

    assert card.assigned_agent == "tester"
    assert client.task(task_id, after=position).state is TaskState.DONE
    assert [card.id for card in client.tasks(card.project_id)] == [task_id]
    assert {one.kind for one in client.why(task_id).decisions} >= {"agent", "provider"}


def test_a_refusal_names_its_type_and_what_to_do(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.task("nope")

    assert refused.value.status == 404
    assert refused.value.type.endswith("not-found")
    assert refused.value.remedy


def test_an_id_with_a_slash_does_not_become_another_address(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.task("../health")

    assert refused.value.status == 404


def test_a_repeated_hand_in_under_one_key_is_one_task(client: Client) -> None:
    project = client.create_project(CreateProject(name="Twice"))
    task = SubmitTask(project_id=project.id, title="Only once", review=Review.NONE)

    first, second = (client.submit_task(task, key=f"key-{project.id}") for _ in range(2))

    caught_up(client)
    assert first.task_id == second.task_id
    assert len(list(client.tasks(project.id))) == 1


def test_a_task_can_be_edited(client: Client) -> None:
    task_id = hand_in(client)

    position = client.edit_task(task_id, EditTask(priority=99))

    assert client.task(task_id, after=position).priority == 99


def test_the_twelve_agents_are_listed_with_what_each_learned(client: Client) -> None:
    agents = client.agents()

    assert len({agent.role for agent in agents}) == 12
    assert client.learning("tester").profiles is not None


def test_an_agent_is_registered_edited_and_removed(client: Client) -> None:
    agent = client.register_agent(RegisterAgent(role="tester", id="tester-sdk", capacity=2))
    position = client.edit_agent(agent.id, EditAgent(enabled=False))

    edited = client.agent(agent.id, after=position)
    assert (edited.state, edited.capacity) == ("disabled", 2)
    gone = client.remove_agent(agent.id)
    assert agent.id not in {one.id for one in client.agents(after=gone)}


def test_limits_are_set_for_a_role_and_for_a_task(client: Client) -> None:
    task_id = hand_in(client)

    client.set_budget(Scope.ROLE, "marketer", SetBudget(monthly_limit_cents=123))
    position = client.set_budget(Scope.TASK, task_id, SetTaskBudget(limit_cents=45))

    budgets = {(one.scope, one.id): one for one in client.budgets(after=position)}
    assert budgets[Scope.ROLE, "marketer"].monthly_limit_cents == 123
    assert budgets[Scope.TASK, task_id].limit_cents == 45


def test_costs_are_grouped_as_asked(client: Client) -> None:
    task_id = hand_in(client, Review.NONE)
    until(client, task_id, TaskState.DONE)

    costs = client.costs(("provider", "task"), after=client.progress().head)

    assert {"provider", "task"} == set(costs[0].key)
    assert task_id in {one.key["task"] for one in costs}


def test_the_log_is_read_over_as_many_pages_as_it_has(client: Client) -> None:
    hand_in(client)

    with Client(client.url, page_size=3) as leafing:
        positions = [event.position for event in leafing.events(limit=20)]

    assert len(positions) == 20
    assert positions == sorted(set(positions))


def test_the_log_is_read_by_topics(client: Client) -> None:
    hand_in(client)

    found = {event.topic for event in client.events(topic=("task.submitted", "project.created"))}

    assert found == {"task.submitted", "project.created"}


def test_one_event_is_read_by_its_position(client: Client) -> None:
    assert client.event(1).position == 1


def test_the_board_of_the_past_is_as_it_was(client: Client) -> None:
    before = client.position()
    assert client.progress().head >= before
    hand_in(client)

    then = client.board(at=before)

    assert then.position == before


def test_health_is_told_also_of_a_server_that_rehearses(client: Client) -> None:
    health = client.health()

    assert (health.status, health.model) == ("ok", "rehearsal")


def test_silence_is_not_a_refusal(silent_port: int) -> None:
    with Client(f"http://127.0.0.1:{silent_port}") as client, pytest.raises(NoServerError):
        client.agents()


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.task("x\udcff"),
        lambda client: client.board(at="x\udcff"),
        lambda client: client.submit_task({"title": "x\udcff"}),
    ],
    ids=["path", "query", "body"],
)
def test_what_is_no_text_is_refused_before_it_is_sent(silent_port: int, ask: Callable[[Client], object]) -> None:
    with Client(f"http://127.0.0.1:{silent_port}") as client, pytest.raises(BadInputError):
        ask(client)


@pytest.mark.parametrize(
    "settings", [{"url": "http://secret@[::"}, {"token": "secret\nX: y"}, {"token": "secrét"}, {"workspace": "ü"}]
)
def test_a_setting_that_cannot_be_used_is_named_without_its_value(settings: dict[str, Any]) -> None:
    with pytest.raises(BadInputError) as caught:
        Client(**settings)
    assert "VAPORA_" in str(caught.value)
    assert "secr" not in str(caught.value)


def test_something_else_than_vapora_is_recognised(client: Client) -> None:
    # Its documentation page answers 200, but with HTML.
    with Client(f"{client.url}/docs#") as other, pytest.raises((ApiError, NoServerError)):
        other.health()


@pytest.fixture
def imported() -> set[str]:
    code = "import sys, vapora; vapora.Client; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_sdk_needs_neither_ray_nor_fastapi(imported: set[str]) -> None:
    assert "vapora.sdk" in imported
    assert not imported & {"ray", "fastapi", "eventsourcing", "typer", "sqlite3"}


def test_importing_vapora_alone_loads_no_client() -> None:
    code = "import sys, vapora; print('httpx' in sys.modules, 'pydantic' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]


def test_the_environment_names_the_server_and_the_token_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def asks(*given: str, **more: str) -> tuple[str, str | None]:
        with Client(*given, **more) as client:  # type: ignore[arg-type]
            return client.url, client._http.headers.get("Authorization")

    monkeypatch.delenv("VAPORA_URL", raising=False)
    monkeypatch.delenv("VAPORA_TOKEN", raising=False)
    assert asks() == ("http://127.0.0.1:8000", None)
    monkeypatch.setenv("VAPORA_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("VAPORA_TOKEN", "of-the-environment")
    assert asks() == ("http://127.0.0.1:9", "Bearer of-the-environment")
    assert asks("http://127.0.0.1:9") == ("http://127.0.0.1:9", "Bearer of-the-environment")
    assert asks("http://127.0.0.1:10") == ("http://127.0.0.1:10", None)
    assert asks(token="given") == ("http://127.0.0.1:9", "Bearer given")
