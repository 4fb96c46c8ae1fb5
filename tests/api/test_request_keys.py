"""Every write takes an Idempotency-Key: sent again under it, it takes effect once and is answered as it was."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.api.doors import API, Door
from tests.api.persons import GREEN, WORK, Person
from tests.api.test_refusals import check_problem
from tests.receiver import Receiver
from tests.work.site import call, scripted
from vapora.api.openapi import operations

Body = dict[str, Any] | None
Step = tuple[str, str, Body]

# A digest of what is sent there must not stand in the log.
_SECRETS = (f"{API}/secrets/{{name}}", f"{API}/auth/", f"{API}/operator/")
# The first wants a dead letter, which only a queue beside the log has (`tests/api/test_queue.py`); the second takes a
# password, and no note of its key. `add_member` wants somebody who has an account; the last two show a secret once, and
# answer 409 when they come again (both in `tests/actors/test_identity.py`).
# Nothing is stored by a check. The tools of servers want a server (`tests/api/test_tool_servers.py`).
_ELSEWHERE = {"check_workflow", "requeue_dead_letter", "reset_password", "add_member", "issue_token", "invite"}
_ELSEWHERE |= {"call_tool", "decide_tool_call"}


async def twice(ask: Any, method: str, path: str, body: Body, key: str) -> Any:
    """The answer; the second one is the same."""
    given: dict[str, Any] = {} if body is None else {"json": body}
    headers = {"Idempotency-Key": key}
    first = await ask(method, API + path, headers=headers, **given)
    assert first.is_success, f"{method} {path}: {first.text}"
    again = await ask(method, API + path, headers=headers, **given)
    assert (again.status_code, again.json()) == (first.status_code, first.json()), path
    assert again.headers["vapora-position"] == first.headers["vapora-position"] == str(first.json()["position"])
    return first.json()


class Walk:
    """Sends each operation twice, and takes note of which those were."""

    def __init__(self, person: Person, document: dict[str, Any]) -> None:
        self.person = person
        self.seen: set[str] = set()
        self._ids = {(method, path): one["operationId"] for path, method, one in operations(document)}

    async def post(self, template: str, body: Body = None, /, **names: Any) -> Any:
        operation = self._ids["post", API + template]
        self.seen.add(operation)
        return await twice(self.person.http.request, "POST", template.format(**names), body, f"key-{operation}")

    async def attach(self, task: str) -> None:
        self.seen.add("attach_file")
        answers = [
            await self.person.http.post(
                f"{API}/tasks/{task}/attachments",
                files={"file": ("notes.txt", b"Keep it short.", "text/plain")},
                headers={"Idempotency-Key": "a file"},
            )
            for _ in range(2)
        ]
        assert answers[0].status_code == answers[1].status_code == 201, answers[0].text
        assert answers[0].json() == answers[1].json()


async def _post_runs(walk: Walk, project: str) -> None:
    """Of a run that waits for an answer."""
    person = walk.person
    person.site.vendors.default(
        scripted([[call("ask", question="Upper or lower?")], [call("finish", summary="Done.")]])
    )
    body = {"project_id": project, "title": "Ask me", "role": "developer", "task_type": "code-generation"}
    task = (await person.ask("POST", "/tasks", 202, body))["task_id"]
    card = await person.card(task, lambda one: one["question"] is not None)
    run = card["runs"][0]["run_id"]
    await walk.post("/runs/{run_id}/pause", {"reason": "wait"}, run_id=run)
    await walk.post("/runs/{run_id}/resume", None, run_id=run)
    await person.ask("PATCH", f"/tasks/{task}", 200, {"assignee": "anna"})  # nobody takes it up again
    await walk.post("/runs/{run_id}/cancel", {"reason": "enough"}, run_id=run)
    person.site.vendors.default(scripted(WORK))


async def test_every_post_sent_twice_under_one_key_takes_effect_once(person: Person) -> None:
    # Some seconds: work in a repository is done, judged and landed.
    document = (await person.http.get("/openapi.json")).json()
    walk, theirs = Walk(person, document), person.theirs
    theirs.commit({".vapora/project.toml": 'setup = ["true"]\n'}, "Say how")
    await walk.post("/pause", {"reason": "a walk"})
    await walk.post("/resume")
    await walk.post("/agents", {"role": "tester"})
    await walk.post("/agents/{agent_id}/drain", {"limit_s": 60}, agent_id="presenter")
    made = await walk.post("/projects", {"name": "Shop", "repo": str(theirs.path), "checks": [GREEN]})
    project = made["id"]
    file = await person.ask("GET", f"/projects/{project}/file", 200)
    await walk.post("/projects/{project_id}/accept-file", {"sha256": file["sha256"]}, project_id=project)
    await walk.post("/projects/{project_id}/pause", {"reason": "first the cards"}, project_id=project)

    body = {"project_id": project, "title": "Mend the slug", "role": "developer", "task_type": "code-generation"}
    task = (await walk.post("/tasks", body))["task_id"]
    await walk.attach(task)
    await walk.post("/tasks/{task_id}/comments", {"text": "Keep it short."}, task_id=task)
    await walk.post("/projects/{project_id}/resume", None, project_id=project)
    card = await person.in_state(task, "review")
    back = {"head": card["head"], "comment": "Once more."}
    await walk.post("/tasks/{task_id}/request-changes", back, task_id=task)
    await person.card(task, lambda one: one["state"] == "review" and len(one["runs"]) == 2)
    await walk.post("/tasks/{task_id}/attempts", None, task_id=task)
    await person.card(task, lambda one: one["state"] == "review" and one["attempt"] == 2)
    await walk.post("/tasks/{task_id}/attempts/{number}/pick", None, task_id=task, number=1)
    card = await person.card(task, lambda one: one["attempt"] == 1)
    await walk.post("/tasks/{task_id}/approve", {"head": card["head"]}, task_id=task)

    theirs.commit({"slug.py": "def slug(text):\n    return text.strip()\n"}, "Strip")
    await person.ask("POST", f"/tasks/{task}/merge", 409, {})
    await walk.post("/tasks/{task_id}/resolve", {"comment": "Keep both."}, task_id=task)
    await person.card(task, lambda one: one["state"] != "done")
    await _post_runs(walk, project)

    other = (await person.ask("POST", "/tasks", 202, {**body, "title": "Another"}))["task_id"]
    card = await person.in_state(other, "review")
    await walk.post("/tasks/{task_id}/push", None, task_id=other)
    await person.ask("POST", f"/tasks/{other}/approve", 200, {"head": card["head"]})
    await walk.post("/tasks/{task_id}/merge", {"message": "Mend it"}, task_id=other)
    await walk.post("/tasks/{task_id}/move", {"state": "archived"}, task_id=other)

    await walk.post("/knowledge/relations", {"problem": "It fails", "cause": "A locale", "task_id": task})
    await _plan(walk, project)
    await _documents(walk)
    await _workflow(walk, project)
    await walk.post("/secrets/rotate")
    await walk.post("/workspaces", {"name": "Acme"})
    await walk.post("/workspaces/{workspace_id}/teams", {"name": "Platform"}, workspace_id="default")
    receiver = Receiver()
    await receiver.start()
    hook = await walk.post("/webhooks", {"url": receiver.url, "topics": ["task.*"]})
    await walk.post("/webhooks/{webhook_id}/test", None, webhook_id=hook["id"])
    nightly = {"cron": "30 2 * * *", "task": {"project_id": project, "title": "Look at the logs", "assignee": "anna"}}
    await person.ask("PUT", "/schedules/nightly", 200, nightly)
    await walk.post("/schedules/{schedule_id}/fire", {"overlap": True}, schedule_id="nightly")
    channel = {"kind": "webhook", "notices": ["*"], "secret": "channel-ops", "url": receiver.url}
    await person.ask("PUT", "/channels/ops", 200, channel)
    await walk.post("/channels/{channel_id}/test", None, channel_id="ops")
    await walk.post("/channels/{channel_id}/resend", {"positions": [1]}, channel_id="ops")
    tracker = {
        "kind": "github",
        "url": receiver.url[:-6],
        "remote": "a/b",
        "project_id": project,
        "secret": "tracker-x",
    }
    await person.ask("PUT", "/trackers/app", 200, tracker)
    await walk.post("/trackers/{tracker_id}/import", {"numbers": ["7"]}, tracker_id="app")
    await walk.post("/tasks/{task_id}/issue", {"tracker_id": "app"}, task_id=task)
    await receiver.stop()
    await walk.post("/marketplace/refresh", None)
    await walk.post("/marketplace/{package}/install", {}, package="pr-monitor")
    await walk.post("/marketplace/{package}/upgrade", {}, package="pr-monitor")

    posts = {
        one["operationId"]
        for path, method, one in operations(document)
        if method == "post" and not path.startswith(_SECRETS)
    }
    assert posts - walk.seen - _ELSEWHERE == set(), "walk these, too"


async def _workflow(walk: Walk, project: str) -> None:
    gate = {"name": "go", "approval": True}
    made = await walk.post("/workflows", {"name": "Ask twice", "stages": [gate, {**gate, "name": "on"}]})
    body = {"project_id": project}
    run = (await walk.post("/workflows/{workflow_id}/runs", body, workflow_id=made["id"]))["id"]
    for word in ("pause", "resume"):
        await walk.post("/workflow-runs/{workflow_run_id}/" + word, None, workflow_run_id=run)
    asked = await _asked(walk.person, run)
    await walk.post("/approvals/{approval_id}", {"decision": "reject", "seen": asked["seen"]}, approval_id=asked["id"])
    await _ended(walk.person, run)
    about = {"workflow_run_id": run, "stage": "go"}
    await walk.post("/workflow-runs/{workflow_run_id}/stages/{stage}/retry", None, **about)
    await walk.post("/workflow-runs/{workflow_run_id}/stages/{stage}/skip", {"reason": "Enough"}, **about)
    await walk.post("/workflow-runs/{workflow_run_id}/cancel", None, workflow_run_id=run)


async def _asked(person: Person, run: str) -> dict[str, Any]:
    position = 0
    while not (open_ones := (await person.ask("GET", "/approvals", 200, params={"workflow_run_id": run}))["items"]):
        position = await _news(person, position)
    found: dict[str, Any] = open_ones[0]
    return found


async def _ended(person: Person, run: str) -> None:
    position = 0
    while (await person.ask("GET", f"/workflow-runs/{run}", 200))["state"] != "failed":
        position = await _news(person, position)


async def _news(person: Person, position: int) -> int:
    """Wait for the log to move on behind `position`, and for the read models to know."""
    polled = await person.site.log.poll(position, 1_000, 5)
    await person.ask("GET", "/approvals", 200, params={"after": polled.position})
    return polled.position


async def _plan(walk: Walk, project: str) -> None:
    person = walk.person
    card = {"key": "1", "title": "Write the exporter", "role": "developer"}
    answer = f"Like this.\n\n```json\n{json.dumps({'cards': [card]})}\n```"
    person.site.vendors.default(scripted([[call("finish", summary=answer)]]))
    made = await walk.post("/plans", {"goal": "Export links as CSV", "project_id": project})
    await person.in_state(made["task_id"], "done")
    revised = await walk.post("/plans/{plan_id}/revise", {"text": "Smaller"}, plan_id=made["id"])
    await person.in_state(revised["task_id"], "done")
    seen = (await person.ask("GET", f"/plans/{made['id']}", 200))["seen"]
    await walk.post("/plans/{plan_id}/accept", {"seen": seen}, plan_id=made["id"])
    other = await person.ask("POST", "/plans", 201, {"goal": "Import links", "project_id": project})
    await walk.post("/plans/{plan_id}/dismiss", {"reason": "Not now"}, plan_id=other["id"])
    person.site.vendors.default(scripted(WORK))


async def _documents(walk: Walk) -> None:
    one = (await walk.post("/documents", {"title": "Lending", "text": "Lend it."}))["id"]
    other = (await walk.person.ask("POST", "/documents", 201, {"title": "Lending too"}))["id"]
    await walk.post("/documents/{document_id}/publish", {"version": 1}, document_id=one)
    await walk.post("/documents/{document_id}/archive", {"reason": "old"}, document_id=one)
    await walk.post("/documents/{document_id}/restore", None, document_id=one)
    await walk.post("/documents/{document_id}/merge", {"from": other}, document_id=one)
    await walk.post("/documentation/draw", {"of": "decisions"})


def _writes(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [one for one in operations(document) if one[1] != "get"]


async def test_every_write_declares_the_key_and_what_is_read_with_an_etag_is_edited_with_one(door: Door) -> None:
    document = (await door.http.get("/openapi.json")).json()
    tagged = {path for path, method, one in operations(document) if method == "get" and "If-None-Match" in _names(one)}
    for path, method, operation in _writes(document):
        assert "Idempotency-Key" in _names(operation) or path.startswith(_SECRETS), f"{method} {path}"
        if method != "post":
            assert ("If-Match" in _names(operation)) == (path in tagged), f"{method} {path}"


def _names(operation: dict[str, Any]) -> set[str]:
    return {one["name"] for one in operation.get("parameters", ())}


async def test_every_other_write_sent_twice_under_one_key_takes_effect_once(door: Door) -> None:
    project = (await door.project())["id"]
    task = await door.idle_task(project)
    writes: list[Step] = [
        ("PATCH", f"/projects/{project}", {"name": "Lexer"}),
        ("PATCH", f"/tasks/{task}", {"priority": 1}),
        ("PATCH", "/agents/tester", {"name": "Second"}),
        ("PUT", "/agents/tester", {"name": "Third"}),
        ("PUT", "/settings", {"name": "Here"}),
        ("PUT", "/preferences", {"theme": "dark"}),
        ("PUT", "/budgets/developer", {"monthly_limit_cents": 100}),
        ("PATCH", "/budgets/developer", {"monthly_limit_cents": 200}),
        ("PUT", f"/budgets/project/{project}", {"weekly_limit_cents": 100}),
        ("PATCH", f"/budgets/project/{project}", {"weekly_limit_cents": 50}),
        ("PUT", f"/budgets/task/{task}", {"limit_cents": 100}),
        ("PATCH", f"/budgets/task/{task}", {"limit_cents": 50}),
        ("DELETE", f"/tasks/{task}", None),
        ("DELETE", "/agents/tester", None),
        ("DELETE", f"/projects/{project}", None),
    ]
    for number, (method, path, body) in enumerate(writes):
        await twice(door.http.request, method, path, body, f"key-{number}")
        assert await door.asked() == await _last_asked_position(door, method, path)


async def _last_asked_position(door: Door, method: str, path: str) -> int:
    found = await door.ask("GET", "/events", 200, params={"topic": "workspace.request-accepted", "limit": 500})
    return int(found["items"][-1]["position"])


async def test_a_budget_is_answered_again_as_it_was_after_others_have_changed_it(door: Door) -> None:
    key = {"Idempotency-Key": "first"}
    first = await door.ask("PUT", "/budgets/developer", 200, {"monthly_limit_cents": 100}, headers=key)
    await door.ask("PATCH", "/budgets/developer", 200, {"monthly_limit_cents": 900})
    assert await door.ask("PUT", "/budgets/developer", 200, {"monthly_limit_cents": 100}, headers=key) == first
    shown = await door.ask("GET", "/budgets/developer", 200)
    assert shown["monthly_limit_cents"] == 900
    reused = await door.http.put(f"{API}/budgets/developer", json={"monthly_limit_cents": 5}, headers=key)
    check_problem(reused, 422, "idempotency-key-reused")


async def test_a_change_of_a_budget_sent_many_times_at_once_takes_effect_once(door: Door) -> None:
    key, path = {"Idempotency-Key": "at once"}, f"{API}/budgets/developer"
    answers = await asyncio.gather(
        *(door.http.patch(path, json={"monthly_limit_cents": 300}, headers=key) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    found = await door.ask("GET", "/events", 200, params={"topic": ["budget.set", "workspace.request-accepted"]})
    assert len(found["items"]) == 2
    audit = await door.ask("GET", "/audit", 200, params={"resource": "budget", "after": answers[0].json()["position"]})
    assert [one["actor"] for one in audit["items"]] == ["user:local"]
