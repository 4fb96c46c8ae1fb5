from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors import kinds
from actors.runtime.base import Address, Runtime
from actors.runtime.local import LocalRuntime
from actors.supervisor import Supervisor
from events.agent import AgentRegistered
from events.workspace import WorkspaceOpened
from tests.actors.kit import MovableClock, everything, log_writer, of_kind, passed
from vapora.dispatch import Dispatcher
from vapora.domain.cell import CellRecord, LogEnd, Rest
from vapora.errors import BadInputError, ConflictError, LogError, NotFoundError
from vapora.log.client import LogClient
from vapora.ports import Origin


class Part:
    """An actor that says how it is, ill or not."""

    def __init__(self, address: Address, world: World) -> None:
        self._address = address
        self._world = world

    async def start(self) -> None:
        self._world.started.append(str(self._address))

    async def stop(self) -> None:
        self._world.stopped.append(str(self._address))
        if (meanwhile := self._world.while_stopping.pop(str(self._address), None)) is not None:
            await meanwhile()

    async def health(self) -> dict[str, Any]:
        if (held := self._world.held.get(str(self._address))) is not None:
            await held.wait()
        if str(self._address) in self._world.ill:
            raise KeyError("bug")
        return {"status": "ok", "head": self._world.heads.get(self._address.workspace, 0)}

    async def head(self) -> int:
        return self._world.heads.get(self._address.workspace, 0)

    async def rest(self) -> Rest:
        if str(self._address) in self._world.ill:
            raise KeyError("bug")
        return self._world.rests.get(str(self._address), Rest())


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ill: set[str] = set()
        self.prepared: list[str] = []
        self.broken: set[str] = set()
        self.heads: dict[str, int] = {}
        self.rests: dict[str, Rest] = {}
        self.started: list[str] = []
        self.stopped: list[str] = []
        # What happens while a part is being stopped.
        self.while_stopping: dict[str, Callable[[], Awaitable[None]]] = {}
        # Parts that do not answer before this is set.
        self.held: dict[str, asyncio.Event] = {}
        self.kept: dict[str, CellRecord] = {}
        self.clock = MovableClock()
        self.runtime = LocalRuntime(self._build)

    def _build(self, address: Address, runtime: Runtime) -> Part:
        return Part(address, self)

    def supervisor(self, interval_s: float = 60, idle_s: float = 600) -> Supervisor:
        return Supervisor(self.runtime, self, self._prepare, self.clock, interval_s=interval_s, idle_s=idle_s)

    def make(self, *names: str) -> None:
        for name in names:
            (self.folder / name).mkdir(parents=True)

    def running(self, workspace: str) -> set[str]:
        return {one.kind for one in self.runtime.running() if one.workspace == workspace}

    # What the supervisor knows of cells without opening them.

    def names(self) -> set[str]:
        return {one.name for one in self.folder.iterdir()} if self.folder.is_dir() else set()

    def records(self) -> dict[str, CellRecord]:
        return dict(self.kept)

    def record(self, workspace: str) -> CellRecord | None:
        return self.kept.get(workspace)

    def put(self, record: CellRecord) -> None:
        self.kept[record.workspace] = record

    def forget(self, workspace: str) -> None:
        self.kept.pop(workspace, None)

    def ends(self, workspaces: Iterable[str]) -> dict[str, LogEnd]:
        return {one: LogEnd(self.heads.get(one, 0)) for one in workspaces}

    def begin_removal(self, workspace: str, at: datetime) -> CellRecord:
        self.kept[workspace] = CellRecord(workspace, "deleting", at)
        return self.kept[workspace]

    def save(self, record: CellRecord) -> CellRecord:
        return record

    def finish_removal(self, record: CellRecord) -> CellRecord:
        (self.folder / record.workspace).rmdir()
        self.kept[record.workspace] = replace(record, state="deleted")
        return self.kept[record.workspace]

    def is_left(self, record: CellRecord) -> bool:
        return record.state == "deleting"

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
    assert {str(one) for one in world.runtime.running()} == {f"{kind}/default" for kind in kinds.residents()}


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
    world.make("acme")
    with pytest.raises(NotFoundError):
        await world.supervisor().open(name)
    assert world.prepared == []


