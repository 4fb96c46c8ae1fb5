"""What the coordinator knows, given the events of a log."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest

from events.agent import (
    AgentDisabled,
    AgentEdited,
    AgentEnabled,
    AgentReadmitted,
    AgentRegistered,
    AgentRemoved,
    AgentSuspended,
)
from events.base import DomainEvent, topics
from events.ids import Review, TaskState, WaitReason
from events.project import ProjectArchived, ProjectCreated
from events.recorded import Recorded
from events.run import RunCancelled, RunFailed, RunSucceeded
from events.task import (
    ReviewAssigned,
    TaskApproved,
    TaskArchived,
    TaskAssigned,
    TaskCompleted,
    TaskEdited,
    TaskFailed,
    TaskHandedOver,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskReordered,
    TaskSentToReview,
    TaskSubmitted,
    TaskWaiting,
)
from events.workspace import SettingsChanged, WorkspaceOpened
from vapora.domain import task as tasks
from vapora.domain.fairness import EVERY, PATIENCE
from vapora.domain.swarm import rules as rules
from vapora.domain.swarm.rules import Swarm

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = START + timedelta(hours=1)


def stream_of(event: DomainEvent) -> str:
    kind = event.TOPIC.split(".")[0]
    if kind == "workspace":
        return kind
    return f"{kind}:{getattr(event, f'{kind}_id')}"


class Log:
    """Given: events one after another, each a second later, folded into `swarm`."""

    def __init__(self, *events: DomainEvent) -> None:
        self.records: list[Recorded] = []
        self.versions: dict[str, int] = {}
        self.swarm = rules.initial()
        self.add(*events)

    def add(self, *events: DomainEvent) -> Swarm:
        for event in events:
            position = len(self.records) + 1
            at = START + timedelta(seconds=position)
            stream = stream_of(event)
            self.versions[stream] = version = self.versions.get(stream, 0) + 1
            record = Recorded(
                position, stream, version, at, "default", "somebody", f"c{position}", None, f"q{position}", event
            )
            self.records.append(record)
            rules.evolve(self.swarm, record)
        return self.swarm


def registered(agent_id: str, *task_types: str, role: str | None = None, capacity: int = 2) -> AgentRegistered:
    return AgentRegistered(
        agent_id=agent_id,
        role=role or agent_id,
        name=agent_id,
        task_types=task_types or ("code-generation",),
        capacity=capacity,
    )


def submitted(task_id: str, task_type: str = "code-generation", **more: Any) -> TaskSubmitted:
    return TaskSubmitted(task_id=task_id, project_id="p1", title=f"Do {task_id}", task_type=task_type, **more)


def assigned(task_id: str, run_id: str, agent_id: str = "developer") -> TaskAssigned:
    return TaskAssigned(
        task_id=task_id,
        run_id=run_id,
        agent_id=agent_id,
        role=agent_id,
        subject="tasks.code-generation.medium",
        candidates=(),
        reason="",
        policy="formula-v1",
        propensity=1,
    )


def review_assigned(task_id: str, run_id: str, head: str = "", agent_id: str = "code-reviewer") -> ReviewAssigned:
    return ReviewAssigned(
        task_id=task_id,
        run_id=run_id,
        agent_id=agent_id,
        role="code-reviewer",
        head=head,
        candidates=(),
        reason="",
        policy="formula-v1",
        propensity=1,
    )


def succeeded(
    task_id: str, run_id: str, agent_id: str = "developer", simulated: bool = False, **more: Any
) -> RunSucceeded:
    return RunSucceeded(
        run_id=run_id,
        task_id=task_id,
        agent_id=agent_id,
        role=agent_id,
        task_type="code-generation",
        summary="",
        simulated=simulated,
        **more,
    )


def failed(task_id: str, run_id: str, counts: bool = True) -> RunFailed:
    return RunFailed(
        run_id=run_id,
        task_id=task_id,
        agent_id="developer",
        role="developer",
        task_type="code-generation",
        reason="no",
        counts=counts,
    )


def cancelled(task_id: str, run_id: str) -> RunCancelled:
    return RunCancelled(run_id=run_id, task_id=task_id, agent_id="developer", reason="stopped")


def completed(task_id: str, run_id: str) -> TaskCompleted:
    return TaskCompleted(task_id=task_id, run_id=run_id)


def done(task_id: str, run_id: str) -> tuple[DomainEvent, ...]:
    return (assigned(task_id, run_id), succeeded(task_id, run_id), completed(task_id, run_id))


def ids(swarm: Swarm) -> list[str]:
    return [task.id for task in rules.waiting(swarm)]


def chosen(swarm: Swarm, task_id: str, simulated: bool = False) -> str | None:
    choice = rules.choose(swarm, swarm.open_tasks[task_id], LATER, simulated)
    return choice.chosen.agent_id if choice.chosen else None


# -- the line --------------------------------------------------------------------------------------------------------


def test_tasks_wait_by_priority_and_then_in_the_order_of_submission() -> None:
    log = Log(submitted("t1"), submitted("t2", priority=90), submitted("t3"), submitted("t4", "unit-test", priority=90))
    assert ids(log.swarm) == ["t2", "t4", "t1", "t3"]
    assert [task.id for task in rules.waiting(log.swarm, limit=2)] == ["t2", "t4"]


def test_a_moved_card_starts_where_it_stands_and_another_priority_puts_it_behind_its_new_equals() -> None:
    log = Log(submitted("t1"), submitted("t2"), submitted("t3"), TaskReordered(task_id="t3", before="t1"))
    assert ids(log.swarm) == ["t3", "t1", "t2"]
    assert ids(log.add(TaskEdited(task_id="t2", priority=60))) == ["t2", "t3", "t1"]
    assert ids(log.add(TaskEdited(task_id="t3", priority=60))) == ["t2", "t3", "t1"]
    assert ids(log.add(TaskReordered(task_id="t2", before=None))) == ["t3", "t1", "t2"]


def test_a_card_moved_before_one_that_waits_for_others_starts_before_those_behind_that() -> None:
    log = Log(submitted("t1"), submitted("t2", blocked_by=("t1",)), submitted("t3"), submitted("t4"))
    assert ids(log.add(TaskReordered(task_id="t4", before="t2"))) == ["t1", "t4", "t3"]


def test_nobody_waits_behind_a_card_that_cannot_start_yet() -> None:
    log = Log(registered("tester", "unit-test"), submitted("t1", priority=100), submitted("t2", "unit-test"))
    first = rules.foremost(log.swarm)
    assert first is not None
    assert first.id == "t2"


def test_what_the_queue_has_not_delivered_is_passed_over_in_the_order_of_all_lanes() -> None:
    log = Log(registered("all", "code-generation", "unit-test", capacity=9))
    log.add(submitted("t1"), submitted("t2", "unit-test"), submitted("t3"))
    first = rules.foremost(log.swarm, may_start=lambda task_id: task_id != "t1")
    assert first is not None
    assert first.id == "t2"


def test_a_task_leaves_the_line_while_it_is_worked_on_and_comes_back_behind_its_equals() -> None:
    log = Log(submitted("t1"), submitted("t2"), submitted("t3", priority=0), assigned("t1", "r1"))
    assert ids(log.swarm) == ["t2", "t3"]
    assert ids(log.add(TaskReleased(task_id="t1", run_id="r1", reason="stopped"))) == ["t2", "t1", "t3"]


def test_nothing_of_an_archived_project_may_start_and_its_runs_may_end() -> None:
    log = Log(registered("developer"), ProjectCreated(project_id="p1", name="P"), submitted("t1"), submitted("t2"))
    log.add(assigned("t1", "r1"), ProjectArchived(project_id="p1"))
    assert rules.foremost(log.swarm) is None
    assert [one.run_id for one in rules.running(log.swarm)] == ["r1"]
    assert rules.recalled(log.swarm) == []
    log.add(failed("t1", "r1"), TaskFailed(task_id="t1", run_id="r1", reason="no"), TaskReopened(task_id="t1"))
    assert ids(log.add(submitted("t3"))) == []
    assert log.swarm.projects == {"p1": 2}


@pytest.mark.parametrize(
    "way_back",
    [
        (TaskRecalled(task_id="t1", run_id="r1"),),
        (cancelled("t1", "r1"), TaskReleased(task_id="t1", run_id="r1", reason="stopped")),
        (failed("t1", "r1"), TaskFailed(task_id="t1", run_id="r1", reason="no"), TaskReopened(task_id="t1")),
        (
            succeeded("t1", "r1"),
            TaskSentToReview(task_id="t1", run_id="r1", reviewer=Review.HUMAN),
            TaskRejected(task_id="t1", run_id="r1"),
        ),
    ],
)
def test_whatever_comes_back_to_todo_waits_again(way_back: tuple[DomainEvent, ...]) -> None:
    log = Log(submitted("t1"), assigned("t1", "r1"))
    for event in way_back:
        assert ids(log.swarm) == []
        log.add(event)
    assert ids(log.swarm) == ["t1"]


def test_a_task_waits_for_all_that_it_is_blocked_by() -> None:
    log = Log(submitted("t1"), submitted("t2"), submitted("t3", blocked_by=("t1", "t2")))
    assert ids(log.swarm) == ["t1", "t2"]
    assert ids(log.add(*done("t1", "r1"))) == ["t2"]
    assert ids(log.add(*done("t2", "r2"))) == ["t3"]


def test_work_in_review_releases_nobody_until_it_is_approved() -> None:
    log = Log(submitted("t1"), submitted("t2", blocked_by=("t1",)), assigned("t1", "r1"), succeeded("t1", "r1"))
    assert ids(log.add(TaskSentToReview(task_id="t1", run_id="r1", reviewer=Review.HUMAN))) == []
    assert ids(log.add(TaskApproved(task_id="t1", run_id="r1"))) == ["t2"]


def test_a_failed_or_archived_blocker_keeps_the_task_waiting_and_a_done_one_does_not_even_if_archived_later() -> None:
    archived = TaskArchived(task_id="t1", from_state=TaskState.TODO)
    log = Log(submitted("t1"), submitted("t2", blocked_by=("t1",)), archived)
    assert ids(log.swarm) == []
    log = Log(submitted("t1"), assigned("t1", "r1"), failed("t1", "r1"))
    log.add(TaskFailed(task_id="t1", run_id="r1", reason="no"), submitted("t2", blocked_by=("t1",)))
    assert ids(log.swarm) == []
    log = Log(submitted("t1"), *done("t1", "r1"), TaskArchived(task_id="t1", from_state=TaskState.DONE))
    assert ids(log.add(submitted("t2", blocked_by=("t1",)))) == ["t2"]


def test_blockers_taken_out_by_an_edit_release_the_task() -> None:
    log = Log(submitted("t1"), submitted("t2", blocked_by=("t1",)))
    assert ids(log.add(TaskEdited(task_id="t2", blocked_by=()))) == ["t1", "t2"]


# -- who gets it -----------------------------------------------------------------------------------------------------


def test_the_choice_knows_what_each_agent_has_in_flight() -> None:
    log = Log(registered("architect"), registered("developer"), submitted("t1"), submitted("t2"), submitted("t3"))
    assert chosen(log.swarm, "t1") == "architect"
    assert chosen(log.add(assigned("t1", "r1", "architect")), "t2") == "developer"
    log.add(assigned("t2", "r2", "architect"))
    assert log.swarm.in_flight("architect") == 2
    assert chosen(log.swarm, "t3") == "developer"


def test_the_one_with_the_better_history_is_chosen_and_rejected_work_turns_it_round() -> None:
    log = Log(registered("architect"), registered("developer"), submitted("t1"), submitted("t2"))
    log.add(assigned("t1", "r1"), succeeded("t1", "r1"))
    log.add(TaskSentToReview(task_id="t1", run_id="r1", reviewer=Review.HUMAN))
    assert chosen(log.swarm, "t2") == "developer"
    log.add(TaskRejected(task_id="t1", run_id="r1"))
    assert log.swarm.history("developer", simulated=False).success_rate() == 0
    assert chosen(log.swarm, "t2") == "architect"


def test_simulated_and_real_outcomes_never_mix() -> None:
    log = Log(registered("architect"), registered("developer"), submitted("t1"), submitted("t2"))
    log.add(assigned("t1", "r1"), succeeded("t1", "r1", simulated=True), completed("t1", "r1"))
    assert chosen(log.swarm, "t2", simulated=True) == "developer"
    assert chosen(log.swarm, "t2", simulated=False) == "architect"
    assert log.swarm.history("developer", simulated=False).runs("code-generation") == 0


@pytest.mark.parametrize("end", [cancelled("t1", "r1"), failed("t1", "r1", counts=False)])
def test_runs_that_say_nothing_about_the_agent_do_not_count(end: DomainEvent) -> None:
    log = Log(registered("developer"), submitted("t1"), assigned("t1", "r1"), end)
    assert log.swarm.history("developer", simulated=False).outcomes() == ()
    assert log.swarm.in_flight("developer") == 0


def test_a_failed_run_counts() -> None:
    log = Log(registered("developer"), submitted("t1"), assigned("t1", "r1"), failed("t1", "r1"))
    assert log.swarm.history("developer", simulated=False).success_rate() == 0


def test_the_foremost_task_is_the_first_that_a_free_agent_can_do() -> None:
    log = Log(registered("developer", capacity=1), registered("tester", "unit-test"))
    log.add(submitted("t1", priority=90), submitted("t2", priority=80), submitted("t3", "unit-test"))
    first = rules.foremost(log.swarm)
    assert first is not None and first.id == "t1"
    log.add(assigned("t1", "r1"))
    second = rules.foremost(log.swarm)
    assert second is not None and second.id == "t3"
    assert chosen(log.swarm, "t3") == "tester"
    log.add(AgentDisabled(agent_id="tester"))
    assert rules.foremost(log.swarm) is None


def test_a_proposed_assignment_counts_at_once_and_is_confirmed_by_its_event() -> None:
    log = Log(registered("developer", capacity=1), submitted("t1"), submitted("t2"))
    rules.propose(log.swarm, "t1", "r1", "developer")
    assert ids(log.swarm) == ["t2"]
    assert rules.foremost(log.swarm) is None
    assert rules.running(log.swarm) == []
    log.add(assigned("t1", "r1"))
    assert log.swarm.proposed == {}
    assert log.swarm.in_flight("developer") == 1
    assert ids(log.add(succeeded("t1", "r1"), completed("t1", "r1"))) == ["t2"]
    assert log.swarm.in_flight("developer") == 0


def test_a_withdrawn_proposal_leaves_no_trace() -> None:
    log = Log(registered("developer"), submitted("t1"))
    rules.propose(log.swarm, "t1", "r1", "developer")
    rules.withdraw(log.swarm, "t1")
    rules.withdraw(log.swarm, "t1")
    assert ids(log.swarm) == ["t1"]
    assert log.swarm.in_flight("developer") == 0


def test_a_proposal_whose_task_was_archived_meanwhile_can_be_withdrawn() -> None:
    log = Log(registered("developer"), submitted("t1"))
    rules.propose(log.swarm, "t1", "r1", "developer")
    log.add(TaskArchived(task_id="t1", from_state=TaskState.TODO))
    rules.withdraw(log.swarm, "t1")
    assert ids(log.swarm) == []
    assert log.swarm.in_flight("developer") == 0


# -- what does not move by itself --------------------------------------------------------------------------------------


def unassignable(log: Log, task_id: str) -> tuple[WaitReason, str] | None:
    """What the task's card is to say."""
    return next(((reason, remedy) for task, reason, remedy in rules.silent(log.swarm) if task.id == task_id), None)


