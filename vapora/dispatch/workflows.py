"""What people do to workflows, their runs and approvals: load, decide, append, and decide again on a conflict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel

from events.base import DomainEvent
from events.ids import StreamName, project_stream, schedule_stream, task_stream, workflow_run_stream, workflow_stream
from vapora.catalog.shipped_workflows import shipped, workflow_id_for
from vapora.clock import Clock, new_id
from vapora.commands import DecideApproval, StartWorkflowRun
from vapora.dispatch.carry_out import Decision, carry_out
from vapora.dispatch.folds import PROJECT, SCHEDULE
from vapora.domain import project as projects
from vapora.domain import schedule as schedules
from vapora.domain.workflow import catalogue, live_runs, requests, results, state
from vapora.domain.workflow.catalogue import Workflow
from vapora.domain.workflow.definition import Definition
from vapora.domain.workflow.shown import cards_shown
from vapora.domain.workflow.state import Asked, Run
from vapora.errors import BadInputError
from vapora.log.client import Change, LogClient
from vapora.log.folds import StreamFolds
from vapora.ports import IfMatch, Origin, RequestKey
from vapora.views import Accepted


class WorkflowCommands:
    """On one workspace's log."""

    def __init__(self, log: LogClient, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._projects = StreamFolds(log, PROJECT, None)
        self._schedules = StreamFolds(log, SCHEDULE, None)

    # --- workflows ---

    async def load(self, workflow_id: str) -> tuple[Workflow | None, int, int]:
        """The newest version, with the version and the last position of its stream."""
        recorded = await self._log.read(workflow_stream(workflow_id))
        found = catalogue.fold(workflow_id, (one.event for one in recorded), shipped().get(workflow_id))
        return found, len(recorded), recorded[-1].position if recorded else 0

    async def create(self, origin: Origin, definition: Definition, key: RequestKey | None = None) -> Accepted:
        """Under an id that is made of its name, and that nobody has."""
        wanted = workflow_id_for(definition.name)

        async def decided() -> Decision:
            taken, number = wanted, 1
            while (found := await self.load(taken))[0] is not None:
                number += 1
                taken = f"{wanted}-{number}"
            events = catalogue.define(None, taken, definition)
            others = await self._trigger(taken, definition.trigger)
            return Decision(taken, workflow_stream(taken), found[1], events, others=others)

        return await self._carry_out(origin, decided, key)

    async def define(
        self,
        origin: Origin,
        workflow_id: str,
        definition: Definition,
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
        *,
        file: str = "",
        file_digest: str = "",
        of_project: str | None = None,
    ) -> Accepted:
        """A new version; of a workflow that there is, or with `file` of a new one. `of_project`: whose repository the
        file is in, which takes no name of others."""

        async def decided() -> Decision:
            found, version, position = await self.load(workflow_id)
            if not file:
                catalogue.require(found, workflow_id)
            if of_project is not None:
                catalogue.require_free(found, file, of_project)
            if if_match is not None:
                if_match.require(str(position))
            events = catalogue.define(found, workflow_id, definition, file, file_digest)
            others = await self._trigger(workflow_id, definition.trigger)
            return Decision(workflow_id, workflow_stream(workflow_id), version, events, position, others=others)

        return await self._carry_out(origin, decided, key)

    async def remove(
        self, origin: Origin, workflow_id: str, key: RequestKey | None = None, if_match: IfMatch | None = None
    ) -> Accepted:
        async def decided() -> Decision:
            found, version, position = await self.load(workflow_id)
            events = catalogue.remove(found, workflow_id)
            if if_match is not None:
                if_match.require(str(position))
            others = await self._trigger(workflow_id, None)
            return Decision(workflow_id, workflow_stream(workflow_id), version, events, position, others=others)

        return await self._carry_out(origin, decided, key)

    async def _trigger(self, workflow_id: str, trigger: Any) -> tuple[Change, ...]:
        """The schedule that the workflow's own trigger asks for, or that it asks for no more."""
        stream = schedule_stream(schedules.schedule_id_of(workflow_id))
        loaded = await self._schedules.load(stream)
        said = trigger.model_dump() if isinstance(trigger, BaseModel) else trigger
        events = schedules.of_workflow(loaded.state, workflow_id, said, self._clock())
        return ((stream, loaded.version, events),) if events else ()

    # --- runs ---

    async def start(
        self,
        origin: Origin,
        workflow_id: str,
        command: StartWorkflowRun,
        key: RequestKey | None = None,
        fallback: str | None = None,
    ) -> Accepted:
        """A run of the newest version. `fallback`: the project where nothing else names one."""
        made = new_id("workflow-run")

        async def decided() -> Decision:
            return await self._beginning(origin, workflow_id, made, command, fallback)

        return await self._carry_out(origin, decided, key)

    async def beginning(
        self,
        origin: Origin,
        workflow_id: str,
        run_id: str,
        inputs: Mapping[str, Any],
        schedule_id: str,
        project_id: str | None = None,
    ) -> tuple[Change, dict[StreamName, int]]:
        """For one append together with what a schedule records of its firing: the first event of a run under an id that
        the schedule chose, and the versions that it was decided on. Raises as `start`."""
        command = StartWorkflowRun(inputs=dict(inputs), project_id=project_id)
        decided = await self._beginning(origin, workflow_id, run_id, command, None, schedule_id)
        return (decided.stream, 0, decided.events), dict(decided.expected)

    async def _beginning(
        self,
        origin: Origin,
        workflow_id: str,
        run_id: str,
        command: StartWorkflowRun,
        fallback: str | None,
        schedule_id: str | None = None,
    ) -> Decision:
        found, version, _ = await self.load(workflow_id)
        workflow = catalogue.require(found, workflow_id)
        definition = workflow.read
        if workflow.only_in not in (None, command.project_id or workflow.only_in):
            raise BadInputError(
                f"The workflow '{workflow_id}' is of a project's repository, and makes cards there alone.",
                remedy=f"Start it in the project {workflow.only_in}, or leave project_id out.",
                field="project_id",
            )
        started = requests.start(
            run_id,
            workflow_id,
            workflow.number,
            definition,
            origin.correlation,
            command.inputs,
            command.project_id or (None if definition.project_id else fallback),
            schedule_id,
        )
        expected = {workflow_stream(workflow_id): version}
        named = {one.task.get("project_id") for one in definition.stages} | {started.project_id}
        for project_id in sorted(one for one in named if isinstance(one, str)):
            project = await self._projects.load(project_stream(project_id))
            projects.require_open(project.state, project_id)
        return Decision(run_id, workflow_run_stream(run_id), 0, (started,), expected=expected)

    async def change(
        self, origin: Origin, run_id: str, command: requests.RunCommand, key: RequestKey | None = None
    ) -> Accepted:
        async def decided() -> Decision:
            run, version, position, _ = await self._run(run_id)
            events = requests.decide(run, command)
            return Decision(run_id, workflow_run_stream(run_id), version, events, position)

        return await self._carry_out(origin, decided, key)

    async def settle(
        self,
        origin: Origin,
        approval_id: str,
        command: DecideApproval,
        may: Callable[[Asked], bool],
        key: RequestKey | None = None,
    ) -> Accepted:
        """A person decides. Raises `ApprovalOutdatedError`, `ApprovalDecidedError`, `ApprovalExpiredError`,
        `ForbiddenError`, `NotFoundError`."""
        run_id = state.run_of_approval(approval_id)

        async def decided() -> Decision:
            run, version, position, history = await self._run(run_id)
            found = requests.find_asked(run, approval_id)
            asked = None if found is None else found[1]
            overdue = asked is not None and asked.expires_at is not None and asked.expires_at <= self._clock()
            events = requests.settle(
                run,
                history,
                approval_id,
                command,
                may=asked is not None and may(asked),
                moved=found is not None and await self._moved(run, found[0]),
                overdue=overdue,
            )
            return Decision(approval_id, workflow_run_stream(run_id), version, events, position)

        return await self._carry_out(origin, decided, key)

    async def _run(self, run_id: str) -> tuple[Run, int, int, tuple[DomainEvent, ...]]:
        recorded = await self._log.read(workflow_run_stream(run_id))
        found = live_runs.fold(recorded)
        run = state.require(None if found is None else found.run, run_id)
        return run, len(recorded), recorded[-1].position, tuple(one.event for one in recorded)

    async def _moved(self, run: Run, stage: str) -> bool:
        """Whether a card that was shown is not any more as it was shown; the engine may not have seen that yet."""
        for task_id, card in cards_shown(run, run.definition.stage(stage)).items():
            now = results.result(one.event for one in await self._log.read(task_stream(task_id)))
            if (now.outcome, now.run_id, now.head) != (card.outcome, card.run_id, card.head):
                return True
        return False

    async def _carry_out(
        self, origin: Origin, decide: Callable[[], Awaitable[Decision]], key: RequestKey | None
    ) -> Accepted:
        return await carry_out(self._log, self._clock, origin, decide, key)
