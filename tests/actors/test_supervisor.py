from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.base import Address, Runtime
from actors.runtime.local import LocalRuntime
from actors.supervisor import Supervisor
from events.agent import AgentRegistered
from events.workspace import WorkspaceOpened
from tests.actors.kit import MovableClock, everything, log_writer, of_kind, passed
from vapora.dispatch import Dispatcher
from vapora.errors import LogError, NotFoundError
from vapora.log.client import LogClient
from vapora.ports import Origin


class Part:
    """An actor that says how it is, ill or not."""

    def __init__(self, address: Address, ill: set[str]) -> None:
        self._address = address
        self._ill = ill

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def health(self) -> dict[str, Any]:
        if str(self._address) in self._ill:
            raise KeyError("bug")
        return {"status": "ok"}


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ill: set[str] = set()
        self.prepared: list[str] = []
        self.broken: set[str] = set()
        self.runtime = LocalRuntime(self._build)

    def _build(self, address: Address, runtime: Runtime) -> Part:
        return Part(address, self.ill)

    def supervisor(self, interval_s: float = 60) -> Supervisor:
        return Supervisor(self.runtime, self._known, self._prepare, interval_s=interval_s)

    def _known(self) -> list[str]:
        return [one.name for one in self.folder.iterdir()] if self.folder.is_dir() else []

    async def _prepare(self, workspace: str) -> None:
        await asyncio.sleep(0)
        if workspace in self.broken:
            raise LogError("disk full")
        self.prepared.append(workspace)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspaces")


async def test_the_default_workspace_is_opened_once_however_many_ask_at_once(world: World) -> None:
    supervisor = world.supervisor()
    await asyncio.gather(*(supervisor.open("default") for _ in range(10)))
    assert world.prepared == ["default"]
    assert {str(one) for one in world.runtime.running()} == {
        "log/default",
        "budget/default",
        "projector/default",
        "repositories/default",
        "coordinator/default",
    }


async def test_twelve_agents_are_registered_exactly_once_whoever_opens_the_log_first() -> None:
    async with log_writer(MovableClock()) as writer:
        log = LogClient(writer, "acme")
        origin = Origin("acme", "supervisor", "cor")
        await asyncio.gather(*(Dispatcher(log, MovableClock()).open_workspace(origin) for _ in range(5)))
        assert len(await of_kind(log, AgentRegistered)) == 12
        assert len(await of_kind(log, WorkspaceOpened)) == 1
        assert len(await everything(log)) == 13


@pytest.mark.parametrize("name", ["nowhere", "..", ".", "", "a/b", "../workspaces/acme", "Acme", "-", "x\0y"])
async def test_a_workspace_that_does_not_exist_is_not_made(world: World, name: str) -> None:
    (world.folder / "acme").mkdir(parents=True)
    with pytest.raises(NotFoundError):
        await world.supervisor().open(name)
    assert world.prepared == []


async def test_after_a_restart_it_looks_after_every_cell_that_was_there(world: World) -> None:
    for name in ("default", "acme", "lost+found"):
        (world.folder / name).mkdir(parents=True)
    supervisor = world.supervisor(interval_s=0.001)
    await supervisor.start()
    await passed(lambda: {"acme", "default"} <= set(world.prepared))
    assert "lost+found" not in world.prepared
    await supervisor.stop()
    cells = await supervisor.cells()
    assert cells["acme"]["log"] == {"status": "ok"}


async def test_a_part_that_is_gone_is_started_again_by_asking_how_it_is(world: World) -> None:
    supervisor = world.supervisor()
    await supervisor.open("default")
    await world.runtime.stop(Address("budget", "default"))
    await supervisor.cells()
    assert Address("budget", "default") in world.runtime.running()


async def test_one_ill_part_or_cell_does_not_hide_the_others(world: World) -> None:
    for name in ("acme", "beta", "default"):
        (world.folder / name).mkdir(parents=True)
    world.ill.add("coordinator/default")
    world.broken.add("acme")
    supervisor = world.supervisor()
    cells = await supervisor.cells()
    assert set(cells) == {"beta", "default"}
    assert cells["default"]["coordinator"] == {"problem": "KeyError: 'bug'"}
    assert cells["default"]["log"] == {"status": "ok"}
    assert (await supervisor.health())["closed"] == {"acme": "disk full"}
    world.broken.clear()
    assert set(await supervisor.cells()) == {"acme", "beta", "default"}
    assert (await supervisor.health())["closed"] == {}
