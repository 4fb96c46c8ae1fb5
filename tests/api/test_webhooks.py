"""Webhooks as people make and look at them."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from tests.receiver import Receiver, answer


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


async def made(door: Door, receiver: Receiver, *topics: str, **headers: str) -> dict[str, Any]:
    body = {"url": receiver.url, "topics": list(topics or ["task.*"])}
    found: dict[str, Any] = await door.ask("POST", "/webhooks", 201, body, headers=headers)
    return found


async def test_a_webhook_is_made_shown_changed_and_removed(door: Door, receiver: Receiver) -> None:
    hook = await made(door, receiver, "task.submitted")
    secret = hook.pop("secret")
    assert len(secret) > 40
    path = f"/webhooks/{hook['id']}"
    assert await door.ask("GET", path, 200, params={"after": hook["position"]}) == hook
    assert (await door.ask("GET", "/webhooks", 200))["items"] == [hook]
    body = {"url": receiver.url, "topics": ["*"], "enabled": False, "description": "For the build"}
    changed = await door.ask("PUT", path, 200, body)
    assert (changed["topics"], changed["enabled"], changed["created_at"]) == (["*"], False, hook["created_at"])
    removed = await door.ask("DELETE", path, 200)
    assert (await door.ask("GET", "/webhooks", 200, params={"after": removed["position"]}))["items"] == []
    check_problem(await door.http.get(API + path), 404, "not-found")
    audit = await door.ask("GET", "/audit", 200, params={"resource": f"webhook:{hook['id']}"})
    assert [one["topic"] for one in audit["items"]] == ["webhook.removed", "webhook.set", "webhook.set"]


async def test_what_happens_is_sent_and_anybody_with_the_secret_can_check_it(door: Door, receiver: Receiver) -> None:
    hook = await made(door, receiver, "task.submitted")
    project = (await door.project())["id"]
    task = await door.task(project, title="Write the parser")
    [message] = await receiver.wait_for(1)
    said = message.said
    assert (said["topic"], said["event"]["title"]) == ("task.submitted", "Write the parser")
    shown = await door.ask("GET", f"/events/{said['position']}", 200)
    assert {name: said[name] for name in shown} == shown
    at, signed = (part.split("=")[1] for part in message.headers["vapora-signature"].split(","))
    expected = hmac.new(hook["secret"].encode(), at.encode() + b"." + message.body, sha256).hexdigest()
    assert hmac.compare_digest(signed, expected)
    assert task["task_id"] == said["event"]["task_id"]
    while True:
        listed = await door.ask("GET", f"/webhooks/{hook['id']}/deliveries", 200)
        if listed["items"] and listed["items"][0]["state"] == "delivered":
            break
    assert listed["items"][0]["status"] == 200


async def test_a_request_that_comes_again_is_given_the_same_webhook_and_the_same_secret(
    door: Door, receiver: Receiver
) -> None:
    key = {"Idempotency-Key": "once"}
    first = await made(door, receiver, **key)
    assert await made(door, receiver, **key) == first
    listed = await door.ask("GET", "/webhooks", 200, params={"after": first["position"]})
    assert len(listed["items"]) == 1
    assert "secret" not in listed["items"][0]
    events = await door.ask("GET", "/events", 200, params={"limit": 500})
    assert first["secret"] not in json.dumps(events)


async def test_a_sample_says_what_came_of_it(door: Door, receiver: Receiver) -> None:
    hook = await made(door, receiver)
    path, key = f"/webhooks/{hook['id']}/test", {"Idempotency-Key": "sample"}
    receiver.answers.append(answer(500))
    first = await door.ask("POST", path, 200, headers=key)
    assert (first["delivered"], first["status"]) == (False, 500)
    assert await door.ask("POST", path, 200, headers=key) == first
    assert (await door.ask("POST", path, 200))["delivered"] is True
    assert len(receiver.received) == 2
    check_problem(await door.http.post(f"{API}/webhooks/none/test"), 404, "not-found")


async def test_only_who_has_seen_a_webhook_as_it_is_changes_it(door: Door, receiver: Receiver) -> None:
    hook = await made(door, receiver)
    path = f"{API}/webhooks/{hook['id']}"
    seen = (await door.http.get(path, params={"after": hook["position"]})).headers["etag"]
    body = {"url": receiver.url, "topics": ["run.*"]}
    changed = await door.http.put(path, json=body, headers={"If-Match": seen})
    assert changed.is_success
    check_problem(await door.http.delete(path, headers={"If-Match": seen}), 412, "precondition-failed")


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://169.254.169.254/latest", "topics": ["*"]},
        {"url": "https://[::ffff:10.0.0.1]/", "topics": ["*"]},
        {"url": "https://[64:ff9b::a00:1]/", "topics": ["*"]},
        {"url": "http://1.1.1.1/", "topics": ["*"]},
        {"url": "https://user:pass@1.1.1.1/", "topics": ["*"]},
        {"url": "file:///etc/passwd", "topics": ["*"]},
        {"url": f"https://{'0' * 64}.example.com/", "topics": ["*"]},
        {"url": "https://a..b/", "topics": ["*"]},
        {"url": "https://1.1.1.1/", "topics": ["nothing.at-all"]},
        {"url": "https://1.1.1.1/", "topics": []},
    ],
)
async def test_what_cannot_be_sent_to_is_refused(door: Door, body: dict[str, Any]) -> None:
    check_problem(await door.http.post(f"{API}/webhooks", json=body), 422, "invalid-request")
    assert (await door.ask("GET", "/webhooks", 200))["items"] == []
