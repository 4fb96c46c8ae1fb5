"""ETags: an answer that the caller has is spared, and nobody overwrites what they have not seen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.doors import API, BOTH_STORES, Door
from tests.api.test_refusals import check_problem

pytestmark = BOTH_STORES


async def tag(door: Door, path: str, after: int = 0) -> str:
    answer = await door.http.get(API + path, params={"after": after} if after else None)
    assert answer.is_success, answer.text
    return str(answer.headers["etag"])


async def editable(door: Door) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and a body that changes the thing."""
    project = (await door.project())["id"]
    task = await door.idle_task(project)
    return [
        (f"/projects/{project}", "PATCH", {"name": "Lexer"}),
        (f"/tasks/{task}", "PATCH", {"priority": 1}),
        ("/agents/tester", "PATCH", {"name": "Second"}),
        ("/settings", "PUT", {"name": "Here"}),
        ("/preferences", "PUT", {"theme": "dark"}),
        ("/budgets/developer", "PUT", {"monthly_limit_cents": 100}),
        (f"/budgets/project/{project}", "PATCH", {"weekly_limit_cents": 50}),
        (f"/budgets/task/{task}", "PUT", {"limit_cents": 50}),
    ]


async def test_what_was_not_changed_is_answered_with_304(door: Door) -> None:
    for path, method, body in await editable(door):
        seen = await tag(door, path)
        for header in (seen, f"W/{seen}", f'"other", {seen}', "*"):
            answer = await door.http.get(API + path, headers={"If-None-Match": header})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", seen), path
        changed = await door.ask(method, path, 200, body)
        answer = await door.http.get(API + path, params={"after": changed["position"]}, headers={"If-None-Match": seen})
        assert answer.status_code == 200, path
        assert answer.headers["etag"] != seen


async def test_a_change_is_made_only_to_what_the_caller_has_seen(door: Door) -> None:
    for path, method, body in await editable(door):
        seen = await tag(door, path)
        changed = await door.http.request(method, API + path, json=body, headers={"If-Match": seen})
        assert changed.is_success, changed.text
        asked = await door.asked()
        refused = await door.http.request(method, API + path, json=body, headers={"If-Match": seen})
        problem = check_problem(refused, 412, "precondition-failed")
        assert "If-Match" in problem["remedy"]
        assert await door.asked() == asked
        now = await tag(door, path, changed.json()["position"])
        assert (await door.http.request(method, API + path, json=body, headers={"If-Match": now})).is_success
        assert (await door.http.request(method, API + path, json=body, headers={"If-Match": "*"})).is_success


async def test_of_many_that_edit_what_they_saw_one_succeeds(door: Door) -> None:
    project = (await door.project())["id"]
    for path, field in ((f"/projects/{project}", "name"), ("/budgets/tester", "monthly_limit_cents")):
        seen = {"If-Match": await tag(door, path)}
        bodies = [{field: str(one) if field == "name" else one} for one in range(1, 9)]
        answers = await asyncio.gather(*(door.http.patch(API + path, json=body, headers=seen) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]


async def test_a_thing_that_was_changed_is_not_removed(door: Door) -> None:
    project = (await door.project())["id"]
    task = await door.idle_task(project)
    for path, body in (
        (f"/tasks/{task}", {"priority": 1}),
        ("/agents/tester", {"name": "Second"}),
        (f"/projects/{project}", {"name": "Lexer"}),
    ):
        seen = {"If-Match": await tag(door, path)}
        changed = await door.ask("PATCH", path, 200, body)
        check_problem(await door.http.delete(API + path, headers=seen), 412, "precondition-failed")
        now = {"If-Match": await tag(door, path, changed["position"])}
        assert (await door.http.delete(API + path, headers=now)).is_success


async def test_an_agent_at_work_is_in_nobodys_way(door: Door) -> None:
    project = (await door.project())["id"]
    seen = await tag(door, "/agents/developer")
    body = {"role": "developer", "task_type": "code-generation"}
    task = (await door.task(project, **body))["task_id"]
    await door.in_state(task, "done")
    answer = await door.http.patch(f"{API}/agents/developer", json={"name": "Dev"}, headers={"If-Match": seen})
    assert answer.is_success, answer.text


async def test_a_request_under_a_key_is_answered_again_although_the_version_has_gone_on(door: Door) -> None:
    project = (await door.project())["id"]
    headers = {"If-Match": await tag(door, f"/projects/{project}"), "Idempotency-Key": "k"}
    first = await door.ask("PATCH", f"/projects/{project}", 200, {"name": "Lexer"}, headers=headers)
    assert await door.ask("PATCH", f"/projects/{project}", 200, {"name": "Lexer"}, headers=headers) == first


@pytest.mark.parametrize("header", ["", "abc", '"a', "1-2", "*, *"])
async def test_a_condition_that_is_none_is_refused(door: Door, header: str) -> None:
    answer = await door.http.put(f"{API}/settings", json={}, headers={"If-Match": header})
    check_problem(answer, 422, "invalid-request")


async def test_a_tag_of_somebody_else_matches_nothing(door: Door) -> None:
    answer = await door.http.put(f"{API}/settings", json={}, headers={"If-Match": '"of-another-server"'})
    check_problem(answer, 412, "precondition-failed")
