"""What a run of a workflow does next, driven by hand: no clock, no log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events import workflow as told
from events.base import DomainEvent
from vapora.catalog.shipped_workflows import known
from vapora.commands import (
    CancelWorkflowRun,
    DecideApproval,
    PauseWorkflowRun,
    ResumeWorkflowRun,
    RetryStage,
    SkipStage,
)
from vapora.domain.workflow import requests
from vapora.domain.workflow.check import check, parse_text, require
from vapora.domain.workflow.condition import parse
from vapora.domain.workflow.critical_path import critical_path
from vapora.domain.workflow.definition import MOST_STAGES
from vapora.domain.workflow.fold import evolve
from vapora.domain.workflow.results import Result, news
from vapora.domain.workflow.state import Asked, Run
from vapora.domain.workflow.steps import due_at, plan
from vapora.errors import (
    ApprovalDecidedError,
    ApprovalExpiredError,
    ApprovalOutdatedError,
    BadInputError,
    ConflictError,
    ForbiddenError,
)

START = datetime(2026, 11, 28, tzinfo=UTC)


def stage(name: str, role: str = "developer", **more: Any) -> dict[str, Any]:
    return {"name": name, "role": role, "task": {"title": f"Do {name}"}, **more}


class Driver:
    """A run, the events that it made, and a clock that stands until it is moved."""

    def __init__(
        self, stages: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        definition = require({"name": "Example", "stages": list(stages), **more}, known())
        self.now = START
        self.events: list[DomainEvent] = []
        self.called_off: tuple[str, ...] = ()
        begun = evolve(None, requests.start("r", "w", 1, definition, "cor", inputs or {}, "project"), START)
        assert begun is not None
        self.run: Run = begun
        self.go()

    def take(self, *events: DomainEvent) -> None:
        for event in events:
            self.run = evolve(self.run, event, self.now) or self.run
            self.events.append(event)

    def go(self, later_s: float = 0) -> None:
        self.now += timedelta(seconds=later_s)
        found = plan(self.run, self.now)
        self.take(*found.events)
        self.called_off = found.call_off
        assert self.run == found.run

    def open(self, name: str) -> list[str]:
        return [one.task_id for one in self.run.stages[name].open_cards]

    def end(self, name: str, outcome: str = "done", **more: Any) -> None:
        """The first open card of the stage ends."""
        found = Result(outcome, "run-1", **more)  # type: ignore[arg-type]
        self.take(*news(self.run, self.open(name)[0], found))
        self.go()

    def do(self, command: requests.RunCommand) -> None:
        self.take(*requests.decide(self.run, command))
        self.go()

    def asked(self, name: str) -> Asked:
        found = self.run.stages[name].asked
        assert found is not None
        return found

    def settle(self, name: str, decision: str = "approve", **how: Any) -> None:
        asked = self.asked(name)
        said = {"may": True, "moved": False, "overdue": False} | how
        command = DecideApproval.model_validate({"decision": decision, "seen": said.pop("seen", asked.seen)})
        self.take(*requests.settle(self.run, self.events, asked.id, command, **said))
        self.go()

    def states(self) -> list[str]:
        return [one.state for one in self.run.stages.values()]


def test_stages_without_needs_follow_each_other() -> None:
    run = Driver([stage("a"), stage("b")])
    assert run.states() == ["running", "pending"]
    run.end("a")
    assert run.states() == ["completed", "running"]
    run.end("b")
    assert run.run.state == "completed"


def test_stages_with_needs_begin_as_soon_as_these_are_over() -> None:
    run = Driver([stage("a"), stage("b"), stage("c", needs=["a", "b"])])
    assert run.states() == ["running", "running", "pending"]
    run.end("b")
    assert run.states() == ["running", "completed", "pending"]
    run.end("a")
    assert run.states()[2] == "running"


def test_agents_work_one_after_the_other_or_side_by_side_as_many_as_may() -> None:
    one = {"name": "a", "agents": ["developer", "tester", "devops"]}
    assert len(Driver([one]).open("a")) == 1
    assert len(Driver([{**one, "parallel": True}]).open("a")) == 3
    two = Driver([{**one, "parallel": True, "max_parallel": 2}])
    assert len(two.open("a")) == 2
    two.end("a")
    assert len(two.open("a")) == 2
    of_run = Driver([{**one, "parallel": True, "needs": []}, stage("b", needs=[])], max_parallel=2)
    assert (len(of_run.open("a")), of_run.open("b")) == (2, [])


def test_a_card_that_fails_is_made_anew_later_and_later_and_then_the_run_fails() -> None:
    run = Driver([stage("a", retries=2, backoff_s=10), stage("b")])
    run.end("a", "failed", reason="no luck")
    assert run.open("a") == []
    assert due_at(run.run) == START + timedelta(seconds=10)
    run.go(9)
    assert run.open("a") == []
    run.go(1)
    run.end("a", "failed")
    assert due_at(run.run) == run.now + timedelta(seconds=20)
    run.go(20)
    run.end("a", "failed", reason="no luck")
    assert run.run.state == "failed"
    assert "no luck" in run.run.reason
    assert len({one.task_id for one in run.run.stages["a"].cards}) == 3
    assert run.states()[1] == "pending"


def test_a_stage_that_may_fail_stops_nothing_and_a_condition_sees_it() -> None:
    run = Driver(
        [stage("a", may_fail=True), stage("b", when='stages.a.outcome == "done"'), stage("c", when="not inputs.dry")],
        {"dry": False},
    )
    run.end("a", "failed")
    assert run.states() == ["failed", "skipped", "running"]
    assert 'stages.a.outcome == "done"' in run.run.stages["b"].reason


def test_a_stage_that_takes_too_long_fails_and_its_card_is_called_off() -> None:
    run = Driver([stage("a", timeout_s=60)])
    [card] = run.open("a")
    assert due_at(run.run) == START + timedelta(seconds=60)
    run.go(60)
    assert run.run.stages["a"].outcome == "timed-out"
    assert run.run.ended is None
    assert run.called_off == (card,)
    run.end("a", "archived")
    assert run.run.state == "failed"


def test_what_was_done_is_undone_once_the_last_first() -> None:
    undo: dict[str, Any] = {"compensate": ["devops"]}
    run = Driver([stage("a", **undo), stage("b"), stage("c", "devops", **undo), stage("d", **undo)])
    for name in ("a", "b", "c"):
        run.end(name)
    run.end("d", "failed")
    assert run.run.ending == "failed"
    assert (run.open("c") != [], run.open("a")) == (True, [])
    run.end("c")
    run.end("a", "failed", reason="nobody knows how")
    assert run.run.state == "failed"
    undone = [(one.stage, one.outcome) for one in run.events if isinstance(one, told.StageUndone)]
    assert undone == [("c", "done"), ("a", "failed")]


def test_what_landed_is_taken_back_by_one_card_of_vaporas_own_also_of_a_stage_that_failed() -> None:
    agents = {"name": "a", "agents": ["developer", "tester"], "parallel": True, "compensate": "revert"}
    run = Driver([agents, stage("b", compensate="revert")])
    run.end("a")
    run.end("a", "failed", reason="no luck")
    [card] = [one for one in run.run.stages["a"].cards if one.purpose == "undo"]
    assert (card.role, card.slot) == (None, 0)
    run.end("a")
    undone = [one for one in run.events if isinstance(one, told.StageUndone)]
    assert [(one.stage, one.outcome) for one in undone] == [("a", "done")]
    assert run.run.state == "failed"


def test_a_compensation_names_agents_or_reverts() -> None:
    assert "one of them" in faults([stage("a", compensate={})])["stages.a.compensate"]
    assert (
        "one of them"
        in faults([stage("a", compensate={"revert": True, "agents": ["developer"]})])["stages.a.compensate"]
    )


def test_who_cancels_waits_for_open_cards_and_has_the_rest_undone() -> None:
    run = Driver([stage("a", compensate="developer"), stage("b")])
    run.end("a")
    run.do(CancelWorkflowRun(reason="enough"))
    assert run.called_off == tuple(run.open("b"))
    assert run.open("a") == []
    run.end("b", "archived")
    run.end("a")
    assert (run.run.state, run.run.reason) == ("cancelled", "enough")
    assert requests.decide(run.run, CancelWorkflowRun()) == ()


def test_a_paused_run_makes_no_cards() -> None:
    run = Driver([stage("a"), stage("b")])
    run.do(PauseWorkflowRun(reason="lunch"))
    run.end("a")
    assert (run.run.state, run.open("b")) == ("paused", [])
    run.do(ResumeWorkflowRun())
    assert run.open("b") != []


def test_a_stage_is_skipped_with_a_reason_and_its_card_called_off() -> None:
    run = Driver([stage("a"), stage("b")])
    [card] = run.open("a")
    run.do(SkipStage(stage="a", reason="done by hand"))
    assert run.states() == ["skipped", "running"]
    assert run.called_off == (card,)
    with pytest.raises(ConflictError, match="skipped already"):
        run.do(SkipStage(stage="a", reason="again"))


def test_a_failed_stage_is_tried_again_unless_things_were_undone() -> None:
    run = Driver([stage("a"), stage("b")])
    run.end("a", "failed")
    assert run.run.state == "failed"
    run.do(RetryStage(stage="a"))
    assert run.run.state == "active"
    run.end("a")
    run.end("b")
    assert run.run.state == "completed"
    undone = Driver([stage("a", compensate="developer"), stage("b")])
    undone.end("a")
    undone.end("b", "failed")
    with pytest.raises(ConflictError, match="undone"):
        undone.do(RetryStage(stage="b"))


def test_somebody_is_asked_after_the_work_or_before_it() -> None:
    run = Driver([stage("a", approval=True), stage("b", approval={"when": "before"})])
    run.end("a")
    assert run.run.state == "waiting-approval"
    assert run.asked("a").shown["artifacts"][0]["run_id"] == "run-1"
    run.settle("a")
    assert run.run.stages["a"].outcome == "approved"
    assert (run.states()[1], run.open("b")) == ("waiting-approval", [])
    run.settle("b")
    run.end("b")
    assert run.run.state == "completed"


def test_a_rejection_fails_the_stage_and_retrying_asks_anew() -> None:
    run = Driver([stage("a", approval=True)])
    run.end("a")
    first = run.asked("a").id
    run.settle("a", "reject")
    assert (run.run.state, run.run.stages["a"].outcome) == ("failed", "rejected")
    run.do(RetryStage(stage="a"))
    assert run.asked("a").id != first
    run.settle("a")
    assert run.run.state == "completed"


def test_one_decision_stands_and_each_refusal_says_why() -> None:
    run = Driver([stage("a", approval={"roles": ["admin"], "timeout_s": 100})])
    run.end("a")
    asked = run.asked("a")
    with pytest.raises(ForbiddenError, match="not among"):
        run.settle("a", may=False)
    with pytest.raises(ApprovalOutdatedError):
        run.settle("a", seen="something else")
    with pytest.raises(ApprovalOutdatedError):
        run.settle("a", moved=True)
    with pytest.raises(ApprovalExpiredError):
        run.settle("a", overdue=True)
    run.settle("a")
    command = DecideApproval(decision="reject", seen=asked.seen)
    with pytest.raises(ApprovalDecidedError, match="approved it already"):
        requests.settle(run.run, run.events, asked.id, command, may=True, moved=False, overdue=False)


def test_what_changed_since_is_asked_anew() -> None:
    run = Driver([stage("a", approval=True)])
    run.end("a")
    before = run.asked("a")
    [card] = [one.task_id for one in run.run.stages["a"].cards]
    run.take(*news(run.run, card, Result("done", "run-2", "c" * 40)))
    run.go()
    after = run.asked("a")
    assert (after.number, after.seen != before.seen) == (2, True)
    command = DecideApproval(decision="approve", seen=before.seen)
    with pytest.raises(ApprovalOutdatedError, match="asked anew"):
        requests.settle(run.run, run.events, before.id, command, may=True, moved=False, overdue=False)
    run.take(*news(run.run, card, Result(None)))
    run.go()
    assert (run.states(), run.run.stages["a"].asked) == (["running"], None)


def test_an_approval_is_reminded_of_and_then_rejected_or_escalated() -> None:
    run = Driver([stage("a", approval={"timeout_s": 100})])
    run.end("a")
    run.go(50)
    assert isinstance(run.events[-1], told.ApprovalReminded)
    asked = run.asked("a").id
    run.go(50)
    assert run.run.state == "failed"
    command = DecideApproval(decision="approve", seen="x")
    with pytest.raises(ApprovalExpiredError):
        requests.settle(run.run, run.events, asked, command, may=True, moved=False, overdue=False)
    up = Driver([stage("a", approval={"timeout_s": 100, "on_timeout": "escalate", "people": ["ada"]})])
    up.end("a")
    up.go(200)
    up.go()
    assert (up.asked("a").roles, up.asked("a").escalated, due_at(up.run)) == (("owner", "admin"), True, None)
    up.settle("a", overdue=True)
    assert up.run.state == "completed"


def test_who_may_decide() -> None:
    asked = Asked("a", 1, "", {}, ("admin",), ("Ada@example.com",))
    assert requests.may_decide(asked, "admin", {"user-1"}, sovereign=False)
    assert requests.may_decide(asked, "viewer", {"user-2", "ada@example.com"}, sovereign=False)
    assert not requests.may_decide(asked, "member", {"user-2"}, sovereign=False)
    assert requests.may_decide(asked, None, set(), sovereign=True)
    assert requests.may_decide(replace(asked, roles=(), people=()), "member", set(), sovereign=False)


def test_the_same_state_and_moment_give_the_same_plan() -> None:
    run = Driver([stage("a"), stage("b", approval=True)])
    run.take(*news(run.run, run.open("a")[0], Result("done", "run-1")))
    assert plan(run.run, run.now) == plan(run.run, run.now)


def faults(stages: Any, **more: Any) -> dict[str, str]:
    definition, found = check({"name": "Example", "stages": stages, **more}, known())
    assert definition is None
    return {one.place: one.message for one in found}


def test_every_fault_has_its_place() -> None:
    ring = [stage("a", needs=["c"]), stage("b", needs=["a"]), stage("c", needs=["b"])]
    assert "a, b, c" in faults(ring)["stages.a.needs"]
    assert "needs itself" in faults([stage("a", needs=["a"])])["stages.a.needs"]
    assert "nowhere" in faults([stage("a", needs=["nowhere"])])["stages.a.needs"]
    assert "wizard" in faults([stage("a", "wizard")])["stages.a.role"]
    assert "design" in faults([stage("a", inputs=["design"])])["stages.a.inputs"]
    assert "10000" in faults([stage(f"s{number}") for number in range(10_000)])["stages"]
    assert str(MOST_STAGES) in faults([stage(f"s{number}") for number in range(10_000)])["stages"]
    assert "this name" in faults([stage("a"), stage("a")])["stages.a"]
    assert (
        "deployment"
        in faults([stage("a", task={"title": "Title", "task_type": "deployment"})])["stages.a.task.task_type"]
    )
    assert "stages.a.task.title" in faults([stage("a", task={"title": ""})])
    assert "never approves" in faults([stage("a", approval={"roles": ["code-reviewer"]})])["stages.a.approval.roles"]
    assert "stages.a.surprise" in faults([stage("a", surprise=1)])
    assert (
        "does not wait"
        in faults([stage("a"), stage("b", needs=[], when='stages.a.outcome == "done"')])["stages.b.when"]
    )
    many = faults([stage("a", "wizard", needs=["a"]), stage("b", retries=-1)], budget_cents=-5)
    assert {"stages.a.role", "stages.a.needs", "stages.b.retries", "budget_cents"} <= many.keys()
    assert "stages" in faults([])


def test_texts_that_are_no_definition_are_told_so() -> None:
    for text in ("", 'name = "x', "{", "[" * 100_000, '{"a": NaN}'):
        assert not isinstance(parse_text(text), dict), text[:10]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('stages.review.outcome == "approved"', True),
        ("stages.review.outcome != 'approved' or inputs.deploy", True),
        ("not (inputs.deploy and inputs.count > 3)", True),
        ("inputs.count >= 2 and inputs.count <= 2.5", True),
        ('stages.review.outcome in ["rejected", "skipped"]', False),
        ("inputs.missing == null", True),
        ('inputs.count < "text"', False),
        ("stages.security-review.attempts == 1", True),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    stages = {"review": {"outcome": "approved"}, "security-review": {"attempts": 1}}
    assert parse(text).holds({"stages": stages, "inputs": {"deploy": True, "count": 2}}) is holds


@pytest.mark.parametrize(
    "text", ["a ==", "(a", "a b", "1 +", "__import__('os')", "a == b == c", "(" * 50 + "a", "[1 2]"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="cannot be read"):
        parse(text)


def test_the_critical_path_is_the_longest_chain() -> None:
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    assert critical_path(needs, {"a": 1.0, "b": 5.0, "c": 2.0, "d": 1.0}) == (("a", "b", "d"), 7.0)
    assert critical_path(needs, {}) == ((), 0.0)
