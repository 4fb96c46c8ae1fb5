"""What a person does to a card beside moving and editing it: one command, one rule."""

from __future__ import annotations

from collections.abc import Sequence

from events.base import DomainEvent
from events.ids import TaskState
from events.task import TaskRejected, ToolCallDecided
from vapora.commands import (
    ApproveTask,
    AttachFile,
    CancelRun,
    CommentTask,
    DecideToolCall,
    DetachFile,
    MoveTask,
    PauseRun,
    PickAttempt,
    RequestChanges,
    ResolveTask,
    ResumeRun,
    StartAttempt,
)
from vapora.domain import task as tasks
from vapora.domain.agent import Agent
from vapora.domain.project import Project
from vapora.domain.task_attachments import attach, detach
from vapora.domain.task_attempts import require_run
from vapora.domain.task_state import Task, require
from vapora.errors import ConflictError

Events = tuple[DomainEvent, ...]
Steering = (
    ApproveTask
    | RequestChanges
    | CommentTask
    | AttachFile
    | DetachFile
    | StartAttempt
    | PickAttempt
    | ResolveTask
    | PauseRun
    | ResumeRun
    | CancelRun
    | DecideToolCall
)
_MOST_PATHS = 20


def steer(
    state: Task | None,
    command: Steering,
    task_id: str,
    made: str,
    project: Project | None = None,
    agent: Agent | None = None,
) -> Events:
    """`made`: the id of what is new. `project` and `agent`: the card's, and the one that the command names."""
    match command:
        case ApproveTask():
            return tasks.approve(state, command, task_id)
        case RequestChanges():
            return tasks.request_changes(state, command, task_id)
        case CommentTask():
            return tasks.comment(state, command, made, task_id)
        case AttachFile():
            return attach(state, command, task_id)
        case DetachFile():
            return detach(state, command, task_id)
        case StartAttempt():
            return tasks.start_attempt(state, command, task_id, project, agent)
        case PickAttempt():
            return tasks.pick(state, command.number, task_id)
        case ResolveTask():
            return resolve(state, command, task_id)
        case PauseRun():
            return tasks.pause(state, command, task_id, command.run_id)
        case ResumeRun():
            return tasks.resume(state, task_id, command.run_id)
        case DecideToolCall():
            return decide_tool_call(state, command, task_id)
        case CancelRun():
            return cancel(state, command, task_id)


def resolve(state: Task | None, command: ResolveTask, task_id: str) -> Events:
    """Work that both sides changed goes back to its author, who gets git's markers in the files. Also where that was
    done too often for it to be done without a person."""
    task = require(state, task_id)
    if task.head is None or not (task.to_land or task.state is TaskState.REVIEW):
        raise ConflictError(
            f"The task is {task.state}: there is no work of it that is to be landed.",
            remedy="Read it again.",
            task_id=task.id,
            state=task.state.value,
        )
    paths = task.refused.paths if task.refused is not None else ()
    comment = command.comment or f"Bring it together with what the base branch holds now{_in(paths)}."
    return (TaskRejected(task_id=task.id, run_id=task.run_id, comment=comment, head=task.head, cause="conflict"),)


def decide_tool_call(state: Task | None, command: DecideToolCall, task_id: str) -> Events:
    require_run(require(state, task_id), command.run_id)
    event = ToolCallDecided(
        task_id=task_id,
        run_id=command.run_id,
        seen=command.seen,
        allowed=command.decision == "allow",
        comment=command.comment,
    )
    return (event,)


def cancel(state: Task | None, command: CancelRun, task_id: str) -> Events:
    """A run that works is taken back with its card; a review is left to a person."""
    task = require(state, task_id)
    require_run(task, command.run_id)
    if task.state is TaskState.IN_PROGRESS:
        return tasks.move(task, MoveTask(state=TaskState.TODO, comment=command.reason), task_id)
    return (tasks.to_person(task, f"A person cancelled its review. {command.reason}".strip()),)


def _in(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - _MOST_PATHS} more" if len(paths) > _MOST_PATHS else ""
    return f", in {', '.join(paths[:_MOST_PATHS])}{more}"
