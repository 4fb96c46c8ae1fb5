"""Conversations with tools, through the real SDKs, against the fake vendors on the wire."""

from __future__ import annotations

import itertools
import json

import pytest

from events.content import Content
from events.ids import Provider
from events.money import MicroUsd
from events.run import ModelCalled, Tokens, ToolRequested
from tests.golden import make
from tests.llm.conftest import MODELS, SEARCH, Connect, request_for, streamed
from vapora.errors import InvalidRequestError
from vapora.llm import factory, turns
from vapora.llm.adapter import VendorAdapter, made_call_id
from vapora.llm.catalogue import shipped
from vapora.llm.protocol import Capabilities, Message, ModelAnswer, ModelClient, ModelRequest, ToolCall
from vapora.testing import Behaviour, FakeVendors

CALLS = (
    ToolCall(id="call_7", name="search", arguments={"where": {"depth": 2, "é": 1e21, "z": 1.0, "a": -0.0}}),
    ToolCall(id="call_8", name="search", arguments={"z": [None, True, "\u2028"], "a": {}}),
)
ASKED = Message(role="user", text="Look twice.")


def recorded(provider: Provider, answer: ModelAnswer) -> ModelCalled:
    """The answer as it is stored, read again from its bytes."""
    native = None if answer.native is None else Content(text=answer.native, size=1)
    event = ModelCalled(
        run_id="r",
        task_id="t",
        call_id="r/0",
        step=0,
        provider=provider,
        model=answer.model,
        answer=Content(text=answer.text, size=len(answer.text.encode())),
        tool_calls=tuple(ToolRequested(**call.model_dump()) for call in answer.tool_calls),
        native=native,
        finish=answer.finish,
        tokens=Tokens(input=1, output=7),
        cost_microusd=MicroUsd(0),
        latency_ms=1,
    )
    again = make.opened(make.golden(event))
    assert isinstance(again, ModelCalled)
    return again


def after(event: ModelCalled, *, failed: bool = False) -> tuple[Message, ...]:
    """The conversation behind an answer: each of its calls has a result."""
    results = (turns.result(call, f"found {call.id}", failed=failed) for call in event.tool_calls)
    return ASKED, turns.answered(event, lambda content: content.text or ""), *results


def body(client: ModelClient, request: ModelRequest) -> bytes:
    assert isinstance(client, VendorAdapter)
    return client._encoded(client.body(request))


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_several_calls_without_a_text_go_round_and_each_result_is_taken(
    client: ModelClient, vendors: FakeVendors, provider: Provider, streaming: bool
) -> None:
    vendors.script(provider, Behaviour(text="", tool_calls=CALLS, thoughts="Let me see."), Behaviour(text="Done."))
    first = request_for(provider, messages=(ASKED,), tools=(SEARCH,))
    answer = (await streamed(client, first))[1] if streaming else await client.complete(first)
    assert (answer.text, answer.finish, len(answer.tool_calls)) == ("", "tool", 2)
    second = request_for(provider, messages=after(recorded(provider, answer)), tools=(SEARCH,))
    assert (await client.complete(second)).text == "Done."
    sent = json.dumps(vendors.requests[1].body, ensure_ascii=False)
    assert sent.index(f"found {answer.tool_calls[0].id}") < sent.index(f"found {answer.tool_calls[1].id}")


