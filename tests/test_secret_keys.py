"""A workspace's key from the request that stores it to the model that answers for it, in one running installation."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from actors.composition import LocalActorSystem
from events.ids import DEFAULT_WORKSPACE, Provider
from tests.api.doors import Door
from vapora.api.app import create_app
from vapora.log.client import LogClient
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.wire.exchange import KEYS

NAME = "anthropic-api-key"
RIGHT = KEYS[Provider.ANTHROPIC]
WRONG = "sk-ant-wrong-2222222222222222"


@pytest.fixture(scope="module")
def vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as fake:
        yield fake


@pytest.fixture
async def door(tmp_path: Path, vendors: FakeVendors) -> AsyncIterator[Door]:
    """Nothing but the vendor's address is configured, so that it rehearses."""
    settings = Settings(
        data=tmp_path / "data", runtime="local", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0, resend_s=0.2
    )
    address = {"ANTHROPIC_BASE_URL": vendors.base_url(Provider.ANTHROPIC)}
    system = LocalActorSystem(settings, address)
    await system.start()
    app = create_app(system, settings, version="1.2.3", rehearsal=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as http:
        yield Door(http, system, app, settings)
    await app.state.cells.close()
    await app.state.people.close()
    await system.stop()


async def test_a_key_is_stored_used_refused_and_replaced_without_a_restart(
    door: Door, vendors: FakeVendors, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It rehearses; with a wrong key the next card waits and says why; with the right one that card goes on."""
    project = (await door.project())["id"]
    rehearsed = await door.in_state((await door.task(project))["task_id"], "done")
    assert rehearsed["simulated"]
    assert (await door.http.get("/health")).json()["model"] == "rehearsal"

    await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": WRONG}, headers=door.operator)
    task = (await door.task(project, title="Write another parser"))["task_id"]
    waiting = await door.card(task, lambda card: card["waiting"] is not None)
    assert waiting["waiting"]["reason"] == "provider"
    assert "claude" in waiting["waiting"]["remedy"]
    health = (await door.http.get("/health")).json()
    assert (health["model"], health["providers"]) == ("real", {"anthropic": "down: authentication"})

    await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": RIGHT}, headers=door.operator)
    done = await door.in_state(task, "done")
    assert not done["simulated"]
    assert (await door.http.get("/health")).json()["providers"] == {"anthropic": "up"}

    log = LogClient(door.system.log(DEFAULT_WORKSPACE), DEFAULT_WORKSPACE)
    events = (await log.poll(0, 10_000, 0)).events
    used = [one.event for one in events if one.topic == "secret.used"]
    assert [one.version for one in used] == [1, 2]  # type: ignore[attr-defined]
    audit = (await door.ask("GET", "/audit", 200, params={"action": "query-secret"}))["items"]
    assert {one["actor"] for one in audit} == {"llm-router"}
    said = capfd.readouterr()
    everything = [repr(events), json.dumps(audit), said.out, said.err, json.dumps(waiting)]
    everything += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in everything if WRONG in text or RIGHT in text]
