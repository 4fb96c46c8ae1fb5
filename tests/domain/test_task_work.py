"""A task whose work is in a repository: review, landing, attempts, comments and pauses."""

from __future__ import annotations

from typing import Any

import pytest

from events.base import DomainEvent
from events.ids import ChecksVerdict, MergePolicy, Review, TaskState
from events.project import ProjectCreated, ProjectEdited, ProjectPaused
from events.run import RunCancelled, RunFailed, RunFork, RunSucceeded, Verdict
from events.task import (
    AttemptPicked,
    AttemptRequested,
    LandingRefused,
    ReviewAssigned,
    ReviewSubmitted,
    TaskApproved,
    TaskAssigned,
    TaskCommented,
    TaskCompleted,
    TaskFailed,
    TaskLanded,
    TaskPaused,
    TaskRejected,
    TaskResumed,
    TaskSentToReview,
    TaskSubmitted,
)
from events.work import LineComment, Work
from tests.domain.test_swarm import registered, review_assigned
from vapora.commands import (
    ApproveTask,
    CommentOnLine,
    CommentTask,
    MoveTask,
    Pause,
    RequestChanges,
    StartAttempt,
)
from vapora.domain import agent as agents
from vapora.domain import project as projects
from vapora.domain import task as rules
from vapora.domain.task_state import Task, TaskComment
from vapora.errors import (
    BadInputError,
    ChecksFailedError,
    ConflictError,
    NotApprovedError,
    NotFoundError,
    NothingToLandError,
    ReviewOutdatedError,
)

BASE, HEAD, OTHER = "a" * 40, "b" * 40, "c" * 40
PROJECT = ProjectCreated(project_id="p1", name="Atlas", repo="/srv/atlas", merge_policy=MergePolicy.WHEN_APPROVED)


def work(head: str = HEAD, checks: ChecksVerdict = ChecksVerdict.GREEN, attempt: int = 1) -> Work:
    branch = "vapora/t1" if attempt == 1 else f"vapora/t1.{attempt}"
    return Work(branch=branch, base_branch="main", base=BASE, head=head, checks=checks, attempt=attempt)


def submitted(review: Review = Review.HUMAN) -> TaskSubmitted:
    return TaskSubmitted(task_id="t1", project_id="p1", title="Do it", task_type="code-generation", review=review)


def assigned(run_id: str = "t1.1") -> TaskAssigned:
    return TaskAssigned(
        task_id="t1",
        run_id=run_id,
        agent_id="developer",
        role="developer",
        subject="s",
        candidates=(),
        reason="",
        policy="formula-v1",
        propensity=1,
    )


def sent(of: Work | None = None, reviewer: Review = Review.HUMAN, run_id: str = "t1.1") -> TaskSentToReview:
    return TaskSentToReview(task_id="t1", run_id=run_id, reviewer=reviewer, work=of or work())


def succeeded(run_id: str, **more: Any) -> RunSucceeded:
    fields = {"agent_id": "developer", "role": "developer", "task_type": "code-generation", "summary": ""}
    return RunSucceeded(run_id=run_id, task_id="t1", **{**fields, **more})


def fold(*events: DomainEvent) -> Task:
    return rules.require(rules.fold(events), "t1")


def after(task: Task, *events: DomainEvent) -> Task:
    for event in events:
        task = rules.require(rules.evolve(task, event), "t1")
    return task


IN_REVIEW = fold(submitted(), assigned(), sent())
DONE = fold(submitted(Review.NONE), assigned(), TaskCompleted(task_id="t1", run_id="t1.1", work=work()))
TO_AGENT = fold(submitted(Review.AGENT), assigned(), sent(reviewer=Review.AGENT))
REVIEWED = after(TO_AGENT, review_assigned("t1", "t1.2", HEAD))
LANDED = TaskLanded(task_id="t1", run_id="t1.1", head=HEAD, branch="main", oid=OTHER, strategy="squash")
APPROVE = Verdict(verdict="approve", head=HEAD, comment="Fine.")
REJECT = Verdict(
    verdict="request-changes", head=HEAD, comment="No.", comments=(LineComment(path="a.py", line=3, text="Why?"),)
)


