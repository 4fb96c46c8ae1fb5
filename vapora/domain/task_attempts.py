"""How a person steers a card: comments, pauses, and further attempts on branches of their own."""

from __future__ import annotations

from events.base import DomainEvent
from events.ids import TaskState
from events.run import RunFork
from events.task import AttemptPicked, AttemptRequested, TaskCommented, TaskPaused, TaskResumed
from vapora.commands import CommentTask, Pause, StartAttempt
from vapora.domain.agent import Agent
from vapora.domain.assignment import can_do
from vapora.domain.project import Project
from vapora.domain.task_state import Task, require, require_work
from vapora.errors import BadInputError, ConflictError, NotFoundError

Events = tuple[DomainEvent, ...]

MOST_ATTEMPTS = 99


def comment(state: Task | None, command: CommentTask, comment_id: str, task_id: str = "") -> Events:
    """Under an id that the shell made. Its next run is told of it; one that answers a question, the run that asked."""
    task = require(state, task_id)
    if task.state is TaskState.ARCHIVED:
        raise ConflictError("The task is archived.", remedy="Submit a new task.", task_id=task.id)
    if command.line is not None and command.path is None:
        raise BadInputError("A line of no file.", remedy="Name the file in 'path'.", field="path")
    return (TaskCommented(task_id=task.id, comment_id=comment_id, **command.model_dump()),)


def pause(state: Task | None, command: Pause, task_id: str = "", run_id: str | None = None) -> Events:
    """`run_id`: the run that is meant, where one was named; it must be the one that the task has now."""
    task = require(state, task_id)
    require_run(task, run_id)
    if task.state in (TaskState.DONE, TaskState.FAILED, TaskState.ARCHIVED):
        raise ConflictError(
            f"The task is {task.state}: nothing of it runs.", remedy="Leave it.", task_id=task.id, state=task.state
        )
    return () if task.paused else (TaskPaused(task_id=task.id, run_id=task.current_run_id, reason=command.reason),)


def resume(state: Task | None, task_id: str = "", run_id: str | None = None) -> Events:
    task = require(state, task_id)
    require_run(task, run_id)
    return (TaskResumed(task_id=task.id, run_id=task.current_run_id),) if task.paused else ()


def start_attempt(
    state: Task | None,
    command: StartAttempt,
    task_id: str = "",
    project: Project | None = None,
    agent: Agent | None = None,
) -> Events:
    """`agent`: the one that the command names, as it is registered; None: there is none of that name.

    Raises `ConflictError` while a run is under way, and for work that is over.
    """
    task = require(state, task_id)
    require_work(project)
    if task.state is TaskState.IN_PROGRESS:
        raise ConflictError(
            "A run of the card is under way.", remedy="Let it end, or take the card back to todo.", task_id=task.id
        )
    if task.is_over:
        raise ConflictError(
            f"The task is {task.state}{' and has landed' if task.is_landed else ''}.",
            remedy="Submit a new task.",
            task_id=task.id,
            state=task.state.value,
        )
    if task.attempts >= MOST_ATTEMPTS:
        raise ConflictError(f"The card has had {task.attempts} attempts.", remedy="Pick one of them.", task_id=task.id)
    if command.agent is not None:
        _require_able(task, command.agent, agent)
    return (
        AttemptRequested(
            task_id=task.id,
            number=task.attempts + 1,
            agent_id=command.agent,
            model=command.model,
            fork=_fork(task, command.from_step),
        ),
    )


def pick(state: Task | None, number: int, task_id: str = "") -> Events:
    """The work of that attempt becomes the card's, and is to be approved by a person."""
    task = require(state, task_id)
    work = task.works.get(number)
    if work is None:
        raise NotFoundError(
            f"Attempt {number} of {task.id} has left no work.",
            remedy=f"There is work of: {', '.join(map(str, sorted(task.works))) or 'none'}.",
            task_id=task.id,
        )
    if task.work == work and task.state in (TaskState.REVIEW, TaskState.DONE):
        return ()
    if task.state is TaskState.IN_PROGRESS or task.is_over:
        raise ConflictError(
            f"The task is {task.state}.",
            remedy="Let its run end, or take the card back to todo." if not task.is_over else "It is over.",
            task_id=task.id,
            state=task.state.value,
        )
    return (AttemptPicked(task_id=task.id, number=number, work=work),)


def require_run(task: Task, run_id: str | None) -> None:
    """Raises `ConflictError` where a run is named that the task does not have any more."""
    if run_id is not None and run_id != task.current_run_id:
        raise ConflictError(f"The run {run_id} has ended.", remedy="Read it again.", task_id=task.id, run_id=run_id)


def _require_able(task: Task, agent_id: str, agent: Agent | None) -> None:
    if agent is None or agent.removed:
        raise BadInputError(f"There is no agent '{agent_id}'.", remedy="Name one of GET /agents.", field="agent")
    if not can_do(agent, task.task_type, task.role):
        raise BadInputError(
            f"{agent_id} does no '{task.task_type}' work of this card.",
            remedy="Name an agent that does, or none.",
            field="agent",
        )


def _fork(task: Task, step: int | None) -> RunFork | None:
    if step is None:
        return None
    if task.run_id is None:
        raise BadInputError("The card has had no run yet.", remedy="Leave out from_step.", field="from_step")
    return RunFork(run_id=task.run_id, step=step)
