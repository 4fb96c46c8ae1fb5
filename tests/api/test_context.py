"""What holds for every call: positions, keys, correlations."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem


async def test_every_write_names_its_position_in_body_and_header(door: Door) -> None:
    project = await door.project()
    idle = await door.idle_task(project["id"])
    writes = [
        ("POST", "/projects", {"name": "Other"}),
        ("PATCH", f"/projects/{project['id']}", {"name": "Lexer"}),
        ("POST", "/tasks", {"project_id": project["id"], "title": "Write it", "blocked_by": [idle]}),
        ("PATCH", f"/tasks/{idle}", {"priority": 1}),
        ("POST", f"/tasks/{idle}/move", {"state": "archived"}),
        ("POST", "/agents", {"role": "tester"}),
        ("PATCH", "/agents/tester-2", {"name": "Second"}),
        ("PUT", "/agents/tester-2", {"name": "Third"}),
        ("DELETE", "/agents/tester-2", None),
        ("PUT", "/budgets/developer", {"monthly_limit_cents": 100}),
        ("PUT", f"/budgets/project/{project['id']}", {"weekly_limit_cents": 100}),
        ("PUT", f"/budgets/task/{idle}", {"limit_cents": 100}),
        ("DELETE", f"/projects/{project['id']}", None),
    ]
    last = 0
    for method, path, body in writes:
        given: dict[str, Any] = {} if body is None else {"json": body}
        answer = await door.http.request(method, API + path, **given)
        assert answer.is_success, answer.text
        position = answer.json()["position"]
        assert answer.headers["vapora-position"] == str(position), path
        assert position > last, path
        last = position


async def test_a_write_is_read_with_its_position(door: Door) -> None:
    project = await door.project()
    for number in range(20):
        edited = await door.ask("PATCH", f"/projects/{project['id']}", 200, {"name": f"Name {number}"})
        shown = await door.ask("GET", f"/projects/{project['id']}", 200, params={"after": edited["position"]})
        assert shown["name"] == f"Name {number}"


async def test_a_get_waits_five_seconds_for_a_position_and_then_is_504(door: Door) -> None:
    project = await door.project()
    task = await door.idle_task(project["id"])
    beyond = {"after": 1_000_000}
    paths = [
        "/projects", f"/projects/{project['id']}", "/tasks", f"/tasks/{task}", f"/tasks/{task}/why",
        f"/tasks/{task}/runs", "/board", "/board?at=1", "/agents", "/agents/tester", "/agents/tester/learning",
        "/budgets", "/budgets/tester", f"/budgets/project/{project['id']}", "/costs", "/status", "/position",
    ]  # fmt: skip
    begun = asyncio.get_running_loop().time()
    answers = await asyncio.gather(
        *(door.http.get(API + path, params={**httpx.URL(path).params, **beyond}, timeout=20) for path in paths)
    )
    assert 5 <= asyncio.get_running_loop().time() - begun < 10
    for path, answer in zip(paths, answers, strict=True):
        problem = check_problem(answer, 504, "projection-behind")
        assert "1000000" in problem["detail"], path


async def test_a_get_that_waits_is_answered_when_the_position_comes(door: Door) -> None:
    project = await door.project()
    head = await door.head()
    waiting = asyncio.create_task(
        door.ask("GET", f"/projects/{project['id']}", 200, params={"after": head + 1}, timeout=20)
    )
    await door.ask("PATCH", f"/projects/{project['id']}", 200, {"name": "Lexer"})
    assert (await waiting)["name"] == "Lexer"


async def test_the_same_key_gives_the_same_answer_and_takes_effect_once(door: Door) -> None:
    project = await door.project()
    idle = await door.idle_task(project["id"])
    posts = [
        ("/projects", {"name": "Once"}, {"name": "Twice"}),
        ("/tasks", {"project_id": project["id"], "title": "Write it", "blocked_by": [idle]}, {"title": "Other"}),
        ("/agents", {"role": "tester"}, {"role": "developer"}),
        (f"/tasks/{idle}/move", {"state": "archived"}, {"state": "todo"}),
    ]
    for path, body, other in posts:
        key = {"Idempotency-Key": f"key of {path}"}
        first = await door.http.post(API + path, json=body, headers=key)
        assert first.is_success, first.text
        head = await door.asked()
        again = await asyncio.gather(*(door.http.post(API + path, json=body, headers=key) for _ in range(3)))
        for answer in again:
            assert (answer.status_code, answer.json()) == (first.status_code, first.json())
            assert answer.headers["vapora-position"] == first.headers["vapora-position"]
        reused = await door.http.post(API + path, json={**body, **other}, headers=key)
        check_problem(reused, 422, "idempotency-key-reused")
        assert await door.asked() == head


async def test_the_first_answer_is_given_again_after_the_thing_has_changed(door: Door) -> None:
    key = {"Idempotency-Key": "k"}
    for path, body in (("/projects", {"name": "First"}), ("/agents", {"role": "tester"})):
        first = await door.ask("POST", path, 201, body, headers=key)
        await door.ask("PATCH", f"{path}/{first['id']}", 200, {"name": "Changed"})
        assert await door.ask("POST", path, 201, body, headers=key) == first


async def test_one_key_sent_many_times_at_once_makes_one_project(door: Door) -> None:
    key = {"Idempotency-Key": "at once"}
    answers = await asyncio.gather(
        *(door.http.post(f"{API}/projects", json={"name": "Once"}, headers=key) for _ in range(12))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    listed = await door.ask("GET", "/projects", 200, params={"after": answers[0].json()["position"]})
    assert len(listed["items"]) == 1


async def test_a_key_belongs_to_its_route(door: Door) -> None:
    key = {"Idempotency-Key": "k"}
    project = await door.ask("POST", "/projects", 201, {"name": "One"}, headers=key)
    task = await door.ask("POST", "/tasks", 202, {"project_id": project["id"], "title": "Write it"}, headers=key)
    assert task["task_id"] != project["id"]


async def test_a_key_without_a_body_or_too_long_is_refused(door: Door) -> None:
    for key in ("", "x" * 256, "a\tb"):
        answer = await door.http.post(f"{API}/projects", json={"name": "x"}, headers={"Idempotency-Key": key})
        check_problem(answer, 422, "invalid-request")


async def test_a_correlation_is_made_where_none_is_given(door: Door) -> None:
    first = await door.http.post(f"{API}/projects", json={"name": "x"})
    second = await door.http.get(f"{API}/nowhere")
    made = first.headers["x-correlation-id"]
    assert made != second.headers["x-correlation-id"]
    found = await door.ask("GET", "/events", 200, params={"correlation": made})
    assert [event["topic"] for event in found["items"]] == ["project.created"]
    assert found["items"][0]["actor"] == "user:local"


async def test_the_log_is_read_in_pages_and_by_stream_topic_and_correlation(door: Door) -> None:
    project = await door.project()
    task = await door.task(project["id"])
    await door.in_state(task["task_id"], "done")
    seen: list[dict[str, Any]] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = await door.ask("GET", "/events", 200, params={"after": cursor, "limit": 7})
        assert len(page["items"]) <= 7
        seen += page["items"]
        cursor = page["next"]
    positions = [event["position"] for event in seen]
    assert positions == sorted(set(positions))
    assert positions[-1] == await door.head()
    assert seen[0]["topic"] == "workspace.opened"

    stream = f"task:{task['task_id']}"
    of_stream = await door.ask("GET", "/events", 200, params={"stream": stream, "limit": 2})
    rest = await door.ask("GET", "/events", 200, params={"stream": stream, "after": of_stream["next"]})
    assert of_stream["items"] + rest["items"] == [event for event in seen if event["stream"] == stream]
    by_topic = await door.ask("GET", "/events", 200, params={"topic": ["task.submitted", "run.started"]})
    assert [event["topic"] for event in by_topic["items"]] == ["task.submitted", "run.started"]
    one = await door.ask("GET", f"/events/{positions[3]}", 200)
    assert one == seen[3]
    assert datetime.fromisoformat(one["recorded_at"]) <= datetime.now(UTC)
