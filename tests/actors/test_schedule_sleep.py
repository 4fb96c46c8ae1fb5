"""A workspace sleeps between two firings, and the next one wakes it: the real clock, the whole actor system."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from events.schedule import ScheduleFired
from events.task import TaskCompleted
from tests.actors.test_sleep import asleep, dispatcher_of, running, settings, until
from vapora.clock import now
from vapora.commands import CreateProject, SetSchedule, SubmitTask
from vapora.log.cell_records import open_cell_records
from vapora.log.client import LogClient


@pytest.mark.timeout(900)
async def test_a_workspace_sleeps_until_its_schedule_is_due_and_is_woken_by_that_alone(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with running(chosen) as system:
        await system.create("acme")
        dispatcher, origin = dispatcher_of(system, "acme")
        project = await dispatcher.dispatch(origin, CreateProject(name="Parser"))
        task = SubmitTask(project_id=project.id, title="Look at the logs", review="none")
        await dispatcher.dispatch(origin, SetSchedule(cron="* * * * *", task=task, overlap=True), "often")
        await asleep(system, "acme")
        record = open_cell_records(chosen).get("acme")
        assert record is not None and record.due is not None
        assert timedelta(0) < record.due - now() <= timedelta(minutes=1)

        # Nobody asks for anything until the file of its cell says that it was open again.
        async def woken() -> bool:
            later = open_cell_records(chosen).get("acme")
            return later is None or later.due != record.due

        await until(woken)
        log = LogClient(system.log("acme"), "acme")

        async def done() -> bool:
            return any(isinstance(one.event, TaskCompleted) for one in (await log.poll(0, 10_000, 0)).events)

        await until(done)
        events = [one.event for one in (await log.poll(0, 10_000, 0)).events]
        fired = [one for one in events if isinstance(one, ScheduleFired)]
        assert fired[0].due_at == record.due
