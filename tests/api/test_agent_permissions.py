"""Agents are held by the policies too: what is refused is a result that the model reads, and stands in the trail."""

from __future__ import annotations

from tests.api.persons import Person

NO_EDITS = """
@id("hands-off")
forbid(principal is Agent, action == Action::"tool:file_edit", resource)
when { context.path like "slug*" };
"""


async def test_a_workspace_forbids_a_tool_to_its_agents_and_the_run_goes_on_without_it(person: Person) -> None:
    await person.ask("PUT", "/policies", 200, {"text": NO_EDITS})
    task = await person.task(await person.project())
    card = await person.card(task, lambda one: one["state"] not in ("todo", "in-progress"))
    steps = (await person.ask("GET", f"/runs/{card['runs'][0]['run_id']}/steps", 200))["items"]
    used = {one["name"]: one for one in steps if one["kind"] == "tool"}
    assert set(used) == {"file_read", "file_edit", "finish"}
    assert "hands-off" in str(used["file_edit"])
    assert used["file_edit"]["commit"] is None
    [denied] = (await person.ask("GET", "/audit", 200, action="deny"))["items"]
    assert (denied["actor"], denied["resource_id"], denied["result"]) == (
        f"agent:{card['assigned_agent']}",
        task,
        "failure",
    )
    assert "tool:file_edit" in denied["details"]
