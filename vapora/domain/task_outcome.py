"""What follows from the end of a run: where the card goes, and who judges the work."""

from __future__ import annotations

from events.base import DomainEvent
from events.ids import ChecksVerdict, Review, TaskState
from events.run import RunCancelled, RunFailed, RunSucceeded, Verdict
from events.task import (
    ReviewSubmitted,
    TaskApproved,
    TaskCompleted,
    TaskFailed,
    TaskRejected,
    TaskReleased,
    TaskSentToReview,
)
from vapora.domain.task_state import Task

Events = tuple[DomainEvent, ...]

# After so many rejections by agents a person judges: the two may never agree.
MOST_REVIEW_ROUNDS = 3


def after_run(state: Task | None, run_event: DomainEvent) -> Events:
    """The move that follows the end of a run; nothing for other events, and for a run that the task no longer has."""
    if not isinstance(run_event, RunSucceeded | RunFailed | RunCancelled) or state is None:
        return ()
    if state.review_run is not None and state.review_run.run_id == run_event.run_id:
        return after_review(state, run_event)
    if state.state is not TaskState.IN_PROGRESS or state.run_id != run_event.run_id:
        return ()
    if isinstance(run_event, RunFailed):
        return (TaskFailed(task_id=state.id, run_id=run_event.run_id, reason=run_event.reason),)
    if isinstance(run_event, RunCancelled):
        return (TaskReleased(task_id=state.id, run_id=run_event.run_id, reason=run_event.reason),)
    return _after_success(state, run_event)


def _after_success(task: Task, run: RunSucceeded) -> Events:
    reviewer, reason = task.review, ""
    if run.work is not None and run.work.checks is ChecksVerdict.RED:
        # What stays red is for a person to judge, whoever was to approve it.
        reviewer, reason = Review.HUMAN, "A check of the project stays red."
    elif reviewer is Review.AGENT and task.review_rounds >= MOST_REVIEW_ROUNDS:
        reviewer, reason = Review.HUMAN, f"Agents sent it back {task.review_rounds} times."
    if reviewer is Review.NONE:
        return (TaskCompleted(task_id=task.id, run_id=run.run_id, work=run.work),)
    return (TaskSentToReview(task_id=task.id, run_id=run.run_id, reviewer=reviewer, work=run.work, reason=reason),)


def after_review(task: Task, run_event: RunSucceeded | RunFailed | RunCancelled) -> Events:
    """What a review by an agent leads to. One without a verdict leaves it to a person."""
    if task.state is not TaskState.REVIEW or task.review_run is None:
        return ()
    if isinstance(run_event, RunSucceeded) and run_event.review is not None:
        return _judged(task, run_event, run_event.review)
    why = "it ended without a verdict" if isinstance(run_event, RunSucceeded) else run_event.reason
    return (to_person(task, f"The review by {task.review_run.agent_id} came to nothing: {why}"),)


def _judged(task: Task, run: RunSucceeded, verdict: Verdict) -> Events:
    submitted = ReviewSubmitted(task_id=task.id, run_id=run.run_id, agent_id=run.agent_id, review=verdict)
    if task.head is not None and verdict.head != task.head:
        return submitted, to_person(task, f"{run.agent_id} reviewed another commit than the one that is to land.")
    if verdict.verdict == "approve":
        approved = TaskApproved(
            task_id=task.id, run_id=task.run_id, comment=verdict.comment, head=task.head, by_agent=run.agent_id
        )
        return submitted, approved
    rejected = TaskRejected(
        task_id=task.id,
        run_id=task.run_id,
        comment=verdict.comment,
        head=task.head,
        by_agent=run.agent_id,
        comments=verdict.comments,
    )
    return submitted, rejected


def to_person(task: Task, reason: str) -> DomainEvent:
    """The review goes to a person instead of an agent."""
    return TaskSentToReview(
        task_id=task.id, run_id=task.run_id or "", reviewer=Review.HUMAN, work=task.work, reason=reason
    )
