"""One card, solved with a tool of a server from outside, one of a package that was just installed, and one built in."""

from __future__ import annotations

import json
import sys
from typing import Any

from events.run import ToolUsed
from tests.api.persons import GREEN, Person
from tests.marketplace.packages import write
from tests.tool_servers.odd import PROGRAM, PYTHON, odd
from tests.work.site import call, scripted

POCKET = f"""
id = "pocket"
name = "A pocket of tools"
version = "1.0.0"
kind = "tool"
description = "Says what it is told."

[server]
roles = ["developer"]
expected_tools = ["echo"]

[server.transport]
kind = "stdio"
command = {json.dumps([sys.executable, str(PROGRAM)])}
read = {json.dumps([*PYTHON, str(PROGRAM.parent)])}

[[server.tools]]
name = "echo"
cost_microusd = 1500
"""
NOT_BIG = """@id("no-big") forbid(principal is Agent, action == Action::"tool:server", resource)
when { context.server == "pocket" && context.tool == "big" };"""
WORK = (
    [call("code__symbols", path="slug.py")],
    [call("odd__echo", text="from outside")],
    [call("pocket__echo", text="from a package")],
    [call("pocket__big", size=3)],
    [call("file_edit", path="slug.py", old="return text", new="return text.lower()")],
    [call("finish", summary="Slugs are in lower case.")],
)


async def test_each_call_stands_on_the_card_with_what_allowed_it_its_time_and_its_cost(person: Person) -> None:
    person.site.vendors.default(scripted(WORK))
    await person.ask("PUT", "/policies", 200, {"text": NOT_BIG})
    outside = odd(tools=[{"name": "echo", "cost_microusd": 250}]).model_dump(mode="json")
    await person.ask("PUT", "/mcp/servers/odd", 200, outside)
    write(person.site.settings.package_folder("default") / "pocket", POCKET, {})
    project = await person.project(GREEN)
    shown = await person.ask("GET", "/marketplace/pocket", 200)
    assert shown["may"]["tools"] == ["pocket.echo"] and str(PROGRAM) in shown["may"]["commands"][0]
    await person.ask("POST", "/marketplace/pocket/install", 200, {"digest": shown["digest"]})

    task = await person.task(project, review="none")
    card = await person.in_state(task, "done")
    assert card["checks"] == "green"
    steps = (await person.ask("GET", f"/runs/{card['runs'][0]['run_id']}/steps", 200))["items"]
    tools = {one["name"]: one for one in steps if one["kind"] == "tool"}
    assert list(tools) == ["code.symbols", "odd.echo", "pocket.echo", "pocket.big", "file_edit", "finish"]
    assert "slug" in str(tools["code.symbols"]["result"])
    assert "from outside" in str(tools["odd.echo"]["result"])
    assert "from a package" in str(tools["pocket.echo"]["result"])
    # What each may do was asked of the policies: the one that they forbid says so, on the card and in the trail.
    assert {name for name, one in tools.items() if one["error"]} == {"pocket.big"}
    assert "no-big" in tools["pocket.big"]["error"]
    [denied] = (await person.ask("GET", "/audit", 200, action="deny"))["items"]
    assert "tool:pocket.big" in denied["details"]
    assert all(one["duration_ms"] > 0 for name, one in tools.items() if name in ("odd.echo", "pocket.echo"))
    assert {name: one["cost_microusd"] for name, one in tools.items()} == {
        "code.symbols": 0,
        "odd.echo": 250,
        "pocket.echo": 1_500,
        "pocket.big": 0,
        "file_edit": 0,
        "finish": 0,
    }
    used: dict[str, Any] = {one.name: one.data for one in await person.site.told(ToolUsed)}
    assert (used["pocket.echo"]["server"], used["pocket.echo"]["outward"]) == ("pocket", False)

    await person.ask("DELETE", "/marketplace/pocket", 200)
    servers = (await person.ask("GET", "/mcp/servers", 200))["items"]
    assert "pocket" not in [one["id"] for one in servers]
