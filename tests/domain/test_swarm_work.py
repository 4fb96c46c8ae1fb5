"""What the coordinator knows of work in repositories: reviews, authors, attempts, pauses, and what has not landed."""

from __future__ import annotations

from typing import Any

from events.agent import AgentDisabled, AgentEnabled, AgentRemoved
from events.base import DomainEvent
from events.ids import ChecksVerdict, Review, WaitReason
from events.project import ProjectPaused, ProjectResumed
from events.task import (
    AttemptPicked,
    AttemptRequested,
    TaskApproved,
    TaskArchived,
    TaskCompleted,
    TaskLanded,
    TaskPaused,
    TaskRejected,
    TaskResumed,
    TaskSentToReview,
)
from events.work import Work
from events.workspace import WorkspaceOpened, WorkspacePaused, WorkspaceResumed
from tests.domain.test_swarm import (
    LATER,
    Log,
    assigned,
    chosen,
    completed,
    ids,
    registered,
    review_assigned,
    submitted,
    succeeded,
)
from vapora.domain import task as tasks
from vapora.domain.swarm import data, rules
from vapora.domain.swarm.rules import Swarm

BASE, HEAD = "a" * 40, "b" * 40
REVIEWER = registered("code-reviewer", "code-review", capacity=2)


def work(task_id: str = "t1", head: str = HEAD, attempt: int = 1) -> Work:
    name = task_id if attempt == 1 else f"{task_id}.{attempt}"
    return Work(
        branch=f"vapora/{name}",
        base_branch="main",
        base=BASE,
        head=head,
        checks=ChecksVerdict.GREEN,
        attempt=attempt,
    )


def landed(task_id: str) -> TaskLanded:
    return TaskLanded(task_id=task_id, run_id=None, head=HEAD, branch="main", oid="c" * 40, strategy="squash")


def finished(task_id: str, run_id: str, of: Work | None, **more: Any) -> tuple[DomainEvent, ...]:
    completed_ = TaskCompleted(task_id=task_id, run_id=run_id, work=of)
    return (assigned(task_id, run_id, **more), succeeded(task_id, run_id, work=of), completed_)


def to_review(task_id: str, run_id: str = "t1.1", agent: str = "developer") -> tuple[DomainEvent, ...]:
    sent = TaskSentToReview(task_id=task_id, run_id=run_id, reviewer=Review.AGENT, work=work(task_id))
    return (
        submitted(task_id, review=Review.AGENT),
        assigned(task_id, run_id, agent),
        succeeded(task_id, run_id, agent, work=work(task_id)),
        sent,
    )


def reviewer_of(swarm: Swarm, task_id: str) -> str | None:
    choice = rules.choose_reviewer(swarm, swarm.open_tasks[task_id], LATER, False)
    return choice.chosen.agent_id if choice.chosen else None


# What has not landed.


def test_a_blocker_lets_go_when_its_work_has_landed_and_not_when_it_is_done() -> None:
    log = Log(registered("developer"), submitted("t1"), submitted("t2", blocked_by=("t1",)))
    log.add(*finished("t1", "t1.1", work()))
    assert ids(log.swarm) == []
    wait = log.swarm.dependency(log.swarm.open_tasks["t2"])
    assert wait is not None and "not merged" in wait.remedy
    assert [one[0].id for one in rules.silent(log.swarm)] == ["t2"]
    log.add(landed("t1"))
    assert ids(log.swarm) == ["t2"] and "t1" not in log.swarm.open_tasks


def test_a_blocker_that_changed_nothing_or_has_no_repository_lets_go_when_it_is_done() -> None:
    for of in (work(head=BASE), None):
        log = Log(registered("developer"), submitted("t1"), submitted("t2", blocked_by=("t1",)))
        log.add(*finished("t1", "t1.1", of))
        assert ids(log.swarm) == ["t2"]


def test_what_is_archived_without_landing_keeps_those_behind_it_waiting() -> None:
    log = Log(submitted("t1"), submitted("t2", blocked_by=("t1",)), *finished("t1", "t1.1", work()))
    log.add(TaskArchived(task_id="t1", from_state="done"))
    assert ids(log.swarm) == []
    wait = log.swarm.dependency(log.swarm.open_tasks["t2"])
    assert wait is not None and "archived" in wait.remedy


def test_done_work_that_is_sent_back_is_in_line_again() -> None:
    log = Log(registered("developer"), submitted("t1"), *finished("t1", "t1.1", work()))
    log.add(TaskRejected(task_id="t1", cause="conflict"))
    assert ids(log.swarm) == ["t1"]


