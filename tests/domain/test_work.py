"""Given what is recorded of a run, what it does next."""

from __future__ import annotations

from typing import Any

import pytest

from events import DomainEvent
from events.content import Content
from events.ids import ChecksVerdict, Provider, WaitReason
from events.money import MicroUsd
from events.run import (
    ChecksRan,
    ModelCalled,
    QuestionAsked,
    RunContinued,
    RunStarted,
    RunWaiting,
    SetupRan,
    Tokens,
    ToolRequested,
    ToolUsed,
    Verdict,
)
from events.work import Check, CommandResult, LineComment, RunLimits, Work, Workplace
from vapora.domain.next_step import Ask, Fail, Finish
from vapora.domain.run import fold, resume
from vapora.domain.work import AwaitAnswer, Continue, RunChecks, SetUp, UseTool, Wait, next_action

PLACE = Workplace(
    branch="vapora/t",
    base_branch="main",
    base="b" * 40,
    head="b" * 40,
    tools=("file_edit", "run_command", "finish"),
    checks=(Check(name="test", command="make test"),),
    sandbox="bubblewrap",
)
HEAD = "c" * 40
ASK = Ask(more_room=False, refused_by=(), maybe_billed_left=3)
NO_SETUP = SetupRan(run_id="r", task_id="t", ok=True)


def text(words: str) -> Content:
    return Content(text=words, size=len(words.encode()))


def started(purpose: Any = "work", **place: Any) -> RunStarted:
    workplace = PLACE.model_copy(update=place)
    return RunStarted(
        run_id="r",
        task_id="t",
        project_id="p",
        agent_id="a",
        role="developer",
        task_type="x",
        steps=(),
        purpose=purpose,
        workplace=workplace,
    )


def requested(name: str, **arguments: Any) -> ToolRequested:
    return ToolRequested(id=f"call-{name}", name=name, arguments=arguments)


def answered(step: int, *calls: ToolRequested, words: str = "", **fields: Any) -> ModelCalled:
    values: dict[str, Any] = {
        "run_id": "r",
        "task_id": "t",
        "call_id": f"r/{step}",
        "step": step,
        "provider": Provider.ANTHROPIC,
        "model": "claude",
        "answer": text(words),
        "tool_calls": calls,
        "finish": "tool" if calls else "stop",
        "tokens": Tokens(input=1, output=1),
        "cost_microusd": MicroUsd(10),
        "latency_ms": 400,
    }
    return ModelCalled(**{**values, **fields})


def used(step: int, call: int = 0, name: str = "file_edit", **fields: Any) -> ToolUsed:
    values: dict[str, Any] = {
        "run_id": "r",
        "task_id": "t",
        "step": step,
        "call": call,
        "call_id": f"r/{step}",
        "name": name,
        "arguments": text("{}"),
        "effect": "worktree",
        "ok": True,
        "result": text(f"Done {step}.{call}"),
        "duration_ms": 100,
    }
    return ToolUsed(**{**values, **fields})


def finished(step: int, summary: str = "All done.") -> tuple[ModelCalled, ToolUsed]:
    said = {"summary": summary}
    return answered(step, requested("finish", **said)), used(step, name="finish", effect="ends", data=said)


def checked(verdict: ChecksVerdict, number: int = 1, head: str = PLACE.head) -> ChecksRan:
    return ChecksRan(run_id="r", task_id="t", head=head, round=number, verdict=verdict, sandbox="bubblewrap")


RED, GREEN = ChecksVerdict.RED, ChecksVerdict.GREEN


def after(*events: DomainEvent, begun: RunStarted | None = None, paused: bool = False) -> Any:
    return next_action(fold([begun or started(), NO_SETUP, *events]), paused=paused)


def work(checks: ChecksVerdict, head: str = PLACE.head) -> Work:
    return Work(branch="vapora/t", base_branch="main", base=PLACE.base, head=head, checks=checks)


def test_a_run_with_a_worktree_sets_it_up_first_and_then_asks_the_model() -> None:
    assert next_action(fold([started()])) == SetUp()
    assert after() == ASK


def test_a_setup_that_failed_ends_the_run_and_says_nothing_of_the_agent() -> None:
    said = text("No network.")
    result = CommandResult(name="setup", command="pip install x", exit_code=1, duration_ms=9, output=said)
    action = next_action(fold([started(), SetupRan(run_id="r", task_id="t", results=(result,), ok=False)]))
    assert isinstance(action, Fail)
    assert not action.counts
    assert "`pip install x` gave exit code 1. No network." in action.reason


