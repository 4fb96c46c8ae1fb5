"""Workspaces that sleep, as those outside see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.runtime.local import LocalRuntime
from events.ids import PEOPLE, is_workspace
from tests.api.doors import BOTH_STORES, Door, opened
from tests.api.test_refusals import check_problem
from tests.waiting import DEADLINE_S
from vapora.api.caller import LOCAL_USER
from vapora.api.cells import Cells
from vapora.commands import CreateWorkspace
from vapora.ports import Origin
from vapora.settings import Settings

pytestmark = BOTH_STORES
ACME = {"Vapora-Workspace": "acme"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"cell_idle_s": 0.1})


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with opened(settings) as door:
        yield door


async def asleep(door: Door, *names: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        for name in names:
            while (await door.system.standing(name))[0] != "asleep":
                await asyncio.sleep(0.01)


async def make(door: Door) -> None:
    """The workspace acme, for the people log as well: the gate lets nobody into one that it does not know."""
    origin = Origin(PEOPLE, LOCAL_USER, "cor")
    await door.system.identity().carry_out(origin, CreateWorkspace(name="Acme", id="acme"))


def actors(door: Door) -> set[str]:
    assert isinstance(door.system.runtime, LocalRuntime)
    return {str(one) for one in door.system.runtime.running() if is_workspace(one.workspace)}


async def test_health_and_metrics_count_the_sleepers_and_wake_none(door: Door) -> None:
    await make(door)
    # As long as somebody follows its changes, a workspace stays awake.
    following = asyncio.create_task(door.system.projector("default").frames(10**9, timeout_s=60))
    await door.project()
    before = (await door.http.get("/metrics")).text
    assert 'vapora_cell_up{workspace="default"} 1.0' in before
    following.cancel()
    await asleep(door, "default", "acme")
    health = (await door.http.get("/health")).json()
    metrics = (await door.http.get("/metrics")).text
    assert (health["status"], health["cells"]) == ("ok", {"awake": 0, "asleep": 2, "archived": 0})
    assert 'vapora_cells{state="asleep"} 2.0' in metrics
    # What was said last still holds.
    assert 'vapora_tasks{simulated="false",state="todo",workspace="default"} 0.0' in metrics
    assert actors(door) == set()


async def test_a_request_wakes_its_workspace_and_no_other(door: Door) -> None:
    await make(door)
    await asleep(door, "default", "acme")
    made = await door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=ACME | door.operator)
    found = await door.ask("GET", f"/projects?after={made['position']}", 200, headers=ACME)
    assert [one["name"] for one in found["items"]] == ["Parser"]
    assert {one.split("/")[1] for one in actors(door)} == {"acme"}


async def test_a_replica_lets_go_of_workspaces_that_nobody_asks_about(door: Door) -> None:
    cells: Cells = door.app.state.cells
    await door.ask("GET", "/board", 200)
    with cells.look("default").held():
        await asyncio.sleep(0.15)
        await cells.sweep()
        assert [one.workspace for one in cells.opened] == ["default"]
    async with asyncio.timeout(DEADLINE_S):
        while cells.opened:
            await asyncio.sleep(0.01)
    await door.ask("GET", "/board", 200)


async def test_an_archived_workspace_answers_reads_and_refuses_writes(door: Door) -> None:
    await make(door)
    await door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=ACME | door.operator)
    await door.system.archive("acme")
    assert (await door.ask("GET", "/projects", 200, headers=ACME))["items"] != []
    answer = await door.http.post("/api/v1/projects", json={"name": "Other"}, headers=ACME | door.operator)
    check_problem(answer, 409, "workspace-archived")
    await door.system.restore("acme")
    await door.ask("POST", "/projects", 201, {"name": "Other"}, headers=ACME | door.operator)


async def test_a_deleted_workspace_is_404_at_once_and_leaves_nothing_but_its_export(door: Door) -> None:
    await make(door)
    await door.ask("GET", "/projects", 200, headers=ACME)
    export = await door.system.delete("acme")
    async with asyncio.timeout(DEADLINE_S):
        # A replica asks now and again whether a workspace is still there.
        while (answer := await door.http.get("/api/v1/status", headers=ACME)).status_code != 404:
            await asyncio.sleep(0.1)
    check_problem(answer, 404, "not-found")
    assert (door.settings.data / export).stat().st_size > 0
    assert not door.settings.workspace_folder("acme").exists()
