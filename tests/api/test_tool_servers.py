"""Servers of tools at the API: set, looked at, tried, and a call of an agent decided."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.api.doors import API
from tests.api.persons import Person
from tests.api.test_request_keys import twice
from tests.tool_servers.odd import odd
from tests.work.site import call, scripted

READS = {"name": "echo", "reads_outside": True}
SENDS = {"name": "big", "outward": True}


async def test_a_server_is_set_its_tool_tried_once_under_one_key_and_a_call_decided(
    person: Person, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    body = odd(transport={"write": [str(shared)]}, tools=[READS, SENDS]).model_dump(mode="json")
    made = await person.ask("PUT", "/mcp/servers/odd", 200, body)
    assert (made["state"], made["problem"]) == ("ready", "")
    tools = (await person.ask("GET", "/mcp/tools", 200, server="odd"))["items"]
    assert {"odd.echo", "odd.big"} <= {one["name"] for one in tools}

    # Tried by a person: sent again under its key, it is called once, and answered as it was.
    note = shared / "note"
    given = {"json": {"arguments": {"note": str(note)}}, "headers": {"Idempotency-Key": "try it"}}
    answers = [await person.http.post(f"{API}/mcp/tools/odd.write_down/call", **given) for _ in range(2)]  # type: ignore[arg-type]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["ok"], answers[0].json()["text"]) == (True, "written down")
    assert len(note.read_text().splitlines()) == 1
    # It is told once, by its digest: what was said stands nowhere.
    [tried] = [
        one for one in (await person.ask("GET", "/audit", 200))["items"] if one["resource_id"] == "odd.write_down"
    ]
    assert (tried["action"], tried["result"]) == ("execute", "success")
    assert str(note) not in str(tried)

    # Of an agent that has read text of strangers: decided once under one key.
    work = [[call("odd__echo", text="x")], [call("odd__big", size=3)], [call("finish", summary="Done.")]]
    person.site.vendors.default(scripted(work))
    task = await person.task(await person.project())
    card = await person.card(task, lambda one: one["state"] == "blocked" or "[call " in str(one))
    [run] = card["runs"]
    asked = card["waiting"]["call"]
    assert (asked["run_id"], asked["tool"], asked["arguments"]) == (run["run_id"], "odd.big", '{"size": 3}')
    digest = re.search(r"\[call ([0-9a-f]{12})\]", str(card))
    assert digest is not None
    assert asked["seen"] == digest[1]
    decision: dict[str, Any] = {"decision": "allow", "seen": digest[1]}
    await twice(person.http.request, "POST", f"/runs/{run['run_id']}/tool-call", decision, "decided")
    await person.card(task, lambda one: one["runs"][0]["state"] == "succeeded")
    steps = (await person.ask("GET", f"/runs/{run['run_id']}/steps", 200))["items"]
    assert "xxx" in str(steps)

    # Removed, it is gone, and so are its tools.
    await person.ask("DELETE", "/mcp/servers/odd", 200)
    assert (await person.ask("GET", "/mcp/tools", 200, server="odd"))["items"] == []