def test_a_conflict_is_nobodys_failure_and_a_review_that_sends_back_is_one() -> None:
    for cause, runs in (("conflict", 1.0), ("review", 0.0)):
        log = Log(registered("developer"), submitted("t1"), *finished("t1", "t1.1", work()))
        log.add(TaskRejected(task_id="t1", run_id="t1.1", cause=cause))
        assert (log.swarm.history("developer", False).success_rate() > 0.5) is (runs == 1.0)


# Who goes on.


def test_rejected_work_goes_back_to_its_author_however_others_score() -> None:
    log = Log(registered("developer", capacity=1), registered("developer-2", role="developer", capacity=9))
    log.add(*to_review("t1"), TaskRejected(task_id="t1", run_id="t1.1"))
    task = log.swarm.open_tasks["t1"]
    choice = rules.choose(log.swarm, task, LATER, False)
    assert choice.chosen is not None and choice.chosen.agent_id == "developer"
    assert "developer made the work, which was sent back" in choice.reason
    other = next(one for one in choice.candidates if one.agent_id == "developer-2")
    assert other.excluded is not None
    log.add(submitted("t2"), assigned("t2", "t2.1"))
    assert rules.foremost(log.swarm) is None  # it waits for its author, who has no room


def test_an_author_who_is_disabled_or_gone_keeps_nobody_else_from_it() -> None:
    for gone in (AgentDisabled(agent_id="developer"), AgentRemoved(agent_id="developer")):
        log = Log(registered("developer"), registered("developer-2", role="developer"))
        log.add(*to_review("t1"), TaskRejected(task_id="t1"), gone)
        assert chosen(log.swarm, "t1") == "developer-2"


def test_what_a_person_chose_an_agent_for_waits_for_that_one_alone() -> None:
    log = Log(registered("developer"), registered("developer-2", role="developer"), submitted("t1"))
    log.add(AttemptRequested(task_id="t1", number=2, agent_id="developer-2", model="m"))
    assert chosen(log.swarm, "t1") == "developer-2"
    log.add(AgentDisabled(agent_id="developer-2"))
    assert rules.foremost(log.swarm) is None
    [(task, reason, remedy)] = rules.silent(log.swarm)
    assert (task.id, reason) == ("t1", WaitReason.PAUSED) and "developer-2" in remedy
    log.add(AgentRemoved(agent_id="developer-2"))
    assert "another attempt" in rules.silent(log.swarm)[0][2]


def test_a_card_that_a_person_has_taken_on_is_left_alone() -> None:
    log = Log(registered("developer"), submitted("t1", assignee="Ada"))
    assert ids(log.swarm) == []


def test_an_attempt_that_is_picked_leaves_the_line() -> None:
    log = Log(registered("developer"), submitted("t1"), *finished("t1", "t1.1", work()))
    log.add(AttemptRequested(task_id="t1", number=2))
    assert ids(log.swarm) == ["t1"]
    log.add(AttemptPicked(task_id="t1", number=1, work=work()))
    assert ids(log.swarm) == []


# Reviews.


def test_a_review_goes_to_a_code_reviewer_who_is_not_the_author() -> None:
    log = Log(registered("developer"), REVIEWER, *to_review("t1"))
    task = rules.next_review(log.swarm)
    assert task is not None and task.id == "t1" and reviewer_of(log.swarm, "t1") == "code-reviewer"
    rules.propose(log.swarm, "t1", "t1.2", "code-reviewer")
    assert rules.next_review(log.swarm) is None
    log.add(review_assigned("t1", "t1.2", HEAD))
    assert [one.purpose for one in rules.running(log.swarm)] == ["review"]
    assert log.swarm.in_flight("code-reviewer") == 1


def test_nobody_reviews_what_they_wrote() -> None:
    log = Log(REVIEWER, *to_review("t1", agent="code-reviewer"))
    assert rules.next_review(log.swarm) is None
    [(task, reason)] = rules.without_reviewer(log.swarm)
    assert task.id == "t1" and "other than the author" in reason
    choice = rules.choose_reviewer(log.swarm, task, LATER, False)
    assert [one.excluded for one in choice.candidates] == ["wrote it"]
    log.add(registered("code-reviewer-2", "code-review", role="code-reviewer"))
    assert reviewer_of(log.swarm, "t1") == "code-reviewer-2" and rules.without_reviewer(log.swarm) == []


