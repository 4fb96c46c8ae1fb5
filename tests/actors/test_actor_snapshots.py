"""Actors that start from what they saved stand where a whole fold of the log would put them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from actors.budget_manager import BudgetManager
from actors.coordinator import SwarmCoordinator
from actors.messages import Settlement
from actors.snapshots import saved_ledger, saved_swarm
from events.ids import LEDGER, run_stream
from events.run import RunContinued
from tests.actors.kit import ORIGIN, WORKSPACE, MovableClock, ledger_of, log_writer, passed, wish
from tests.actors.test_coordinator import AgentPool
from vapora.commands import CreateProject, RegisterAgent, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.swarm import rules as swarm
from vapora.domain.swarm.data import to_data
from vapora.log.client import LogClient
from vapora.ports import LogWriterPort
from vapora.records import Append, AppendResult, Batch, StoredRecord


@dataclass
class Counting:
    """A log writer that counts what is read of it."""

    writer: LogWriterPort
    read_events: int = 0
    polled: list[int] = field(default_factory=list)

    async def append(self, requests: list[Append]) -> list[AppendResult]:
        return await self.writer.append(requests)

    async def read(self, stream: str, after: int = 0, limit: int = 10_000) -> list[StoredRecord]:
        found = await self.writer.read(stream, after, limit)
        self.read_events += len(found) if stream == LEDGER else 0
        return found

    async def poll(self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: tuple[str, ...] = ()) -> Batch:
        batch = await self.writer.poll(after, limit, timeout_s, topics)
        self.polled += [record.position for record in batch.records]
        return batch

    async def head(self) -> int:
        return await self.writer.head()


@dataclass
class Cell:
    folder: Path
    clock: MovableClock
    port: Counting
    log: LogClient
    pool: AgentPool

    def manager(self, every: int = 10_000) -> BudgetManager:
        saved = saved_ledger(self.folder, every)
        return BudgetManager(self.log, WORKSPACE, self.clock, patience_s=1, saved=saved)

    def coordinator(self, every: int = 10_000) -> SwarmCoordinator:
        async def real() -> bool:
            return False

        return SwarmCoordinator(
            self.log,
            WORKSPACE,
            self.pool.agent,
            self.pool.retire,
            real,
            self.clock,
            idle_s=1_000,
            resend_s=0.01,
            saved=saved_swarm(self.folder, every),
        )

    async def spend(self, money: BudgetManager, first: int, last: int) -> None:
        for number in range(first, last):
            await money.reserve(ORIGIN, wish(f"c{number}", 100), ())
            if number % 3:
                await money.settle_money(ORIGIN, Settlement(f"c{number}", 1, 40, 1, 1))

    async def submit(self, count: int) -> None:
        dispatcher = Dispatcher(self.log, self.clock)
        await dispatcher.open_workspace(ORIGIN)
        await dispatcher.dispatch(ORIGIN, RegisterAgent(role="developer", capacity=9))
        project = await dispatcher.dispatch(ORIGIN, CreateProject(name="P"))
        for number in range(count):
            await dispatcher.dispatch(ORIGIN, SubmitTask(project_id=project.id, title=f"Write code {number}"))


@pytest.fixture
async def cell(tmp_path: Path) -> AsyncIterator[Cell]:
    clock = MovableClock()
    async with log_writer(clock) as writer:
        port = Counting(writer)
        log = LogClient(port, WORKSPACE)  # type: ignore[arg-type]
        yield Cell(tmp_path / "snapshots", clock, port, log, AgentPool(log))


def saved(folder: Path, name: str) -> Callable[[], bool]:
    return lambda: (folder / f"{name}.snapshot").exists()


async def test_a_budget_manager_starts_from_what_it_saved_and_the_rest(cell: Cell) -> None:
    money = cell.manager()
    await money.start()
    await cell.spend(money, 0, 20)
    await money.stop()
    later = BudgetManager(cell.log, WORKSPACE, cell.clock, patience_s=1)  # saves nothing
    await later.start()
    await cell.spend(later, 20, 23)
    await later.stop()
    cell.port.read_events = 0
    again = cell.manager()
    await again.start()
    assert cell.port.read_events == 5
    assert again.ledger == await ledger_of(cell.log)
    await cell.spend(again, 23, 25)
    assert again.ledger == await ledger_of(cell.log)
    await again.stop()


async def test_a_budget_manager_saves_in_mid_work_for_the_case_that_it_is_killed(cell: Cell) -> None:
    money = cell.manager(every=10)
    await money.start()
    await cell.spend(money, 0, 40)
    await passed(saved(cell.folder, "ledger"))
    cell.port.read_events = 0
    again = cell.manager()
    await again.start()
    assert cell.port.read_events < 66
    assert again.ledger == money.ledger == await ledger_of(cell.log)
    await again.stop()
    await money.stop()


async def test_a_call_that_was_paid_together_with_its_answer_is_saved_at_the_right_place(cell: Cell) -> None:
    """The append ends with an event of another stream."""
    money = cell.manager()
    await money.start()
    await money.reserve(ORIGIN, wish("c1", 100), ())
    along = (run_stream("t0.1"), 0, (RunContinued(run_id="t0.1", task_id="t0"),))
    await money.settle(ORIGIN, Settlement("c1", 1, 40, 1, 1), along)
    await money.stop()
    cell.port.read_events = 0
    again = cell.manager()
    await again.start()
    assert (cell.port.read_events, again.ledger) == (0, await ledger_of(cell.log))
    await again.stop()


@pytest.mark.parametrize("how", ["broken", "deleted"])
async def test_without_a_snapshot_that_can_be_used_the_fold_starts_from_the_beginning(cell: Cell, how: str) -> None:
    money = cell.manager()
    await money.start()
    await cell.spend(money, 0, 6)
    await money.stop()
    path = cell.folder / "ledger.snapshot"
    path.write_bytes(b"rubbish") if how == "broken" else path.unlink()
    again = cell.manager()
    await again.start()
    assert again.ledger == await ledger_of(cell.log)
    await again.stop()
    assert path.stat().st_size > 100


async def test_a_snapshot_of_another_log_is_not_believed_even_where_it_is_as_long(cell: Cell) -> None:
    """As after a backup was put back: same positions, another past."""
    money = cell.manager()
    await money.start()
    await cell.spend(money, 0, 6)
    await money.stop()
    for ahead in (6, 3):  # as long as it, and shorter than it
        async with log_writer(MovableClock()) as writer:
            log = LogClient(writer, WORKSPACE)
            first = BudgetManager(log, WORKSPACE, cell.clock, patience_s=1)
            await first.start()
            for number in range(ahead):
                await cell.spend(first, 100 + number, 101 + number)
            await first.stop()
            other = BudgetManager(log, WORKSPACE, cell.clock, patience_s=1, saved=saved_ledger(cell.folder))
            with capture_logs() as captured:
                await other.start()
            assert [one["why"].split(" at ")[0] for one in captured] == ["the log has no such event"]
            assert other.ledger == await ledger_of(log)


async def test_a_coordinator_starts_behind_what_it_saved(cell: Cell) -> None:
    await cell.submit(3)
    first = cell.coordinator()
    await first.start()
    await cell.pool.got(3)
    await first.stop()
    await cell.submit(1)
    cell.port.polled.clear()
    again = cell.coordinator()
    await again.start()
    await cell.pool.got(4)
    assert min(cell.port.polled) > 15
    await again.stop()
    assert to_data(again._swarm) == to_data(await whole(cell.log))


async def test_a_coordinator_saves_in_mid_work_and_forgets_no_assignment_under_way(cell: Cell) -> None:
    await cell.submit(5)
    first = cell.coordinator(every=5)
    await first.start()
    await passed(saved(cell.folder, "swarm"))
    await cell.pool.got(5)
    again = cell.coordinator()
    await again.start()
    assert (await again.health())["running"] == 5
    assert len(cell.pool.performed) == 5
    await again.stop()
    await first.stop()


async def whole(log: LogClient) -> swarm.Swarm:
    folded = swarm.initial()
    for one in (await log.poll(0, 10_000, 0, swarm.TOPICS)).events:
        swarm.evolve(folded, one)
    return folded