def test_a_task_that_nobody_can_ever_take_says_what_helps() -> None:
    log = Log(registered("developer"), registered("tester", "unit-test"), submitted("t1"))
    log.add(submitted("t2", role="tester"), submitted("t3", "planning"))
    assert unassignable(log, "t1") is None
    assert unassignable(log, "t2") == (
        WaitReason.PAUSED,
        "Register an agent of the role tester that does code-generation work: there is none.",
    )
    assert unassignable(log, "t3") == (
        WaitReason.PAUSED,
        "Register an agent that does planning work: there is none.",
    )
    log.add(AgentDisabled(agent_id="developer"))
    assert unassignable(log, "t1") == (
        WaitReason.PAUSED,
        "Enable developer: who can do code-generation work is disabled.",
    )
    log.add(AgentEnabled(agent_id="developer"), AgentEdited(agent_id="developer", task_types=("planning",)))
    assert unassignable(log, "t3") is None
    log.add(AgentRemoved(agent_id="developer"))
    assert unassignable(log, "t3") is not None


def test_a_full_agent_is_no_reason_to_say_that_nobody_can() -> None:
    log = Log(registered("developer", capacity=1), submitted("t1"), assigned("t1", "r1"), submitted("t2"))
    assert unassignable(log, "t2") is None
    assert rules.silent(log.swarm) == []


