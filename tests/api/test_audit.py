"""The audit trail and the why of an event, over the whole actor system."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.api.doors import BOTH_STORES, Door
from vapora.api.caller import LOCAL_USER

pytestmark = BOTH_STORES


async def done(door: Door) -> str:
    project = await door.project()
    task = await door.task(project["id"], title="Write the parser")
    await door.in_state(task["task_id"], "done")
    return str(task["task_id"])


async def trail(door: Door, **params: Any) -> list[dict[str, Any]]:
    answer = await door.ask("GET", "/audit", 200, params={"after": await door.head(), "limit": 500, **params})
    items: list[dict[str, Any]] = answer["items"]
    return items


async def test_creation_assignment_and_the_choice_of_a_provider_are_in_the_trail(door: Door) -> None:
    task_id = await done(door)
    found = await trail(door, resource=f"task:{task_id}")
    assert [one["action"] for one in found] == ["complete", "assign", "create"]
    created = found[-1]
    assert (created["actor"], created["result"], created["details"]) == (LOCAL_USER, "success", "Write the parser")
    assert created["timestamp"].endswith("Z")
    assert {one["correlation"] for one in found} == {created["correlation"]}
    chosen = await trail(door, action="assign", resource="run")
    assert chosen and all("/" in one["details"] for one in chosen)


async def work(door: Door, **params: Any) -> list[dict[str, Any]]:
    """The trail without what looking at it adds to it."""
    return [one for one in await trail(door, **params) if one["action"] != "view-audit"]


async def test_the_trail_is_searched_and_read_in_pages(door: Door) -> None:
    await done(door)
    every = await work(door)
    mine = await work(door, actor=LOCAL_USER)
    assert {one["action"] for one in mine} == {"create"}
    assert [one["position"] for one in await work(door, text="THE PARSER")] == [mine[0]["position"]]
    after, before = await work(door, since=every[3]["timestamp"]), await work(door, until=every[3]["timestamp"])
    assert {one["position"] for one in after} | {one["position"] for one in before} == {
        one["position"] for one in every
    }
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = await door.ask("GET", "/audit", 200, params={"limit": 7, **cursor})
        seen += [one["position"] for one in page["items"] if one["action"] != "view-audit"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [one["position"] for one in every]


@pytest.mark.parametrize("params", [{"cursor": "x"}, {"cursor": "-1"}, {"since": "yesterday"}, {"limit": 0}])
async def test_a_search_that_makes_no_sense_is_refused(params: dict[str, Any], door: Door) -> None:
    await door.ask("GET", "/audit", 422, params=params)


async def test_a_chain_leads_from_an_event_back_to_the_request(door: Door) -> None:
    task_id = await done(door)
    [last, *_] = await trail(door, resource=f"task:{task_id}")
    chain = await door.ask("GET", f"/events/{last['position']}/chain", 200)
    items = chain["items"]
    assert chain["complete"] is True
    assert (items[0]["topic"], items[-1]["topic"]) == ("task.completed", "task.submitted")
    for one, cause in pairwise(items):
        assert one["causation"] == cause["position"] < one["position"]
    assert items[-1]["actor"] == LOCAL_USER
    assert {one["correlation"] for one in items} == {items[0]["correlation"]}
    await door.ask("GET", "/events/999999/chain", 404)
