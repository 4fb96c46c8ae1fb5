"""What follows an answer that does not end its step, from the log alone."""

from __future__ import annotations

from typing import Any

import pytest

from events import DomainEvent
from events.content import Content
from events.ids import Provider
from events.money import MicroUsd
from events.run import ModelCalled, ModelCallFailed, ModelCallLost, RunStarted, Tokens, ToolRequested
from tests.golden.examples import EXAMPLES
from vapora.domain.answer import Verdict, judge
from vapora.domain.next_step import Ask, Fail, Finish, next_step, without_another
from vapora.domain.run import fold
from vapora.domain.usage import doubt
from vapora.llm.catalogue import shipped
from vapora.llm.protocol import Usage

STARTED = RunStarted(
    run_id="r", task_id="t", project_id="p", agent_id="a", role="developer", task_type="x", steps=("plan", "write")
)
OTHER = {"provider": Provider.OPENAI, "model": "gpt"}


def answered(step: int = 0, text: str = "Good work.", **fields: Any) -> ModelCalled:
    values: dict[str, Any] = {
        "run_id": "r",
        "task_id": "t",
        "call_id": f"r/{step}",
        "step": step,
        "provider": Provider.ANTHROPIC,
        "model": "claude",
        "answer": Content(text=text, size=len(text.encode())),
        "finish": "stop",
        "tokens": Tokens(input=1, output=1),
        "cost_microusd": MicroUsd(1),
        "latency_ms": 1,
    }
    return ModelCalled(**{**values, **fields})


def refused(**fields: Any) -> ModelCalled:
    return answered(text="", finish="refusal", finish_detail="refusal: no", **fields)


def cut_off(**fields: Any) -> ModelCalled:
    return answered(text="def f(", finish="length", finish_detail="max_tokens", **fields)


def empty(**fields: Any) -> ModelCalled:
    return answered(text=" \n", **fields)


def failed(*, booked: bool) -> ModelCallFailed:
    example = next(one for one in EXAMPLES if isinstance(one, ModelCallFailed))
    return example.model_copy(update={"booked": booked, "message": "openai gave no answer in time."})


LOST = ModelCallLost(run_id="r", task_id="t", call_id="r/0", step=0, attempt=1)
CALL_OF_A_TOOL = ToolRequested(id="1", name="search", arguments={})


def after(*events: DomainEvent) -> Ask | Fail | Finish:
    return next_step(fold([STARTED, *events]))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (answered(), Verdict.USABLE),
        (answered(finish="other"), Verdict.USABLE),
        (answered(finish="tool", tool_calls=(CALL_OF_A_TOOL,), text=""), Verdict.USABLE),
        (answered(answer=Content(digest="0" * 64, size=9_000)), Verdict.USABLE),
        (refused(), Verdict.REFUSED),
        (answered(finish="refusal"), Verdict.REFUSED),
        (answered(finish="refusal", tool_calls=(CALL_OF_A_TOOL,)), Verdict.REFUSED),
        (cut_off(), Verdict.CUT_OFF),
        (answered(finish="length", text=""), Verdict.CUT_OFF),
        (answered(text=""), Verdict.EMPTY),
        (empty(), Verdict.EMPTY),
        (answered(text="\u200b\u2060"), Verdict.EMPTY),
        (answered(finish="other", text=""), Verdict.EMPTY),
    ],
)
def test_only_an_answer_with_a_text_or_a_call_of_a_tool_is_usable(answer: ModelCalled, verdict: Verdict) -> None:
    assert judge(answer) is verdict


def test_usable_answers_end_the_steps_and_the_last_one_is_the_work() -> None:
    assert after() == after(answered()) == Ask(more_room=False, refused_by=(), maybe_billed_left=3)
    last = answered(1)
    assert after(answered(), last) == Finish(last.answer)


def test_what_does_not_end_a_step_is_not_counted_as_one() -> None:
    run = fold([STARTED, refused(), cut_off(), answered(), empty()])
    assert (len(run.answers), len(run.unusable)) == (1, 1)


def test_a_refusal_is_taken_to_one_other_model_and_then_fails_with_the_vendors_word() -> None:
    once = after(refused())
    assert isinstance(once, Ask)
    assert once.refused_by == ((Provider.ANTHROPIC, "claude", "refused this step (refusal: no)"),)
    twice = after(refused(), refused(**OTHER))
    assert isinstance(twice, Fail)
    assert "“plan”" in twice.reason
    assert "anthropic/claude refused (refusal: no); openai/gpt refused (refusal: no)" in twice.reason
    assert not twice.counts


