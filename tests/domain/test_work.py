"""Given what a run has recorded, what it does next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vapora.domain.work import (
    Action,
    AskForReview,
    AskModel,
    Call,
    End,
    Plan,
    RunChecks,
    UseTool,
    Wait,
    Work,
    next_action,
)

PLAN = Plan(has_repository=True, review="agent")
READ, WRITE = Call("1", "file_read", "pure"), Call("2", "file_write", "worktree")
SEND = Call("3", "mail.send", "outside")
DONE = Work(steps=9, finished=True)
GREEN, RED = replace(DONE, checks="green"), replace(DONE, checks="red")


@pytest.mark.parametrize(
    ("work", "action"),
    [
        (Work(), AskModel()),
        (Work(steps=3), AskModel()),
        (Work(steps=3, calls=(READ, WRITE)), UseTool(READ)),
        (Work(steps=3, calls=(replace(WRITE, begun=True),)), UseTool(replace(WRITE, begun=True))),
        (Work(steps=3, calls=(SEND,)), UseTool(SEND)),
        (Work(steps=3, calls=(replace(SEND, begun=True), READ)), Wait("approval")),
        (Work(steps=3, question="Which?"), Wait("answer")),
        (Work(steps=3, calls=(READ,), paused=True), Wait("paused")),
        (DONE, RunChecks()),
        (RED, AskModel("red-checks")),
        (replace(RED, check_rounds=3), AskForReview("human")),
        (GREEN, AskForReview("agent")),
        (replace(DONE, checks="unchecked"), AskForReview("agent")),
        (replace(GREEN, verdict="approve"), End(True)),
        (replace(GREEN, verdict="request-changes"), AskModel("requested-changes")),
        (replace(GREEN, verdict="request-changes", review_rounds=3), Wait("human")),
        (replace(RED, verdict="approve"), AskModel("red-checks")),
    ],
)
def test_a_run_does_what_its_record_asks_for(work: Work, action: Action) -> None:
    assert next_action(work, PLAN) == action


@pytest.mark.parametrize(
    ("plan", "work", "action"),
    [
        (replace(PLAN, review="none"), GREEN, End(True)),
        (replace(PLAN, review="none"), RED, AskModel("red-checks")),
        (replace(PLAN, review="human"), GREEN, AskForReview("human")),
        (Plan(has_repository=False, review="none"), DONE, End(True)),
        (Plan(has_repository=False, review="human"), DONE, AskForReview("human")),
    ],
)
def test_the_plan_says_who_reviews_and_whether_there_is_something_to_check(
    plan: Plan, work: Work, action: Action
) -> None:
    assert next_action(work, plan) == action


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (Work(steps=100), "100 steps"),
        (Work(cost_microusd=2_000_000), "2.00 dollars"),
        (Work(duration_s=60), "60 s"),
        (replace(RED, steps=100), "100 steps"),
        (replace(GREEN, verdict="request-changes", steps=100), "100 steps"),
    ],
)
def test_a_run_at_its_limit_asks_no_model(work: Work, told: str) -> None:
    action = next_action(work, replace(PLAN, most_cost_microusd=2_000_000, most_duration_s=60))
    assert isinstance(action, End)
    assert not action.succeeded
    assert told in action.reason


def test_what_was_begun_is_ended_at_the_limit_too() -> None:
    """The last step's calls are carried out, and finished work is still checked: only the model is not asked."""
    assert next_action(Work(steps=100, calls=(READ,)), PLAN) == UseTool(READ)
    assert next_action(replace(DONE, steps=100), PLAN) == RunChecks()
    assert next_action(replace(GREEN, steps=100), PLAN) == AskForReview("agent")
