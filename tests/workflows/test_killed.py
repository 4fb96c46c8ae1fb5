"""The workflow engine, and everything around it, dies at random moments of runs: the result is that of a run that
nobody disturbed. No stage happens twice, no approval is lost, and what is undone is undone once, the last first.

`VAPORA_FLOW_SEED` repeats a plan of who dies when, `VAPORA_FLOW_ROUNDS` makes it longer.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from actors.runtime.base import Builder
from events import Recorded, workflow
from events.ids import task_stream
from events.task import TaskCompleted, TaskSubmitted
from tests import rounds
from tests.workflows.site import Site, cards, count, defined, gate, stage
from vapora.commands import StartWorkflowRun
from vapora.domain.workflow.definition import Definition
from vapora.testing.crash import CrashableRuntime, KillPoint

SEED = int(os.environ.get("VAPORA_FLOW_SEED", "0")) or random.randrange(1, 1_000_000)
ROUNDS = rounds.FLOW
EVERYTHING = ("workflows", "log", "coordinator", "agent", "budget", "router", "projector", "repositories")
VICTIMS = (("workflows",), ("workflows",), ("log",), ("coordinator",), ("agent", "workflows"), EVERYTHING)
# Nothing changes by all other calls.
_MOVES = frozenset({"append", "reserve", "settle", "perform", "complete"})
# About how many moments a round has.
_MOMENTS = 250


@dataclass
class Deaths:
    """The plan: after so many moments, who dies."""

    plan: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    moments: int = 0
    died: list[str] = field(default_factory=list)
    runtime: CrashableRuntime | None = None

    def made(self, build: Builder) -> CrashableRuntime:
        self.runtime = CrashableRuntime(build, self.watch)
        return self.runtime

    def watch(self, moment: KillPoint) -> None:
        if moment.method not in _MOVES or self.runtime is None:
            return
        self.moments += 1
        for planned in [one for one in self.plan if one[0] <= self.moments]:
            self.plan.remove(planned)
            for address in list(self.runtime._actors):
                if address.kind in planned[1]:
                    self.runtime.kill(address)
                    self.died.append(f"{address} at {moment.method} {moment.stage}")


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Site, Deaths]]:
    deaths = Deaths()
    site = Site(folder, made=deaths.made, health_interval_s=0.1)
    await site.start()
    try:
        yield site, deaths
    finally:
        deaths.plan.clear()
        await site.stop()


def example() -> Definition:
    return defined(
        [
            stage("plan", "architect"),
            {
                "name": "build",
                "agents": ["developer", "tester", "documenter"],
                "parallel": True,
                "task": {"title": "Build it", "review": "none"},
                "compensate": {"agents": ["developer"], "task": {"title": "Undo it", "review": "none"}},
            },
            stage("check", "tester", compensate={"agents": ["tester"], "task": {"title": "Undo", "review": "none"}}),
            gate("accept"),
            stage("deliver", "devops"),
        ]
    )


async def everything(site: Site, told: list[Recorded]) -> tuple[Counter[str], Counter[str]]:
    """How often each card of the run was handed in, and done."""
    submitted: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for task_id in cards(told):
        for one in await site.log.read(task_stream(task_id)):
            submitted[task_id] += isinstance(one.event, TaskSubmitted)
            done[task_id] += isinstance(one.event, TaskCompleted)
    return submitted, done


async def test_whoever_dies_when_a_run_ends_as_if_nobody_had(tmp_path: Path) -> None:
    chosen = random.Random(SEED)
    print(f"VAPORA_FLOW_SEED={SEED}")
    async with opened(tmp_path) as (site, deaths):
        project = await site.project()
        made = await site.workflows.create(site.origin(), example())
        for number in range(ROUNDS):
            approves = number % 2 == 0
            for _ in range(chosen.choice((1, 2, 3))):
                deaths.plan.append((deaths.moments + chosen.randrange(_MOMENTS), chosen.choice(VICTIMS)))
            run_id = (await site.workflows.start(site.origin(), made.id, StartWorkflowRun(project_id=project))).id
            approval, seen = await site.asked(run_id)
            await site.decide(approval, seen, "approve" if approves else "reject")
            run = await site.over(run_id, 90)
            told = await site.told(run_id)
            where = f"round {number}, {deaths.died}"
            submitted, done = await everything(site, told)
            assert len(cards(told)) == len(set(cards(told))) == (6 if approves else 7), where
            assert set(submitted.values()) == set(done.values()) == {1}, where
            assert count(told, workflow.ApprovalRequested) == count(told, workflow.ApprovalDecided) == 1, where
            settled = [
                (one.topic, one.event.stage)
                for one in told
                if isinstance(one.event, workflow.StageCompleted | workflow.StageFailed | workflow.StageUndone)
            ]
            expected = [("workflow.stage-completed", name) for name in ("plan", "build", "check")]
            if approves:
                assert run.state == "completed", where
                expected += [("workflow.stage-completed", name) for name in ("accept", "deliver")]
            else:
                assert run.state == "failed", where
                expected.append(("workflow.stage-failed", "accept"))
                expected += [("workflow.stage-undone", name) for name in ("check", "build")]
            assert settled == expected, where
    print(f"{len(deaths.died)} deaths in {ROUNDS} rounds")
    assert len(deaths.died) >= ROUNDS // 2
