"""Packages over HTTP: what is on offer, what is refused, and agents that work by what they were installed with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.base import Address
from events.agent import AgentRemoved
from events.ids import TOOL_SERVERS, MemberRole, Provider
from events.run import RunStarted, RunSucceeded
from tests.api.doors import API, Door
from tests.api.persons import WORK, Person
from tests.api.signing import House, bearer, housed
from tests.api.test_refusals import check_problem
from tests.marketplace.packages import agent_package, write
from vapora.log.client import LogClient
from vapora.settings import Settings
from vapora.testing.wire.script import Received

TYPE = {"role": "developer", "task_type": "code-generation", "review": "none"}


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with housed(settings) as house:
        yield house


def shop_of(settings: Settings) -> Path:
    return settings.package_folder("default")


def systems(person: Person) -> list[str]:
    """What the models were told that they are, in order."""
    return [_system(one) for one in person.site.vendors.requests]


def _system(received: Received) -> str:
    return json.dumps(received.body.get("system"), ensure_ascii=False)


async def started(person: Person, task: str) -> RunStarted:
    return next(one for one in await person.site.told(RunStarted) if one.task_id == task)


async def work(person: Person, project: str) -> str:
    return await person.task(project, **TYPE)


# --- what is on offer ---


async def test_the_marketplace_shows_what_ships_and_what_it_may_do(door: Door) -> None:
    found = {one["id"]: one for one in (await door.ask("GET", "/marketplace", 200))["items"]}
    assert len(found) == 8 and not any(one["installed"] or one["problem"] for one in found.values())
    assert found["code-reviewer"]["kind"] == "agent" and found["code-reviewer"]["role"] == "code-reviewer"
    assert found["time"]["may"]["commands"] == ["mcp-server-time"]
    only = (await door.ask("GET", "/marketplace", 200, params={"kind": "workflow"}))["items"]
    assert [one["id"] for one in only] == ["hotfix", "weekly-review"]
    shown = await door.ask("GET", "/marketplace/pr-monitor", 200)
    assert "READY" in shown["texts"]["prompt.md"] and shown["manifest"]["agent"]["parallelizable"] is False
    assert shown["digest"] == found["pr-monitor"]["digest"] and "temperature" in shown["settings"]
    schema = shown["config_schema"]["properties"]
    assert (schema["temperature"]["maximum"], schema["parallelizable"]["default"]) == (1, False)
    server = (await door.ask("GET", "/marketplace/time", 200))["config_schema"]["properties"]["server"]["properties"]
    assert server["secrets"]["additionalProperties"]["format"] == "secret-name"
    check_problem(await door.http.get(f"{API}/marketplace/nothing"), 404, "not-found")


async def test_what_is_broken_is_shown_with_its_fault_and_leaves_nothing_behind(door: Door) -> None:
    shop = shop_of(door.settings)
    (agent_package(shop) / "prompt.md").write_text("You are somebody else.")
    write(shop / "not-toml", "nonsense", {})
    found = {one["id"]: one for one in (await door.ask("GET", "/marketplace", 200))["items"]}
    assert "has the digest" in found["slug-mender"]["problem"] and found["not-toml"]["problem"]
    before = await door.head()
    for one in ("slug-mender", "not-toml"):
        told = check_problem(await door.http.post(f"{API}/marketplace/{one}/install"), 422, "package-refused")
        assert "Nothing was installed" in str(told)
    assert await door.head() == before


async def test_another_digest_than_the_one_that_was_looked_at_is_refused(door: Door) -> None:
    path = f"{API}/marketplace/pr-monitor/install"
    before = await door.head()
    check_problem(await door.http.post(path, json={"digest": "0" * 64}), 409, "package-outdated")
    assert await door.head() == before
    shown = await door.ask("GET", "/marketplace/pr-monitor", 200)
    made = await door.ask("POST", "/marketplace/pr-monitor/install", 200, {"digest": shown["digest"]})
    assert made["installed"] and made["makes"] == "pr-monitor"
    before = await door.head()
    again = await door.ask("POST", "/marketplace/pr-monitor/install", 200, {})
    assert again["installed"] and await door.head() == before


# --- an agent ---


async def test_an_installed_agent_takes_a_card_at_once_by_its_own_prompt(person: Person) -> None:
    agent_package(shop_of(person.site.settings))
    project = await person.project()
    made = await person.ask("POST", "/marketplace/slug-mender/install", 200, {})
    assert (made["makes"], made["may"]["tools"]) == ("slug-mender", ["file_read", "file_edit", "finish"])
    agent = await person.ask("GET", "/agents/slug-mender", 200, after=made["position"])
    assert (agent["role"], agent["package"], agent["version"]) == ("developer", "slug-mender", "1.0.0")
    task = await work(person, project)
    card = await person.in_state(task, "done")
    assert card["assigned_agent"] == "slug-mender"
    assert systems(person) and all("Pilcrow" in one for one in systems(person))
    sent = person.site.vendors.requests[0].body
    assert sent["max_tokens"] == 3_000
    assert {one["name"] for one in sent["tools"]} == {"file_read", "file_edit", "finish"}
    begun = await started(person, task)
    assert begun.equipment is not None
    assert (begun.equipment.version, begun.equipment.digest) == ("1.0.0", made["digest"])
    why = await person.ask("GET", f"/tasks/{task}/why", 200)
    assert "higher priority" in str(why["decisions"][0]["reason"])


async def test_a_run_ends_on_the_version_that_it_began_with_also_after_its_agent_was_killed(person: Person) -> None:
    shop = shop_of(person.site.settings)
    agent_package(shop)
    project = await person.project()
    await person.ask("POST", "/marketplace/slug-mender/install", 200, {})
    gate = person.site.vendors.hold(Provider.ANTHROPIC)
    task = await work(person, project)
    await gate.arrivals(1)
    agent_package(shop, "2.0.0", "You are Octothorpe, and you mend slugs in another way.")
    shown = await person.ask("GET", "/marketplace/slug-mender", 200)
    assert shown["upgradable"] and (shown["version"], shown["installed_version"]) == ("2.0.0", "1.0.0")
    await person.ask("POST", "/marketplace/slug-mender/install", 409, {})
    done = await person.ask("POST", "/marketplace/slug-mender/upgrade", 200, {"digest": shown["digest"]})
    assert (done["installed_version"], done["upgradable"]) == ("2.0.0", False)
    await person.site.runtime.discard(Address("agent", "default", "slug-mender"))
    gate.release()
    await person.in_state(task, "done")
    assert len(systems(person)) >= len(WORK) and all("Pilcrow" in one for one in systems(person))
    told = (await started(person, task)).equipment
    assert told is not None and told.version == "1.0.0"

    person.site.vendors.requests.clear()
    later = await work(person, project)
    await person.in_state(later, "done")
    assert all("Octothorpe" in one for one in systems(person))


async def test_a_configuration_is_kept_and_holds_for_what_begins_then(person: Person) -> None:
    agent_package(shop_of(person.site.settings))
    project = await person.project()
    await person.ask("PUT", "/marketplace/slug-mender/config", 404, {"temperature": 0.1})
    await person.ask("POST", "/marketplace/slug-mender/install", 200, {})
    config = {"temperature": 0.75, "max_output_tokens": 2_000, "parallelizable": False, "provider": "anthropic"}
    config |= {"model": "claude-haiku-5-5"}
    said = await person.ask("PUT", "/marketplace/slug-mender/config", 200, config)
    assert said["config"] == config
    await person.ask("PUT", "/marketplace/slug-mender/config", 422, {"tools": ["run_command"]})
    await person.ask("PUT", "/marketplace/slug-mender/config", 422, {"server": {}})
    shown = await person.ask("GET", "/marketplace/slug-mender", 200)
    assert shown["config"] == config
    agent = await person.ask("GET", "/agents/slug-mender", 200, after=said["position"])
    assert agent["capacity"] == 1
    await person.in_state(await work(person, project), "done")
    sent = person.site.vendors.requests[0].body
    assert (sent["max_tokens"], sent["model"]) == (2_000, "claude-haiku-5-5")
    back = await person.ask("PUT", "/marketplace/slug-mender/config", 200, {})
    assert back["config"] == {}
    agent = await person.ask("GET", "/agents/slug-mender", 200, after=back["position"])
    assert agent["capacity"] == 2


async def test_an_agent_that_is_removed_ends_what_it_has_and_its_history_waits_for_it(person: Person) -> None:
    agent_package(shop_of(person.site.settings))
    project = await person.project()
    await person.ask("POST", "/marketplace/slug-mender/install", 200, {})
    gate = person.site.vendors.hold(Provider.ANTHROPIC)
    task = await work(person, project)
    await gate.arrivals(1)
    told = await person.ask("DELETE", "/agents/slug-mender", 409)
    assert "Remove the package" in str(told)
    gone = await person.ask("DELETE", "/marketplace/slug-mender", 200)
    await person.ask("GET", "/agents/slug-mender", 404, after=gone["position"])
    gate.release()
    await person.in_state(task, "done")
    assert all("Pilcrow" in one for one in systems(person))
    [ended] = await person.site.told(RunSucceeded)
    assert ended.agent_id == "slug-mender" and len(await person.site.told(AgentRemoved)) == 1
    other = await person.in_state(await work(person, project), "done")
    assert other["assigned_agent"] == "developer"
    back = await person.ask("POST", "/marketplace/slug-mender/install", 200, {})
    assert back["makes"] == "slug-mender"
    learned = await person.ask("GET", "/agents/slug-mender/learning", 200, after=back["position"])
    assert [one["runs"] for one in learned["profiles"]] == [1]


async def test_an_agent_of_its_own_id_is_made_where_another_has_that_of_the_package(door: Door) -> None:
    made = await door.ask("POST", "/marketplace/code-reviewer/install", 200, {})
    assert made["makes"] == "code-reviewer-2"
    agents = (await door.ask("GET", "/agents", 200, params={"role": "code-reviewer"}))["items"]
    assert {one["id"]: one["package"] for one in agents} == {"code-reviewer": "", "code-reviewer-2": "code-reviewer"}
    gone = await door.ask("DELETE", "/marketplace/code-reviewer", 200)
    left = (await door.ask("GET", "/agents", 200, params={"after": gone["position"], "role": "code-reviewer"}))["items"]
    assert [one["id"] for one in left] == ["code-reviewer"]


# --- tools and workflows ---


async def test_a_package_of_tools_sets_a_server_which_goes_with_it(door: Door) -> None:
    log = LogClient(door.system.log("default"), "default")
    path = f"{API}/marketplace/time/install"
    check_problem(await door.http.post(path), 401, "operator-only")
    assert not await log.read(TOOL_SERVERS)
    made = await door.ask("POST", "/marketplace/time/install", 200, {}, headers=door.operator)
    assert made["makes"] == "time"
    [told] = await log.read(TOOL_SERVERS)
    assert (told.event.server_id, told.event.owner) == ("time", "time")  # type: ignore[attr-defined]
    config = {"server": {"roles": ["developer"], "arguments": ["--local-timezone=Europe/Vienna"]}}
    await door.ask("PUT", "/marketplace/time/config", 200, config, headers=door.operator)
    newest = (await log.read(TOOL_SERVERS))[-1].event
    assert newest.transport.command == (  # type: ignore[attr-defined]
        "mcp-server-time",
        "--local-timezone=Europe/Vienna",
    )
    assert newest.roles == ("developer",)  # type: ignore[attr-defined]
    await door.ask("PUT", "/marketplace/time/config", 200, {"server": {}}, headers=door.operator)
    newest = (await log.read(TOOL_SERVERS))[-1].event
    assert newest.roles == ("developer",)  # type: ignore[attr-defined]
    assert newest.transport.command == ("mcp-server-time",)  # type: ignore[attr-defined]
    await door.ask("DELETE", "/marketplace/time", 200)
    assert (await log.read(TOOL_SERVERS))[-1].event.topic == "tool-server.removed"


async def test_a_package_of_a_workflow_defines_it_and_what_people_made_of_it_stays(door: Door) -> None:
    made = await door.ask("POST", "/marketplace/hotfix/install", 200, {})
    shown = await door.ask("GET", "/workflows/hotfix", 200, params={"after": made["position"]})
    assert (shown["source"], shown["package"]) == ("package", "hotfix")
    gone = await door.ask("DELETE", "/marketplace/hotfix", 200)
    check_problem(await door.http.get(f"{API}/workflows/hotfix?after={gone['position']}"), 404, "not-found")

    await door.ask("POST", "/marketplace/hotfix/install", 200, {})
    own = {**shown["definition"], "description": "As we do it."}
    await door.ask("PUT", "/workflows/hotfix", 200, own)
    gone = await door.ask("DELETE", "/marketplace/hotfix", 200)
    kept = await door.ask("GET", "/workflows/hotfix", 200, params={"after": gone["position"]})
    assert (kept["source"], kept["description"]) == ("api", "As we do it.")


# --- who may ---


async def test_members_and_programs_look_and_only_administrators_install(house: House) -> None:
    member = bearer(await house.member("grace"))
    admin = bearer(await house.member("ada2", MemberRole.ADMIN))
    owner = bearer(house.owner)
    token = await house.door.ask("POST", "/tokens", 201, {"name": "ci", "scopes": ["workspace:default"]}, headers=owner)
    program = {"Authorization": f"Bearer {token['token']}"}
    for who in (member, program):
        await house.door.ask("GET", "/marketplace/pr-monitor", 200, headers=who)
        for method, path in (
            ("POST", "/marketplace/pr-monitor/install"),
            ("POST", "/marketplace/pr-monitor/upgrade"),
            ("POST", "/marketplace"),
            ("PUT", "/marketplace/pr-monitor/config"),
            ("DELETE", "/marketplace/pr-monitor"),
        ):
            given: dict[str, Any] = {} if method == "DELETE" else {"json": {}}
            answer = await house.door.http.request(method, API + path, headers=who, **given)
            assert answer.status_code == 403, (method, path, answer.text)
    made = await house.door.ask("POST", "/marketplace/pr-monitor/install", 200, {}, headers=admin)
    assert made["installed_by"].startswith("user:")
    tools = await house.door.ask("POST", "/marketplace/time/install", 200, {}, headers=admin)
    assert tools["installed"]
    audit = await house.door.ask("GET", "/audit", 200, headers=owner, params={"resource": "package:pr-monitor"})
    assert [one["topic"] for one in audit["items"]] == ["package.installed"]
    assert "tools" in audit["items"][0]["details"]