def tell(log: Log) -> list[tuple[str, WaitReason]]:
    """Let the cards say what they wait for, as the coordinator does."""
    told = rules.silent(log.swarm)
    for task, reason, remedy in told:
        log.add(*tasks.wait(task, reason, remedy))
    assert rules.silent(log.swarm) == []
    return [(task.id, reason) for task, reason, _ in told]


def test_cards_say_once_what_they_wait_for_and_again_when_it_changes() -> None:
    log = Log(registered("developer"), submitted("t1"), submitted("t2", blocked_by=("t1",)))
    log.add(submitted("t3", "planning"))
    assert tell(log) == [("t2", WaitReason.DEPENDENCY), ("t3", WaitReason.PAUSED)]
    log.add(assigned("t1", "r1"), failed("t1", "r1"))
    assert tell(log) == []
    log.add(TaskFailed(task_id="t1", run_id="r1", reason="no"))
    assert tell(log) == [("t2", WaitReason.DEPENDENCY)]
    waiting = log.swarm.open_tasks["t2"].waiting
    assert waiting is not None and waiting.remedy.startswith("t1 failed")
    log.add(TaskReopened(task_id="t1"))
    assert tell(log) == [("t2", WaitReason.DEPENDENCY)]
    log.add(TaskArchived(task_id="t1", from_state=TaskState.TODO))
    assert tell(log) == [("t2", WaitReason.DEPENDENCY)]
    log.add(TaskEdited(task_id="t2", blocked_by=()))
    assert tell(log) == []
    log.add(AgentDisabled(agent_id="developer"))
    assert tell(log) == [("t2", WaitReason.PAUSED)]


