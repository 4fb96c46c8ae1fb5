"""Cells that sleep and wake: the whole actor system in this process, on files."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from actors.composition import ActorSystem, LocalActorSystem
from actors.runtime.base import Address
from actors.runtime.freed import trim
from actors.runtime.local import LocalRuntime
from events.ids import PEOPLE, WhenExceeded, task_stream
from events.task import TaskCompleted
from events.workspace import WorkspacePaused
from tests.actors.kit import seen
from tests.waiting import DEADLINE_S, settled
from vapora.archive.importer import import_new
from vapora.archive.load import ExportFile
from vapora.archive.removal import Removal
from vapora.clock import now
from vapora.commands import CreateProject, PauseWorkspace, ResumeWorkspace, SetBudget, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.cell import CellRecord, LogEnd
from vapora.errors import ArchivedError, ConflictError, NotFoundError
from vapora.log.cell_records import log_ends, open_cell_records
from vapora.log.client import LogClient
from vapora.log.places import open_for_reading, open_log, workspaces
from vapora.ports import Origin
from vapora.settings import Settings


def settings(folder: Path, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "data": folder / "data",
        "runtime": "local",
        "model": "rehearsal",
        "rehearsal_min_delay_s": 0,
        "rehearsal_max_delay_s": 0,
        "cell_idle_s": 0.05,
        "repo_roots": (folder,),
    }
    return Settings(**(given | more))


@asynccontextmanager
async def running(chosen: Settings) -> AsyncIterator[LocalActorSystem]:
    system = LocalActorSystem(chosen)
    await system.runtime.ref(Address("supervisor")).health()
    try:
        yield system
    finally:
        await system.stop()


def actors_of(system: LocalActorSystem, workspace: str) -> list[str]:
    assert isinstance(system.runtime, LocalRuntime)
    return sorted(str(one) for one in system.runtime.running() if one.workspace == workspace)


async def until(is_so: Callable[[], Any], timeout_s: float = DEADLINE_S) -> None:
    async with asyncio.timeout(timeout_s):
        while not await is_so():
            await asyncio.sleep(0.01)


async def asleep(system: LocalActorSystem, *names: str) -> None:
    for workspace in names:

        async def is_asleep(workspace: str = workspace) -> bool:
            return (await system.standing(workspace))[0] == "asleep"

        await until(is_asleep)
        assert actors_of(system, workspace) == []


def dispatcher_of(system: ActorSystem, workspace: str) -> tuple[Dispatcher, Origin]:
    log = LogClient(system.log(workspace), workspace)
    return Dispatcher(log, now), Origin(workspace, "user:test", "cor")


async def submit(system: ActorSystem, workspace: str, **more: Any) -> str:
    dispatcher, origin = dispatcher_of(system, workspace)
    project = await dispatcher.dispatch(origin, CreateProject(name="Parser"))
    command = SubmitTask(project_id=project.id, title="Write a parser", review="none", **more)
    return (await dispatcher.dispatch(origin, command)).id


async def test_a_cell_without_work_sleeps_and_a_call_that_knows_nothing_of_it_wakes_all_of_it(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with running(chosen) as system:
        await system.create("acme")
        await asleep(system, "acme")
        record = open_cell_records(chosen).get("acme")
        assert record is not None
        assert (record.state, record.due) == ("asleep", None)
        assert record.end == log_ends(chosen, ["acme"])["acme"]

        await submit(system, "acme")
        await seen(LogClient(system.log("acme"), "acme"), TaskCompleted)
        await asleep(system, "acme")
    assert sorted(one.name for one in chosen.workspace_folder("acme").glob("*.db*")) == [
        "log.db",
        "read.db",
        "search.db",
    ]


async def test_work_that_is_accepted_while_cells_fall_asleep_is_all_done_once(tmp_path: Path) -> None:
    """Cells that sleep as soon as they can, and requests at every moment of it."""
    async with running(settings(tmp_path, cell_idle_s=0.01, health_interval_s=0.01)) as system:
        await system.create("acme")
        dispatcher, origin = dispatcher_of(system, "acme")
        project = await dispatcher.dispatch(origin, CreateProject(name="Parser"))
        tasks = []
        for number in range(12):
            command = SubmitTask(project_id=project.id, title=f"Number {number}", review="none")
            tasks.append((await dispatcher.dispatch(origin, command)).id)
            await asyncio.sleep(number * 0.015)
        log = LogClient(system.log("acme"), "acme")
        done = await seen(log, TaskCompleted, len(tasks))
        assert sorted(one.event.task_id for one in done) == sorted(tasks)  # type: ignore[attr-defined]
        for task in tasks:
            assert len([one for one in await log.read(task_stream(task)) if isinstance(one.event, TaskCompleted)]) == 1


async def test_a_paused_run_sleeps_and_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    async with running(settings(tmp_path, rehearsal_min_delay_s=0.05, rehearsal_max_delay_s=0.05)) as system:
        await system.create("acme")
        await submit(system, "acme")
        dispatcher, origin = dispatcher_of(system, "acme")
        await dispatcher.dispatch(origin, PauseWorkspace(reason="lunch"))
        log = LogClient(system.log("acme"), "acme")
        await seen(log, WorkspacePaused)
        await asleep(system, "acme")
        await dispatcher.dispatch(origin, ResumeWorkspace())
        await seen(log, TaskCompleted)


async def test_a_run_that_waits_for_money_sleeps_until_its_window_turns(tmp_path: Path) -> None:
    chosen = settings(tmp_path, budget_patience_s=0)
    async with running(chosen) as system:
        await system.create("acme")
        limit = SetBudget(monthly_limit_cents=0, when_exceeded=WhenExceeded.STOP)
        await system.budgets("acme").set_budget(Origin("acme", "user:test", "cor"), "workspace", "acme", limit)
        await submit(system, "acme")
        await until(partial(_has_due, chosen))
        record = open_cell_records(chosen).get("acme")
        assert record is not None
        assert record.due is not None
        assert timedelta() < record.due - now() < timedelta(days=32)


async def _has_due(chosen: Settings) -> bool:
    record = open_cell_records(chosen).get("acme")
    return record is not None and record.due is not None


async def test_a_start_opens_what_has_work_and_leaves_the_others_asleep(tmp_path: Path) -> None:
    chosen = settings(tmp_path, cell_idle_s=600)
    async with running(settings(tmp_path)) as system:
        for name in ("idle", "busy"):
            await system.create(name)
        await asleep(system, "idle", "busy")
    log = open_log(chosen.log_place("busy"), "busy")
    log.close()
    # Work that was accepted in the moment of a crash.
    async with running(settings(tmp_path, health_interval_s=600)) as system:
        await submit(system, "busy")
        await system.runtime.shutdown()
    async with running(chosen) as system:
        await seen(LogClient(system.log("busy"), "busy"), TaskCompleted)
        assert (await system.standing("idle"))[0] == "asleep"
        assert actors_of(system, "idle") == []


async def test_a_live_socket_keeps_its_cell_open(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as system:
        await system.create("acme")
        following = asyncio.create_task(system.projector("acme").frames(10**9, timeout_s=30))
        supervisor = system.runtime.ref(Address("supervisor"))

        async def told() -> bool:
            return bool((await supervisor.health())["awake"].get("acme") == "somebody follows its changes")

        await until(told)
        following.cancel()
        await asleep(system, "acme")


# --- what it costs ---


# Some 2.5 MB for each cell that stays open; what is left of those that were open once is much less.
_NOISE_BYTES = 30_000_000


# Measured: some 30 for each cell asleep, its record among them.
_BLOCKS_EACH = 200


async def _used() -> tuple[int, int, int, int, int]:
    """Threads, resident bytes, open files, tasks and blocks of Python's own allocator, of this process."""
    gc.collect()
    # What was freed, but is kept by the C library for the next who needs it, is no cost of a cell that sleeps.
    # A runtime gives it back by itself, some seconds after a cell has closed.
    if (give_back := trim()) is not None:
        give_back(0)
    process = psutil.Process()
    return (
        process.num_threads(),
        process.memory_info().rss,
        process.num_fds(),
        len(asyncio.all_tasks()),
        sys.getallocatedblocks(),
    )


