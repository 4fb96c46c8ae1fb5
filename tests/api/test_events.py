"""The log as it is asked for: every filter alone and together, in pages, with the index there or behind."""

from __future__ import annotations

from typing import Any

import pytest

from events.ids import task_stream
from events.task import TaskApproved
from projections.engine.store import ReadStore
from tests.api.doors import BOTH_STORES, Door
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings

pytestmark = BOTH_STORES


async def events(door: Door, **params: Any) -> list[dict[str, Any]]:
    """Over all pages."""
    found: list[dict[str, Any]] = []
    while True:
        page = await door.ask("GET", "/events", 200, params=params)
        assert len(page["items"]) <= params.get("limit", 100)
        found += page["items"]
        if page["next"] is None:
            return found
        params["after"] = page["next"]


def positions(found: list[dict[str, Any]]) -> list[int]:
    return [one["position"] for one in found]


async def worked(door: Door) -> dict[str, Any]:
    """A done task; the log stands still after it."""
    project = await door.project()
    first = (await door.task(project["id"], title="First"))["task_id"]
    await door.in_state(first, "done")
    second = (await door.task(project["id"], title="Second"))["task_id"]
    card = await door.in_state(second, "done")
    await door.system.projector("default").wait_for(await door.head(), 60)
    return card


async def test_each_filter_finds_what_a_look_through_the_whole_log_finds(door: Door) -> None:
    card = await worked(door)
    everything = await events(door, limit=500)
    assert positions(everything) == list(range(1, len(everything) + 1))
    one = next(event for event in everything if event["topic"] == "task.completed")
    middle = everything[len(everything) // 2]["recorded_at"]
    asked: list[tuple[dict[str, Any], Any]] = [
        ({"stream": f"task:{card['id']}"}, lambda it: it["stream"] == f"task:{card['id']}"),
        ({"stream": "ledger"}, lambda it: it["stream"] == "ledger"),
        ({"topic": "run.succeeded"}, lambda it: it["topic"] == "run.succeeded"),
        (
            {"topic": ["run.started", "task.assigned"]},
            lambda it: it["topic"] in ("run.started", "task.assigned"),
        ),
        ({"actor": one["actor"]}, lambda it: it["actor"] == one["actor"]),
        ({"correlation": one["correlation"]}, lambda it: it["correlation"] == one["correlation"]),
        ({"since": middle}, lambda it: it["recorded_at"] >= middle),
        ({"until": middle}, lambda it: it["recorded_at"] <= middle),
        (
            {"actor": one["actor"], "topic": "task.completed", "correlation": one["correlation"], "since": middle},
            lambda it: it["position"] == one["position"] and it["recorded_at"] >= middle,
        ),
        ({"stream": "ledger", "until": middle}, lambda it: it["stream"] == "ledger" and it["recorded_at"] <= middle),
        ({"actor": "nobody"}, lambda it: False),
        ({"since": "2999-01-01"}, lambda it: False),
        ({"until": "2000-01-01"}, lambda it: False),
        ({"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}, lambda it: True),
    ]
    for params, fits in asked:
        expected = [event for event in everything if fits(event)]
        for limit in (3, 500):
            assert positions(await events(door, limit=limit, **params)) == positions(expected), (params, limit)


async def test_what_the_index_has_not_yet_is_looked_for_in_the_log(door: Door, settings: Settings) -> None:
    card = await worked(door)
    by_index = await events(door, stream=f"task:{card['id']}", limit=2)
    store = ReadStore(settings.read_place("default"))
    with store.transaction() as transaction:
        name = f"log_index__{transaction.checkpoints()['log_index'].generation}"
        middle = by_index[1]["position"]
        transaction._connection.execute(f"DELETE FROM {name} WHERE at > ?", (middle,))
        transaction._connection.execute("UPDATE checkpoints SET position = ? WHERE projection = 'log_index'", (middle,))
    assert await events(door, stream=f"task:{card['id']}", limit=2) == by_index
    store.close()


async def test_a_page_of_large_events_is_shorter_and_has_a_next_one(door: Door) -> None:
    log = LogClient(door.system.log("default"), "default")
    large = TaskApproved(task_id="large", comment="x" * 6 * 1024 * 1024)
    origin = Origin("default", actor="anna", correlation="cor-large")
    for version in range(4):
        appended = await log.append(origin, (task_stream("large"), version, [large]))
    # Else some are looked for in the log behind the index, and a page may be twice as long.
    assert await door.system.projector("default").wait_for(appended.position, 60) >= appended.position
    first = appended.position - 3
    for params in ({"after": first - 1}, {"stream": "task:large"}, {"actor": "anna"}):
        page = await door.ask("GET", "/events", 200, params=params)
        assert positions(page["items"]) == [first, first + 1, first + 2]
        rest = await door.ask("GET", "/events", 200, params={**params, "after": page["next"]})
        assert (positions(rest["items"]), rest["next"]) == ([first + 3], None)


@pytest.mark.parametrize("text", ["yesterday", "", "5", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("path", ["/events", "/audit"])
@pytest.mark.parametrize("field", ["since", "until"])
async def test_what_is_no_instant_is_refused_and_named(door: Door, path: str, field: str, text: str) -> None:
    problem = await door.ask("GET", path, 422, params={field: text})
    assert problem["errors"][0]["field"] == field
    assert "2026" in problem["remedy"]
