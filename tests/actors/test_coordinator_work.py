"""The coordinator and work in repositories: reviews by agents, the author who goes on, pauses, blockers that land."""

from __future__ import annotations

from typing import Any

import pytest

from actors.messages import Assignment
from events import DomainEvent
from events.ids import WORKSPACE, ChecksVerdict, Review, TaskState, project_stream, run_stream, task_stream
from events.project import ProjectPaused, ProjectResumed
from events.run import RunStarted, RunSucceeded, Verdict
from events.task import (
    AttemptRequested,
    ReviewAssigned,
    ReviewSubmitted,
    TaskApproved,
    TaskAssigned,
    TaskCommented,
    TaskLanded,
    TaskPaused,
    TaskRejected,
    TaskResumed,
    TaskSentToReview,
)
from events.work import LineComment, Work
from events.workspace import WorkspacePaused, WorkspaceResumed
from tests.actors.kit import ORIGIN, passed, seen
from tests.actors.test_coordinator import Cell, cell, working
from vapora.commands import RegisterAgent
from vapora.domain.task_state import TaskComment

__all__ = ["cell", "working"]

HEAD = "b" * 40


def work(task_id: str, head: str = HEAD) -> Work:
    return Work(branch=f"vapora/{task_id}", base_branch="main", base="a" * 40, head=head, checks=ChecksVerdict.GREEN)


async def append(cell: Cell, stream: Any, *events: DomainEvent) -> None:
    await cell.log.append(ORIGIN, (stream, len(await cell.log.read(stream)), events))


async def succeed(cell: Cell, one: Assignment, **more: Any) -> None:
    named = {"run_id": one.run_id, "task_id": one.task.id, "agent_id": one.agent_id, "role": one.role}
    task_type = "code-review" if one.purpose == "review" else one.task.task_type
    begun = RunStarted(**named, project_id="p", task_type=task_type, steps=(), purpose=one.purpose)
    ended = RunSucceeded(**named, task_type=task_type, summary="", **more)
    await append(cell, run_stream(one.run_id), begun, ended)


def verdict(what: Any, **more: Any) -> Verdict:
    return Verdict(verdict=what, head=HEAD, comment="Because.", **more)


async def test_work_is_reviewed_by_an_agent_sent_back_to_its_author_and_approved(working: Cell) -> None:
    await working.people.dispatch(ORIGIN, RegisterAgent(role="developer"))
    task_id = await working.submit(review=Review.AGENT)
    first = (await working.pool.got(1))[0]
    await succeed(working, first, work=work(task_id))
    review = (await working.pool.got(2))[1]
    assert (review.purpose, review.head, review.role, review.run_id) == (
        "review",
        HEAD,
        "code-reviewer",
        f"{task_id}.2",
    )
    assert (review.task.state, review.task.work) == (TaskState.REVIEW, work(task_id))
    [assigned] = [one.event for one in await seen(working.log, ReviewAssigned)]
    assert isinstance(assigned, ReviewAssigned) and len(assigned.candidates) == 13
    assert [one.agent_id for one in assigned.candidates if one.excluded is None] == ["code-reviewer"]

    line = LineComment(path="a.py", line=2, text="Why?")
    await succeed(working, review, review=verdict("request-changes", comments=(line,)))
    again = (await working.pool.got(3))[2]
    assert (again.purpose, again.agent_id, again.run_id) == ("work", first.agent_id, f"{task_id}.3")
    assert again.comments == (TaskComment("Why?", "a.py", 2),) and again.task.comment == "Because."
    await seen(working.log, ReviewSubmitted)
    assert "sent back" in (await working.assigned(2))[1].reason

    await succeed(working, again, work=work(task_id))
    last = (await working.pool.got(4))[3]
    await succeed(working, last, review=verdict("approve"))
    [approved] = [one.event for one in await seen(working.log, TaskApproved)]
    assert isinstance(approved, TaskApproved)
    assert (approved.by_agent, approved.head) == ("code-reviewer", HEAD)


async def test_where_nobody_else_can_review_a_person_has_to(working: Cell) -> None:
    task_id = await working.submit(review=Review.AGENT, role=None, task_type="code-review")
    first = (await working.pool.got(1))[0]
    assert first.agent_id == "code-reviewer"
    await succeed(working, first, work=work(task_id))
    sent = [one.event for one in await seen(working.log, TaskSentToReview, 2)]
    assert [one.reviewer for one in sent if isinstance(one, TaskSentToReview)] == [Review.AGENT, Review.HUMAN]


