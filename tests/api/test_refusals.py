"""What cannot be taken is refused with a problem that says what to do, and leaves the log as it was."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.doors import API, Door

_PROJECT = "{project}"
_TASK = "{task}"

_BAD: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/projects", {}, 422, "invalid-request"),
    ("POST", "/projects", {"name": ""}, 422, "invalid-request"),
    ("POST", "/projects", {"name": "x", "colour": "red"}, 422, "invalid-request"),
    ("POST", "/projects", [], 422, "invalid-request"),
    ("PATCH", "/projects/none", {"name": "x"}, 404, "not-found"),
    ("DELETE", "/projects/none", None, 404, "not-found"),
    ("GET", "/projects/none", None, 404, "not-found"),
    ("POST", "/tasks", {"project_id": _PROJECT}, 422, "invalid-request"),
    ("POST", "/tasks", {"project_id": "none", "title": "Write it"}, 404, "not-found"),
    ("POST", "/tasks", {"project_id": _PROJECT, "title": "  x "}, 422, "invalid-request"),
    ("POST", "/tasks", {"project_id": _PROJECT, "title": "x" * 501}, 422, "invalid-request"),
    ("POST", "/tasks", {"project_id": _PROJECT, "title": "Write it", "type": "epic"}, 422, "invalid-request"),
    ("POST", "/tasks", {"project_id": _PROJECT, "title": "Write it", "task_type": "juggling"}, 422, "invalid-request"),
    ("POST", "/tasks", {"project_id": _PROJECT, "title": "Write it", "role": "juggler"}, 422, "invalid-request"),
    ("POST", "/tasks", {"project_id": _PROJECT, "title": "Write it", "blocked_by": ["none"]}, 404, "not-found"),
    ("POST", "/tasks", {"project_id": _PROJECT, "title": "Write it", "deadline": "soon"}, 422, "invalid-request"),
    (
        "POST",
        "/tasks",
        {"project_id": _PROJECT, "title": "Write it", "deadline": "0001-01-01T00:00:00+14:00"},
        422,
        "invalid-request",
    ),
    *(
        ("POST", "/tasks", {"project_id": _PROJECT, "title": "Write it", "priority": bad}, 422, "invalid-request")
        for bad in (-1, 101, "50", 1.5, True)
    ),
    *(
        ("POST", "/tasks", {"project_id": _PROJECT, "title": "Write it", "context": bad}, 422, "invalid-request")
        for bad in ("{", "[]", '{"a": NaN}', "[" * 5_000, 7)
    ),
    ("PATCH", f"/tasks/{_TASK}", {"state": "done"}, 422, "invalid-request"),
    ("PATCH", f"/tasks/{_TASK}", {"blocked_by": [_TASK]}, 422, "invalid-request"),
    ("PATCH", "/tasks/none", {"title": "Write it"}, 404, "not-found"),
    ("POST", f"/tasks/{_TASK}/move", {"state": "nowhere"}, 422, "invalid-request"),
    ("POST", f"/tasks/{_TASK}/move", {"state": "done"}, 409, "conflict"),
    ("POST", f"/tasks/{_TASK}/move", {"state": "todo", "before": "none"}, 404, "not-found"),
    ("POST", "/tasks/none/move", {"state": "todo"}, 404, "not-found"),
    ("DELETE", "/tasks/none", None, 404, "not-found"),
    ("GET", "/tasks/none/why", None, 404, "not-found"),
    ("GET", "/tasks/none/runs", None, 404, "not-found"),
    ("GET", "/tasks?state=nowhere", None, 422, "invalid-request"),
    ("GET", "/tasks?limit=0", None, 422, "invalid-request"),
    ("GET", "/tasks?limit=501", None, 422, "invalid-request"),
    ("GET", "/tasks?cursor=x", None, 422, "invalid-request"),
    ("GET", "/projects?cursor=x", None, 422, "invalid-request"),
    ("GET", "/board?project_id=none", None, 404, "not-found"),
    ("GET", "/board?project_id=none&at=1", None, 404, "not-found"),
    ("GET", "/board?at=yesterday", None, 422, "invalid-request"),
    ("GET", "/board?at=-1", None, 422, "invalid-request"),
    ("GET", "/board?at=99999999999999999999999999", None, 422, "invalid-request"),
    ("GET", "/board?at=2999-01-01T00:00:00Z", None, 422, "invalid-request"),
    *(("GET", f"/board?after={bad}", None, 422, "invalid-request") for bad in ("-1", "x", "1.5", str(2**63))),
    ("POST", "/agents", {"role": "juggler"}, 422, "invalid-request"),
    ("POST", "/agents", {"role": "tester", "id": "../etc"}, 422, "invalid-request"),
    ("POST", "/agents", {"role": "tester", "capacity": 0}, 422, "invalid-request"),
    ("POST", "/agents", {"role": "tester", "id": "tester", "name": "Another"}, 409, "conflict"),
    ("POST", "/agents", {"role": "tester", "task_types": ["juggling"]}, 422, "invalid-request"),
    ("PUT", "/agents/none", {"name": "x"}, 404, "not-found"),
    ("PUT", "/agents/tester", {"role": "developer"}, 409, "conflict"),
    ("PATCH", "/agents/none", {"name": "x"}, 404, "not-found"),
    ("PATCH", "/agents/tester", {"task_types": []}, 422, "invalid-request"),
    ("DELETE", "/agents/none", None, 404, "not-found"),
    ("GET", "/agents/none", None, 404, "not-found"),
    ("GET", "/agents/none/learning", None, 404, "not-found"),
    ("GET", "/agents?state=asleep", None, 422, "invalid-request"),
    ("PUT", "/budgets/juggler", {"monthly_limit_cents": 1}, 404, "not-found"),
    ("PUT", "/budgets/developer", {"monthly_limit_cents": -1}, 422, "invalid-request"),
    ("PUT", "/budgets/developer", {"monthly_limit_cents": 1.5}, 422, "invalid-request"),
    ("PUT", "/budgets/developer", {"when_exceeded": "panic"}, 422, "invalid-request"),
    ("PUT", "/budgets/project/none", {"monthly_limit_cents": 1}, 404, "not-found"),
    ("PUT", "/budgets/agent/none", {"monthly_limit_cents": 1}, 404, "not-found"),
    ("PUT", "/budgets/task/none", {"limit_cents": 1}, 404, "not-found"),
    ("PUT", f"/budgets/task/{_TASK}", {"monthly_limit_cents": 1}, 422, "invalid-request"),
    ("PUT", "/budgets/workspace/other", {"monthly_limit_cents": 1}, 404, "not-found"),
    ("PUT", "/budgets/planet/earth", {"monthly_limit_cents": 1}, 404, "not-found"),
    ("GET", "/budgets/juggler", None, 404, "not-found"),
    ("GET", "/costs?group_by=weather", None, 422, "invalid-request"),
    ("GET", "/events?topic=weather.changed", None, 422, "invalid-request"),
    ("GET", "/events?after=-1", None, 422, "invalid-request"),
    ("GET", "/events/0", None, 422, "invalid-request"),
    ("GET", "/events/99999", None, 404, "not-found"),
    ("GET", "/roles/juggler", None, 404, "not-found"),
    ("GET", "/nowhere", None, 404, "no-such-path"),
    ("POST", "/auth/login", {"email": "a@b.c", "password": "x"}, 401, "unauthenticated"),
    ("POST", "/auth/login", {"email": "nobody", "password": "x"}, 422, "invalid-request"),
    ("POST", "/auth/nothing", {}, 404, "no-such-path"),
    ("PUT", "/projects", {"name": "x"}, 405, "method-not-allowed"),
    ("POST", "/tasks/", {"title": "x"}, 404, "no-such-path"),
]


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-correlation-id"]
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:vapora:problem:{code}"
    assert problem["status"] == status
    for member in ("title", "detail", "remedy", "instance"):
        assert problem[member], member
    return problem


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, names) for one in value]
    for name, id_ in names.items():
        value = value.replace(name, id_) if isinstance(value, str) else value
    return value


async def test_every_bad_request_is_refused_with_a_problem_and_nothing_is_appended(door: Door) -> None:
    project = await door.project()
    task = await door.idle_task(project["id"])
    head = await door.asked()
    names = {_PROJECT: project["id"], _TASK: task}
    for method, path, body, status, code in _BAD:
        given = {} if body is None else {"json": _filled(body, names)}
        answer = await door.http.request(method, API + _filled(path, names), **given)
        check_problem(answer, status, code)
        assert await door.asked() == head, (method, path, body)


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"{'a': 1}", b'{"name": NaN}', b'{"name": "\\ud800"}', b"\xff\xfe", b"[" * 5_000, b"1" * 5_000],
    ids=["cut off", "empty", "quotes", "NaN", "half a character", "not UTF-8", "depth", "digits"],
)
async def test_a_malformed_body_is_400_and_an_absent_one_422(door: Door, body: bytes) -> None:
    head = await door.asked()
    answer = await door.http.post(f"{API}/projects", content=body, headers={"Content-Type": "application/json"})
    check_problem(answer, 400 if body else 422, "malformed-json" if body else "invalid-request")
    assert await door.asked() == head


async def test_a_number_beyond_all_floats_is_refused(door: Door) -> None:
    project = await door.project()
    head = await door.asked()
    body = f'{{"project_id": "{project["id"]}", "title": "Write it", "context": {{"a": 1e999}}}}'
    answer = await door.http.post(f"{API}/tasks", content=body.encode(), headers={"Content-Type": "application/json"})
    check_problem(answer, 422, "invalid-request")
    assert await door.asked() == head


async def test_validation_names_each_field(door: Door) -> None:
    answer = await door.http.post(f"{API}/tasks", json={"title": "x", "priority": 500})
    problem = check_problem(answer, 422, "invalid-request")
    assert {(one["where"], one["field"]) for one in problem["errors"]} == {
        ("body", "project_id"),
        ("body", "title"),
        ("body", "priority"),
    }
    assert "project_id" in problem["remedy"]


async def test_the_rules_refusals_name_the_field_too(door: Door) -> None:
    project = await door.project()
    body = {"project_id": project["id"], "title": "Write it", "role": "juggler"}
    problem = check_problem(await door.http.post(f"{API}/tasks", json=body), 422, "invalid-request")
    assert [one["field"] for one in problem["errors"]] == ["role"]
    assert "developer" in problem["remedy"]


async def test_a_body_over_the_limit_is_413_declared_or_streamed(door: Door) -> None:
    head = await door.asked()
    large = b'{"name": "' + b"x" * 60_000 + b'"}'
    json_header = {"Content-Type": "application/json"}
    check_problem(await door.http.post(f"{API}/projects", content=large, headers=json_header), 413, "body-too-large")

    async def parts() -> Any:
        for start in range(0, len(large), 1_000):
            yield large[start : start + 1_000]

    check_problem(await door.http.post(f"{API}/projects", content=parts(), headers=json_header), 413, "body-too-large")
    assert await door.asked() == head


async def test_a_body_that_is_not_declared_as_json_is_415(door: Door) -> None:
    head = await door.asked()
    for declared in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await door.http.post(f"{API}/projects", content=b'{"name": "x"}', headers={"Content-Type": declared})
        check_problem(answer, 415, "not-json")
    assert await door.asked() == head
    answer = await door.http.post(
        f"{API}/projects", content=b'{"name": "x"}', headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert answer.status_code == 201


async def test_405_says_which_methods_there_are(door: Door) -> None:
    answer = await door.http.put(f"{API}/projects", json={})
    assert answer.headers["allow"] == "GET, POST"


async def test_another_workspace_is_404_and_a_bad_name_422(door: Door) -> None:
    for name, status, code in (("other", 404, "not-found"), ("../etc", 422, "invalid-request")):
        for method in ("GET", "POST"):
            given: dict[str, Any] = {"json": {"name": "x"}} if method == "POST" else {}
            answer = await door.http.request(method, f"{API}/projects", headers={"Vapora-Workspace": name}, **given)
            check_problem(answer, status, code)
    answer = await door.http.get(f"{API}/projects", headers={"Vapora-Workspace": "default"})
    assert answer.status_code == 200


@pytest.mark.parametrize("given", ["x" * 129, "", "a\tb", "\u00e4"])
async def test_a_correlation_that_cannot_be_kept_is_refused(door: Door, given: str) -> None:
    head = await door.asked()
    headers = [(b"X-Correlation-Id", given.encode())]
    answer = await door.http.post(f"{API}/projects", json={"name": "x"}, headers=headers)
    problem = check_problem(answer, 422, "invalid-request")
    assert problem["errors"][0]["field"] == "X-Correlation-Id"
    assert await door.asked() == head


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1:8000", "127.0.0.1.evil.example"])
async def test_only_this_machine_is_served(door: Door, host: str) -> None:
    head = await door.asked()
    check_problem(await door.http.get(f"{API}/projects", headers={"Host": host}), 403, "foreign-origin")
    check_problem(await door.http.post(f"{API}/projects", json={}, headers={"Host": host}), 403, "foreign-origin")
    assert await door.asked() == head


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "vapora.localhost", "127.8.9.1"])
async def test_every_name_of_this_machine_is_served(door: Door, host: str) -> None:
    assert (await door.http.get(f"{API}/projects", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
async def test_pages_from_elsewhere_may_not_write(door: Door, origin: str) -> None:
    head = await door.asked()
    answer = await door.http.post(f"{API}/projects", json={"name": "x"}, headers={"Origin": origin})
    check_problem(answer, 403, "foreign-origin")
    assert await door.asked() == head
    own = await door.http.post(f"{API}/projects", json={"name": "x"}, headers={"Origin": "http://localhost:5173"})
    assert own.status_code == 201
