"""The workflow engine alone: `python -m benchmarks.workflows [--runs 1000] [--stages 20] [--finished 100000]`.

`runs`: so many runs of so many stages at once, over a log in a SQLite file. Their cards are done the moment they are
there, so that what is measured is what a stage costs beyond its task: the two appends, and the deciding between them.
`finished`: how long the engine takes to start where so many runs have ended, without what it saved and with it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from actors.follower import Follower
from actors.log_writer import LogWriter
from actors.snapshots import saved_workflow_runs
from actors.workflow_engine import SharedBudget, WorkflowEngine
from events import Recorded
from events.ids import project_stream, task_stream, workflow_run_stream
from events.project import ProjectCreated
from events.task import TaskCompleted, TaskSubmitted
from events.workflow import StageCard, StageCardEnded, StageCardsMade, StageCompleted, WorkflowRunCompleted
from vapora import journal
from vapora.catalog.shipped_workflows import known
from vapora.clock import new_id, now
from vapora.commands import SetTaskBudget
from vapora.dispatch import Dispatcher
from vapora.domain.workflow import requests
from vapora.domain.workflow.check import require
from vapora.domain.workflow.definition import Definition
from vapora.log.client import LogClient
from vapora.log.places import open_log
from vapora.ports import Origin
from vapora.views import LimitsChanged

_ORIGIN = Origin("default", "benchmark", "cor")
_AT_ONCE = 500


class _NoMoney:
    """Of runs that have no budget it is never asked."""

    async def set_budget(self, origin: Origin, scope: str, scope_id: str, command: SetTaskBudget) -> LimitsChanged:
        raise NotImplementedError

    async def spent_on(self, task_ids: Sequence[str]) -> dict[str, int]:
        raise NotImplementedError


class _Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = LogWriter(lambda: open_log(folder / "log.db", "default", now))
        self.log = LogClient(self.writer, "default")

    def engine(self, *, saved: bool = False) -> WorkflowEngine:
        return WorkflowEngine(
            self.log,
            "default",
            now,
            dispatcher=Dispatcher(self.log, now),
            limits=SharedBudget(_NoMoney()),
            saved=saved_workflow_runs(self.folder) if saved else None,
        )


def _definition(stages: int) -> Definition:
    one = {"role": "developer", "task": {"title": "Do it", "review": "none"}}
    return require({"name": "Many", "stages": [{"name": f"s{number}", **one} for number in range(stages)]}, known())


async def _runs(folder: Path, runs: int, stages: int) -> None:
    site = _Site(folder)
    await site.writer.start()
    await site.log.append(_ORIGIN, (project_stream("p"), 0, (ProjectCreated(project_id="p", name="P"),)))
    definition = _definition(stages)
    over, done = asyncio.Event(), 0

    async def work(events: Sequence[Recorded]) -> None:
        nonlocal done
        wishes = [
            site.log.request(_ORIGIN, (task_stream(one.event.task_id), 1, (_completed(one.event),)))
            for one in events
            if isinstance(one.event, TaskSubmitted)
        ]
        if wishes:
            await site.log.append_many(wishes)
        done += sum(isinstance(one.event, WorkflowRunCompleted) for one in events)
        if done == runs:
            over.set()

    worker = Follower("worker", site.log, work, topics=(TaskSubmitted.TOPIC, WorkflowRunCompleted.TOPIC))
    engine = site.engine()
    await engine.start()
    worker.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    for first in range(0, runs, _AT_ONCE):
        wishes = []
        for _ in range(first, min(first + _AT_ONCE, runs)):
            run_id = new_id("workflow-run")
            started = requests.start(run_id, "many", 1, definition, "cor", {}, "p")
            wishes.append(site.log.request(_ORIGIN, (workflow_run_stream(run_id), 0, (started,))))
        await site.log.append_many(wishes)
    await over.wait()
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{runs} runs of {stages} stages: {took:.1f} s, {took / runs / stages * 1_000:.2f} ms a stage beyond its task, "
        f"{(peak - before) / 1_024:.0f} MiB more memory at most"
    )
    await worker.stop()
    await engine.stop()
    await site.writer.stop()


def _completed(event: TaskSubmitted) -> TaskCompleted:
    return TaskCompleted(task_id=event.task_id, run_id=f"run-{event.task_id}")


async def _finished(folder: Path, count: int) -> None:
    site = _Site(folder)
    await site.writer.start()
    definition = _definition(1)
    for first in range(0, count, _AT_ONCE):
        await site.log.append_many(
            [
                site.log.request(_ORIGIN, (workflow_run_stream(f"r{number}"), 0, _ended(f"r{number}", definition)))
                for number in range(first, min(first + _AT_ONCE, count))
            ]
        )
    for saved in (False, True, True):
        engine = site.engine(saved=saved)
        began = time.perf_counter()
        await engine.start()
        took = time.perf_counter() - began
        await engine.stop()
        how = "with what was saved" if saved and took < 1 else "by folding the log"
        print(f"start with {count} finished runs, {how}: {took:.2f} s")
    await site.writer.stop()


def _ended(run_id: str, definition: Definition) -> tuple[object, ...]:
    about = {"workflow_run_id": run_id, "stage": "s0"}
    return (
        requests.start(run_id, "many", 1, definition, "cor", {}, "p"),
        StageCardsMade(**about, cards=(StageCard(task_id=f"t-{run_id}", role="developer", slot=0, attempt=1),)),
        StageCardEnded(**about, task_id=f"t-{run_id}", outcome="done", run_id="run"),
        StageCompleted(**about, outcome="done"),
        WorkflowRunCompleted(workflow_run_id=run_id),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--stages", type=int, default=20)
    parser.add_argument("--finished", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="a folder on the disk that is to be measured")
    given = parser.parse_args()
    journal.configure("console")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        asyncio.run(_runs(Path(folder), given.runs, given.stages))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        asyncio.run(_finished(Path(folder), given.finished))


if __name__ == "__main__":
    main()