def reviewed(verdict: Verdict | None, run_id: str = "t1.2") -> RunSucceeded:
    return succeeded(run_id, agent_id="code-reviewer", role="code-reviewer", review=verdict)


# After a run.


@pytest.mark.parametrize(
    ("review", "checks", "kind", "reviewer"),
    [
        (Review.NONE, ChecksVerdict.GREEN, TaskCompleted, None),
        (Review.NONE, ChecksVerdict.UNCHECKED, TaskCompleted, None),
        (Review.NONE, ChecksVerdict.RED, TaskSentToReview, Review.HUMAN),
        (Review.AGENT, ChecksVerdict.GREEN, TaskSentToReview, Review.AGENT),
        (Review.AGENT, ChecksVerdict.RED, TaskSentToReview, Review.HUMAN),
        (Review.HUMAN, ChecksVerdict.GREEN, TaskSentToReview, Review.HUMAN),
    ],
)
def test_who_judges_a_good_run_depends_on_the_task_and_red_checks_are_for_a_person(
    review: Review, checks: ChecksVerdict, kind: type[DomainEvent], reviewer: Review | None
) -> None:
    task = fold(submitted(review), assigned())
    [event] = rules.after_run(task, succeeded("t1.1", work=work(checks=checks)))
    assert type(event) is kind and event.work == work(checks=checks)  # type: ignore[attr-defined]
    assert getattr(event, "reviewer", None) is reviewer
    assert after(task, event).author == "developer"


def test_a_verdict_of_an_agent_is_recorded_with_what_follows_from_it() -> None:
    submitted_, approved = rules.after_run(REVIEWED, reviewed(APPROVE))
    assert isinstance(submitted_, ReviewSubmitted) and isinstance(approved, TaskApproved)
    assert (approved.by_agent, approved.head) == ("code-reviewer", HEAD)
    assert after(REVIEWED, submitted_, approved).state is TaskState.DONE
    _, rejected = rules.after_run(REVIEWED, reviewed(REJECT))
    assert isinstance(rejected, TaskRejected) and rejected.run_id == "t1.1" and rejected.comments == REJECT.comments
    task = after(REVIEWED, rejected)
    assert (task.state, task.review_rounds, task.sent_back, task.review_run) == (TaskState.TODO, 1, True, None)
    assert task.comments == (TaskComment("Why?", "a.py", 3),)


@pytest.mark.parametrize(
    "end",
    [
        reviewed(None),
        reviewed(APPROVE.model_copy(update={"head": OTHER})),
        RunFailed(run_id="t1.2", task_id="t1", agent_id="r", role="r", task_type="x", reason="no luck"),
        RunCancelled(run_id="t1.2", task_id="t1", agent_id="r", reason="no luck"),
    ],
)
def test_a_review_that_came_to_nothing_is_left_to_a_person(end: DomainEvent) -> None:
    event = rules.after_run(REVIEWED, end)[-1]
    assert isinstance(event, TaskSentToReview) and event.reviewer is Review.HUMAN and event.reason
    task = after(REVIEWED, event)
    assert (task.state, task.reviewer, task.work, task.author) == (
        TaskState.REVIEW,
        Review.HUMAN,
        work(),
        "developer",
    )


def test_the_late_end_of_a_review_changes_nothing_once_a_person_has_decided() -> None:
    for decided in (TaskApproved(task_id="t1", head=HEAD), TaskRejected(task_id="t1")):
        assert rules.after_run(after(REVIEWED, decided), reviewed(REJECT)) == ()