def test_a_blocker_that_does_not_exist_is_named_until_it_does() -> None:
    log = Log(registered("developer"), submitted("t2", blocked_by=("t9",)))
    assert "t9" in rules.silent(log.swarm)[0][2]
    tell(log)
    log.add(submitted("t9"))
    assert "by itself" in rules.silent(log.swarm)[0][2]


def test_a_task_that_is_worked_on_or_over_says_nothing() -> None:
    log = Log(registered("developer"), submitted("t1"), assigned("t1", "r1"))
    assert rules.silent(log.add(TaskEdited(task_id="t1", blocked_by=("t9",)))) == []
    assert rules.silent(log.add(succeeded("t1", "r1"), completed("t1", "r1"))) == []


# -- after a restart ---------------------------------------------------------------------------------------------------


def test_runs_that_have_not_ended_are_known_for_sending_again() -> None:
    log = Log(registered("developer"), submitted("t1"), submitted("t2"), *done("t1", "r1"), assigned("t2", "r2"))
    (assignment,) = rules.running(log.swarm)
    assert (assignment.run_id, assignment.task_id, assignment.agent_id) == ("r2", "t2", "developer")
    assert (assignment.position, assignment.correlation) == (7, "c7")
    assert assignment.assigned_at == START + timedelta(seconds=7)
    assert (assignment.task.id, assignment.task.state) == ("t2", TaskState.TODO)


