"""What a schedule begins, decided as a request is."""

from __future__ import annotations

from events.schedule import ScheduleSet
from vapora.commands import SubmitTask
from vapora.dispatch.schedules import Begun
from vapora.dispatch.task_commands import TaskCommands
from vapora.dispatch.workflows import WorkflowCommands
from vapora.ports import Origin


class Beginner:
    """Cards and runs of workflows."""

    def __init__(self, tasks: TaskCommands, workflows: WorkflowCommands) -> None:
        self._tasks = tasks
        self._workflows = workflows

    async def task(self, command: SubmitTask, task_id: str) -> Begun:
        decision = await self._tasks.submit(command, task_id)
        return Begun(task_id, ((decision.stream, decision.version, decision.events),), decision.expected)

    async def run(self, origin: Origin, event: ScheduleSet, workflow_run_id: str) -> Begun:
        workflow_id, schedule_id = event.workflow_id or "", event.schedule_id
        change, expected = await self._workflows.beginning(
            origin, workflow_id, workflow_run_id, event.inputs, schedule_id, event.project_id
        )
        return Begun(workflow_run_id, (change,), expected)