def test_after_three_rejections_by_agents_a_person_judges() -> None:
    rejected = TaskRejected(task_id="t1", run_id="t1.1", by_agent="code-reviewer", head=HEAD)
    task = TO_AGENT
    for number in range(3):
        [event] = rules.after_run(after(task, rejected, assigned("again")), succeeded("again", work=work()))
        assert isinstance(event, TaskSentToReview)
        assert event.reviewer is (Review.HUMAN if number == 2 else Review.AGENT)
        task = after(task, rejected, assigned("again"), event)
    assert isinstance(event, TaskSentToReview) and "3 times" in event.reason


# A person's review.


def test_an_approval_is_bound_to_the_commit_that_was_looked_at() -> None:
    [approved] = rules.approve(IN_REVIEW, ApproveTask(head=HEAD, comment="Good."))
    done = after(IN_REVIEW, approved)
    assert (done.state, done.approved_head, done.to_land) == (TaskState.DONE, HEAD, True)
    assert rules.approve(done, ApproveTask(head=HEAD)) == ()
    with pytest.raises(ReviewOutdatedError) as refusal:
        rules.approve(IN_REVIEW, ApproveTask(head=OTHER))
    assert refusal.value.details["head"] == HEAD and refusal.value.remedy
    with pytest.raises(ConflictError, match="todo"):
        rules.approve(after(IN_REVIEW, TaskRejected(task_id="t1")), ApproveTask(head=HEAD))
    with pytest.raises(ConflictError, match="no branch"):
        rules.approve(
            fold(submitted(), assigned(), TaskSentToReview(task_id="t1", run_id="t1.1", reviewer=Review.HUMAN)),
            ApproveTask(head=HEAD),
        )


def test_a_move_on_the_board_approves_the_head_that_it_showed_and_does_not_land() -> None:
    [approved] = rules.move(IN_REVIEW, MoveTask(state=TaskState.DONE), "t1")
    assert isinstance(approved, TaskApproved) and approved.head == HEAD
    assert after(IN_REVIEW, approved).landed is None


def test_requested_changes_go_back_with_each_line_also_after_the_approval() -> None:
    command = RequestChanges(head=HEAD, comment="Not yet.", comments=(CommentOnLine(path="a.py", line=2, text="Hm"),))
    for task in (IN_REVIEW, DONE):
        [rejected] = rules.request_changes(task, command)
        again = after(task, rejected)
        assert (again.state, again.comment, again.approved_head) == (TaskState.TODO, "Not yet.", None)
        assert again.comments == (TaskComment("Hm", "a.py", 2),)
    with pytest.raises(ReviewOutdatedError):
        rules.request_changes(IN_REVIEW, RequestChanges(head=OTHER))
    with pytest.raises(ConflictError):
        rules.request_changes(after(DONE, LANDED), command)


# Landing.


def test_what_may_land_is_approved_green_and_changes_something() -> None:
    assert rules.may_land(DONE) == work()
    with pytest.raises(NotApprovedError):
        rules.may_land(IN_REVIEW)
    red = fold(submitted(), assigned(), sent(work(checks=ChecksVerdict.RED)), TaskApproved(task_id="t1", head=HEAD))
    with pytest.raises(ChecksFailedError):
        rules.may_land(red)
    assert rules.may_land(red, force=True).checks is ChecksVerdict.RED
    nothing = fold(submitted(Review.NONE), assigned(), TaskCompleted(task_id="t1", run_id="t1.1", work=work(BASE)))
    with pytest.raises(NothingToLandError):
        rules.may_land(nothing)
    assert nothing.is_over and not DONE.is_over
    with pytest.raises(ConflictError, match="no branch"):
        rules.may_land(fold(submitted()))


def test_it_lands_by_itself_only_where_the_project_says_so_and_nothing_is_paused() -> None:
    project = projects.fold([PROJECT])
    assert project is not None and rules.lands_by_itself(DONE, project)
    manual = projects.evolve(project, ProjectEdited(project_id="p1", merge_policy=MergePolicy.MANUAL))
    paused = projects.evolve(project, ProjectPaused(project_id="p1"))
    for other in (manual, paused):
        assert other is not None and not rules.lands_by_itself(DONE, other)
    unchecked = TaskCompleted(task_id="t1", run_id="t1.1", work=work(checks=ChecksVerdict.UNCHECKED))
    assert not rules.lands_by_itself(fold(submitted(Review.NONE), assigned(), unchecked), project)
    assert not rules.lands_by_itself(after(DONE, LANDED), project)
    assert not rules.lands_by_itself(after(DONE, TaskPaused(task_id="t1", run_id=None)), project)