async def test_after_a_restart_it_looks_after_every_cell_that_was_there(world: World) -> None:
    world.make("default", "acme", "lost+found")
    world.rests["budget/acme"] = world.rests["budget/default"] = Rest("money is held")
    supervisor = world.supervisor(interval_s=0.001)
    await supervisor.start()
    await passed(lambda: {"acme", "default"} <= set(world.prepared))
    assert "lost+found" not in world.prepared
    await supervisor.stop()
    cells = await supervisor.cells()
    assert cells["acme"]["log"]["status"] == "ok"


async def test_a_part_that_is_gone_is_started_again_by_asking_how_it_is(world: World) -> None:
    supervisor = world.supervisor()
    await supervisor.open("default")
    await world.runtime.stop(Address("budget", "default"))
    await supervisor.cells()
    assert Address("budget", "default") in world.runtime.running()


async def test_one_ill_part_or_cell_does_not_hide_the_others(world: World) -> None:
    world.make("acme", "beta", "default")
    world.rests |= {f"budget/{one}": Rest("money is held") for one in ("acme", "beta", "default")}
    world.ill.add("coordinator/default")
    world.broken.add("acme")
    supervisor = world.supervisor()
    cells = await supervisor.cells()
    assert set(cells) == {"beta", "default"}
    assert cells["default"]["coordinator"] == {"problem": "KeyError: 'bug'"}
    assert cells["default"]["log"]["status"] == "ok"
    assert (await supervisor.health())["closed"] == {"acme": "disk full"}
    world.broken.clear()
    assert set(await supervisor.cells()) == {"acme", "beta", "default"}
    assert (await supervisor.health())["closed"] == {}


# --- sleeping ---


async def test_a_cell_that_nobody_asks_for_is_stopped_in_order_and_noted(world: World) -> None:
    world.make("acme")
    world.heads["acme"] = 13
    supervisor = world.supervisor(idle_s=0)
    await supervisor.open("acme")
    await supervisor.cells()
    assert world.running("acme") == set()
    assert world.stopped == [f"{kind}/acme" for kind in reversed(kinds.residents())]
    assert world.kept["acme"] == CellRecord("acme", "asleep", world.clock.now, LogEnd(13), None)
    assert (await supervisor.standing("acme"))[0] == "asleep"
    await supervisor.open("acme")
    assert world.running("acme") == set(kinds.residents())
    assert (await supervisor.standing("acme"))[0] == "awake"


async def test_a_cell_whose_parts_are_being_started_is_not_called_asleep(world: World) -> None:
    """Its work may be done before the last part has answered: who waits for its sleep must not take this for it."""
    world.make("acme")
    supervisor = world.supervisor(idle_s=0)
    await supervisor.open("acme")
    await supervisor.cells()
    held = world.held["repositories/acme"] = asyncio.Event()
    opening = asyncio.create_task(supervisor.open("acme"))
    await passed(lambda: "coordinator" in world.running("acme"))
    assert (await supervisor.standing("acme"))[0] == "waking"
    held.set()
    await opening
    assert (await supervisor.standing("acme"))[0] == "awake"


async def test_a_cell_with_something_to_do_stays_open_and_says_why(world: World) -> None:
    world.make("acme")
    world.rests["repositories/acme"] = Rest("work is being landed")
    supervisor = world.supervisor(idle_s=0)
    await supervisor.open("acme")
    await supervisor.cells()
    assert (await supervisor.health())["awake"] == {"acme": "work is being landed"}
    assert world.stopped == []


async def test_a_part_that_cannot_be_asked_keeps_its_cell_open(world: World) -> None:
    world.make("acme")
    supervisor = world.supervisor(idle_s=0)
    await supervisor.open("acme")
    world.ill.add("budget/acme")
    await supervisor.cells()
    assert world.running("acme") != set()


async def test_what_is_accepted_while_a_cell_is_being_stopped_opens_it_again(world: World) -> None:
    world.make("acme")
    supervisor = world.supervisor(idle_s=0)

    async def accept() -> None:
        world.heads["acme"] = 14

    world.while_stopping["projector/acme"] = accept
    await supervisor.open("acme")
    await supervisor.cells()
    assert (await supervisor.standing("acme"))[0] == "awake"
    assert world.running("acme") == set(kinds.residents())
    assert world.kept == {}


async def test_who_asks_in_mid_stop_waits_and_finds_it_awake(world: World) -> None:
    world.make("acme")
    supervisor = world.supervisor(idle_s=0)
    asking: list[asyncio.Task[None]] = []

    async def ask() -> None:
        asking.append(asyncio.create_task(supervisor.open("acme")))
        await asyncio.sleep(0)

    world.while_stopping["budget/acme"] = ask
    await supervisor.open("acme")
    await supervisor.cells()
    await asyncio.gather(*asking)
    assert (await supervisor.standing("acme"))[0] == "awake"
    assert world.started.count("log/acme") == 2