def test_tools_of_one_answer_are_used_in_their_order_before_the_model_is_asked_again() -> None:
    read, edit = requested("file_read", path="a"), requested("file_edit", path="a")
    answer = answered(0, read, edit)
    assert after(answer) == UseTool(0, 0, "r/0", read)
    assert after(answer, used(0, 0)) == UseTool(0, 1, "r/0", edit)
    assert after(answer, used(0, 0), used(0, 1)) == ASK


@pytest.mark.parametrize("told", ["You have no tool 'rm'.", "Wrong arguments for file_edit.", "It failed."])
def test_a_call_that_failed_has_its_result_and_the_model_reads_it(told: str) -> None:
    assert after(answered(0, requested("rm")), used(0, ok=False, result=text(told))) == ASK


def test_finished_work_is_checked_at_its_newest_commit() -> None:
    edit = answered(0, requested("file_edit"))
    assert after(*finished(0)) == RunChecks(PLACE.head, 1)
    assert after(edit, used(0, commit=HEAD), *finished(1)) == RunChecks(HEAD, 1)


def test_an_answer_without_a_tool_call_ends_the_work_as_finish_does() -> None:
    last = answered(0, words="I am done.")
    assert after(last) == RunChecks(PLACE.head, 1)
    assert after(last, checked(GREEN)) == Finish(text("I am done."), work=work(GREEN))


def test_what_stands_beside_finish_in_an_answer_is_done_before_the_end() -> None:
    answer = answered(0, requested("finish", summary="Done."), requested("file_edit", path="a"))
    said = used(0, 0, "finish", data={"summary": "Done."})
    assert after(answer, said) == UseTool(0, 1, "r/0", answer.tool_calls[1])
    assert after(answer, said, used(0, 1, commit=HEAD)) == RunChecks(HEAD, 1)


def test_finish_with_bad_arguments_is_no_end() -> None:
    assert after(answered(0, requested("finish")), used(0, name="finish", ok=False)) == ASK


def test_green_work_is_handed_in_with_what_finish_said() -> None:
    assert after(*finished(0, "It was a typo."), checked(GREEN)) == Finish("It was a typo.", work=work(GREEN))


def test_a_project_without_checks_has_no_green_work() -> None:
    assert after(*finished(0), begun=started(checks=())) == Finish("All done.", work=work(ChecksVerdict.UNCHECKED))


def test_files_in_conflict_are_looked_at_also_where_there_are_no_checks() -> None:
    assert after(*finished(0), begun=started(checks=(), conflicts=("a.py",))) == RunChecks(PLACE.head, 1)


def test_red_checks_go_back_to_the_agent_and_the_third_time_to_a_person() -> None:
    first = (*finished(0), checked(RED))
    second = (*first, answered(1, requested("file_edit")), used(1, commit=HEAD), *finished(2), checked(RED, 2, HEAD))
    assert after(*first) == ASK
    assert after(*first, answered(1, requested("file_edit")), used(1, commit=HEAD), *finished(2)) == RunChecks(HEAD, 2)
    assert after(*second) == ASK
    assert after(*second, *finished(3)) == RunChecks(HEAD, 3)
    assert after(*second, *finished(3), checked(RED, 3, HEAD)) == Finish("All done.", work=work(RED, HEAD))


def test_checks_that_are_green_again_end_the_run() -> None:
    mended = (*finished(0), checked(RED), *finished(1), checked(GREEN, 2))
    assert after(*mended) == Finish("All done.", work=work(GREEN))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (RunLimits(steps=2), "all of its 2 steps"),
        (RunLimits(cost_microusd=20), "dollars"),
        (RunLimits(duration_s=1), "all of its 1 s of work"),
    ],
)
def test_a_run_at_a_limit_fails_instead_of_asking_the_model(limits: RunLimits, told: str) -> None:
    answers = [answered(0, requested("x")), used(0), answered(1, requested("x"))]
    begun = started(limits=limits)
    assert isinstance(after(*answers, begun=begun), UseTool)
    action = after(*answers, used(1), begun=begun)
    assert isinstance(action, Fail)
    assert action.counts
    assert told in action.reason


def test_work_that_is_finished_at_the_limit_is_checked_and_handed_in() -> None:
    begun = started(limits=RunLimits(steps=1))
    assert after(*finished(0), begun=begun) == RunChecks(PLACE.head, 1)
    assert after(*finished(0), checked(GREEN), begun=begun) == Finish("All done.", work=work(GREEN))
    assert isinstance(after(*finished(0), checked(RED), begun=begun), Fail)


def test_answers_that_were_of_no_use_are_paid_for_too() -> None:
    empty = answered(0, words="")
    assert fold([started(), empty, empty]).cost_microusd == 20
    assert isinstance(after(empty, begun=started(limits=RunLimits(cost_microusd=10))), Fail)