def test_a_recalled_run_is_to_be_cancelled_and_counts_as_load_until_it_has_ended() -> None:
    log = Log(registered("developer"), submitted("t1"), assigned("t1", "r1"), TaskRecalled(task_id="t1", run_id="r1"))
    assert rules.running(log.swarm) == []
    assert [assignment.run_id for assignment in rules.recalled(log.swarm)] == ["r1"]
    log.add(TaskArchived(task_id="t1", from_state=TaskState.TODO))
    assert [assignment.run_id for assignment in rules.recalled(log.swarm)] == ["r1"]
    assert log.swarm.in_flight("developer") == 1
    log.add(cancelled("t1", "r1"))
    assert rules.recalled(log.swarm) == []
    assert log.swarm.in_flight("developer") == 0
    assert rules.ended_unmoved(log.swarm) == []


def test_a_recalled_task_may_start_anew_before_its_old_run_has_ended() -> None:
    log = Log(registered("developer"), submitted("t1"), assigned("t1", "r1"), TaskRecalled(task_id="t1", run_id="r1"))
    log.add(assigned("t1", "r2"))
    assert [assignment.run_id for assignment in rules.running(log.swarm)] == ["r2"]
    assert [assignment.run_id for assignment in rules.recalled(log.swarm)] == ["r1"]
    assert rules.ended_unmoved(log.add(succeeded("t1", "r1"))) == []


