from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from events.ids import Provider
from tests.llm.conftest import SEARCH, request_for, streamed
from vapora.llm.protocol import Message, ModelClient
from vapora.llm.rehearsal import NOTICE, RehearsalClient

CLIENT = RehearsalClient(Provider.OPENAI)


async def test_it_keeps_the_contract_and_says_what_it_is() -> None:
    answer = await CLIENT.complete(request_for(Provider.OPENAI))
    assert isinstance(CLIENT, ModelClient)
    assert CLIENT.simulated
    assert NOTICE in answer.text


async def test_it_takes_up_the_role_the_title_and_the_step() -> None:
    messages = (
        Message(role="user", text="Context first.\n\n# Parse dates of ISO 8601\n\nWith time zones."),
        Message(role="assistant", text="A plan."),
        Message(role="user", text="## Parse dates of ISO 8601\nNow the tests."),
    )
    answer = await CLIENT.complete(
        request_for(Provider.OPENAI, system="Intro\n# The Tester\nBe strict.", messages=messages)
    )
    assert answer.text.startswith("# Parse dates of ISO 8601\n")
    assert "The Tester, step 2." in answer.text


def test_the_same_request_gets_the_same_answer_in_another_process() -> None:
    request = request_for(Provider.OPENAI)
    code = f"""
import asyncio
from vapora.llm.protocol import ModelRequest, Provider
from vapora.llm.rehearsal import RehearsalClient
request = ModelRequest.model_validate_json({request.model_dump_json()!r})
print(asyncio.run(RehearsalClient(Provider.OPENAI).complete(request)).model_dump_json())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONHASHSEED": "7"}
    )
    here = asyncio.run(CLIENT.complete(request))
    assert done.stdout.strip() == here.model_dump_json(), done.stderr


async def test_another_request_gets_another_answer_and_another_time_limit_does_not() -> None:
    one = await CLIENT.complete(request_for(Provider.OPENAI, text="one"))
    two = await CLIENT.complete(request_for(Provider.OPENAI, text="two"))
    patient = await CLIENT.complete(request_for(Provider.OPENAI, text="one", timeout_s=99))
    assert one.text != two.text
    assert one == patient


@pytest.mark.parametrize("limit", [1, 7, 5000])
async def test_usage_is_realistic_and_keeps_the_limit(limit: int) -> None:
    request = request_for(Provider.OPENAI, max_output_tokens=limit)
    answer = await CLIENT.complete(request)
    assert answer.usage is not None
    assert answer.usage.input_tokens == -(-CLIENT.request_bytes(request) // 4)
    assert answer.usage.output_tokens == min(limit, -(-len(answer.text.encode()) // 4))
    assert answer.finish == ("length" if limit < 100 else "stop")


async def test_it_streams_by_words() -> None:
    texts, last = await streamed(CLIENT, request_for(Provider.OPENAI))
    assert len(texts) > 20
    assert "".join(texts) == last.text
    assert last == await CLIENT.complete(request_for(Provider.OPENAI))


async def test_it_never_calls_a_tool() -> None:
    request = request_for(Provider.OPENAI, text="Call the tool search!", tools=(SEARCH,))
    answer = await CLIENT.complete(request)
    assert answer.tool_calls == ()
    assert "`search`" in answer.text


def test_its_delay_is_fixed_by_the_request_and_within_the_bounds() -> None:
    client = RehearsalClient(Provider.OLLAMA, (0.2, 1.2))
    delays = [client.delay_of(request_for(Provider.OLLAMA, text=str(number))) for number in range(50)]
    again = [client.delay_of(request_for(Provider.OLLAMA, text=str(number))) for number in range(50)]
    assert delays == again
    assert all(0.2 <= delay <= 1.2 for delay in delays)
    assert len(set(delays)) > 40


def test_bounds_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="low"):
        RehearsalClient(Provider.OLLAMA, (2, 1))