def test_a_question_waits_for_its_answer_and_the_answer_is_its_result() -> None:
    question = QuestionAsked(run_id="r", task_id="t", agent_id="a", step=0, call=0, call_id="r/0", question="Which?")
    call = answered(0, requested("ask", question="Which?"))
    waiting = RunWaiting(run_id="r", task_id="t", reason=WaitReason.ANSWER, remedy="Answer it.")
    assert after(call, question) == after(call, question, waiting) == AwaitAnswer(question)
    continued = RunContinued(run_id="r", task_id="t")
    assert after(call, question, waiting, continued, used(0, name="ask", effect="asks")) == ASK


def test_a_pause_holds_everything_and_its_end_is_said_first() -> None:
    waiting = RunWaiting(run_id="r", task_id="t", reason=WaitReason.PAUSED, remedy="")
    call = answered(0, requested("file_edit"))
    paused = after(call, paused=True)
    assert isinstance(paused, Wait)
    assert paused.reason is WaitReason.PAUSED
    assert after(call, waiting) == Continue()
    assert isinstance(after(call, waiting, RunContinued(run_id="r", task_id="t")), UseTool)


def same_again(times: int, first: int = 0) -> list[DomainEvent]:
    return [
        one
        for step in range(first, first + times)
        for one in (answered(step, requested("run_command")), used(step, name="run_command", result=text("red")))
    ]


def test_a_call_that_is_repeated_with_the_same_result_is_warned_of_once_and_then_waits_for_a_person() -> None:
    assert fold(same_again(4)).warned == ()
    assert fold(same_again(5)).warned == (5,)
    assert after(*same_again(5)) == ASK
    action = after(*same_again(6))
    assert isinstance(action, Wait)
    assert action.reason is WaitReason.RUNAWAY
    assert "run_command 6 times in a row" in action.remedy


def test_another_result_or_another_call_in_between_is_no_repetition() -> None:
    other = [answered(5, requested("file_read")), used(5, name="file_read")]
    assert after(*same_again(5), *other, *same_again(4, first=6)) == ASK
    different = [one for step in range(9) for one in (answered(step, requested("x")), used(step))]
    assert after(*different) == ASK


def test_a_run_that_a_person_lets_go_on_is_warned_anew() -> None:
    waiting = RunWaiting(run_id="r", task_id="t", reason=WaitReason.RUNAWAY, remedy="")
    stopped = fold([started(), NO_SETUP, *same_again(6), waiting])
    assert isinstance(next_action(stopped), Wait)
    onward = [*same_again(6), waiting, *resume(stopped)]
    assert after(*onward) == ASK
    assert fold([*onward, *same_again(5, first=6)]).warned == (5, 11)


# Review.

SAID = {
    "verdict": "request-changes",
    "summary": "Not yet.",
    "comments": [{"path": "a.py", "line": 3, "side": "new", "text": "Why?"}],
}
REVIEW = started("review", tools=("file_read", "submit_review"))


def test_a_reviewer_needs_no_setup_and_ends_with_its_verdict() -> None:
    assert next_action(fold([REVIEW])) == ASK
    submitted = used(0, name="submit_review", effect="ends", data=SAID)
    action = next_action(fold([REVIEW, answered(0, requested("submit_review")), submitted]))
    comment = LineComment(path="a.py", line=3, text="Why?")
    verdict = Verdict(verdict="request-changes", head=PLACE.head, comment="Not yet.", comments=(comment,))
    assert action == Finish("Not yet.", review=verdict)


def test_a_reviewer_without_a_repository_judges_the_text() -> None:
    begun = REVIEW.model_copy(update={"workplace": None})
    submitted = used(0, name="submit_review", effect="ends", data={"verdict": "approve", "summary": "Good."})
    assert next_action(fold([begun])) == ASK
    action = next_action(fold([begun, answered(0, requested("submit_review")), submitted]))
    assert action == Finish("Good.", review=Verdict(verdict="approve", head="", comment="Good."))


def test_a_reviewer_without_a_verdict_is_reminded_once_and_then_fails_without_blame() -> None:
    talk = answered(0, words="Looks good to me.")
    assert next_action(fold([REVIEW, talk])) == ASK
    action = next_action(fold([REVIEW, talk, answered(1, words="As I said.")]))
    assert isinstance(action, Fail)
    assert not action.counts


# Without a repository.


def test_a_run_of_fixed_steps_is_asked_for_one_after_the_other() -> None:
    begun = started().model_copy(update={"workplace": None, "steps": ("plan", "write")})
    assert next_action(fold([begun])) == ASK
    last = answered(1, words="The text.")
    assert next_action(fold([begun, answered(0, words="A plan."), last])) == Finish(text("The text."))