async def test_a_log_that_somebody_started_wakes_the_rest_of_its_cell(world: World) -> None:
    world.make("acme")
    supervisor = world.supervisor(idle_s=0)
    await supervisor.open("acme")
    await supervisor.cells()
    await world.runtime.ref(Address("log", "acme")).health()
    await supervisor.woken("acme")
    await passed(lambda: "coordinator" in world.running("acme"))
    await supervisor.stop()


async def test_the_log_of_people_is_no_cell(world: World) -> None:
    world.make("_people")
    supervisor = world.supervisor(idle_s=0)
    await supervisor.woken("_people")
    assert await supervisor.cells() == {}
    with pytest.raises(NotFoundError):
        await supervisor.open("_people")


async def test_at_a_start_only_cells_that_may_owe_something_are_opened(world: World) -> None:
    """And one that owes nothing sleeps again at once, whatever the idle time is."""
    noon = world.clock.now
    world.make("asleep", "gone-on", "due", "due-later", "unknown", "archived")
    world.heads = dict.fromkeys(world.names(), 5) | {"gone-on": 6}
    world.kept = {one: CellRecord(one, "asleep", noon, LogEnd(5)) for one in ("asleep", "gone-on")}
    world.kept["due"] = CellRecord("due", "asleep", noon, LogEnd(5), noon)
    world.kept["due-later"] = CellRecord("due-later", "asleep", noon, LogEnd(5), noon + timedelta(hours=1))
    world.kept["archived"] = CellRecord("archived", "archived", noon)
    supervisor = world.supervisor(idle_s=600)
    await supervisor.cells()
    assert set(world.prepared) == {"gone-on", "due", "unknown"}
    assert world.runtime.running() == []
    standing = (await supervisor.standing())[1]
    assert (standing.asleep, standing.archived) == (6, 1)


async def test_a_cell_is_woken_when_it_is_due(world: World) -> None:
    world.make("acme")
    world.rests["coordinator/acme"] = Rest(due=world.clock.now + timedelta(seconds=0.05))
    supervisor = world.supervisor(idle_s=0)
    await supervisor.start()
    await passed(lambda: "acme" in world.kept)
    assert world.kept["acme"].due == world.clock.now + timedelta(seconds=0.05)
    world.rests.clear()
    prepared = len(world.prepared)
    world.clock.move(0.1)
    await passed(lambda: len(world.prepared) > prepared)
    await supervisor.stop()


# --- making, archiving, deleting ---


async def test_a_workspace_is_made_once_and_never_again_after_it_was_deleted(world: World) -> None:
    supervisor = world.supervisor()
    await supervisor.create("acme")
    await supervisor.create("acme")
    assert world.prepared == ["acme"]
    world.make("acme")
    await supervisor.delete("acme")
    assert world.runtime.running() == []
    with pytest.raises(ConflictError, match="was deleted"):
        await supervisor.create("acme")
    with pytest.raises(NotFoundError, match="was deleted"):
        await supervisor.open("acme")
    await supervisor.delete("acme")


@pytest.mark.parametrize("name", ["_people", "Acme", "", "a/b", "x" * 52])
async def test_what_is_no_legal_id_is_not_made(world: World, name: str) -> None:
    with pytest.raises(BadInputError):
        await world.supervisor().create(name)
    assert world.prepared == []


async def test_the_default_workspace_cannot_be_deleted(world: World) -> None:
    world.make("default")
    with pytest.raises(ConflictError):
        await world.supervisor().delete("default")


async def test_an_archived_workspace_runs_what_reading_takes_until_it_is_restored(world: World) -> None:
    world.make("acme")
    supervisor = world.supervisor()
    await supervisor.open("acme")
    await supervisor.archive("acme")
    assert world.running("acme") == set()
    await supervisor.open("acme")
    assert world.running("acme") == {"log", "projector"}
    assert world.prepared == ["acme"]
    await supervisor.restore("acme")
    assert world.running("acme") == set(kinds.residents())
    assert world.kept == {}


async def test_a_removal_that_a_crash_cut_off_is_finished_at_the_start(world: World) -> None:
    world.make("acme")
    world.begin_removal("acme", world.clock.now)
    supervisor = world.supervisor()
    await supervisor.cells()
    assert world.kept["acme"].state == "deleted"
    assert world.names() == set()
