"""Channels as people make and look at them, over the whole actor system."""

from __future__ import annotations

from collections.abc import AsyncIterator
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


async def set_up(door: Door, receiver: Receiver, **more: Any) -> dict[str, Any]:
    address = {"value": f"http://127.0.0.1:{receiver.port}/services/canary-77ab"}
    await door.ask("PUT", "/secrets/channel-ops", 200, address, headers=door.operator)
    wanted = {"kind": "slack", "notices": ["task-done", "question"], "secret": "channel-ops", **more}
    found: dict[str, Any] = await door.ask("PUT", "/channels/ops", 200, wanted)
    return found


async def test_a_channel_is_made_shown_changed_and_removed(door: Door, receiver: Receiver) -> None:
    made = await set_up(door, receiver, description="For those on call")
    assert await door.ask("GET", "/channels/ops", 200, params={"after": made["position"]}) == made
    assert (await door.ask("GET", "/channels", 200))["items"] == [made]
    assert made["secret"] == "channel-ops" and "canary" not in str(made)
    removed = await door.ask("DELETE", "/channels/ops", 200)
    assert (await door.ask("GET", "/channels", 200, params={"after": removed["position"]}))["items"] == []
    check_problem(await door.http.get(f"{API}/channels/ops/deliveries"), 404, "not-found")


async def test_a_card_that_is_done_is_told(door: Door, receiver: Receiver) -> None:
    await set_up(door, receiver)
    project = (await door.project())["id"]
    await door.task(project, title="Write the parser", review="none")
    [message] = await receiver.wait_for(1)
    assert message.said["text"] == "Done: Write the parser"
    while (items := (await door.ask("GET", "/channels/ops/deliveries", 200))["items"])[0]["state"] != "delivered":
        pass
    assert items[0]["topic"] == "task.completed" and items[0]["attempts"] == 1


async def test_people_are_told_that_a_plan_waits_and_of_no_other_planning(door: Door, receiver: Receiver) -> None:
    await set_up(door, receiver, notices=["plan-proposed"])
    project = (await door.project())["id"]
    other = await door.task(project, title="Plan the holidays", role="project-manager", task_type="planning")
    await door.in_state(other["task_id"], "done")
    await door.ask("POST", "/plans", 201, {"goal": "Export links", "project_id": project})
    [message] = await receiver.wait_for(1)
    assert message.said["text"].startswith("A plan waits for a decision: ")
    assert "Export links" in message.said["text"]


async def test_a_sample_says_what_came_of_it(door: Door, receiver: Receiver) -> None:
    await set_up(door, receiver)
    outcome = await door.ask("POST", "/channels/ops/test", 200)
    assert outcome["delivered"] and outcome["status"] == 200
    receiver.answers.append(answer(403))
    outcome = await door.ask("POST", "/channels/ops/test", 200)
    assert (outcome["delivered"], outcome["error"]) == (False, "it answered with 403")
    await door.ask("POST", "/channels/ops/resend", 200)
    check_problem(await door.http.post(f"{API}/channels/nobody/test"), 404, "not-found")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"secret": "anthropic-api-key"}, "secret"),
        ({"notices": ["task-lost"]}, "There is no notice"),
        ({"templates": {"task-done": "$password"}}, "names what there is not"),
        ({"kind": "email", "secret": None}, "mail"),
        ({"kind": "webhook", "url": "http://169.254.169.254/latest"}, "inside"),
    ],
)
async def test_a_bad_one_gets_a_sentence_and_is_not_stored(
    door: Door, receiver: Receiver, changed: dict[str, Any], said: str
) -> None:
    wanted = {"kind": "slack", "notices": ["*"], "secret": "channel-ops", **changed}
    refused = await door.http.put(f"{API}/channels/ops", json=wanted)
    assert refused.status_code == 422 and said in refused.text
    check_problem(await door.http.get(f"{API}/channels/ops"), 404, "not-found")