@pytest.mark.parametrize("end", [succeeded("t1", "r1"), failed("t1", "r1"), cancelled("t1", "r1")])
def test_a_crash_between_the_end_of_a_run_and_the_move_of_its_task_is_healed(end: DomainEvent) -> None:
    log = Log(registered("developer"), submitted("t1"), assigned("t1", "r1"), end)
    ((task, recorded),) = rules.ended_unmoved(log.swarm)
    assert (task.id, recorded.event, recorded.position) == ("t1", end, 4)
    log.add(*tasks.after_run(task, recorded.event))
    assert rules.ended_unmoved(log.swarm) == []
    assert rules.running(log.swarm) == []


def test_a_task_recalled_after_its_run_ended_needs_no_move() -> None:
    log = Log(registered("developer"), submitted("t1"), assigned("t1", "r1"), succeeded("t1", "r1"))
    log.add(TaskRecalled(task_id="t1", run_id="r1"))
    assert rules.ended_unmoved(log.swarm) == []
    assert rules.recalled(log.swarm) == []


def test_events_seen_before_and_events_of_no_concern_change_nothing() -> None:
    log = Log(registered("developer"), submitted("t1"), *done("t1", "r1"), WorkspaceOpened(workspace_id="default"))
    for record in log.records:
        rules.evolve(log.swarm, record)
    assert log.swarm.position == len(log.records)
    assert log.swarm.open_tasks == {}
    assert log.swarm.history("developer", simulated=False).runs("code-generation") == 1
    assert "run.model-called" not in rules.TOPICS
    assert {"task.submitted", "run.failed", "agent.removed"} <= set(rules.TOPICS)


def test_the_version_of_an_open_task_is_known_whatever_happened_to_it() -> None:
    log = Log(registered("developer"), submitted("t1"), TaskReordered(task_id="t1"), assigned("t1", "r1"))
    thread = log.swarm.threads["t1"]
    assert (thread.version, thread.position, thread.correlation) == (3, 4, "c2")
    assert {topic for topic in topics() if topic.startswith("task.")} <= set(rules.TOPICS)
    log.add(succeeded("t1", "r1"), completed("t1", "r1"), TaskArchived(task_id="t1", from_state=TaskState.DONE))
    assert log.swarm.threads == {}


def test_a_swarm_survives_a_checkpoint() -> None:
    log = Log(registered("developer"), submitted("t1"), submitted("t2", blocked_by=("t1",)), assigned("t1", "r1"))
    log.swarm = pickle.loads(pickle.dumps(log.swarm))
    assert [assignment.run_id for assignment in rules.running(log.swarm)] == ["r1"]
    assert ids(
        log.add(
            succeeded("t1", "r1"),
            completed("t1", "r1"),
            TaskWaiting(task_id="t2", reason=WaitReason.PAUSED, remedy="x"),
        )
    ) == ["t2"]


def test_a_long_past_and_a_long_line_make_no_choice_slow() -> None:
    log = Log(registered("developer", capacity=5), registered("tester", "unit-test"))
    for number in range(5_000):
        log.add(submitted(f"old-{number}"), *done(f"old-{number}", f"r{number}"))
    for number in range(5_000):
        log.add(submitted(f"t{number}", priority=number % 101))
    assert len(log.swarm.open_tasks) == 5_000
    assert not log.swarm.runs and not log.swarm.ended
    began = perf_counter()
    for number in range(100):
        task = rules.foremost(log.swarm)
        assert task is not None
        rules.choose(log.swarm, task, LATER, simulated=False)
        rules.waiting(log.swarm, limit=10)
        rules.silent(log.swarm)
        rules.propose(log.swarm, task.id, f"new-{number}", "developer")
        rules.withdraw(log.swarm, task.id)
    # About 0.2 ms a round here; twenty times that still tells it from a walk over 10,000 tasks a question.
    assert perf_counter() - began < 100 * 0.005


def _limited(most: int | None, **of: int) -> SettingsChanged:
    return SettingsChanged(name="", default_review=Review.NONE, default_priority=50, most_runs=most, most_runs_of=of)


@pytest.mark.parametrize("limits", [_limited(1), _limited(None, developer=1)])
def test_a_limit_of_runs_holds_up_what_it_is_for_and_the_card_says_so(limits: SettingsChanged) -> None:
    log = Log(registered("developer", capacity=5), limits, submitted("t1"), submitted("t2"))
    assert rules.limited(log.swarm, 10) == []
    rules.propose(log.swarm, "t1", "t1.1", "developer")
    assert rules.foremost(log.swarm) is None
    [(task, reason, remedy)] = rules.limited(log.swarm, 10)
    assert (task.id, reason) == ("t2", WaitReason.PAUSED)
    assert "has 1 runs at once, which is its limit" in remedy
    log.add(TaskWaiting(task_id="t2", reason=reason, remedy=remedy))
    assert rules.limited(log.swarm, 10) == []
    log.add(assigned("t1", "t1.1"), succeeded("t1", "t1.1"), TaskCompleted(task_id="t1", run_id="t1.1"))
    found = rules.foremost(log.swarm)
    assert found is not None
    assert found.id == "t2"


