"""The queue as people see it: from the log, and from a real NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from actors.composition import LocalActorSystem
from actors.runtime.base import Address
from tests.api.doors import Door
from tests.queue.nats_server import NatsServer
from tests.waiting import DEADLINE_S
from vapora.api.app import create_app
from vapora.queue.nats.queue import NatsQueue
from vapora.settings import Settings


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    made = NatsServer(tmp_path / "nats")
    await made.start()
    yield made
    await made.kill()


@pytest.fixture
async def beside(server: NatsServer, settings: Settings) -> AsyncIterator[Door]:
    """An API whose work goes through NATS."""
    with_nats = settings.model_copy(
        update={
            "nats_url": server.url,
            "nats_ack_wait_s": 0.3,
            "nats_max_deliver": 2,
            "resend_s": 0.1,
            # Who is stopped stays so until somebody asks for it.
            "health_interval_s": 600,
        }
    )
    system = LocalActorSystem(with_nats)
    await system.start()
    app = create_app(system, with_nats, version="1.2.3", rehearsal=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as http:
        yield Door(http, system, app, settings)
    await app.state.cells.close()
    await system.stop()


async def test_the_logs_own_queue_tells_what_waits_under_each_subject(door: Door) -> None:
    project = await door.project()
    task_id = await door.idle_task(project["id"])
    card = await door.ask("GET", f"/tasks/{task_id}", 200)
    queue = await door.ask("GET", "/queue", 200)
    assert queue == {
        "kind": "log",
        "connected": True,
        "problem": None,
        "depth": {f"tasks.{card['task_type']}.medium": 1},
        "waiting": 1,
        "dead_letters": [],
        "dead_letters_known": True,
    }
    assert (await door.http.get("/health")).json()["queue"] == "log"
    metrics = (await door.http.get("/metrics")).text
    assert f'vapora_queue_depth{{subject="tasks.{card["task_type"]}.medium",workspace="default"}} 1.0' in metrics
    assert 'vapora_queue_dead_letters{workspace="default"} 0.0' in metrics


async def test_what_is_no_dead_letter_cannot_be_put_back(door: Door) -> None:
    project = await door.project()
    task_id = await door.idle_task(project["id"])
    asked = await door.asked()
    for name in (task_id, "nobody"):
        problem = await door.ask("POST", f"/queue/dead-letters/{name}/requeue", 404)
        assert problem["code"] == "not-found"
        assert "vapora queue" in problem["remedy"]
    assert await door.asked() == asked


async def test_work_through_nats_leaves_an_empty_queue_and_health_names_it(beside: Door) -> None:
    project = await beside.project()
    task_id = (await beside.task(project["id"]))["task_id"]
    await beside.in_state(task_id, "done")
    queue = await _queue(beside, lambda found: found["waiting"] == 0)
    assert (queue["kind"], queue["connected"], queue["depth"]) == ("nats", True, {})
    assert (await beside.http.get("/health")).json()["queue"] == "nats"


async def test_a_dead_letter_is_shown_and_put_back(beside: Door, server: NatsServer) -> None:
    project = await beside.project()
    task_id = await beside.idle_task(project["id"])
    # The coordinator is gone. Somebody else takes its work, again and again, and never answers.
    await _queue(beside, lambda found: found["waiting"] == 1)
    await beside.system.runtime.stop(Address("coordinator", "default"))
    taker = NatsQueue(server.options, "default", ack_wait_s=0.3, max_deliver=2)
    await taker.start()
    async with asyncio.timeout(DEADLINE_S):
        while not await taker.dead_letters():
            await taker.fetch(10, 0.1)
    await taker.stop()

    queue = await _queue(beside, lambda found: bool(found["dead_letters"]))
    [letter] = queue["dead_letters"]
    assert (letter["id"], letter["deliveries"]) == (task_id, 2)
    requeue, key = f"/queue/dead-letters/{task_id}/requeue", {"Idempotency-Key": "again"}
    accepted = await beside.ask("POST", requeue, 200, headers=key)
    assert accepted["id"] == task_id
    assert await beside.ask("POST", requeue, 200, headers=key) == accepted
    [told] = (await beside.ask("GET", f"/audit?action=override&after={accepted['position']}", 200))["items"]
    assert (told["actor"], told["resource_id"]) == ("user:local", task_id)
    # The letter itself leaves the stream a moment after it was offered anew.
    queue = await _queue(beside, lambda found: not found["dead_letters"] and found["waiting"] == 1)
    assert queue["waiting"] == 1


async def test_a_nats_that_is_away_is_told_and_the_installation_is_well(beside: Door, server: NatsServer) -> None:
    await server.stop()
    project = await beside.project()
    task_id = (await beside.task(project["id"]))["task_id"]
    await beside.in_state(task_id, "done")
    queue = await beside.ask("GET", "/queue", 200)
    assert not queue["connected"] and "127.0.0.1" in queue["problem"]
    assert not queue["dead_letters_known"]
    metrics = (await beside.http.get("/metrics")).text
    assert 'vapora_queue_connected{kind="nats",workspace="default"} 0.0' in metrics
    assert "vapora_queue_dead_letters{" not in metrics
    health = await beside.http.get("/health")
    assert health.status_code == 200
    assert "log, while NATS is away" in health.json()["queue"]
    problem = await beside.ask("POST", f"/queue/dead-letters/{task_id}/requeue", 503)
    assert problem["remedy"]


async def _queue(door: Door, is_it: Any) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE_S):
        while not is_it(found := await door.ask("GET", "/queue", 200)):
            await asyncio.sleep(0.02)
    return dict(found)
