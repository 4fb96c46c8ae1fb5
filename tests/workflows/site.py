"""An installation in one process in which workflows run with the rehearsal model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.composition import ActorSystem, builder
from actors.runtime.base import Builder
from actors.runtime.local import LocalRuntime
from events import Recorded, workflow
from events.base import DomainEvent
from events.ids import workflow_run_stream
from tests.waiting import DEADLINE_S
from vapora.catalog.shipped_workflows import known
from vapora.clock import new_id, now
from vapora.commands import CreateProject, DecideApproval, StartWorkflowRun
from vapora.dispatch import Dispatcher
from vapora.dispatch.workflows import WorkflowCommands
from vapora.domain.workflow import live_runs
from vapora.domain.workflow.check import require
from vapora.domain.workflow.definition import Definition
from vapora.domain.workflow.state import Run
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings

WORKSPACE = "default"


def defined(stages: Sequence[Mapping[str, Any]], **more: Any) -> Definition:
    return require({"name": "Example", "stages": list(stages), **more}, known())


def stage(name: str, role: str = "developer", **more: Any) -> dict[str, Any]:
    """A stage whose card is done by a good run."""
    return {"name": name, "role": role, "task": {"title": f"Do {name}", "review": "none"}, **more}


def gate(name: str, **more: Any) -> dict[str, Any]:
    """A stage that only asks."""
    return {"name": name, "approval": more.pop("approval", True), **more}


class Site:
    def __init__(self, folder: Path, made: Callable[[Builder], LocalRuntime] = LocalRuntime, **settings: Any) -> None:
        self.settings = Settings(
            data=folder,
            model="rehearsal",
            rehearsal_min_delay_s=0,
            rehearsal_max_delay_s=0,
            resend_s=0.2,
            **settings,
        )
        self.runtime = made(builder(self.settings, {"PATH": "/usr/bin:/bin"}))
        self.system = ActorSystem(self.settings, self.runtime)
        self.log = LogClient(self.system.log(WORKSPACE), WORKSPACE)
        self.dispatcher = Dispatcher(self.log, now)
        self.workflows = WorkflowCommands(self.log, now)

    async def start(self) -> None:
        await self.system.open(WORKSPACE)

    async def stop(self) -> None:
        await self.runtime.shutdown()

    def origin(self, actor: str = "user:local") -> Origin:
        return Origin(WORKSPACE, actor, new_id("cor"))

    async def project(self, **fields: Any) -> str:
        made = CreateProject.model_validate({"name": "Project", **fields})
        return (await self.dispatcher.dispatch(self.origin(), made)).id

    async def begin(self, definition: Definition, project_id: str | None = None, **inputs: Any) -> str:
        origin = self.origin()
        made = await self.workflows.create(origin, definition)
        command = StartWorkflowRun(inputs=inputs, project_id=project_id or await self.project())
        return (await self.workflows.start(origin, made.id, command)).id

    async def run(self, run_id: str) -> Run:
        found = live_runs.fold(await self.log.read(workflow_run_stream(run_id)))
        assert found is not None
        return found.run

    async def told(self, run_id: str) -> list[Recorded]:
        return await self.log.read(workflow_run_stream(run_id))

    async def until(self, run_id: str, is_so: Callable[[Run], bool], within_s: float = DEADLINE_S) -> Run:
        """The run, once it is so."""
        position = 0
        async with asyncio.timeout(within_s):
            while not is_so(run := await self.run(run_id)):
                position = (await self.log.poll(position, 1_000, 5, live_runs.TOPICS)).position
        return run

    async def over(self, run_id: str, within_s: float = DEADLINE_S) -> Run:
        return await self.until(run_id, lambda run: run.ended is not None, within_s)

    async def asked(self, run_id: str, besides: Collection[str] = ()) -> tuple[str, str]:
        """The id and digest of an approval that is open, and was not asked before."""

        def found(run: Run) -> list[tuple[str, str]]:
            open_ones = [one.asked for one in run.stages.values() if one.asked is not None]
            return [(one.id, one.seen) for one in open_ones if one.id not in besides]

        return found(await self.until(run_id, lambda run: bool(found(run))))[0]

    async def decide(self, approval_id: str, seen: str, decision: str = "approve", actor: str = "user:local") -> None:
        command = DecideApproval.model_validate({"decision": decision, "seen": seen})
        await self.workflows.settle(self.origin(actor), approval_id, command, lambda _: True)


def count(told: Sequence[Recorded], kind: type[DomainEvent], **fields: Any) -> int:
    return sum(
        isinstance(one.event, kind) and all(getattr(one.event, name) == value for name, value in fields.items())
        for one in told
    )


def cards(told: Sequence[Recorded]) -> list[str]:
    """All that a run ever made."""
    return [card.task_id for one in told if isinstance(one.event, workflow.StageCardsMade) for card in one.event.cards]