async def test_sleeping_workspaces_cost_no_thread_no_memory_no_open_file_and_no_task(tmp_path: Path) -> None:
    async with running(settings(tmp_path, cell_idle_s=0.02)) as system:

        async def sleeping(upto: int) -> None:
            names = [f"w{number}" for number in range(upto)]
            for name in names:
                await system.create(name)
            await asleep(system, *names)

        await sleeping(5)
        few = await _used()
        # Threads that asyncio and our lanes keep for whoever needs one next come and go; one for each of 35 would show.
        most = (few[0] + 12, few[1] + _NOISE_BYTES, few[2] + 1, few[3], few[4] + 35 * _BLOCKS_EACH)
        await sleeping(40)
        many = await settled(_used, lambda used: all(one <= top for one, top in zip(used, most, strict=True)))
    assert all(one <= top for one, top in zip(many, most, strict=True)), (many, most)


# --- archived and deleted ---


async def test_an_archived_workspace_is_read_and_refuses_writes_until_it_is_restored(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with running(chosen) as system:
        await system.create("acme")
        await submit(system, "acme")
        await system.archive("acme")
        await system.open("acme")
        assert (await system.projector("acme").status())["position"] > 0
        with pytest.raises(ArchivedError, match="is archived"):
            await submit(system, "acme")
    async with running(chosen) as system:
        with pytest.raises(ArchivedError):
            await submit(system, "acme")
        await system.restore("acme")
        await seen(LogClient(system.log("acme"), "acme"), TaskCompleted)


async def test_a_deleted_workspace_leaves_its_export_and_its_name(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with running(chosen) as system:
        await system.create("acme")
        await submit(system, "acme")
        log = LogClient(system.log("acme"), "acme")
        await seen(log, TaskCompleted)
        head = await log.head()
        export = await system.delete("acme")
        assert await system.delete("acme") == export
        for call in (system.open("acme"), log.head(), system.projector("acme").status(), submit(system, "acme")):
            with pytest.raises(NotFoundError, match="was deleted"):
                await call
        with pytest.raises(ConflictError, match="was deleted"):
            await system.create("acme")
        assert not chosen.workspace_folder("acme").exists()
        assert workspaces(chosen) <= {"default"}
    saved = ExportFile(chosen.data / export)
    with pytest.raises(ConflictError, match="was deleted here"):
        import_new(saved, chosen, now)
    assert import_new(saved, settings(tmp_path / "other"), now).tip.position >= head
    saved.close()


class PowerCutError(BaseException):
    """What no handler of errors catches."""


STEPS = (
    "export",
    "note the export",
    "streams",
    "texts",
    "secrets",
    "read models",
    "search index",
    "log",
    "folder",
    "note the end",
)


@pytest.mark.parametrize("step", STEPS)
async def test_a_removal_that_is_cut_off_before_a_step_is_finished_by_the_next_start(tmp_path: Path, step: str) -> None:
    chosen = settings(tmp_path)
    log = open_log(chosen.log_place("acme"), "acme")
    log.close()
    chosen.blob_folder("acme").mkdir()
    records = open_cell_records(chosen)

    def cut(before: str) -> None:
        if before == step:
            raise PowerCutError

    removal = Removal(chosen, records, cut)
    with pytest.raises(PowerCutError):
        removal.finish(removal.save(removal.begin("acme", now())))
    assert step in ("export", "note the export") or list(chosen.exports_folder.glob("acme-*.jsonl.gz"))

    async with running(chosen) as system:

        async def is_done() -> bool:
            record = records.get("acme")
            return record is not None and record.state == "deleted"

        await until(is_done)
        with pytest.raises(NotFoundError):
            await system.open("acme")
    assert not chosen.workspace_folder("acme").exists()
    record = records.get("acme")
    assert record is not None
    assert (chosen.data / record.export).is_file()


async def test_a_log_that_cannot_be_exported_is_not_removed(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with running(chosen) as system:
        await system.create("acme")
        await asleep(system, "acme")
        chosen.exports_folder.write_text("where the folder should be")
        with pytest.raises(Exception, match="exports"):
            await system.delete("acme")
        chosen.exports_folder.unlink()
        await system.open("acme")
        await submit(system, "acme")


async def test_what_comes_after_the_end_is_removed_at_the_next_start(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    open_cell_records(chosen).put(CellRecord("acme", "deleted", now(), export="exports/acme.jsonl.gz"))
    late = chosen.blob_folder("acme")
    late.mkdir(parents=True)
    async with running(chosen):

        async def is_gone() -> bool:
            return not late.exists()

        await until(is_gone)


# --- the log of people ---


def test_the_log_of_people_has_a_place_and_is_no_workspace(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    log = open_log(chosen.log_place(PEOPLE), PEOPLE)
    assert open_for_reading(chosen.log_place(PEOPLE)).head() == 0
    log.close()
    assert chosen.workspace_folder(PEOPLE).name == PEOPLE
    assert workspaces(chosen) == set()
    assert log_ends(chosen, [PEOPLE]) == {PEOPLE: LogEnd(0)}


async def test_its_writer_runs_like_any_other_and_never_sleeps(tmp_path: Path) -> None:
    async with running(settings(tmp_path, cell_idle_s=0.02)) as system:
        people = system.log(PEOPLE)
        assert await people.head() == 0
        await system.create("acme")
        await asleep(system, "acme")
        assert actors_of(system, PEOPLE) == [f"log/{PEOPLE}"]
        assert PEOPLE not in (await system.standing())[1].awake