def test_a_landing_and_each_reason_against_it_are_recorded_once() -> None:
    assert rules.landed(DONE, HEAD, "main", OTHER, "squash", forced=False) == (LANDED,)
    assert rules.landed(after(DONE, LANDED), HEAD, "main", OTHER, "squash", forced=False) == ()
    [refused] = rules.refuse_landing(DONE, HEAD, "target-dirty", "In the way.", ("a.py",))
    assert rules.refuse_landing(after(DONE, refused), HEAD, "target-dirty", "In the way.", ("a.py",)) == ()
    assert len(rules.refuse_landing(after(DONE, refused), HEAD, "merge-conflict", "Both.", ("a.py",))) == 1
    assert after(DONE, refused, LANDED).refused is None


def test_a_conflict_sends_it_back_three_times_and_is_nobodys_failure() -> None:
    task = DONE
    for _ in range(3):
        [back] = rules.send_back(task, HEAD, "It has moved.")
        assert isinstance(back, TaskRejected) and back.cause == "conflict"
        task = after(task, back, assigned("again"), TaskCompleted(task_id="t1", run_id="again", work=work()))
    assert rules.send_back(task, HEAD, "It has moved.") == ()
    assert (task.conflict_rounds, task.review_rounds) == (3, 0)


# Attempts.


def test_another_attempt_begins_on_its_own_branch_with_what_a_person_chose() -> None:
    agent = agents.fold([registered("developer")])
    [asked] = rules.start_attempt(IN_REVIEW, StartAttempt(agent="developer", model="m", from_step=4), agent=agent)
    fork = RunFork(run_id="t1.1", step=4)
    assert asked == AttemptRequested(task_id="t1", number=2, agent_id="developer", model="m", fork=fork)
    task = after(IN_REVIEW, asked)
    assert (task.state, task.attempt, task.work, task.wanted_agent) == (TaskState.TODO, 2, None, "developer")
    begun = after(task, assigned("t1.2"))
    assert (begun.fork, begun.model, begun.attempt) == (None, "m", 2)
    both = after(begun, sent(work(OTHER, attempt=2), run_id="t1.2"))
    assert set(both.works) == {1, 2} and both.head == OTHER
    [picked] = rules.pick(both, 1)
    assert picked == AttemptPicked(task_id="t1", number=1, work=work())
    chosen = after(both, picked)
    assert (chosen.state, chosen.head, chosen.attempt, chosen.reviewer) == (TaskState.REVIEW, HEAD, 1, Review.HUMAN)
    assert rules.pick(chosen, 1) == ()
    [third] = rules.start_attempt(chosen, StartAttempt())
    assert isinstance(third, AttemptRequested) and third.number == 3


def test_a_failed_attempt_leaves_the_other_one_to_be_picked() -> None:
    asked = AttemptRequested(task_id="t1", number=2)
    failed = after(IN_REVIEW, asked, assigned("t1.2"), TaskFailed(task_id="t1", run_id="t1.2", reason="no luck"))
    [picked] = rules.pick(failed, 1)
    assert after(failed, picked).state is TaskState.REVIEW
    with pytest.raises(NotFoundError, match="left no work"):
        rules.pick(failed, 2)


