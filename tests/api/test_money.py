"""Budgets and costs."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from tests.api.doors import BOTH_STORES, Door
from vapora.catalog import ROLE_IDS

pytestmark = BOTH_STORES


def of(budgets: dict[str, Any], scope: str) -> list[dict[str, Any]]:
    return [one for one in budgets["items"] if one["scope"] == scope]


async def test_all_twelve_roles_are_listed_before_anybody_set_a_limit(door: Door) -> None:
    budgets = await door.ask("GET", "/budgets", 200)
    assert [one["id"] for one in of(budgets, "role")] == list(ROLE_IDS)
    for one in budgets["items"]:
        assert one["tier"] == "normal"
        assert one["monthly_limit_cents"] is None
        assert (one["utilisation"], one["monthly_spent_microusd"], one["weekly_held_microusd"]) == (0, 0, 0)


async def test_a_limit_is_set_shown_and_removed_in_every_scope(door: Door) -> None:
    project = await door.project()
    task = await door.idle_task(project["id"])
    limits = {"monthly_limit_cents": 500, "weekly_limit_cents": 200, "overflow_cents": 10, "when_exceeded": "stop"}
    for path, scope, id_ in (
        ("/budgets/developer", "role", "developer"),
        ("/budgets/role/tester", "role", "tester"),
        ("/budgets/workspace/default", "workspace", "default"),
        (f"/budgets/project/{project['id']}", "project", project["id"]),
        ("/budgets/agent/presenter", "agent", "presenter"),
    ):
        written = await door.ask("PUT", path, 200, limits)
        assert {name: written[name] for name in limits} == limits
        assert (written["scope"], written["id"]) == (scope, id_)
        shown = await door.ask("GET", path, 200, params={"after": written["position"]})
        assert shown == written
        listed = await door.ask("GET", "/budgets", 200)
        assert [one for one in of(listed, scope) if one["id"] == id_] == [shown]

    of_task = await door.ask("PUT", f"/budgets/task/{task}", 200, {"limit_cents": 30})
    assert of_task["limit_cents"] == 30
    assert (await door.ask("GET", f"/budgets/task/{task}", 200))["limit_cents"] == 30

    nothing = {"monthly_limit_cents": None, "weekly_limit_cents": None, "when_exceeded": "fallback"}
    removed = await door.ask("PUT", "/budgets/workspace/default", 200, nothing)
    listed = await door.ask("GET", "/budgets", 200, params={"after": removed["position"]})
    assert of(listed, "workspace") == []
    assert len(of(listed, "role")) == 12


async def test_two_that_change_one_budget_at_once_lose_nothing(door: Door) -> None:
    path = "/budgets/developer"
    await door.ask("PUT", path, 200, {"monthly_limit_cents": 500, "weekly_limit_cents": 200, "overflow_cents": 10})
    changes = [{"monthly_limit_cents": 600}, {"weekly_limit_cents": None}, {"when_exceeded": "stop"}]
    answers = await asyncio.gather(*(door.ask("PATCH", path, 200, change) for change in changes))

    shown = await door.ask("GET", path, 200, params={"after": max(one["position"] for one in answers)})
    assert {name: shown[name] for name in ("monthly_limit_cents", "weekly_limit_cents", "overflow_cents")} == {
        "monthly_limit_cents": 600,
        "weekly_limit_cents": None,
        "overflow_cents": 10,
    }
    assert shown["when_exceeded"] == "stop"
    # What each found is what the one before it left: nobody overwrote what they had not seen.
    in_order = sorted(answers, key=lambda one: int(one["position"]))
    for one, following in pairwise(in_order):
        assert {name: one[name] for name in following["before"]} == following["before"]
    assert in_order[0]["before"]["monthly_limit_cents"] == 500


async def test_a_change_of_limits_in_every_scope_answers_both_sides(door: Door) -> None:
    project = await door.project()
    task = await door.idle_task(project["id"])
    for path, change in (
        (f"/budgets/project/{project['id']}", {"monthly_limit_cents": 5}),
        ("/budgets/workspace/default", {"weekly_limit_cents": 7}),
        ("/budgets/agent/tester", {"overflow_cents": 3}),
        (f"/budgets/task/{task}", {"limit_cents": 9}),
    ):
        ((name, value),) = change.items()
        answer = await door.ask("PATCH", path, 200, change)
        assert (answer["before"][name], answer[name]) == (0 if name == "overflow_cents" else None, value)
        await door.ask("PATCH", path, 422, {})
    await door.ask("PATCH", f"/budgets/task/{task}", 422, {"monthly_limit_cents": 1})
    await door.ask("PATCH", "/budgets/project/none", 404, {"monthly_limit_cents": 1})
    await door.ask("PATCH", "/budgets/juggler", 404, {"monthly_limit_cents": 1})


async def test_a_limit_that_is_not_sent_is_not_lifted(door: Door) -> None:
    await door.ask("PUT", "/budgets/tester", 200, {"monthly_limit_cents": 500, "when_exceeded": "stop"})
    both = await door.ask("PUT", "/budgets/tester", 200, {"weekly_limit_cents": 100})
    assert (both["monthly_limit_cents"], both["weekly_limit_cents"], both["when_exceeded"]) == (500, 100, "stop")
    assert await door.ask("GET", "/budgets/tester", 200, params={"after": both["position"]}) == both
    one = await door.ask("PUT", "/budgets/tester", 200, {"monthly_limit_cents": None})
    assert (one["monthly_limit_cents"], one["weekly_limit_cents"]) == (None, 100)
    none = await door.ask("PUT", "/budgets/tester", 200, {})
    assert (none["monthly_limit_cents"], none["weekly_limit_cents"]) == (None, 100)


async def test_what_a_task_cost_is_the_same_wherever_it_is_asked_for(door: Door) -> None:
    project = await door.project()
    await door.ask("PUT", f"/budgets/project/{project['id']}", 200, {"monthly_limit_cents": 100})
    task = await door.task(project["id"])
    card = await door.in_state(task["task_id"], "done")
    cost = card["cost_microusd"]
    assert cost > 0
    after = {"after": card["position"]}
    lifetime = await door.ask("GET", f"/budgets/task/{card['id']}", 200, params=after)
    assert (lifetime["spent_microusd"], lifetime["held_microusd"]) == (cost, 0)
    of_role = await door.ask("GET", f"/budgets/{card['runs'][0]['role']}", 200, params=after)
    assert of_role["spent_microusd"] is None

    budget = await door.ask("GET", f"/budgets/project/{project['id']}", 200, params=after)
    assert budget["monthly_spent_microusd"] == cost
    assert budget["utilisation"] == cost / 1_000_000
    assert budget["simulated"] is True
    [listed] = of(await door.ask("GET", "/budgets", 200, params=after), "project")
    assert listed == budget
    [role] = [
        one for one in of(await door.ask("GET", "/budgets", 200, params=after), "role") if one["monthly_spent_microusd"]
    ]
    assert role["monthly_spent_microusd"] == cost

    [total] = (await door.ask("GET", "/costs", 200, params=after))["items"]
    assert (total["key"], total["cost_microusd"], total["simulated"]) == ({}, cost, True)
    keys = "provider,role,task_type,agent,task,project,day,model"
    [row] = (await door.ask("GET", "/costs", 200, params={"group_by": keys}))["items"]
    assert set(row["key"]) == set(keys.split(","))
    assert row["key"]["task"] == task["task_id"]
    assert (row["cost_microusd"], row["calls"]) == (cost, card["runs"][0]["calls"])
    assert (row["tokens_in"], row["tokens_out"]) == (card["runs"][0]["tokens_in"], card["runs"][0]["tokens_out"])


async def test_a_spent_budget_stops_a_task_and_its_card_says_what_to_do(door: Door) -> None:
    project = await door.project()
    await door.ask("PUT", f"/budgets/project/{project['id']}", 200, {"monthly_limit_cents": 0, "when_exceeded": "stop"})
    task = await door.task(project["id"])
    card = await door.card(task["task_id"], lambda card: card["waiting"] is not None)
    assert card["waiting"]["reason"] == "budget"
    assert card["waiting"]["remedy"]
    budget = await door.ask("GET", f"/budgets/project/{project['id']}", 200, params={"after": card["position"]})
    assert budget["tier"] == "exceeded"
    assert budget["monthly_spent_microusd"] == 0

    await door.ask("PUT", f"/budgets/project/{project['id']}", 200, {"monthly_limit_cents": 1_000})
    await door.in_state(task["task_id"], "done")
