"""A clean stop in the middle of work, and the next start: no money is booked that nobody billed, and none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.composition import LocalActorSystem
from actors.runtime.base import Address
from actors.runtime.local import LocalRuntime
from events import Recorded
from events.budget import SpendReleased, SpendReserved, SpendSettled, SpendUnknown
from events.run import ModelCalled, ModelCallLost, ModelCallWithdrawn
from events.task import TaskCompleted
from tests.actors.kit import everything, passed, seen
from tests.cli.conftest import invoke
from vapora.clock import new_id, now
from vapora.commands import CreateProject, EditAgent, SetBudget, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.testing import Behaviour, FakeVendors
from vapora.testing.soundness import soundness

WORKSPACE = "default"
TASKS = 12
IN_FLIGHT = 6


@asynccontextmanager
async def running(folder: Path, vendors: FakeVendors) -> AsyncIterator[tuple[LocalActorSystem, LogClient]]:
    system = LocalActorSystem(Settings(data=folder, resend_s=0.05, budget_patience_s=60), vendors.environ())
    await system.start()
    try:
        yield system, LogClient(system.log(WORKSPACE), WORKSPACE)
    finally:
        await system.stop()


async def hand_in(system: LocalActorSystem, log: LogClient, budget: SetBudget) -> None:
    dispatcher, origin = Dispatcher(log, now), Origin(WORKSPACE, "user:local", new_id("cor"))
    await system.budgets(WORKSPACE).set_budget(origin, "workspace", WORKSPACE, budget)
    await dispatcher.dispatch(origin, EditAgent(capacity=TASKS), "developer")
    project = await dispatcher.dispatch(origin, CreateProject(name="Stopped"))
    for number in range(TASKS):
        task = SubmitTask(project_id=project.id, title=f"Task {number}", role="developer", review="none")
        await dispatcher.dispatch(origin, task)


async def finish(folder: Path, vendors: FakeVendors) -> list[Recorded]:
    """The next start, to the end of all work."""
    async with running(folder, vendors) as (_, log):
        await seen(log, TaskCompleted, TASKS)
        return await everything(log)


def of(log: list[Recorded], *kinds: type) -> int:
    return sum(isinstance(one.event, kinds) for one in log)


def assert_nothing_too_much(log: list[Recorded], vendors: FakeVendors, folder: Path) -> None:
    assert of(log, SpendUnknown, ModelCallLost) == 0
    settled = sum(one.event.cost_microusd for one in log if isinstance(one.event, SpendSettled))
    assert settled == vendors.ledger.billed_microusd
    assert soundness(log, WORKSPACE) == []
    proved = invoke("audit", "budget", "--data", str(folder))
    assert proved.code == 0, proved.out + proved.err


async def _agents_gone(system: LocalActorSystem) -> None:
    """The stop has come as far as the router, which is next."""
    runtime = system.runtime
    assert isinstance(runtime, LocalRuntime)
    await passed(lambda: not any(one.kind in ("agent", "coordinator", "router") for one in runtime.running()))


@pytest.mark.parametrize("answered", range(0, IN_FLIGHT + 1, 2))
async def test_what_was_promised_and_not_sent_is_released_and_what_is_out_is_waited_for(
    tmp_path: Path, answered: int
) -> None:
    """`answered`: so many answers are on their way to the router when the stop begins, the others come during it."""
    with FakeVendors() as vendors:
        gate = vendors.hold()
        async with running(tmp_path, vendors) as (system, log):
            await hand_in(system, log, SetBudget())
            await gate.arrivals(IN_FLIGHT)
            gate.release(answered)
            await seen(log, ModelCalled, min(answered, 1))
            stopping = asyncio.create_task(system.stop())
            await asyncio.sleep(0)
            gate.release()
            await stopping
        assert_nothing_too_much(await finish(tmp_path, vendors), vendors, tmp_path)


async def test_a_call_that_finds_its_room_during_the_stop_is_not_made(tmp_path: Path) -> None:
    with FakeVendors() as vendors:
        # An answer costs a tenth of what is held for it, so those that wait find room as answers come in.
        vendors.default(Behaviour(text="short"))
        gate = vendors.hold()
        async with running(tmp_path, vendors) as (system, log):
            await hand_in(system, log, SetBudget(monthly_limit_cents=12))
            await gate.arrivals(1)
            budget = system.runtime.ref(Address("budget", WORKSPACE))
            while (await budget.health())["waiting"] == 0:
                await asyncio.sleep(0)
            # All that found room have arrived; the others wait for money.
            while len(vendors.requests) < of(await everything(log), SpendReserved):
                await asyncio.sleep(0)
            sent = len(vendors.requests)
            stopping = asyncio.create_task(system.stop())
            await _agents_gone(system)
            gate.release()
            await stopping
            assert len(vendors.requests) == sent
        log_after = await finish(tmp_path, vendors)
        assert of(log_after, ModelCallWithdrawn) > 0
        assert of(log_after, ModelCallWithdrawn) <= of(log_after, SpendReleased)
        assert_nothing_too_much(log_after, vendors, tmp_path)
