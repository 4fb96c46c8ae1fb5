from __future__ import annotations

from typing import Any

import pytest

from tests.api.doors import BOTH_STORES, Door

pytestmark = BOTH_STORES

COLUMNS = ["todo", "in-progress", "review", "done", "failed"]


def ids(board: dict[str, Any]) -> dict[str, list[str]]:
    return {state: [card["id"] for card in cards] for state, cards in board["columns"].items()}


async def test_the_board_shows_each_card_in_its_column_and_project(door: Door) -> None:
    project, other = await door.project(), await door.project(name="Other")
    idle = await door.idle_task(project["id"])
    done = (await door.task(other["id"]))["task_id"]
    card = await door.in_state(done, "done")
    board = await door.ask("GET", "/board", 200, params={"after": card["position"]})
    assert list(board["columns"]) == COLUMNS
    assert board["position"] >= card["position"]
    assert idle in ids(board)["todo"]
    assert ids(board)["done"] == [done]
    assert board["columns"]["done"][0]["cost_microusd"] == card["cost_microusd"]
    narrowed = await door.ask("GET", "/board", 200, params={"project_id": other["id"]})
    assert ids(narrowed) == {**dict.fromkeys(COLUMNS, []), "done": [done]}


async def test_the_order_of_the_board_is_the_order_of_the_work(door: Door) -> None:
    project = await door.project()
    # One thing at a time, so that the log tells the order.
    await door.ask("PATCH", "/agents/tester", 200, {"enabled": False, "capacity": 1})
    made: dict[str, str] = {}
    for title, priority in (("low", 0), ("mid", 50), ("high", 100), ("late", 50), ("low 2", 0)):
        soon = {"deadline": "2030-01-01T00:00:00Z"} if title == "late" else {}
        task = await door.task(project["id"], title=title, priority=priority, role="tester", **soon)
        made[title] = task["task_id"]
    await door.ask("POST", f"/tasks/{made['low 2']}/move", 200, {"state": "todo", "before": made["high"]})
    moved = await door.ask("PATCH", f"/tasks/{made['mid']}", 200, {"priority": 49})

    board = await door.ask("GET", "/board", 200, params={"after": moved["position"]})
    wanted = [made[title] for title in ("low 2", "high", "late", "mid", "low")]
    assert ids(board)["todo"] == wanted
    await door.ask("PATCH", "/agents/tester", 200, {"enabled": True})
    await door.in_state(made["low"], "done")
    started = await door.ask("GET", "/events", 200, params={"topic": "task.assigned"})
    assert [one["event"]["task_id"] for one in started["items"]] == wanted


async def test_the_board_of_the_past_is_what_the_board_was_then(door: Door) -> None:
    project = await door.project()
    empty = await door.ask("GET", "/board", 200, params={"at": 0})
    assert ids(empty) == dict.fromkeys(COLUMNS, [])
    assert empty["position"] == 0

    task = await door.task(project["id"], review="human")
    in_review = await door.in_state(task["task_id"], "review")
    then = await door.ask("GET", "/board", 200, params={"after": in_review["position"]})
    await door.ask("POST", f"/tasks/{task['task_id']}/move", 200, {"state": "done"})
    card = await door.in_state(task["task_id"], "done")

    again = await door.ask("GET", "/board", 200, params={"at": then["position"]})
    assert again == then
    submitted = await door.ask("GET", "/board", 200, params={"at": task["position"], "project_id": project["id"]})
    assert ids(submitted)["todo"] == [task["task_id"]]

    by_instant = await door.ask("GET", "/board", 200, params={"at": in_review["updated_at"]})
    assert ids(by_instant)["review"] == [task["task_id"]]
    now = await door.ask("GET", "/board", 200, params={"at": card["updated_at"]})
    assert ids(now)["done"] == [task["task_id"]]
    assert (await door.ask("GET", "/board", 200, params={"at": "2000-01-01"}))["position"] == 0
    with_zone = "/board?at=2020-01-01T00:00:00+01:00"  # "+" arrives as a space
    assert (await door.ask("GET", with_zone, 200))["position"] == 0


