"""What is asked about tasks, decided."""

from __future__ import annotations

import asyncio

from events import DomainEvent
from events.ids import SETTINGS, StreamName, agent_stream, project_stream, task_stream, tracker_stream
from vapora.catalog import infer_task_type, roles
from vapora.commands import CommentTask, EditTask, LinkTask, MoveTask, RequeueTask, StartAttempt, SubmitTask
from vapora.dispatch.blockers import require_tasks, ring_through
from vapora.dispatch.carry_out import Decision, decision_on
from vapora.dispatch.submission import submitted
from vapora.dispatch.workspace_folds import WorkspaceFolds
from vapora.domain import task as tasks
from vapora.domain import workspace_settings
from vapora.domain.task_steering import Steering, steer
from vapora.domain.tracker import connection as trackers
from vapora.log.client import LogClient


class TaskCommands:
    """On one workspace's log. Each raises as `Dispatcher.dispatch` does."""

    def __init__(self, log: LogClient, folds: WorkspaceFolds) -> None:
        self._log = log
        self._folds = folds

    async def submit(self, command: SubmitTask, made: str) -> Decision:
        events, expected = await self.submission(command, made)
        return Decision(made, task_stream(made), 0, events, expected=expected)

    async def submission(
        self, command: SubmitTask, task_id: str
    ) -> tuple[tuple[DomainEvent, ...], dict[StreamName, int]]:
        """The first events of a task's stream, and the versions that they were decided on. Raises as `dispatch`."""
        project, settings = await asyncio.gather(
            self._folds.projects.load(project_stream(command.project_id)), self._folds.settings.load(SETTINGS)
        )
        command = workspace_settings.complete(command, settings.state)
        if command.blocked_by:
            await require_tasks(self._log, command.blocked_by)
        task_type, reason = command.task_type, ""
        if command.agent is not None:
            agent = (await self._folds.agents.load(agent_stream(command.agent))).state
            task_type = tasks.type_for(agent, command.agent, command.role, task_type)
        if task_type is None:
            known = command.role if command.role in roles() else None
            board_type = command.type.value if "type" in command.model_fields_set else None
            task_type, reason = infer_task_type(command.title, command.description, board_type, known)
        events = submitted(task_id, command, project.state, task_type, reason)
        return events, {project_stream(command.project_id): project.version}

    async def change(self, command: EditTask | MoveTask | RequeueTask, target: str) -> Decision:
        stream = task_stream(target)
        task = await self._folds.tasks.load(stream)
        if isinstance(command, EditTask):
            added = set(command.blocked_by or ()) - set(task.state.blocked_by if task.state else ())
            await require_tasks(self._log, sorted(added))
            ring, looked_at = await ring_through(target, added, self._folds.tasks)
            return decision_on(target, stream, task, tasks.edit(task.state, command, target, ring), looked_at)
        of_project = project_stream(tasks.require(task.state, target).project_id)
        project = await self._folds.projects.load(of_project)
        expected = {of_project: project.version}
        if isinstance(command, RequeueTask):
            return decision_on(
                target, stream, task, tasks.requeue(task.state, command, target, project.state), expected
            )
        if command.before is not None:
            await require_tasks(self._log, (command.before,))
        return decision_on(target, stream, task, tasks.move(task.state, command, target, project.state), expected)

    async def steer(self, command: Steering, target: str, made: str) -> Decision:
        stream = task_stream(target)
        task = await self._folds.tasks.load(stream)
        expected: dict[StreamName, int] = {}
        project = agent = None
        if isinstance(command, StartAttempt):
            of_project = project_stream(tasks.require(task.state, target).project_id)
            project = await self._folds.projects.load(of_project)
            expected[of_project] = project.version
            if command.agent is not None:
                agent = await self._folds.agents.load(agent_stream(command.agent))
                expected[agent_stream(command.agent)] = agent.version
        events = steer(task.state, command, target, made, project and project.state, agent and agent.state)
        answered = made if isinstance(command, CommentTask) else target
        return decision_on(answered, stream, task, events, expected)

    async def link(self, command: LinkTask, task_id: str) -> Decision:
        task = tasks.require((await self._folds.tasks.load(task_stream(task_id))).state, task_id)
        stream = tracker_stream(command.tracker_id)
        tracker = await self._folds.trackers.load(stream)
        events = trackers.want_issue(tracker.state, command.tracker_id, task_id, task.project_id)
        return decision_on(task_id, stream, tracker, events)