def test_a_review_waits_for_a_reviewer_who_is_busy_and_goes_to_a_person_where_none_is_enabled() -> None:
    log = Log(registered("code-reviewer", "code-review", capacity=1), *to_review("t1"), *to_review("t2", "t2.1"))
    log.add(review_assigned("t1", "t1.2", HEAD))
    assert rules.next_review(log.swarm) is None and rules.without_reviewer(log.swarm) == []
    log.add(AgentDisabled(agent_id="code-reviewer"))
    assert [task.id for task, _ in rules.without_reviewer(log.swarm)] == ["t2"]
    log.add(AgentEnabled(agent_id="code-reviewer"))
    assert rules.without_reviewer(log.swarm) == []


def test_a_review_counts_as_one_for_the_reviewer_and_its_end_moves_the_card() -> None:
    log = Log(REVIEWER, *to_review("t1"), review_assigned("t1", "t1.2", HEAD))
    log.add(succeeded("t1", "t1.2", "code-reviewer"))
    [(task, ended)] = rules.ended_unmoved(log.swarm)
    assert log.swarm.history("code-reviewer", False).runs("code-review") == 1
    log.add(*tasks.after_run(task, ended.event))
    assert rules.ended_unmoved(log.swarm) == [] and log.swarm.open_tasks["t1"].reviewer is Review.HUMAN


def test_a_review_that_a_person_was_quicker_with_is_called_off() -> None:
    log = Log(REVIEWER, *to_review("t1"), review_assigned("t1", "t1.2", HEAD))
    log.add(TaskApproved(task_id="t1", head=HEAD))
    assert [one.run_id for one in rules.recalled(log.swarm)] == ["t1.2"]


# Pauses.


def test_nothing_of_a_paused_workspace_project_or_card_starts_until_it_is_resumed() -> None:
    pauses: list[tuple[DomainEvent, DomainEvent]] = [
        (WorkspacePaused(), WorkspaceResumed()),
        (ProjectPaused(project_id="p1"), ProjectResumed(project_id="p1")),
        (TaskPaused(task_id="t1", run_id=None), TaskResumed(task_id="t1", run_id=None)),
    ]
    for pause, resume in pauses:
        log = Log(WorkspaceOpened(workspace_id="w"), registered("developer"), REVIEWER, submitted("t1"))
        log.add(pause)
        assert ids(log.swarm) == []
        log.add(resume)
        assert ids(log.swarm) == ["t1"]
        log = Log(REVIEWER, *to_review("t1"), pause)
        assert rules.next_review(log.swarm) is None and rules.without_reviewer(log.swarm) == []
        log.add(resume)
        assert rules.next_review(log.swarm) is not None


def test_runs_and_reviews_of_what_is_paused_are_held() -> None:
    log = Log(registered("developer"), REVIEWER, submitted("t2"), assigned("t2", "t2.1"))
    log.add(*to_review("t1"), review_assigned("t1", "t1.2", HEAD))
    assert rules.paused(log.swarm) == set()
    log.add(TaskPaused(task_id="t1", run_id="t1.2"))
    assert rules.paused(log.swarm) == {"t1.2"}
    log.add(WorkspacePaused())
    assert rules.paused(log.swarm) == {"t1.2", "t2.1"}


def test_the_workspaces_own_stream_is_counted() -> None:
    log = Log(WorkspaceOpened(workspace_id="w"), WorkspacePaused())
    assert log.swarm.workspace_version == 2


def test_what_is_saved_of_all_this_is_taken_up_as_it_was() -> None:
    log = Log(registered("developer"), REVIEWER, submitted("t3"), ProjectPaused(project_id="p9"), WorkspacePaused())
    log.add(*to_review("t1"), review_assigned("t1", "t1.2", HEAD), *to_review("t2", "t2.1"))
    log.add(submitted("t4"), *finished("t4", "t4.1", work("t4")), submitted("t5", blocked_by=("t4",)))
    restored = data.from_data(data.to_data(log.swarm))
    assert data.to_data(restored) == data.to_data(log.swarm)
    assert (restored.reviews, restored.paused, rules.paused(restored)) == (set(), True, {"t1.2"})
    assert [one.purpose for one in rules.running(restored)] == ["review"]


def test_a_log_of_a_time_without_repositories_leaves_nothing_open() -> None:
    log = Log(registered("developer"), submitted("t1"), submitted("t2", blocked_by=("t1",)))
    log.add(assigned("t1", "t1.1"), succeeded("t1", "t1.1"), completed("t1", "t1.1"))
    assert set(log.swarm.open_tasks) == {"t2"} and ids(log.swarm) == ["t2"]