async def test_a_column_has_200_cards_without_texts_says_how_many_there_are_and_gives_the_rest(door: Door) -> None:
    project, other = await door.project(), await door.project(name="Other")
    for agent in (await door.ask("GET", "/agents", 200))["items"]:
        await door.ask("PATCH", f"/agents/{agent['id']}", 200, {"enabled": False})
    made = [
        (await door.task(project["id"], title=f"Task {number}", description="d" * 300, context={"n": number}))
        for number in range(203)
    ]
    last = await door.task(other["id"])
    wanted = [one["task_id"] for one in made]

    board = await door.ask("GET", "/board", 200, params={"after": last["position"], "project_id": project["id"]})
    assert ids(board)["todo"] == wanted[:200]
    assert board["counts"] == {**dict.fromkeys(COLUMNS, 0), "todo": 203}
    assert board["counts_by_project"] == {project["id"]: {"todo": 203}}
    everything = await door.ask("GET", "/board", 200)
    assert everything["counts_by_project"] == {project["id"]: {"todo": 203}, other["id"]: {"todo": 1}}
    assert board["next"] == {**dict.fromkeys(COLUMNS, None), "todo": board["columns"]["todo"][-1]["rank"]}
    assert not {"description", "context"} & board["columns"]["todo"][0].keys()
    whole = await door.ask("GET", f"/tasks/{wanted[7]}", 200)
    assert (whole["description"], whole["context"]) == ("d" * 300, {"n": 7})
    listed = await door.ask("GET", "/tasks", 200, params={"limit": 1})
    assert "description" not in listed["items"][0]

    asked = {"project_id": project["id"], "column": "todo", "cursor": board["next"]["todo"]}
    rest = await door.ask("GET", "/board", 200, params=asked)
    assert ids(rest) == {"todo": wanted[200:]}
    assert (rest["counts"], rest["next"]) == ({"todo": 203}, {"todo": None})
    # As it was then, though cards have come and gone since.
    await door.ask("POST", f"/tasks/{wanted[200]}/move", 200, {"state": "archived"})
    then = await door.ask("GET", "/board", 200, params={**asked, "at": last["position"]})
    assert ids(then) == {"todo": wanted[200:]}
    both = await door.ask("GET", "/board", 200, params={"column": "todo", "cursor": board["next"]["todo"]})
    assert ids(both)["todo"][-1] == last["task_id"]

    for wrong, field in (({"cursor": "aa"}, "column"), ({"column": "todo", "cursor": "x"}, "cursor")):
        problem = await door.ask("GET", "/board", 422, params=wrong)
        assert problem["errors"][0]["field"] == field
    await door.ask("GET", "/board", 422, params={"column": "archived"})


@pytest.mark.parametrize("path", ["/board", "/budgets", "/agents"])
async def test_what_is_yet_to_come_or_no_moment_at_all_is_refused(door: Door, path: str) -> None:
    for at in ("999999999", "2999-01-01T00:00:00Z", "soon", "-1", "1.5"):
        problem = await door.ask("GET", path, 422, params={"at": at})
        assert problem["errors"][0]["field"] == "at"
        assert problem["remedy"]


async def test_budgets_and_agents_of_the_past_are_what_they_were_then(door: Door) -> None:
    project = await door.project()
    first = await door.ask("PUT", "/budgets/developer", 200, {"monthly_limit_cents": 100})
    agents = await door.ask("GET", "/agents", 200, params={"after": first["position"]})
    budgets = await door.ask("GET", "/budgets", 200, params={"after": first["position"]})
    await door.ask("PUT", "/budgets/developer", 200, {"monthly_limit_cents": 900})
    await door.ask("PATCH", "/agents/developer", 200, {"capacity": 7})
    task = await door.task(project["id"])
    await door.in_state(task["task_id"], "done")
    for at in (first["position"], await recorded_at(door, first["position"])):
        assert await door.ask("GET", "/budgets", 200, params={"at": at}) == budgets
        assert await door.ask("GET", "/agents", 200, params={"at": at}) == agents
    assert (await door.ask("GET", "/agents", 200, params={"at": 0}))["items"] == []


async def recorded_at(door: Door, position: int) -> str:
    event = await door.ask("GET", f"/events/{position}", 200)
    return str(event["recorded_at"])
