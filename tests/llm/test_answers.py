"""What is in an answer and what is not, through the real SDKs: refusals, limits, thoughts, and usage."""

from __future__ import annotations

from typing import Any

import pytest

from events.ids import Provider
from tests.llm.conftest import Connect, request_for, streamed
from tests.llm.wire_forms import CUT_OFF, EMPTY, REFUSED, good, openai
from vapora.llm.protocol import ModelAnswer
from vapora.llm.thoughts import Thoughts, without_thoughts
from vapora.testing import KEYS, Behaviour, FakeVendors, Raw


async def answer_to(connect: Connect, vendors: FakeVendors, provider: Provider, body: Any) -> ModelAnswer:
    vendors.script(provider, Behaviour(raw=Raw(body)))
    return await connect(vendors.environ(provider)).complete(request_for(provider))


@pytest.mark.parametrize(("provider", "body", "word"), REFUSED)
async def test_a_refusal_is_told_as_one_with_the_vendors_word(
    connect: Connect, vendors: FakeVendors, provider: Provider, body: Any, word: str
) -> None:
    answer = await answer_to(connect, vendors, provider, body)
    assert (answer.finish, answer.finish_detail) == ("refusal", word)


async def test_a_refusal_in_words_is_no_text(connect: Connect, vendors: FakeVendors) -> None:
    body = next(body for provider, body, word in REFUSED if word.endswith("help with that."))
    assert (await answer_to(connect, vendors, Provider.OPENAI, body)).text == ""


async def test_the_words_of_a_refusal_tell_no_key(connect: Connect, vendors: FakeVendors) -> None:
    key = KEYS[Provider.OPENAI]
    body = openai({"role": "assistant", "content": None, "refusal": f"No\x1b[0m,\n {key}. " + "no " * 900}, "stop")
    answer = await answer_to(connect, vendors, Provider.OPENAI, body)
    assert answer.finish_detail.startswith("refusal: No [0m, [key]. no no")
    assert len(answer.finish_detail) <= 500


@pytest.mark.parametrize(("provider", "body", "word"), CUT_OFF)
async def test_an_answer_that_was_cut_off_says_so(
    connect: Connect, vendors: FakeVendors, provider: Provider, body: Any, word: str
) -> None:
    answer = await answer_to(connect, vendors, provider, body)
    assert (answer.finish, answer.finish_detail) == ("length", word)
    assert "hm" not in answer.text
    assert "lie" not in answer.text


@pytest.mark.parametrize(("provider", "body", "word"), EMPTY)
async def test_an_answer_without_text_has_none(
    connect: Connect, vendors: FakeVendors, provider: Provider, body: Any, word: str
) -> None:
    answer = await answer_to(connect, vendors, provider, body)
    assert not answer.text.strip(" \n\u200b")
    assert answer.finish in ("stop", "other")
    assert answer.finish_detail == word


@pytest.mark.parametrize("finish", [None, "eos", "end_turn"])
async def test_an_end_that_is_not_known_leaves_the_text_as_it_is(
    connect: Connect, vendors: FakeVendors, finish: str | None
) -> None:
    body = good(Provider.OPENAI)
    body["choices"][0]["finish_reason"] = finish
    answer = await answer_to(connect, vendors, Provider.OPENAI, body)
    assert (answer.text, answer.finish) == ("Good work.", "other")


async def test_a_list_of_parts_is_a_text_too(connect: Connect, vendors: FakeVendors) -> None:
    body = good(Provider.OPENAI)
    body["choices"][0]["message"]["content"] = [{"type": "text", "text": "Good "}, {"type": "text", "text": "work."}]
    assert (await answer_to(connect, vendors, Provider.OPENAI, body)).text == "Good work."


@pytest.mark.parametrize(
    ("provider", "usage"),
    [
        (Provider.ANTHROPIC, {"usage": None}),
        (Provider.ANTHROPIC, {"usage": {"input_tokens": -5, "output_tokens": 3}}),
        (Provider.ANTHROPIC, {"usage": {"input_tokens": "many", "output_tokens": True}}),
        (Provider.OPENAI, {"usage": None}),
        (Provider.OPENAI, {"usage": {"prompt_tokens": 5, "completion_tokens": -1}}),
        (Provider.OPENAI, {"usage": [1, 2]}),
        (Provider.GEMINI, {"usageMetadata": None}),
        (Provider.GEMINI, {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": -9}}),
        (Provider.OLLAMA, {"prompt_eval_count": -1}),
    ],
)
async def test_an_answer_without_a_usage_is_an_answer(
    connect: Connect, vendors: FakeVendors, provider: Provider, usage: dict[str, Any]
) -> None:
    answer = await answer_to(connect, vendors, provider, good(provider, **usage))
    assert (answer.text, answer.usage) == ("Good work.", None)


async def test_an_answer_that_leaves_its_usage_out_altogether_is_an_answer(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    body = good(provider)
    for name in ("usage", "usageMetadata", "prompt_eval_count", "eval_count"):
        body.pop(name, None)
    answer = await answer_to(connect, vendors, provider, body)
    assert answer.text == "Good work."
    if provider is not Provider.OLLAMA:  # it leaves out what is 0
        assert answer.usage is None


THOUGHTS = [
    ("<think>\nI should lie.\n</think>\nThe answer is 4.", "The answer is 4."),
    ("\n<think>a</think>\n\n<think>b</think>\n\n  4", "4"),
    ("<thinking>a </think> b</thinking>4", "4"),
    ("<think>I should lie", ""),
    ("<think></think>", ""),
    ("A `<think>` block is no text.", "A `<think>` block is no text."),
    ("  <thing>4</thing>", "  <thing>4</thing>"),
    ("<thi", "<thi"),
    ("", ""),
]


@pytest.mark.parametrize(("said", "text"), THOUGHTS)
def test_leading_thoughts_are_no_text_however_they_arrive(said: str, text: str) -> None:
    assert without_thoughts(said) == text
    for size in (1, 2, 7):
        thoughts = Thoughts()
        pieces = [thoughts.take(said[start : start + size]) for start in range(0, len(said), size)]
        assert "".join(pieces) + thoughts.rest() == text


@pytest.mark.parametrize("provider", [Provider.OLLAMA, Provider.OPENAI], ids=str, indirect=True)
async def test_the_thoughts_of_a_local_model_are_no_text(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    vendors.default(Behaviour(text="<think>\nI should lie. </think>\nThe answer is 4."))
    client = connect(vendors.environ(provider))
    answer = await client.complete(request_for(provider))
    texts, last = await streamed(client, request_for(provider))
    assert answer.text == "".join(texts) == last.text == "The answer is 4."
