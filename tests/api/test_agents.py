from __future__ import annotations

from tests.api.doors import BOTH_STORES, Door
from vapora.catalog import ROLE_IDS

pytestmark = BOTH_STORES


async def test_one_agent_of_each_role_is_there_at_first_start(door: Door) -> None:
    listed = await door.ask("GET", "/agents", 200)
    assert sorted(agent["role"] for agent in listed["items"]) == sorted(ROLE_IDS)
    assert listed["next"] is None
    for agent in listed["items"]:
        assert agent["state"] == "idle"
        assert agent["load"] == 0
        assert agent["capacity"] >= 1
        assert agent["task_types"]
        assert await door.ask("GET", f"/agents/{agent['id']}", 200) == agent


async def test_agents_are_found_by_what_they_can_do(door: Door) -> None:
    async def found(**query: object) -> list[str]:
        return [agent["id"] for agent in (await door.ask("GET", "/agents", 200, params=query))["items"]]

    tester = await door.ask("GET", "/agents/tester", 200)
    both = tester["capabilities"][:2]
    assert await found(capability=both) == ["tester"]
    assert await found(capability=[both[0], "juggling"]) == []
    assert await found(role="tester") == ["tester"]
    assert await found(task_type="unit-test") == ["tester"]
    assert len(await found(state="idle")) == 12
    assert await found(state="disabled") == []


async def test_an_agent_that_is_drained_gets_no_work_until_it_is_enabled(door: Door) -> None:
    drained = await door.ask("POST", "/agents/tester/drain", 200, {"reason": "new machine", "limit_s": 60})
    shown = await door.ask("GET", "/agents/tester", 200, params={"after": drained["position"]})
    assert (shown["state"], shown["reason"]) == ("disabled", "new machine")
    on = await door.ask("PATCH", "/agents/tester", 200, {"enabled": True})
    assert (on["state"], on["reason"]) == ("idle", "")
    await door.ask("POST", "/agents/nobody/drain", 404)
    await door.ask("POST", "/agents/tester/drain", 422, {"limit_s": -1})


async def test_an_agent_is_registered_edited_replaced_and_removed(door: Door) -> None:
    made = await door.ask("POST", "/agents", 201, {"role": "tester", "capacity": 3})
    assert made["id"] == "tester-2"
    assert (made["state"], made["load"], made["capacity"]) == ("idle", 0, 3)
    path = f"/agents/{made['id']}"
    assert await door.ask("GET", path, 200, params={"after": made["position"]}) == made

    off = await door.ask("PATCH", path, 200, {"enabled": False})
    assert off["state"] == "disabled"
    assert off["capacity"] == 3
    edited = await door.ask("PATCH", path, 200, {"task_types": ["unit-test"], "name": "Tina"})
    assert (edited["task_types"], edited["state"]) == (["unit-test"], "disabled")

    replaced = await door.ask("PUT", path, 200, {"role": "tester", "name": "Tom"})
    default = await door.ask("GET", "/agents/tester", 200)
    assert replaced["name"] == "Tom"
    assert replaced["state"] == "idle"
    assert replaced["task_types"] == default["task_types"]
    assert replaced["capacity"] == default["capacity"]

    gone = await door.ask("DELETE", path, 200)
    assert gone["id"] == made["id"]
    after = {"after": gone["position"]}
    await door.ask("GET", path, 404, params=after)
    assert len((await door.ask("GET", "/agents", 200, params=after))["items"]) == 12
    await door.ask("PATCH", path, 404, {"name": "Tim"})
    again = await door.ask("POST", "/agents", 201, {"role": "tester", "id": made["id"]})
    assert again["position"] > gone["position"]


async def test_what_an_agent_learned_is_shown(door: Door) -> None:
    project = await door.project()
    task = await door.task(project["id"])
    card = await door.in_state(task["task_id"], "done")
    path = f"/agents/{card['assigned_agent']}/learning"
    learning = await door.ask("GET", path, 200, params={"after": card["position"]})
    [profile] = learning["profiles"]
    assert (profile["task_type"], profile["runs"], profile["success_rate"]) == (card["task_type"], 1, 1)
    assert profile["confidence"] == 0.05
    assert profile["simulated"] is True
    [point] = learning["curve"]
    assert (point["runs"], point["cost_microusd"]) == (1, card["cost_microusd"])
    assert await door.ask("GET", "/agents/presenter/learning", 200) == {"profiles": [], "curve": []}


async def test_the_catalogue_shows_roles_and_task_types(door: Door) -> None:
    roles = (await door.ask("GET", "/roles", 200))["items"]
    assert [role["id"] for role in roles] == list(ROLE_IDS)
    assert await door.ask("GET", "/roles/tester", 200) == roles[3]
    types = (await door.ask("GET", "/task-types", 200))["items"]
    assert {"id": "unit-test", "roles": ["tester"]} in types
