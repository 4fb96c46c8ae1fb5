"""Every adapter, through the real SDK, against the fake vendors on the wire."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator

import pytest

from events.ids import Provider
from tests.llm.conftest import MODELS, SEARCH, Connect, request_for, streamed
from vapora.llm import factory
from vapora.llm.adapter import VendorAdapter, _whole_characters, tool_calls
from vapora.llm.protocol import Message, ModelAnswer, ModelClient, TextDelta, ToolCall, Usage
from vapora.testing import Behaviour, FakeVendors

CALLS = (
    ToolCall(id="call_7", name="search", arguments={"where": {"depth": 2}}),
    ToolCall(id="call_8", name="search", arguments={"where": {"depth": 3}, "é": ["x", None, 1.5]}),
)


async def test_an_adapter_keeps_the_contract(client: ModelClient, provider: Provider) -> None:
    assert isinstance(client, ModelClient)
    assert client.provider is provider
    assert client.simulated is False


async def test_an_answer_comes_back_whole(client: ModelClient, vendors: FakeVendors, provider: Provider) -> None:
    vendors.script(provider, Behaviour(text="Grüße 世界"))
    answer = await client.complete(request_for(provider))
    bill = vendors.ledger.bills[0]
    assert answer.text == "Grüße 世界"
    assert answer.finish == "stop"
    assert answer.model == MODELS[provider]
    assert answer.usage == bill.usage
    assert answer.vendor_request_id == (None if provider is Provider.OLLAMA else bill.call_id)


async def test_a_streamed_answer_is_its_pieces_and_equals_the_whole(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    vendors.default(Behaviour(text="one two  three\nfour"))
    whole = await client.complete(request_for(provider))
    texts, last = await streamed(client, request_for(provider))
    assert len(texts) > 2
    assert "".join(texts) == last.text == whole.text
    assert last.finish == whole.finish
    assert last.usage == vendors.ledger.bills[1].usage
    assert vendors.requests[1].stream


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_halves_of_characters_are_mended(
    client: ModelClient, vendors: FakeVendors, provider: Provider, streaming: bool
) -> None:
    vendors.script(provider, Behaviour(text="one \ud83d two \ud83d\ude42"))
    request = request_for(provider)
    answer = (await streamed(client, request))[1] if streaming else await client.complete(request)
    assert answer.text == "one \ufffd two 🙂"


def test_halves_of_characters_in_a_tool_calls_arguments_are_mended() -> None:
    [call] = tool_calls([("1", "search\udc00", '{"a\\udc00": ["b\\ud83d", "\\ud83d\\ude42", 1.5, null]}')], cut=False)
    assert (call.name, call.arguments) == ("search\ufffd", {"a\ufffd": ["b\ufffd", "🙂", 1.5, None]})


async def test_a_stream_waits_for_the_other_half_of_a_character() -> None:
    async def pieces() -> AsyncGenerator[TextDelta | ModelAnswer]:
        for text in ("a\ud83d", "\ude42b", "\ud83d", "\ud83d", "\ude42", "\ude42c\ud83d"):
            yield TextDelta(text=text)
        yield ModelAnswer(text="", usage=Usage(input_tokens=0, output_tokens=0), finish="stop", model="m")

    found = [piece async for piece in _whole_characters(pieces())]
    assert [piece.text for piece in found] == ["a", "🙂b", "\ufffd", "🙂", "\ufffdc", "\ufffd", ""]


async def test_usage_is_mapped_exactly(client: ModelClient, vendors: FakeVendors, provider: Provider) -> None:
    billed = {
        Provider.ANTHROPIC: Usage(input_tokens=1000, output_tokens=90, cache_read_tokens=300, cache_write_tokens=200),
        Provider.OPENAI: Usage(
            input_tokens=1000,
            output_tokens=90,
            cache_read_tokens=300,
            cache_write_tokens=200,
            reasoning_tokens=40,
        ),
        Provider.GEMINI: Usage(input_tokens=1000, output_tokens=90, cache_read_tokens=300, reasoning_tokens=40),
        Provider.OLLAMA: Usage(input_tokens=1000, output_tokens=90),
    }[provider]
    vendors.default(Behaviour(usage=billed))
    assert (await client.complete(request_for(provider))).usage == billed
    assert (await streamed(client, request_for(provider)))[1].usage == billed


async def test_a_body_is_sent_as_it_was_measured(client: ModelClient, vendors: FakeVendors, provider: Provider) -> None:
    assert isinstance(client, VendorAdapter)
    request = request_for(provider, tools=(SEARCH,), messages=_conversation())
    await client.complete(request)
    await streamed(client, request)
    whole, stream = vendors.requests
    assert whole.body == client.body(request)
    assert stream.body == client.body(request, stream=True)
    assert max(whole.body_bytes, stream.body_bytes) == client.request_bytes(request)


async def test_the_output_limit_is_always_sent(client: ModelClient, vendors: FakeVendors, provider: Provider) -> None:
    vendors.default(Behaviour(text="word " * 500))
    answer = await client.complete(request_for(provider, max_output_tokens=17))
    assert vendors.requests[0].max_output_tokens == 17
    assert answer.usage is not None
    assert answer.usage.output_tokens == 17
    assert answer.finish == "length"


async def test_a_temperature_is_sent_only_where_it_is_set_and_taken(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    await client.complete(request_for(provider))
    await client.complete(request_for(provider, temperature=0.25))
    unset, set_ = (str(received.body) for received in vendors.requests)
    assert "temperature" not in unset
    # claude and gpt-5 and later refuse any temperature of ours.
    assert ("'temperature': 0.25" in set_) == (provider in (Provider.GEMINI, Provider.OLLAMA))


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_tool_calls_come_back(
    client: ModelClient, vendors: FakeVendors, provider: Provider, streaming: bool
) -> None:
    vendors.script(provider, Behaviour(text="Let me look.", tool_calls=CALLS))
    request = request_for(provider, tools=(SEARCH,))
    answer = (await streamed(client, request))[1] if streaming else await client.complete(request)
    assert answer.finish == "tool"
    assert answer.text == "Let me look."
    assert [call.name for call in answer.tool_calls] == ["search", "search"]
    assert [call.arguments for call in answer.tool_calls] == [call.arguments for call in CALLS]
    ids = [call.id for call in answer.tool_calls]
    assert ids == (["call_0", "call_1"] if provider is Provider.OLLAMA else ["call_7", "call_8"])


def test_a_call_that_the_token_limit_cut_is_left_out_and_a_garbled_one_is_an_error() -> None:
    drafts = [("1", "search", '{"a": 1}'), ("2", "stop", ""), ("3", "search", '{"where": {"de')]
    calls = tool_calls(drafts, cut=True)
    assert [(call.id, call.arguments) for call in calls] == [("1", {"a": 1}), ("2", {})]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        tool_calls(drafts, cut=False)


async def test_a_tool_is_shown_whole(client: ModelClient, vendors: FakeVendors, provider: Provider) -> None:
    await client.complete(request_for(provider, tools=(SEARCH,)))
    assert SEARCH.parameters in _values(vendors.requests[0].body)


async def test_calls_and_results_go_back(client: ModelClient, vendors: FakeVendors, provider: Provider) -> None:
    await client.complete(request_for(provider, messages=_conversation(), tools=(SEARCH,)))
    values = _values(vendors.requests[0].body)
    assert "found 2" in values
    assert "found 3" in values
    wanted: list[object] = [call.arguments for call in CALLS]
    if provider is Provider.OPENAI:
        assert [value for value in values if isinstance(value, str) and value.startswith('{"where"')]
    else:
        assert all(arguments in values for arguments in wanted)


async def test_results_of_one_turn_stand_in_one_message() -> None:
    made = factory.clients({"ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"})
    request = request_for(Provider.ANTHROPIC, messages=_conversation())
    for provider, field in ((Provider.ANTHROPIC, "messages"), (Provider.GEMINI, "contents")):
        adapter = made[provider]
        assert isinstance(adapter, VendorAdapter)
        assert len(adapter.body(request)[field]) == 3


async def test_an_id_of_another_vendor_is_made_safe_the_same_way_twice() -> None:
    odd = ToolCall(id="функция:1/" + "x" * 60, name="search", arguments={})
    messages = (
        Message(role="user", text="go"),
        Message(role="assistant", tool_calls=(odd,)),
        Message(role="tool", text="found", tool_call_id=odd.id, tool_name="search"),
    )
    adapter = factory.clients({"ANTHROPIC_API_KEY": "k"})[Provider.ANTHROPIC]
    assert isinstance(adapter, VendorAdapter)
    turns = adapter.body(request_for(Provider.ANTHROPIC, messages=messages))["messages"]
    sent = turns[1]["content"][0]["id"]
    assert sent == turns[2]["content"][0]["tool_use_id"]
    assert sent.isascii()
    assert len(sent) <= 40


async def test_gemini_gets_its_signature_back_and_a_stand_in_for_a_foreign_call(
    connect: Connect, vendors: FakeVendors
) -> None:
    client = connect(vendors.environ(Provider.GEMINI))
    signature = base64.urlsafe_b64encode(b"\xfb\xffsecret thoughts").decode()
    call = CALLS[0].model_copy(update={"signature": signature})
    vendors.script(Provider.GEMINI, Behaviour(tool_calls=(call,)))
    answer = await client.complete(request_for(Provider.GEMINI, tools=(SEARCH,)))
    assert answer.tool_calls == (call,)
    for sent in (call, CALLS[0]):
        messages = (
            Message(role="user", text="go"),
            Message(role="assistant", tool_calls=(sent,)),
            Message(role="tool", text="x", tool_call_id=sent.id),
        )
        await client.complete(request_for(Provider.GEMINI, messages=messages))
    own, foreign = (received.body["contents"] for received in vendors.requests[1:])
    assert own[1]["parts"][0]["thoughtSignature"] == signature
    assert base64.b64decode(foreign[1]["parts"][0]["thoughtSignature"]) == b"skip_thought_signature_validator"
    assert foreign[2]["parts"][0]["functionResponse"]["name"] == "search"


def test_openai_models_that_reason_get_tools_without_reasoning() -> None:
    adapter = factory.clients({"OPENAI_API_KEY": "k"})[Provider.OPENAI]
    assert isinstance(adapter, VendorAdapter)

    def effort(model: str) -> object:
        return adapter.body(request_for(Provider.OPENAI, model=model, tools=(SEARCH,))).get("reasoning_effort")

    assert [effort(model) for model in ("gpt-6.1-sol", "gpt-5.6-luna", "gpt-5.4", "gpt-4.1", "qwen3")] == [
        "none",
        "none",
        None,
        None,
        None,
    ]
    assert "reasoning_effort" not in adapter.body(request_for(Provider.OPENAI))


async def test_a_ping_costs_nothing(client: ModelClient, vendors: FakeVendors) -> None:
    await client.ping()
    assert vendors.ledger.bills == ()
    assert vendors.requests == []


async def test_a_stream_that_is_left_early_frees_its_connection(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    vendors.default(Behaviour(text="one two three four five"))
    stream = client.stream(request_for(provider))
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert (await client.complete(request_for(provider))).text == "one two three four five"


async def test_a_closed_client_opens_again_when_asked(client: ModelClient, provider: Provider) -> None:
    await client.complete(request_for(provider))
    await client.aclose()
    assert (await client.complete(request_for(provider))).text


def _conversation() -> tuple[Message, ...]:
    return (
        Message(role="user", text="Look twice."),
        Message(role="assistant", text="", tool_calls=CALLS),
        Message(role="tool", text="found 2", tool_call_id="call_7", tool_name="search"),
        Message(role="tool", text="found 3", tool_call_id="call_8", tool_name="search"),
    )


def _values(value: object) -> list[object]:
    """Every value inside a JSON value, itself first."""
    found = [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        found += _values(child)
    return found