def test_a_refusal_that_no_other_model_can_be_asked_about_ends_the_run() -> None:
    found = without_another(fold([STARTED, refused()]))
    assert found is not None
    assert "anthropic/claude refused (refusal: no); no other model could be asked." in found.reason
    assert without_another(fold([STARTED, cut_off()])) is None


@pytest.mark.parametrize(("limit", "room"), [(512, 4_096), (4_096, 16_384)])
def test_an_answer_that_was_cut_off_is_asked_for_once_more_with_more_room(limit: int, room: int) -> None:
    once, twice = after(cut_off()), after(cut_off(), cut_off())
    assert isinstance(once, Ask)
    assert (once.room(limit), once.refused_by) == (room, ())
    assert isinstance(twice, Fail)
    assert "cut off (max_tokens), twice" in twice.reason
    assert twice.counts
    assert after(cut_off(), answered()) == Ask(more_room=False, refused_by=(), maybe_billed_left=3)


def test_an_empty_answer_is_asked_for_once_more_as_it_was() -> None:
    assert after(empty()) == Ask(more_room=False, refused_by=(), maybe_billed_left=3)
    twice = after(empty(), empty())
    assert isinstance(twice, Fail)
    assert "was empty, twice" in twice.reason


def test_troubles_that_differ_have_a_second_chance_each_and_no_more() -> None:
    third = after(refused(), cut_off(**OTHER), empty(**OTHER))
    assert isinstance(third, Ask)
    assert third.more_room
    assert [model for _, model, _ in third.refused_by] == ["claude"]
    assert isinstance(after(refused(), cut_off(**OTHER), empty(**OTHER), refused(**OTHER)), Fail)


def test_work_that_has_no_text_is_no_work() -> None:
    call = answered(1, text="", finish="tool", tool_calls=(CALL_OF_A_TOOL,))
    assert isinstance(after(answered(), call), Fail)


def test_three_calls_of_a_step_that_may_have_been_billed_end_the_run_and_say_what_was_answered() -> None:
    two = after(failed(booked=True), failed(booked=False), LOST)
    assert isinstance(two, Ask)
    assert two.maybe_billed_left == 1
    three = after(failed(booked=True), LOST, failed(booked=True))
    assert isinstance(three, Fail)
    assert "3 calls for step “plan” may have been billed" in three.reason
    assert "openai gave no answer in time." in three.reason
    assert not three.counts
    assert after(failed(booked=True), LOST, answered(), failed(booked=True)) == Ask(False, (), 2)


def test_what_provably_was_not_billed_is_not_counted() -> None:
    assert after(*[failed(booked=False)] * 9) == Ask(more_room=False, refused_by=(), maybe_billed_left=3)


SONNET = next(one for one in shipped().models if one.model == "claude-sonnet-5-5")
LOCAL = next(one for one in shipped().models if one.provider is Provider.OLLAMA)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((900, 40), None),
        ((900, 40, 300, 600, 40), None),
        ((SONNET.context_tokens, SONNET.output_tokens), None),
        ((0, 40), "0 input tokens"),
        ((900, 0), "0 output tokens"),
        ((SONNET.context_tokens + 1, 40), "1000001 input tokens, where the model reads 1000000"),
        ((900, 10**12), "1000000000000 output tokens, where the model writes 128000"),
        ((900, 40, 500, 500), "more cached tokens"),
        ((900, 40, 0, 0, 41), "more reasoning tokens"),
    ],
)
def test_a_usage_that_cannot_be_true_is_told_from_one_that_can(counts: tuple[int, ...], why: str | None) -> None:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    found = doubt(Usage(**dict(zip(names, counts, strict=False))), SONNET, answered=True)
    assert (found is None) == (why is None)
    assert (why or "") in (found or "")


def test_no_usage_is_in_doubt_and_a_local_prompt_that_was_cached_is_not() -> None:
    assert doubt(None, SONNET, answered=True) is not None
    assert doubt(Usage(input_tokens=0, output_tokens=4), LOCAL, answered=True) is None
    assert doubt(Usage(input_tokens=9, output_tokens=0), SONNET, answered=False) is None