async def test_what_is_stored_makes_the_same_body_as_what_came(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    vendors.script(provider, Behaviour(text="Looking.", tool_calls=CALLS, thoughts="Let me see."))
    answer = await client.complete(request_for(provider, messages=(ASKED,), tools=(SEARCH,)))
    event = recorded(provider, answer)
    once = body(client, request_for(provider, messages=after(event), tools=(SEARCH,)))
    twice = body(client, request_for(provider, messages=after(recorded(provider, answer)), tools=(SEARCH,)))
    assert once == twice
    assert [call.arguments for call in turns.answered(event, lambda _: "").tool_calls] == [
        call.arguments for call in answer.tool_calls
    ]


async def test_the_next_body_begins_as_the_last_one_did(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    """Else no vendor's cache would help, and signed thoughts would not be taken back."""
    vendors.default(Behaviour(tool_calls=CALLS[:1], thoughts="Hm."))
    messages: tuple[Message, ...] = (ASKED,)
    for _ in range(3):
        answer = await client.complete(request_for(provider, messages=messages, tools=(SEARCH,)))
        messages = (*messages, *after(recorded(provider, answer))[1:])
    turns_sent = [_unmarked(one.body.get("messages") or one.body["contents"]) for one in vendors.requests]
    for earlier, later in itertools.pairwise(turns_sent):
        assert later[: len(earlier)] == earlier


def test_a_tool_that_failed_is_told_in_the_vendors_own_way() -> None:
    every = factory.clients({one.switch: "k" for one in shipped().endpoints})
    event = recorded(
        Provider.GEMINI, ModelAnswer(text="", tool_calls=CALLS[:1], usage=None, finish="tool", model="any")
    )
    said = {
        provider: body(client, request_for(provider, messages=after(event, failed=True))).decode()
        for provider, client in every.items()
    }
    assert '"is_error":true' in said[Provider.ANTHROPIC]
    assert '"response": {"error": "found call_7"}' in said[Provider.GEMINI]
    assert "The tool failed.\\nfound call_7" in said[Provider.OPENAI]
    assert "The tool failed.\\nfound call_7" in said[Provider.OLLAMA]
    well = {
        provider: body(client, request_for(provider, messages=after(event))).decode()
        for provider, client in every.items()
    }
    assert not any("fail" in one or "error" in one for one in well.values())


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_signed_thoughts_go_back_as_they_came(connect: Connect, vendors: FakeVendors, streaming: bool) -> None:
    client = connect(vendors.environ(Provider.ANTHROPIC))
    vendors.script(Provider.ANTHROPIC, Behaviour(text="Looking.", tool_calls=CALLS, thoughts="Hm."), Behaviour())
    first = request_for(Provider.ANTHROPIC, messages=(ASKED,), tools=(SEARCH,))
    answer = (await streamed(client, first))[1] if streaming else await client.complete(first)
    messages = after(recorded(Provider.ANTHROPIC, answer))
    await client.complete(request_for(Provider.ANTHROPIC, messages=messages, tools=(SEARCH,)))
    kinds = [block["type"] for block in vendors.requests[1].body["messages"][1]["content"]]
    assert kinds == ["thinking", "text", "tool_use", "tool_use"]
    # Behind another beginning they are refused, so it goes without them, and is billed once.
    changed = (ASKED.model_copy(update={"text": "Look."}), *messages[1:])
    await client.complete(request_for(Provider.ANTHROPIC, messages=changed, tools=(SEARCH,)))
    assert len(vendors.requests) == 4
    assert len(vendors.ledger.bills) == 3
    assert "thinking" not in json.dumps(vendors.requests[3].body)


async def test_thoughts_of_a_compatible_server_go_back_with_the_calls_and_to_no_other_vendor(
    connect: Connect, vendors: FakeVendors
) -> None:
    client = connect(vendors.environ(Provider.OPENAI))
    vendors.script(Provider.OPENAI, Behaviour(tool_calls=CALLS, thoughts="Hm."), Behaviour())
    answer = await client.complete(request_for(Provider.OPENAI, messages=(ASKED,), tools=(SEARCH,)))
    messages = after(recorded(Provider.OPENAI, answer))
    await client.complete(request_for(Provider.OPENAI, messages=messages, tools=(SEARCH,)))
    assert vendors.requests[1].body["messages"][2]["reasoning_content"] == "Hm."
    other = factory.clients({"ANTHROPIC_API_KEY": "k"})[Provider.ANTHROPIC]
    assert b"Hm." not in body(other, request_for(Provider.ANTHROPIC, messages=messages))


async def test_an_answer_without_calls_keeps_no_thoughts(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    vendors.script(provider, Behaviour(text="Done.", thoughts="Hm."))
    answer = await client.complete(request_for(provider, tools=(SEARCH,)))
    assert (answer.text, answer.native) == ("Done.", None)


def test_claude_is_told_what_to_keep_in_its_cache_only_where_tools_bring_the_conversation_back() -> None:
    client = factory.clients({"ANTHROPIC_API_KEY": "k"})[Provider.ANTHROPIC]
    event = recorded(Provider.OPENAI, ModelAnswer(text="", tool_calls=CALLS, usage=None, finish="tool", model="any"))
    assert isinstance(client, VendorAdapter)
    plain = client.body(request_for(Provider.ANTHROPIC, messages=after(event)))
    assert "cache_control" not in json.dumps(plain)
    marked = client.body(request_for(Provider.ANTHROPIC, messages=after(event), tools=(SEARCH,)))
    ephemeral = {"type": "ephemeral"}
    assert marked["system"][-1]["cache_control"] == ephemeral
    asked, _, results = marked["messages"]
    assert asked["content"][-1]["cache_control"] == results["content"][-1]["cache_control"] == ephemeral
    assert json.dumps(marked).count("cache_control") == 3


def test_a_made_id_is_new_also_where_older_turns_were_left_out() -> None:
    calls = tuple(ToolCall(id=f"call_{number}", name="search", arguments={}) for number in (7, 8))
    results = (Message(role="tool", text="x", tool_call_id=call.id) for call in calls)
    request = request_for(Provider.OLLAMA, messages=(ASKED, Message(role="assistant", tool_calls=calls), *results))
    assert [made_call_id(request, index) for index in (0, 1)] == ["call_9", "call_10"]
    assert made_call_id(request_for(Provider.OLLAMA), 0) == "call_0"


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ((ASKED, Message(role="assistant", tool_calls=CALLS)), "call_7 has no result"),
        ((ASKED, Message(role="assistant", tool_calls=CALLS), ASKED), "call_7 has no result"),
        ((ASKED, Message(role="tool", text="x", tool_call_id="call_7")), "does not stand where it belongs"),
        (
            (
                Message(role="assistant", tool_calls=CALLS),
                Message(role="tool", text="x", tool_call_id="call_8"),
                Message(role="tool", text="x", tool_call_id="call_7"),
            ),
            "call_8 does not stand where it belongs",
        ),
        ((Message(role="user", tool_calls=CALLS),), "only an assistant"),
    ],
)
def test_a_call_without_its_result_is_never_sent(messages: tuple[Message, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        request_for(Provider.OPENAI, messages=messages)


async def test_ollama_tells_whether_a_model_calls_tools_or_sees_and_how_much_it_reads(
    connect: Connect, vendors: FakeVendors
) -> None:
    client = connect(vendors.environ(Provider.OLLAMA))
    vendors.shown = {
        "qwen3": {"capabilities": ["completion", "tools"], "model_info": {"qwen3.context_length": 40_960}},
        "gemma": {"capabilities": ["completion"]},
        "old": {},
    }
    assert await client.capabilities("qwen3") == Capabilities(tools=True, vision=False, context_tokens=40_960)
    assert await client.capabilities("gemma") == Capabilities(tools=False, vision=False)
    assert await client.capabilities("old") == Capabilities()
    with pytest.raises(InvalidRequestError, match="ollama pull nosuch"):
        await client.capabilities("nosuch")
    assert MODELS[Provider.OLLAMA] == "qwen3"


def _unmarked(value: object) -> list[object]:
    text = json.dumps(value).replace(', "cache_control": {"type": "ephemeral"}', "")
    found: list[object] = json.loads(text)
    return found
