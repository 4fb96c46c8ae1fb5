"""The log as it is asked for: every filter alone and together, in pages, with the index there or behind."""

from __future__ import annotations

from typing import Any

import pytest

from projections.store import ReadStore
from tests.api.doors import Door
from vapora.settings import Settings


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
    await door.cast.projector("default").wait_for(await door.head(), 5)
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
    ]
    for params, fits in asked:
        expected = [event for event in everything if fits(event)]
        for limit in (3, 500):
            assert positions(await events(door, limit=limit, **params)) == positions(expected), (params, limit)


async def test_what_the_index_has_not_yet_is_looked_for_in_the_log(door: Door, settings: Settings) -> None:
    card = await worked(door)
    by_index = await events(door, stream=f"task:{card['id']}", limit=2)
    store = ReadStore(settings.read_file("default"))
    with store.transaction() as transaction:
        name = f"log_index__{transaction.checkpoints()['log_index'].generation}"
        middle = by_index[1]["position"]
        transaction._connection.execute(f"DELETE FROM {name} WHERE at > ?", (middle,))
        transaction._connection.execute("UPDATE checkpoints SET position = ? WHERE projection = 'log_index'", (middle,))
    assert await events(door, stream=f"task:{card['id']}", limit=2) == by_index
    store.close()


@pytest.mark.parametrize("field", ["since", "until"])
async def test_what_is_no_instant_is_refused_and_named(door: Door, field: str) -> None:
    problem = await door.ask("GET", "/events", 422, params={field: "yesterday"})
    assert problem["errors"][0]["field"] == field
    assert "2026" in problem["remedy"]
