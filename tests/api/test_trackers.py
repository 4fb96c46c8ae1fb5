"""Trackers as people connect them, over the whole actor system."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from actors.composition import Wiring
from actors.runtime.base import Address
from actors.trackers.tools import github_server
from tests.api.doors import API, Door, opened
from tests.api.test_refusals import check_problem
from tests.waiting import DEADLINE_S, until
from vapora.settings import Settings
from vapora.testing.trackers import FakeGitHub
from vapora.tools.servers import Caller


@pytest.fixture(scope="module")
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


async def connected(door: Door, github: FakeGitHub, **more: Any) -> dict[str, Any]:
    github.threads.clear()
    github.messages.clear()
    project = (await door.project())["id"]
    for name, value in (("tracker-app", github.token), ("tracker-app-signing", github.secret)):
        await door.ask("PUT", f"/secrets/{name}", 200, {"value": value}, headers=door.operator)
    wanted = {
        "kind": "github",
        "url": github.url,
        "remote": github.repository,
        "project_id": project,
        "secret": "tracker-app",
        "webhook_secret": "tracker-app-signing",
        "poll_s": 86_400,
        **more,
    }
    found: dict[str, Any] = await door.ask("PUT", "/trackers/app", 200, wanted)
    return found


async def cards(door: Door) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await door.ask("GET", "/tasks", 200))["items"]
    return found


async def some_cards(door: Door) -> list[dict[str, Any]]:
    async with asyncio.timeout(DEADLINE_S):
        while not (found := await cards(door)):
            await asyncio.sleep(0.01)
    return found


async def test_a_tracker_is_connected_tried_shown_changed_and_removed(door: Door, github: FakeGitHub) -> None:
    made = await connected(door, github, description="The app's issues")
    assert await door.ask("GET", "/trackers/app", 200, params={"after": made["position"]}) == made
    assert (await door.ask("GET", "/trackers", 200))["items"] == [made]
    assert "canary" not in str(made)
    tried = await door.ask("GET", "/trackers/app/check", 200)
    assert tried == {"reached": True, "name": "acme/app", "error": ""}
    status = await door.ask("GET", "/trackers/app/status", 200)
    assert set(status) == {"waiting", "problem", "held_until"}
    other = {name: made[name] for name in ("kind", "url", "project_id", "secret")}
    refused = await door.http.put(f"{API}/trackers/app", json={**other, "remote": "acme/other"})
    check_problem(refused, 409, "conflict")
    removed = await door.ask("DELETE", "/trackers/app", 200)
    assert (await door.ask("GET", "/trackers", 200, params={"after": removed["position"]}))["items"] == []
    check_problem(await door.http.get(f"{API}/trackers/app/status"), 404, "not-found")


async def test_a_signed_webhook_makes_a_card_with_a_link_and_another_one_is_refused_and_audited(
    door: Door, github: FakeGitHub
) -> None:
    made = await connected(door, github)
    await door.ask("GET", "/trackers/app", 200, params={"after": made["position"]})
    github.open_issue("The parser drops a line", "Steps: …", ("vapora",))
    [message] = github.messages
    path = f"{API}/trackers/app/webhook"
    forged = {**message.headers, "x-hub-signature-256": "sha256=" + "0" * 64}
    check_problem(await door.http.post(path, content=message.body, headers=forged), 401, "unauthenticated")
    nowhere = await door.http.post(f"{API}/trackers/none/webhook", content=message.body, headers=message.headers)
    check_problem(nowhere, 401, "unauthenticated")
    denied = (await door.ask("GET", "/events", 200, params={"topic": "access.denied"}))["items"]
    assert [one["event"]["action"] for one in denied] == ["take_tracker_webhook"]
    assert await cards(door) == []

    for _ in range(2):
        taken = await door.http.post(path, content=message.body, headers=message.headers)
        assert taken.status_code == 204
    [card] = await some_cards(door)
    assert card["title"] == "The parser drops a line"
    [link] = (await door.ask("GET", f"/tasks/{card['id']}/links", 200))["items"]
    assert (link["kind"], link["number"], link["state"]) == ("issue", "1", "open")
    await door.ask("POST", f"/tasks/{card['id']}/comments", 201, {"text": "We are at it"})
    await until(lambda: any("We are at it" in str(one.text) for one in github.comments_of(1)))


async def test_an_issue_is_imported_and_one_is_made(door: Door, github: FakeGitHub) -> None:
    made = await connected(door, github)
    github.open_issue("Without a label")
    await door.ask("POST", "/trackers/app/import", 200, {"numbers": ["1"]})
    await some_cards(door)
    task = await door.task(made["project_id"], title="Make it quick")
    await door.ask("POST", f"/tasks/{task['task_id']}/issue", 200, {"tracker_id": "app"})
    await until(lambda: 2 in github.threads)
    check_problem(
        await door.http.post(f"{API}/tasks/{task['task_id']}/issue", json={"tracker_id": "none"}), 404, "not-found"
    )


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"secret": "anthropic-api-key"}, 422, "secret"),
        ({"url": "http://169.254.169.254"}, 422, "VAPORA_TRACKER_ALLOW"),
        ({"remote": "acme"}, 422, "owner/name"),
        ({"project_id": "none"}, 404, "project"),
    ],
)
async def test_a_bad_one_gets_a_sentence_and_is_not_stored(
    door: Door, github: FakeGitHub, changed: dict[str, Any], status: int, said: str
) -> None:
    made = await connected(door, github)
    wanted = {name: made[name] for name in ("kind", "url", "remote", "project_id", "secret")}
    refused = await door.http.put(f"{API}/trackers/other", json={**wanted, **changed})
    assert refused.status_code == status and said in refused.text
    check_problem(await door.http.get(f"{API}/trackers/other"), 404, "not-found")


async def test_where_nothing_is_connected_nothing_runs_for_it(door: Door, github: FakeGitHub) -> None:
    tracker = Address("trackers", "default")
    await door.ask("GET", "/trackers", 200)
    task = await door.task((await door.project())["id"])
    await door.ask("GET", f"/tasks/{task['task_id']}/links", 200)
    forged = await door.http.post(f"{API}/trackers/app/webhook", json={})
    assert forged.status_code == 401
    assert tracker not in door.system.runtime.running()  # type: ignore[attr-defined]
    await connected(door, github)
    assert tracker in door.system.runtime.running()  # type: ignore[attr-defined]


async def test_agents_get_the_tools_of_what_is_connected(door: Door, github: FakeGitHub) -> None:
    server = github_server(Wiring(door.settings, {}, door.system.runtime))
    assert await server.tools("default") == ()
    made = await connected(door, github)
    await door.ask("GET", "/trackers", 200, params={"after": made["position"]})
    tools = {one.name: one for one in await server.tools("default")}
    assert {name for name, one in tools.items() if one.outward} == {"comment", "create_issue", "open_pull"}
    assert tools["read_issue"].reads_outside and tools["read_issue"].effect == "pure"
    github.open_issue("The parser drops a line")
    caller = Caller("default", "agent:developer", made["project_id"], agent_id="developer")
    found = await server.call(caller, "list_issues", {})
    assert found.ok and "acme/app#1: The parser drops a line" in found.text


async def test_after_a_restart_it_goes_on_by_itself(settings: Settings, github: FakeGitHub) -> None:
    async with opened(settings) as door:
        await connected(door, github)
    github.open_issue("While nobody was there", labels=("vapora",))
    # So that it looks at once, and not only after a day.
    (settings.trackers_folder("default") / "outbox.db").unlink()
    async with opened(settings) as door:
        await some_cards(door)
