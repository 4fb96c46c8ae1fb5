"""What the coordinator does to a task: it gives the work, or its review, to an agent, or says why nobody takes it."""

from __future__ import annotations

from events.base import DomainEvent
from events.ids import Review, TaskState, WaitReason
from events.task import Candidate, ReviewAssigned, TaskAssigned, TaskHandedOver, TaskWaiting
from vapora.domain.assignment import ChosenAgent
from vapora.domain.task_state import Task, Wait, require
from vapora.errors import ConflictError

Events = tuple[DomainEvent, ...]


def assign(
    state: Task | None,
    *,
    run_id: str,
    agent_id: str,
    role: str,
    subject: str,
    candidates: tuple[Candidate, ...],
    reason: str,
    policy: str,
    propensity: float,
    task_id: str = "",
) -> Events:
    """The coordinator gives a task that is to be done to an agent, whose run `run_id` begins."""
    task = require(state, task_id)
    if task.run_id == run_id:
        return ()
    if task.state is not TaskState.TODO:
        raise ConflictError(
            f"The task is {task.state}: only one in todo can be assigned.",
            remedy="Leave it, or move it back to todo first.",
            task_id=task.id,
            state=task.state.value,
        )
    return (
        TaskAssigned(
            task_id=task.id,
            run_id=run_id,
            agent_id=agent_id,
            role=role,
            subject=subject,
            candidates=candidates,
            reason=reason,
            policy=policy,
            propensity=propensity,
        ),
    )


def awaits_reviewer(task: Task) -> bool:
    """Whether an agent is to review it, and none was asked yet."""
    return task.state is TaskState.REVIEW and task.reviewer is Review.AGENT and task.review_run is None


def assign_review(state: Task | None, *, run_id: str, choice: ChosenAgent, task_id: str = "") -> Events:
    """The coordinator gives the review to an agent that is not the author. The review of a text has no head."""
    task, chosen = require(state, task_id), choice.chosen
    if task.review_run is not None and task.review_run.run_id == run_id:
        return ()
    if chosen is None or not awaits_reviewer(task) or chosen.agent_id == task.author:
        raise ConflictError(f"The task {task.id} waits for no review by this agent.", task_id=task.id)
    return (
        ReviewAssigned(
            task_id=task.id,
            run_id=run_id,
            agent_id=chosen.agent_id,
            role=chosen.role,
            head=task.head or "",
            candidates=choice.candidates,
            reason=choice.reason,
            policy=choice.policy,
            propensity=choice.propensity,
        ),
    )


def hand_over(
    state: Task | None, *, run_id: str, from_agent: str, choice: ChosenAgent, why: str, task_id: str = ""
) -> Events:
    """The run that works on the task, or reviews it, goes on with the agent that was chosen. `why`: what became of the
    one before, as a part of a sentence."""
    task, chosen = require(state, task_id), choice.chosen
    if chosen is None or task.current_run_id != run_id:
        return ()
    return (
        TaskHandedOver(
            task_id=task.id,
            run_id=run_id,
            agent_id=chosen.agent_id,
            role=chosen.role,
            from_agent=from_agent,
            purpose="work" if task.state is TaskState.IN_PROGRESS else "review",
            reason=f"{from_agent} {why}; the work went to {chosen.agent_id}",
            candidates=choice.candidates,
            choice=choice.reason,
            policy=choice.policy,
            propensity=choice.propensity,
        ),
    )


def wait(state: Task | None, reason: WaitReason, remedy: str) -> Events:
    """Let the card say why nobody takes it; once for each reason, and only while it is to be done."""
    if state is None or state.state is not TaskState.TODO or state.waiting == Wait(reason, remedy):
        return ()
    return (TaskWaiting(task_id=state.id, reason=reason, remedy=remedy),)
