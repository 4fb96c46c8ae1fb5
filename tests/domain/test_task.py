"""What may be done to a task, in every state of its life."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.base import DomainEvent
from events.ids import BoardType, Review, TaskState, WaitReason
from events.project import ProjectArchived, ProjectCreated
from events.run import RunCancelled, RunFailed, RunStarted, RunSucceeded
from events.task import (
    TaskApproved,
    TaskArchived,
    TaskAssigned,
    TaskCompleted,
    TaskEdited,
    TaskFailed,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskReordered,
    TaskSentToReview,
    TaskSubmitted,
    TaskWaiting,
)
from vapora.commands import EditTask, MoveTask, SubmitTask
from vapora.domain import project as projects
from vapora.domain import task as rules
from vapora.domain.task import Task, Wait, evolve, fold
from vapora.errors import BadInputError, ConflictError, NotFoundError

PROJECT = projects.fold([ProjectCreated(project_id="p1", name="Atlas")])
ROLES = ("developer", "tester")
TYPES = ("code-generation", "unit-test")
ROLES_FOR = {"code-generation": ("developer",), "unit-test": ("tester", "developer")}

SUBMITTED = TaskSubmitted(task_id="t1", project_id="p1", title="Draw the map", task_type="code-generation")
ASSIGNED = TaskAssigned(
    task_id="t1",
    run_id="r1",
    agent_id="developer",
    role="developer",
    subject="tasks.code-generation.medium",
    candidates=(),
    reason="the only one",
    policy="formula-v1",
    propensity=1,
)
SENT = TaskSentToReview(task_id="t1", run_id="r1", reviewer=Review.HUMAN)
COMPLETED = TaskCompleted(task_id="t1", run_id="r1")
FAILED = TaskFailed(task_id="t1", run_id="r1", reason="no luck")
ARCHIVED = TaskArchived(task_id="t1", from_state=TaskState.DONE)

GIVEN: dict[TaskState, list[DomainEvent]] = {
    TaskState.TODO: [SUBMITTED],
    TaskState.IN_PROGRESS: [SUBMITTED, ASSIGNED],
    TaskState.REVIEW: [SUBMITTED, ASSIGNED, SENT],
    TaskState.DONE: [SUBMITTED, ASSIGNED, COMPLETED],
    TaskState.FAILED: [SUBMITTED, ASSIGNED, FAILED],
    TaskState.ARCHIVED: [SUBMITTED, ASSIGNED, COMPLETED, ARCHIVED],
}


def task_in(state: TaskState) -> Task:
    task = fold(GIVEN[state])
    assert task is not None and task.state is state
    return task


def assign(task: Task | None, run_id: str = "r2") -> tuple[DomainEvent, ...]:
    return rules.assign(
        task,
        run_id=run_id,
        agent_id="developer",
        role="developer",
        subject="tasks.code-generation.medium",
        candidates=(),
        reason="the only one",
        policy="formula-v1",
        propensity=1.0,
        task_id="t1",
    )


def succeeded(run_id: str) -> RunSucceeded:
    return RunSucceeded(
        run_id=run_id, task_id="t1", agent_id="developer", role="developer", task_type="code-generation", summary="ok"
    )


def failed(run_id: str) -> RunFailed:
    return RunFailed(
        run_id=run_id, task_id="t1", agent_id="developer", role="developer", task_type="code-generation", reason="no"
    )


def cancelled(run_id: str) -> RunCancelled:
    return RunCancelled(run_id=run_id, task_id="t1", agent_id="developer", reason="stopped")


def mover(target: TaskState, **more: Any) -> Callable[[Task], tuple[DomainEvent, ...]]:
    return lambda task: rules.move(task, MoveTask(state=target, **more), "t1")


COMMANDS: dict[str, Callable[[Task], tuple[DomainEvent, ...]]] = {
    "edit": lambda task: rules.edit(task, EditTask(priority=99), "t1"),
    "move to todo": mover(TaskState.TODO),
    "move to in-progress": mover(TaskState.IN_PROGRESS),
    "move to review": mover(TaskState.REVIEW),
    "move to done": mover(TaskState.DONE),
    "move to failed": mover(TaskState.FAILED),
    "move to archived": mover(TaskState.ARCHIVED),
    "reorder": lambda task: rules.move(task, MoveTask(state=task.state, before="t9"), "t1"),
    "assign": assign,
    "assign the same run again": lambda task: assign(task, task.run_id or "r2"),
    "wait": lambda task: rules.wait(task, WaitReason.PAUSED, "Enable developer."),
    "its run succeeded": lambda task: rules.after_run(task, succeeded("r1")),
    "its run failed": lambda task: rules.after_run(task, failed("r1")),
    "its run was cancelled": lambda task: rules.after_run(task, cancelled("r1")),
    "an earlier run succeeded": lambda task: rules.after_run(task, succeeded("r0")),
    "an earlier run failed": lambda task: rules.after_run(task, failed("r0")),
    "an earlier run was cancelled": lambda task: rules.after_run(task, cancelled("r0")),
}

Outcome = type[DomainEvent] | type[Exception] | None
NO = ConflictError

# The whole life cycle: command → what it gives in todo, in-progress, review, done, failed, archived. None: nothing.
LIFE: dict[str, tuple[Outcome, ...]] = {
    "edit": (TaskEdited, TaskEdited, TaskEdited, NO, TaskEdited, NO),
    "move to todo": (None, TaskRecalled, TaskRejected, NO, TaskReopened, NO),
    "move to in-progress": (NO, None, NO, NO, NO, NO),
    "move to review": (NO, NO, None, NO, NO, NO),
    "move to done": (NO, NO, TaskApproved, None, NO, NO),
    "move to failed": (NO, NO, NO, NO, None, NO),
    "move to archived": (TaskArchived, NO, NO, TaskArchived, TaskArchived, None),
    "reorder": (TaskReordered, TaskReordered, TaskReordered, NO, NO, BadInputError),
    "assign": (TaskAssigned, NO, NO, NO, NO, NO),
    "assign the same run again": (TaskAssigned, None, None, None, None, None),
    "wait": (TaskWaiting, None, None, None, None, None),
    "its run succeeded": (None, TaskSentToReview, None, None, None, None),
    "its run failed": (None, TaskFailed, None, None, None, None),
    "its run was cancelled": (None, TaskReleased, None, None, None, None),
    "an earlier run succeeded": (None, None, None, None, None, None),
    "an earlier run failed": (None, None, None, None, None, None),
    "an earlier run was cancelled": (None, None, None, None, None, None),
}
COLUMNS = tuple(GIVEN)
PAIRS = [(state, name, LIFE[name][place]) for name in LIFE for place, state in enumerate(COLUMNS)]


def test_the_life_cycle_table_is_complete() -> None:
    assert set(LIFE) == set(COMMANDS)
    assert set(COLUMNS) == set(TaskState)
    assert {len(row) for row in LIFE.values()} == {len(COLUMNS)}


@pytest.mark.parametrize(("state", "command", "expected"), PAIRS)
def test_every_command_in_every_state_does_what_the_table_says(
    state: TaskState, command: str, expected: Outcome
) -> None:
    task = task_in(state)
    if expected is None:
        assert COMMANDS[command](task) == ()
    elif issubclass(expected, DomainEvent):
        assert [type(event) for event in COMMANDS[command](task)] == [expected]
    else:
        with pytest.raises(expected) as refusal:
            COMMANDS[command](task)
        assert refusal.value.remedy  # type: ignore[attr-defined]  # all of ours have one


@pytest.mark.parametrize(("state", "command", "expected"), PAIRS)
def test_a_command_that_took_effect_gives_nothing_the_second_time(
    state: TaskState, command: str, expected: Outcome
) -> None:
    if expected is None or not issubclass(expected, DomainEvent) or expected is TaskReordered:
        return  # an order is relative to other cards, which may have moved meanwhile: it is recorded each time
    task = task_in(state)
    for event in COMMANDS[command](task):
        task = evolve(task, event) or task
    assert COMMANDS[command](task) == ()


def test_a_refused_move_says_why_and_what_is_allowed() -> None:
    with pytest.raises(ConflictError) as refusal:
        rules.move(task_in(TaskState.TODO), MoveTask(state=TaskState.IN_PROGRESS), "t1")
    assert refusal.value.message == (
        "A task cannot be moved from todo to in-progress. Only the coordinator gives a task to an agent."
    )
    assert refusal.value.remedy == "From todo it can be moved to: archived."


def test_a_move_carries_the_run_and_the_comment() -> None:
    task = task_in(TaskState.REVIEW)
    assert rules.move(task, MoveTask(state=TaskState.DONE, comment="fine"), "t1") == (
        TaskApproved(task_id="t1", run_id="r1", comment="fine"),
    )
    assert rules.move(task, MoveTask(state=TaskState.TODO, comment="blurred"), "t1") == (
        TaskRejected(task_id="t1", run_id="r1", comment="blurred"),
    )


def test_a_card_dropped_between_others_of_a_new_column_moves_and_is_put_in_its_place() -> None:
    events = rules.move(task_in(TaskState.FAILED), MoveTask(state=TaskState.TODO, before="t5"), "t1")
    assert events == (TaskReopened(task_id="t1"), TaskReordered(task_id="t1", before="t5"))


def test_an_explicit_null_puts_the_card_at_the_end_of_its_column() -> None:
    at_end = MoveTask(state=TaskState.TODO, before=None)
    assert rules.move(task_in(TaskState.TODO), at_end, "t1") == (TaskReordered(task_id="t1", before=None),)
    assert rules.move(task_in(TaskState.FAILED), at_end, "t1") == (TaskReopened(task_id="t1"),)


def test_a_card_cannot_stand_before_itself() -> None:
    with pytest.raises(BadInputError):
        rules.move(task_in(TaskState.TODO), MoveTask(state=TaskState.TODO, before="t1"), "t1")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name.startswith(("edit", "move"))])
def test_a_task_that_does_not_exist_is_not_found(command: str) -> None:
    with pytest.raises(NotFoundError):
        COMMANDS[command](None)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        assign(None)


def test_the_end_of_a_run_moves_no_task_that_does_not_exist() -> None:
    assert rules.after_run(None, succeeded("r1")) == ()
    assert rules.wait(None, WaitReason.PAUSED, "x") == ()


# -- submitting and editing ------------------------------------------------------------------------------------------


def submit(
    project: projects.Project | None = PROJECT, task_type: str = "code-generation", inferred: str = "", **body: Any
) -> tuple[DomainEvent, ...]:
    command = SubmitTask(project_id="p1", title="Draw the map", **body)
    return rules.submit("t1", command, project, task_type, inferred, ROLES, TYPES, ROLES_FOR.get(task_type, ()))


def test_given_a_project_when_submitted_then_the_task_is_to_be_done() -> None:
    assert submit() == (SUBMITTED,)


def test_everything_said_about_a_task_is_recorded() -> None:
    deadline = datetime(2027, 1, 1, tzinfo=UTC)
    (event,) = submit(
        task_type="unit-test",
        inferred="the title says 'test'",
        description="all",
        type=BoardType.BUGFIX,
        role="tester",
        priority=80,
        review=Review.NONE,
        deadline=deadline,
        context={"a": [1]},
        blocked_by=("t7", "t8", "t7"),
    )
    task = fold([event])
    assert task == Task(
        "t1",
        "p1",
        "Draw the map",
        "all",
        BoardType.BUGFIX,
        "unit-test",
        "the title says 'test'",
        "tester",
        80,
        Review.NONE,
        deadline,
        {"a": [1]},
        ("t7", "t8"),
    )


@pytest.mark.parametrize(
    ("wrong", "error", "remedy"),
    [
        ({"project": None}, NotFoundError, "Create it first"),
        (
            {"project": projects.fold([ProjectCreated(project_id="p1", name="A"), ProjectArchived(project_id="p1")])},
            ConflictError,
            "another project",
        ),
        ({"role": "cook"}, BadInputError, "developer, tester"),
        ({"task_type": "cooking"}, BadInputError, "code-generation, unit-test"),
        ({"role": "tester"}, BadInputError, "Roles that do: developer"),
        ({"blocked_by": ("t1",)}, BadInputError, "its own id"),
    ],
)
def test_a_task_that_cannot_be_is_refused_with_a_remedy(
    wrong: dict[str, Any], error: type[Exception], remedy: str
) -> None:
    with pytest.raises(error) as refusal:
        submit(**wrong)
    assert remedy in str(refusal.value)


def test_an_edit_records_only_what_differs() -> None:
    task = task_in(TaskState.TODO)
    command = EditTask(title="Draw the map", priority=70, blocked_by=("t2", "t2"))
    assert rules.edit(task, command, "t1") == (TaskEdited(task_id="t1", priority=70, blocked_by=("t2",)),)
    assert rules.edit(task, EditTask(title="Draw the map"), "t1") == ()


@pytest.mark.parametrize("wrong", [{"blocked_by": ("t1",)}])
def test_an_edit_is_checked_as_a_new_task_is(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        rules.edit(task_in(TaskState.TODO), EditTask(**wrong), "t1")


# -- runs ------------------------------------------------------------------------------------------------------------


def test_a_good_run_of_a_task_without_review_ends_in_done() -> None:
    task = fold([SUBMITTED.model_copy(update={"review": Review.NONE}), ASSIGNED])
    assert rules.after_run(task, succeeded("r1")) == (COMPLETED,)


def test_other_events_of_a_run_move_nothing() -> None:
    started = RunStarted(
        run_id="r1",
        task_id="t1",
        project_id="p1",
        agent_id="developer",
        role="developer",
        task_type="unit-test",
        steps=("plan",),
    )
    assert rules.after_run(task_in(TaskState.IN_PROGRESS), started) == ()


def test_the_late_end_of_a_recalled_run_does_not_touch_the_next_one() -> None:
    recalled = fold([SUBMITTED, ASSIGNED, TaskRecalled(task_id="t1", run_id="r1")])
    again = fold([SUBMITTED, ASSIGNED, TaskRecalled(task_id="t1", run_id="r1"), *assign(recalled, "r2")])
    for end in (succeeded("r1"), failed("r1"), cancelled("r1")):
        assert rules.after_run(recalled, end) == ()
        assert rules.after_run(again, end) == ()
    assert again is not None and (again.run_id, again.runs) == ("r2", 2)


def test_what_was_said_when_it_was_sent_back_stays_for_the_next_run() -> None:
    rejected = TaskRejected(task_id="t1", run_id="r1", comment="blurred")
    task = fold([SUBMITTED, ASSIGNED, SENT, rejected, ASSIGNED.model_copy(update={"run_id": "r2"})])
    assert task is not None and task.comment == "blurred"


def test_why_a_task_waits_is_said_once_and_forgotten_when_it_starts() -> None:
    task = fold([SUBMITTED, TaskWaiting(task_id="t1", reason=WaitReason.PAUSED, remedy="Enable developer.")])
    assert task is not None and task.waiting == Wait(WaitReason.PAUSED, "Enable developer.")
    assert rules.wait(task, WaitReason.PAUSED, "Enable developer.") == ()
    assert len(rules.wait(task, WaitReason.PAUSED, "Register a tester.")) == 1
    started = evolve(task, ASSIGNED)
    assert started is not None and started.waiting is None


def assert_possible(task: Task, runs: list[str]) -> None:
    """What holds for a task at any time; `runs` are those it was given, in order."""
    assert task.runs == len(runs)
    assert task.run_id == (runs[-1] if runs else None)
    if task.state is TaskState.TODO:
        assert task.agent_id is None
    else:
        assert task.waiting is None
    if task.state in (TaskState.IN_PROGRESS, TaskState.REVIEW, TaskState.DONE, TaskState.FAILED):
        assert runs and task.agent_id is not None
    assert task.id not in task.blocked_by


STEPS = st.one_of(
    st.builds(mover, st.sampled_from(TaskState)),
    st.builds(mover, st.sampled_from(TaskState), before=st.sampled_from(["t2", None])),
    st.sampled_from(["r1", "r2", "r3"]).map(lambda run: lambda task: assign(task, run)),
    st.builds(
        lambda end, run: lambda task: rules.after_run(task, end(run)),
        st.sampled_from([succeeded, failed, cancelled]),
        st.sampled_from(["r1", "r2", "r3"]),
    ),
    st.sampled_from([Review.NONE, Review.HUMAN, Review.AGENT]).map(
        lambda review: lambda task: rules.edit(task, EditTask(review=review), "t1")
    ),
    st.sampled_from([("t1",), ("t2", "t3"), ()]).map(
        lambda blockers: lambda task: rules.edit(task, EditTask(blocked_by=blockers), "t1")
    ),
    st.just(COMMANDS["wait"]),
)


@given(st.lists(STEPS, max_size=40))
def test_no_sequence_of_commands_reaches_an_impossible_state(
    steps: list[Callable[[Task], tuple[DomainEvent, ...]]],
) -> None:
    task, runs = task_in(TaskState.TODO), list[str]()
    for step in steps:
        before = task
        try:
            events = step(task)
        except (ConflictError, BadInputError):
            events = ()
        for event in events:
            runs += [event.run_id] if isinstance(event, TaskAssigned) else []
            task = evolve(task, event) or task
        assert_possible(task, runs)
        if before.state is TaskState.ARCHIVED:
            assert task == before
