from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from events.ids import Provider
from tests.llm.conftest import SEARCH, request_for, streamed
from vapora.llm.protocol import Message, ModelAnswer, ModelClient, ModelRequest
from vapora.llm.rehearsal import NOTICE, RehearsalClient
from vapora.tools.table import TOOLS

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


async def test_without_a_tool_that_ends_the_work_it_calls_none() -> None:
    request = request_for(Provider.OPENAI, text="Call the tool search!", tools=(SEARCH,))
    answer = await CLIENT.complete(request)
    assert answer.tool_calls == ()
    assert "`search`" in answer.text


def told(brief: str, *turns: tuple[ModelAnswer, dict[str, str]], tools: str) -> ModelRequest:
    """A request that goes on from these turns: each an answer, and what its tools gave back, by their names."""
    messages = [Message(role="user", text=brief)]
    for answer, results in turns:
        messages.append(Message(role="assistant", text=answer.text, tool_calls=answer.tool_calls))
        for call in answer.tool_calls:
            text = results.get(call.name, "Nothing was found.")
            messages.append(Message(role="tool", text=text, tool_call_id=call.id, tool_name=call.name))
    specs = tuple(TOOLS[name].spec() for name in tools.split())
    return ModelRequest(model="any", messages=tuple(messages), max_output_tokens=4_096, tools=specs)


WORK = "file_read file_list file_write file_edit code_search git_status git_diff git_log run_command ask finish"
REVIEW = "file_read file_list code_search git_diff git_log submit_review"
SCRIPTED = "# Task: Never give two links the same slug\n\nMend it."


@pytest.mark.parametrize("brief", ["# Task: Add a logout button\n\nOn each page.", SCRIPTED])
async def test_in_a_repository_that_it_does_not_know_it_looks_around_and_changes_nothing(brief: str) -> None:
    first = await CLIENT.complete(told(brief, tools=WORK))
    assert {call.name for call in first.tool_calls} == {"file_list", "git_log", "git_diff", "code_search"}
    assert first.finish == "tool"

    second = await CLIENT.complete(told(brief, (first, {"file_list": "README.md\t10\nsrc/\nsrc/a.py\t1"}), tools=WORK))

    assert [call.name for call in second.tool_calls] == ["finish"]
    summary = str(second.tool_calls[0].arguments["summary"])
    assert "It changes nothing: a rehearsal." in summary
    assert "README.md, src/" in summary
    assert "This is a rehearsal" in summary


async def test_in_the_demos_repository_it_goes_on_with_the_script_of_the_card() -> None:
    first = await CLIENT.complete(told(SCRIPTED, tools=WORK))
    listed = {"file_list": "README.md\t10\ncheck.sh\t9\nshortleaf/\ntests/", "git_diff": "There are no differences."}

    second = await CLIENT.complete(told(SCRIPTED, (first, listed), tools=WORK))

    assert next(call.arguments for call in second.tool_calls) == {"path": "shortleaf/store.py"}
    again = await CLIENT.complete(told(SCRIPTED, (first, listed), tools=WORK))
    assert again == second


async def test_a_reviewer_reads_the_change_before_it_approves() -> None:
    brief = "# Task: Add a logout button\n\nJudge the work."
    first = await CLIENT.complete(told(brief, tools=REVIEW))
    assert "git_diff" in {call.name for call in first.tool_calls}

    second = await CLIENT.complete(told(brief, (first, {"git_diff": "diff --git a/x b/x"}), tools=REVIEW))

    assert [(call.name, call.arguments["verdict"]) for call in second.tool_calls] == [("submit_review", "approve")]


async def test_a_review_of_a_text_needs_no_repository() -> None:
    answer = await CLIENT.complete(
        told("# Task: Name the release\n\n## The work to review\nA name.", tools="submit_review")
    )
    assert [call.name for call in answer.tool_calls] == ["submit_review"]


async def test_tool_calls_that_would_not_fit_are_not_made() -> None:
    request = told(SCRIPTED, tools=WORK).model_copy(update={"max_output_tokens": 5})
    answer = await CLIENT.complete(request)
    assert (answer.tool_calls, answer.finish) == ((), "length")


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
