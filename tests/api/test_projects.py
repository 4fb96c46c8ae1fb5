from __future__ import annotations

from tests.api.doors import BOTH_STORES, Door

pytestmark = BOTH_STORES


async def test_a_project_is_made_shown_edited_and_archived(door: Door, parser: str) -> None:
    made = await door.project(description="Reads things", repo=parser)
    assert made["name"] == "Parser"
    assert made["repo"] == parser
    shown = await door.ask("GET", f"/projects/{made['id']}", 200, params={"after": made["position"]})
    assert shown == made

    edited = await door.ask("PATCH", f"/projects/{made['id']}", 200, {"name": "Lexer"})
    assert edited["name"] == "Lexer"
    assert edited["description"] == "Reads things"
    assert edited["position"] > made["position"]

    gone = await door.ask("DELETE", f"/projects/{made['id']}", 200)
    assert gone == {"id": made["id"], "position": gone["position"]}
    after = {"after": gone["position"]}
    assert (await door.ask("GET", "/projects", 200, params=after))["items"] == []
    listed = await door.ask("GET", "/projects", 200, params={**after, "archived": True})
    assert [one["archived"] for one in listed["items"]] == [True]


async def test_a_project_just_made_is_found_without_naming_a_position(door: Door) -> None:
    for _ in range(20):
        made = await door.project()
        await door.ask("GET", f"/projects/{made['id']}", 200)
        await door.ask("GET", "/board", 200, params={"project_id": made["id"]})


async def test_projects_are_listed_in_pages(door: Door) -> None:
    made = [await door.project(name=f"Project {number}") for number in range(5)]
    query = {"limit": 2, "after": made[-1]["position"]}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = await door.ask("GET", "/projects", 200, params={**query, **more})
        assert len(page["items"]) <= 2
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
    assert seen == [one["id"] for one in made]


async def test_the_repository_of_a_project_is_taken_away_by_null_and_by_nothing_else(door: Door, parser: str) -> None:
    made = await door.project(repo=parser)
    kept = await door.ask("PATCH", f"/projects/{made['id']}", 200, {"name": "Lexer"})
    assert kept["repo"] == parser
    edited = await door.ask("PATCH", f"/projects/{made['id']}", 200, {"repo": None}, headers=door.operator)
    assert edited["repo"] is None
    shown = await door.ask("GET", f"/projects/{made['id']}", 200, params={"after": edited["position"]})
    assert shown["repo"] is None
    for field in ("name", "description"):
        problem = await door.ask("PATCH", f"/projects/{made['id']}", 422, {field: None})
        assert problem["errors"][0]["field"] == field


async def test_the_cards_of_an_archived_project_say_so_and_are_not_tried_again(door: Door) -> None:
    project = await door.project()
    idle = await door.idle_task(project["id"])
    gone = await door.ask("DELETE", f"/projects/{project['id']}", 200)
    card = await door.ask("GET", f"/tasks/{idle}", 200, params={"after": gone["position"]})
    assert card["waiting"]["reason"] == "paused"
    assert "the project is archived" in card["waiting"]["remedy"].lower()
    await door.ask("DELETE", f"/tasks/{idle}", 200)


async def test_an_archived_project_takes_no_task_and_no_edit(door: Door) -> None:
    made = await door.project()
    await door.ask("DELETE", f"/projects/{made['id']}", 200)
    head = await door.head()
    problem = await door.ask("PATCH", f"/projects/{made['id']}", 409, {"name": "Lexer"})
    assert problem["code"] == "conflict"
    await door.ask("POST", "/tasks", 409, {"project_id": made["id"], "title": "Write a parser"})
    assert await door.head() == head


async def test_a_name_that_is_taken_is_taken_again_and_the_answer_says_so(door: Door) -> None:
    first = await door.project()
    key = {"headers": {"Idempotency-Key": "second"}}
    second = await door.ask("POST", "/projects", 201, {"name": "Parser"}, **key)
    assert "same_name" not in first
    assert second["same_name"] == [first["id"]]

    await door.ask("DELETE", f"/projects/{first['id']}", 200)
    third = await door.project()
    assert third["same_name"] == [second["id"]]
    assert await door.ask("POST", "/projects", 201, {"name": "Parser"}, **key) == second


async def test_a_short_id_leads_to_everything_that_it_may_mean(door: Door) -> None:
    project = await door.project()
    task_id = await door.idle_task(project["id"])

    async def found(prefix: str, **more: str) -> list[tuple[str, str]]:
        page = await door.ask("GET", "/ids", 200, params={"prefix": prefix, "after": await door.head(), **more})
        return [(one["kind"], one["id"]) for one in page["items"]]

    assert await found(task_id) == [("task", task_id)]
    assert await found(task_id.removeprefix("task-")[:14]) == [("task", task_id)]
    assert await found(project["id"][:12]) == [("project", project["id"])]
    assert await found("develop") == [("agent", "developer")]
    assert len(await found("task-", kind="task")) == 2
    assert ("run", "none") not in await found("task-") and await found("zzz") == []
    await door.ask("DELETE", "/agents/presenter", 200)
    await door.card(task_id, lambda card: True)
    removed = await door.ask("GET", "/ids", 200, params={"prefix": "presenter", "after": await door.head()})
    assert removed["items"] == []
    await door.ask("GET", "/ids", 422, params={"prefix": "Ä"})


async def test_the_dashboard_shows_the_work_of_one_project_and_what_it_cost(door: Door) -> None:
    project, other = await door.project(), await door.project(name="Other")
    task = await door.task(project["id"])
    await door.task(other["id"])
    done = await door.in_state(task["task_id"], "done")
    found = await door.ask("GET", f"/projects/{project['id']}/dashboard?days=7&after={done['position']}", 200)
    assert found["cards"] == {"todo": 0, "in-progress": 0, "review": 0, "done": 1, "failed": 0}
    assert len(found["days"]) == 7
    assert (found["days"][-1]["submitted"], found["days"][-1]["done"]) == (1, 1)
    assert found["cycle"]["cards"] == 1
    assert [(one["runs"], one["succeeded"], one["simulated"]) for one in found["team"]] == [(1, 1, True)]
    [cost] = (await door.ask("GET", f"/costs?project_id={project['id']}", 200))["items"]
    assert cost["cost_microusd"] == done["cost_microusd"]


async def test_the_flow_of_the_workspace_is_that_of_all_projects_together(door: Door) -> None:
    for name in ("Parser", "Other"):
        task = await door.task((await door.project(name=name))["id"])
        done = await door.in_state(task["task_id"], "done")
    found = await door.ask("GET", f"/flow?days=7&after={done['position']}", 200)
    assert found["project_id"] is None
    assert found["cards"] == {"todo": 0, "in-progress": 0, "review": 0, "done": 2, "failed": 0}
    assert (found["days"][-1]["submitted"], found["days"][-1]["done"], found["lead"]["cards"]) == (2, 2, 2)
    assert sum(one["succeeded"] for one in found["team"]) == 2


async def test_there_is_no_dashboard_of_a_project_that_is_not_there(door: Door) -> None:
    await door.ask("GET", "/projects/nowhere/dashboard", 404)