def test_an_attempt_is_refused_while_a_run_is_under_way_and_once_it_is_over() -> None:
    with pytest.raises(ConflictError, match="under way"):
        rules.start_attempt(fold(submitted(), assigned()), StartAttempt())
    with pytest.raises(ConflictError, match="has landed"):
        rules.start_attempt(after(DONE, LANDED), StartAttempt())
    with pytest.raises(BadInputError, match="no agent"):
        rules.start_attempt(IN_REVIEW, StartAttempt(agent="nobody"))
    tester = agents.fold([registered("tester", "unit-test")])
    with pytest.raises(BadInputError, match="does no"):
        rules.start_attempt(IN_REVIEW, StartAttempt(agent="tester"), agent=tester)
    with pytest.raises(BadInputError, match="no run yet"):
        rules.start_attempt(fold(submitted()), StartAttempt(from_step=0))
    with pytest.raises(ConflictError, match="in-progress"):
        rules.pick(after(IN_REVIEW, asked_for(2), assigned("t1.2")), 1)


def asked_for(number: int) -> AttemptRequested:
    return AttemptRequested(task_id="t1", number=number)


# Comments and pauses.


def test_the_next_run_is_told_what_was_said_since_the_last_one_began() -> None:
    said = [TaskCommented(task_id="t1", comment_id=f"c{number}", text=f"{number}") for number in range(3)]
    task = fold(submitted(), said[0], assigned(), said[1], sent(), said[2])
    assert task.comments == (TaskComment("1"), TaskComment("2"))
    answer = TaskCommented(task_id="t1", comment_id="c9", text="Yes.", answers="call-1")
    agents_own = TaskCommented(task_id="t1", comment_id="c8", text="Done.", agent_id="developer")
    assert after(task, answer, agents_own).comments == task.comments
    [made] = rules.comment(task, CommentTask(text="Mind it.", path="a.py", line=2), "c7")
    assert made == TaskCommented(task_id="t1", comment_id="c7", text="Mind it.", path="a.py", line=2)
    with pytest.raises(BadInputError):
        rules.comment(task, CommentTask(text="Mind it.", line=2), "c7")


def test_a_card_is_paused_once_and_a_run_only_while_it_is_the_cards() -> None:
    task = fold(submitted(), assigned())
    [paused] = rules.pause(task, Pause(reason="lunch"), run_id="t1.1")
    assert paused == TaskPaused(task_id="t1", run_id="t1.1", reason="lunch")
    held = after(task, paused)
    assert rules.pause(held, Pause()) == ()
    assert rules.resume(held, run_id="t1.1") == (TaskResumed(task_id="t1", run_id="t1.1"),)
    assert rules.resume(task) == ()
    with pytest.raises(ConflictError, match="has ended"):
        rules.pause(task, Pause(), run_id="t1.0")
    with pytest.raises(ConflictError):
        rules.pause(DONE, Pause())
    [of_review] = rules.pause(REVIEWED, Pause())
    assert of_review == TaskPaused(task_id="t1", run_id="t1.2")


def test_a_task_of_a_time_without_repositories_is_as_it_was() -> None:
    done = fold(submitted(Review.NONE), assigned(), TaskCompleted(task_id="t1", run_id="t1.1"))
    assert (done.work, done.is_over, done.to_land, done.approved_head) == (None, True, False, None)
    approved = fold(
        submitted(),
        assigned(),
        TaskSentToReview(task_id="t1", run_id="t1.1", reviewer=Review.HUMAN),
        TaskApproved(task_id="t1", run_id="t1.1"),
    )
    assert approved.is_over


def test_a_refusal_is_forgotten_when_the_card_goes_on() -> None:
    refused = LandingRefused(task_id="t1", head=HEAD, kind="merge-conflict", message="Both.", paths=("a.py",))
    assert after(DONE, refused, TaskRejected(task_id="t1", cause="conflict")).refused is None


def test_a_review_run_counts_among_the_runs_and_leaves_the_authors_as_the_last_one() -> None:
    assigned_ = ReviewAssigned(
        task_id="t1",
        run_id="t1.2",
        agent_id="code-reviewer",
        role="code-reviewer",
        head=HEAD,
        candidates=(),
        reason="",
        policy="formula-v1",
        propensity=1,
    )
    task = after(TO_AGENT, assigned_)
    assert (task.runs, task.run_id, task.current_run_id) == (2, "t1.1", "t1.2")