async def test_a_review_that_a_person_was_quicker_with_is_called_off(working: Cell) -> None:
    task_id = await working.submit(review=Review.AGENT)
    await succeed(working, (await working.pool.got(1))[0], work=work(task_id))
    review = (await working.pool.got(2))[1]
    await append(working, task_stream(task_id), TaskRejected(task_id=task_id, run_id=f"{task_id}.1"))
    await passed(lambda: bool(working.pool.cancelled))
    assert working.pool.cancelled[0][0] == review.run_id


async def test_a_card_behind_another_starts_when_that_ones_work_has_landed(working: Cell) -> None:
    task_id = await working.submit()
    await succeed(working, (await working.pool.got(1))[0], work=work(task_id))
    behind = await working.submit(blocked_by=(task_id,))
    other = await working.submit()
    assert (await working.pool.got(2))[1].task.id == other
    landed = TaskLanded(task_id=task_id, run_id=None, head=HEAD, branch="main", oid="c" * 40, strategy="squash")
    await append(working, task_stream(task_id), landed)
    assert (await working.pool.got(3))[2].task.id == behind


async def test_what_a_person_chose_for_an_attempt_and_said_is_told_to_its_agent(working: Cell) -> None:
    await working.people.dispatch(ORIGIN, RegisterAgent(role="developer"))
    task_id = await working.submit(review=Review.HUMAN)
    await succeed(working, (await working.pool.got(1))[0], work=work(task_id))
    await seen(working.log, TaskSentToReview)
    said = TaskCommented(task_id=task_id, comment_id="c1", text="Try it with a queue.")
    asked = AttemptRequested(task_id=task_id, number=2, agent_id="developer-2", model="m")
    await append(working, task_stream(task_id), said, asked)
    second = (await working.pool.got(2))[1]
    assert (second.agent_id, second.attempt, second.model) == ("developer-2", 2, "m")
    assert second.comments == (TaskComment("Try it with a queue."),)


@pytest.mark.parametrize(
    ("stream", "pause", "resume"),
    [
        ("workspace", WorkspacePaused(), WorkspaceResumed()),
        ("project", ProjectPaused(project_id="{project}"), ProjectResumed(project_id="{project}")),
    ],
)
async def test_what_is_paused_starts_nothing_and_holds_its_runs(
    working: Cell, stream: str, pause: Any, resume: Any
) -> None:
    first = await working.submit()
    run = (await working.pool.got(1))[0]
    place = WORKSPACE if stream == "workspace" else project_stream(working.project)
    if stream == "project":
        pause, resume = (one.model_copy(update={"project_id": working.project}) for one in (pause, resume))
    await append(working, place, pause)
    await passed(lambda: working.pool.paused == {run.run_id})
    second = await working.submit()
    # Something that the coordinator does after it has seen the card.
    await append(working, task_stream(first), TaskPaused(task_id=first, run_id=run.run_id))
    await append(working, place, resume)
    assert (await working.pool.got(2))[1].task.id == second
    assert working.pool.paused == {run.run_id}
    await append(working, task_stream(first), TaskResumed(task_id=first, run_id=run.run_id))
    await passed(lambda: working.pool.paused == set())


async def test_a_run_that_was_resumed_while_the_coordinator_was_away_goes_on(cell: Cell) -> None:
    coordinator = cell.coordinator()
    await coordinator.start()
    task_id = await cell.submit()
    run = (await cell.pool.got(1))[0]
    await append(cell, task_stream(task_id), TaskPaused(task_id=task_id, run_id=run.run_id))
    await passed(lambda: cell.pool.paused == {run.run_id})
    await coordinator.stop()
    await append(cell, task_stream(task_id), TaskResumed(task_id=task_id, run_id=run.run_id))
    coordinator = cell.coordinator()
    await coordinator.start()
    await passed(lambda: cell.pool.paused == set())
    await coordinator.stop()


async def test_a_run_that_is_given_out_again_says_that_it_is_paused(cell: Cell) -> None:
    coordinator = cell.coordinator()
    await coordinator.start()
    task_id = await cell.submit()
    await seen(cell.log, TaskAssigned)
    await coordinator.stop()
    await append(cell, task_stream(task_id), TaskPaused(task_id=task_id, run_id=f"{task_id}.1"))
    cell.pool.performed.clear()
    coordinator = cell.coordinator()
    await coordinator.start()
    assert (await cell.pool.got(1))[0].paused
    await coordinator.stop()