def test_a_limit_of_one_role_leaves_the_others_alone_and_excludes_its_agents_with_the_reason() -> None:
    log = Log(
        registered("developer", capacity=5),
        registered("tester", "code-generation", capacity=5),
        _limited(None, developer=1),
        submitted("t1", role="developer"),
        submitted("t2"),
    )
    rules.propose(log.swarm, "t1", "t1.1", "developer")
    found = rules.foremost(log.swarm)
    assert found is not None
    choice = rules.choose(log.swarm, found, LATER, False)
    assert choice.chosen is not None
    assert choice.chosen.agent_id == "tester"
    [excluded] = [one.excluded for one in choice.candidates if one.agent_id == "developer"]
    assert excluded == "the role developer has 1 runs at once, which is its limit"


def test_the_limit_of_a_roles_manifest_holds_until_the_workspace_sets_another() -> None:
    log = Log(registered("developer", capacity=5), submitted("t1"), submitted("t2"))
    log.swarm.usual_most_runs_of = {"developer": 1}
    rules.propose(log.swarm, "t1", "t1.1", "developer")
    assert rules.foremost(log.swarm) is None
    log.add(_limited(None, developer=2))
    assert rules.foremost(log.swarm) is not None


def test_a_card_of_low_priority_is_started_although_more_urgent_ones_never_end() -> None:
    log = Log(registered("developer", capacity=1), submitted("patient", priority=0))
    order: list[str] = []
    for number in range(PATIENCE + 2 * EVERY):
        log.add(submitted(f"urgent{number}", priority=100))
        found = rules.foremost(log.swarm)
        assert found is not None
        run_id = f"{found.id}.1"
        rules.propose(log.swarm, found.id, run_id, "developer")
        log.add(assigned(found.id, run_id), succeeded(found.id, run_id))
        log.add(TaskCompleted(task_id=found.id, run_id=run_id))
        order.append(found.id)
    assert "patient" in order
    assert order.index("patient") >= PATIENCE


def test_a_run_of_a_suspended_agent_is_in_nobodys_hands_until_it_is_handed_over() -> None:
    log = Log(registered("developer"), registered("developer-2", role="developer"), submitted("t1"))
    log.add(assigned("t1", "t1.1"))
    why = "did not answer for 15 s"
    log.add(AgentSuspended(agent_id="developer", cause="silent", misses=3, after_s=15, reason=why))
    [(run, told)] = rules.stranded(log.swarm)
    assert (run.run_id, told) == ("t1.1", why)
    choice = rules.choose_successor(log.swarm, run, LATER, False)
    [over] = tasks.hand_over(log.swarm.open_tasks["t1"], run_id="t1.1", from_agent="developer", choice=choice, why=why)
    assert isinstance(over, TaskHandedOver)
    assert (over.agent_id, over.reason) == ("developer-2", f"developer {why}; the work went to developer-2")
    log.add(over)
    assert rules.stranded(log.swarm) == []
    assert [one.agent_id for one in rules.running(log.swarm)] == ["developer-2"]
    assert (log.swarm.in_flight("developer"), log.swarm.in_flight("developer-2")) == (0, 1)
    assert log.swarm.open_tasks["t1"].agent_id == "developer-2"


def test_a_run_of_a_suspended_agent_that_is_alone_goes_on_with_itself_once_it_is_back() -> None:
    log = Log(registered("developer", capacity=1), submitted("t1"), assigned("t1", "t1.1"))
    log.add(AgentSuspended(agent_id="developer", cause="stuck", misses=3, after_s=15, reason="did not advance for 9 s"))
    [(run, _)] = rules.stranded(log.swarm)
    assert rules.choose_successor(log.swarm, run, LATER, False).chosen is None
    log.add(AgentReadmitted(agent_id="developer", after_s=3))
    [(run, _)] = rules.stranded(log.swarm)
    chosen = rules.choose_successor(log.swarm, run, LATER, False).chosen
    assert chosen is not None
    assert chosen.agent_id == "developer"
