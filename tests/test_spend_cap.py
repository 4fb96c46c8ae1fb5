"""The spend cap against what the vendors bill: never crossed, and not bought by refusing everything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from actors.composition import LocalActorSystem
from events import Recorded
from events.ids import LEDGER
from events.task import TaskCompleted
from tests.waiting import DEADLINE_S
from vapora.clock import new_id, now
from vapora.commands import CreateProject, EditAgent, SetBudget, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.audit import violations
from vapora.llm.protocol import Usage
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.testing import Behaviour, FakeVendors

TASKS = 60
LIMIT_CENTS = 50


async def _run_backlog(folder: Path, at_once: int, limit_cents: int | None = LIMIT_CENTS) -> tuple[int, list[Recorded]]:
    """60 tasks, `at_once` runs at a time, against the limit: what was billed in micro-dollars, and the ledger."""
    with FakeVendors() as vendors:
        # About 1.1 cents a call at Sonnet's price: half of the backlog would cost more than the limit. No answer is
        # longer than the shortest step's limit, which would cut it off.
        vendors.default(Behaviour(usage=Usage(input_tokens=2_000, output_tokens=750)))
        settings = Settings(data=folder, budget_patience_s=60)
        system = LocalActorSystem(settings, vendors.environ())
        await system.start()
        try:
            ledger = await _work(system, at_once, SetBudget(monthly_limit_cents=limit_cents))
        finally:
            await system.stop()
        return vendors.ledger.billed_microusd, ledger


async def _work(system: LocalActorSystem, at_once: int, budget: SetBudget) -> list[Recorded]:
    log = LogClient(system.log("default"), "default")
    dispatcher = Dispatcher(log, now)
    origin = Origin("default", "user:local", new_id("cor"))
    await system.budgets("default").set_budget(origin, "workspace", "default", budget)
    await dispatcher.dispatch(origin, EditAgent(capacity=at_once), "developer")
    project = await dispatcher.dispatch(origin, CreateProject(name="capped"))
    for number in range(TASKS):
        task = SubmitTask(
            project_id=project.id, title=f"Task {number}", task_type="code-generation", role="developer", review="none"
        )
        await dispatcher.dispatch(origin, task)
    done, position = 0, 0
    async with asyncio.timeout(DEADLINE_S):
        while done < TASKS:
            polled = await log.poll(position, 1_000, 5)
            done += sum(isinstance(one.event, TaskCompleted) for one in polled.events)
            position = polled.position
    return await log.read(LEDGER)


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> int:
    billed, _ = asyncio.run(_run_backlog(tmp_path_factory.mktemp("one"), 1))
    return billed


@pytest.mark.parametrize("at_once", [1, 12, 60])
async def test_what_is_billed_never_exceeds_the_limit_and_uses_it_as_well_as_one_by_one(
    tmp_path: Path, at_once: int, one_by_one: int
) -> None:
    billed, ledger = await _run_backlog(tmp_path, at_once)
    print(
        f"{at_once} at once: billed {billed / 10_000:.2f} of {LIMIT_CENTS} cents; one by one {one_by_one / 10_000:.2f}"
    )
    assert billed <= LIMIT_CENTS * 10_000
    assert billed >= 0.8 * one_by_one
    assert violations(ledger, "default") == []
    # The one-by-one run itself got close to the limit: the comparison is not between two refusals.
    assert one_by_one >= 0.7 * LIMIT_CENTS * 10_000


async def test_without_the_limit_the_same_backlog_costs_more_than_that(tmp_path: Path) -> None:
    billed, _ = await _run_backlog(tmp_path, 60, limit_cents=None)
    assert billed > 2 * LIMIT_CENTS * 10_000
