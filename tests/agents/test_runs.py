"""An agent written in Python, end to end: it takes a card, uses tools, dies, goes on, and is paid once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import vapora
from actors.runtime.base import Address
from events.agent import AgentDisabled, AgentEnabled
from events.budget import SpendSettled
from events.ids import PEOPLE, ChecksVerdict, Provider, WaitReason
from events.run import (
    ChecksRan,
    CodeStepAsked,
    ModelCalled,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunWaiting,
    ToolBegun,
    ToolUsed,
)
from events.task import TaskCompleted
from events.work import Check
from tests.work.site import WORKSPACE, Site
from vapora.agents import Agent, AsyncContext, Context, ToolFailedError
from vapora.clock import new_id
from vapora.commands import CommentTask, SetPolicies
from vapora.errors import BadInputError
from vapora.llm.protocol import ToolCall
from vapora.ports import Origin
from vapora.testing.crash import CrashableRuntime, KillPoint
from vapora.testing.soundness import soundness
from vapora.testing.wire.script import Behaviour

POSTED: list[str] = []


@vapora.tool(effect="pure")
def word_count(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


@vapora.tool
def post(text: str) -> str:
    """Tell everybody."""
    POSTED.append(text)
    return "posted"


@vapora.agent(role="documenter", tools=[word_count, post])
async def summariser(ctx: AsyncContext) -> str:
    """You summarise texts for busy people."""
    words = await ctx.tool(word_count, text=ctx.task.description)
    first = await ctx.model(f"Summarise these {words} words: {ctx.task.description}")
    said = await ctx.tool(post, text=first)
    second = await ctx.model(f"Translate: {first}")
    return f"{words} {said} {first} {second}"


def answers(*texts: str) -> Callable[[Any], Behaviour]:
    """By what is asked, so that a call that is asked for again gets the same."""

    def answer(received: Any) -> Behaviour:
        told = received.body["messages"][-1]["content"]
        shown = told if isinstance(told, str) else told[0]["text"]
        return Behaviour(text=next(text for text in texts if shown.startswith(text.partition(":")[0])))

    return answer


async def handed_in(site: Site, agent: Agent, **task: Any) -> str:
    project = await site.project(repo=None)
    given = {"title": "Summarise it", "description": "one two three", "review": "none", "role": None}
    return await site.task(project, **{**given, "task_type": None, "agent": agent.name, **task})


async def product(site: Site) -> str:
    """Of the only run, once it has ended well."""
    [end] = await site.seen(RunSucceeded, RunFailed)
    assert isinstance(end, RunSucceeded), end
    return end.summary


async def test_an_agent_killed_after_each_kind_of_step_goes_on_and_is_paid_once(tmp_path: Path) -> None:
    POSTED.clear()
    # Not at the moment at which the outside call is about to go out: then nobody can know whether it did.
    topics = [RunStarted.TOPIC, CodeStepAsked.TOPIC, ToolUsed.TOPIC, ModelCalled.TOPIC]
    deaths: list[str] = []

    async with Site(tmp_path, runtime=CrashableRuntime, agents=[summariser]) as site:
        site.vendors.default(answers("Summarise: short.", "Translate: kurz."))
        runtime = site.runtime
        assert isinstance(runtime, CrashableRuntime)

        def watch(moment: KillPoint) -> None:
            if moment.address.kind != "log" or moment.method != "append" or moment.stage != "done":
                return
            written = {event.topic for one in moment.args[0] for stream in one.streams for event in stream.events}
            if (found := written & set(topics)) and ToolBegun.TOPIC not in written:
                topics[:] = [one for one in topics if one not in written]
                deaths.append(str(found))
                runtime.kill(Address("agent", WORKSPACE, "summariser"))

        runtime.watch = watch
        await handed_in(site, summariser)
        assert await product(site) == "3 posted Summarise: short. Translate: kurz."
        await site.seen(TaskCompleted)
        runtime.watch = None
        assert topics == []
        assert len(deaths) >= 3
        # Nothing was asked for twice, paid for twice or done twice.
        assert POSTED == ["Summarise: short."]
        assert [one.step for one in await site.told(CodeStepAsked)] == [0, 1, 2, 3]
        assert Counter(one.call_id for one in await site.told(ModelCalled)) == {
            f"{(await site.told(RunStarted))[0].run_id}/{step}": 1 for step in (1, 3)
        }
        settled = await site.told(SpendSettled)
        assert len(settled) == len(site.vendors.ledger.bills) == 2
        assert sum(one.cost_microusd for one in await site.told(ModelCalled)) == site.vendors.ledger.billed_microusd
        assert soundness(await site.everything(), WORKSPACE) == []


async def test_a_tool_that_went_out_and_was_lost_is_not_called_again_and_the_code_is_told(tmp_path: Path) -> None:
    called: list[str] = []
    begun, goes_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    @vapora.tool
    async def slow_post(text: str) -> str:
        """Tell everybody, slowly."""
        called.append(text)
        loop.call_soon_threadsafe(begun.set)
        while not goes_on.is_set():
            await asyncio.sleep(0.01)
        return "posted"

    @vapora.agent(role="documenter", tools=[slow_post])
    def poster(ctx: Context) -> str:
        """You post."""
        try:
            return ctx.tool(slow_post, text="hello")
        except ToolFailedError as error:
            return f"lost: {error.details['lost']}"

    async with Site(tmp_path, runtime=CrashableRuntime, agents=[poster]) as site:
        assert isinstance(site.runtime, CrashableRuntime)
        await handed_in(site, poster)
        await begun.wait()
        site.runtime.kill(Address("mcp_gateway"))
        site.runtime.kill(Address("agent", WORKSPACE, "poster"))
        assert await product(site) == "lost: True"
        goes_on.set()
        assert called == ["hello"]


async def test_a_body_that_diverges_from_its_record_is_refused_with_what_differs(tmp_path: Path) -> None:
    times = iter(range(100))

    @vapora.agent(role="documenter")
    def unsteady(ctx: Context) -> str:
        """You tell the time."""
        ctx.model(f"It is {next(times)} o'clock.")
        return ctx.model("And now?")

    async with Site(tmp_path, runtime=CrashableRuntime, agents=[unsteady]) as site:
        assert isinstance(site.runtime, CrashableRuntime)
        runtime = site.runtime
        killed: list[bool] = []

        def watch(moment: KillPoint) -> None:
            if moment.method == "complete" and moment.stage == "done" and not killed:
                killed.append(True)
                runtime.kill(Address("agent", WORKSPACE, "unsteady"))

        runtime.watch = watch
        await handed_in(site, unsteady)
        [failed] = await site.seen(RunFailed)
        assert "as step 1 it asked for" in failed.reason
        assert "It is 0 o'clock" in failed.reason
        assert "It is 1 o'clock" in failed.reason
        assert "ctx.record" in failed.reason
        assert len(await site.told(ModelCalled)) == 1


async def test_a_recorded_value_is_what_it_was_after_a_crash(tmp_path: Path) -> None:
    times = iter(range(100))

    @vapora.agent(role="documenter")
    async def steady(ctx: AsyncContext) -> dict[str, Any]:
        """You tell the time."""
        hour = await ctx.record("hour", lambda: next(times))
        return {"hour": hour, "said": await ctx.model(f"It is {hour} o'clock.")}

    async with Site(tmp_path, runtime=CrashableRuntime, agents=[steady]) as site:
        assert isinstance(site.runtime, CrashableRuntime)
        runtime = site.runtime
        site.vendors.default(Behaviour(text="Tea."))
        killed: list[bool] = []

        def watch(moment: KillPoint) -> None:
            if moment.method == "complete" and moment.stage == "arrived" and not killed:
                killed.append(True)
                runtime.kill(Address("agent", WORKSPACE, "steady"))

        runtime.watch = watch
        await handed_in(site, steady)
        assert json.loads(await product(site)) == {"hour": 0, "said": "Tea."}
        assert killed


class Summary(BaseModel):
    headline: str
    points: list[str]


async def test_a_typed_answer_is_corrected_once_by_the_model_and_read(tmp_path: Path) -> None:
    @vapora.agent(role="documenter")
    def typed(ctx: Context) -> Summary:
        """You summarise."""
        return ctx.model("Summarise it.", answer=Summary)

    async with Site(tmp_path, agents=[typed]) as site:
        good = 'Here it is:\n```json\n{"headline": "Short", "points": ["one"]}\n```'
        site.vendors.script(Provider.ANTHROPIC, Behaviour(text='{"headline": "Short"}'), Behaviour(text=good))
        await handed_in(site, typed)
        assert json.loads(await product(site)) == {"headline": "Short", "points": ["one"]}
        asked = [json.dumps(one.body["messages"], ensure_ascii=False) for one in site.vendors.requests]
        assert "JSON Schema" in asked[0]
        assert "points: Field required" in asked[1]


async def test_an_answer_that_never_fits_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    @vapora.agent(role="documenter")
    def typed(ctx: Context) -> Summary:
        """You summarise."""
        return ctx.model("Summarise it.", answer=Summary)

    async with Site(tmp_path, agents=[typed]) as site:
        site.vendors.default(Behaviour(text="No JSON here."))
        await handed_in(site, typed)
        [failed] = await site.seen(RunFailed)
        assert "AnswerError" in failed.reason
        assert "does not fit Summary" in failed.reason
        assert len(site.vendors.requests) == 2


async def test_a_model_uses_the_agents_tools_in_a_loop_of_recorded_steps(tmp_path: Path) -> None:
    @vapora.agent(role="documenter", tools=[word_count])
    def counter(ctx: Context) -> str:
        """You count."""
        return ctx.model("How many words?", tools=[word_count])

    async with Site(tmp_path, agents=[counter]) as site:
        call = ToolCall(id="call_1", name="python__word_count", arguments={"text": "a b c d"})
        site.vendors.script(Provider.ANTHROPIC, Behaviour(tool_calls=(call,)), Behaviour(text="Four."))
        await handed_in(site, counter)
        assert await product(site) == "Four."
        [used] = await site.told(ToolUsed)
        assert (used.name, used.ok, used.result.text) == ("python.word_count", True, "4")
        tools = {one["name"] for one in site.vendors.requests[0].body["tools"]}
        assert tools == {"python__word_count"}


async def test_a_person_answers_what_the_code_asks(tmp_path: Path) -> None:
    @vapora.agent(role="documenter")
    def asking(ctx: Context) -> str:
        """You ask."""
        return f"It is {ctx.ask('Which colour?')}."

    async with Site(tmp_path, agents=[asking]) as site:
        task = await handed_in(site, asking)
        [waiting] = await site.seen(RunWaiting)
        assert waiting.reason is WaitReason.ANSWER
        assert "Which colour?" in waiting.remedy
        run = (await site.told(RunStarted))[0].run_id
        await site.dispatcher.dispatch(site.origin(), CommentTask(text="blue", answers=f"{run}/0"), task)
        assert await product(site) == "It is blue."


async def test_code_that_raises_fails_the_run_with_its_words_and_place(tmp_path: Path) -> None:
    @vapora.agent(role="documenter")
    def broken(ctx: Context) -> str:
        """You break."""
        raise KeyError("colour")

    async with Site(tmp_path, agents=[broken]) as site:
        await handed_in(site, broken)
        [failed] = await site.seen(RunFailed)
        assert "raised KeyError (broken, line" in failed.reason
        assert failed.counts


async def test_without_its_code_an_agent_is_disabled_and_its_run_waits_until_the_code_is_back(tmp_path: Path) -> None:
    @vapora.agent(role="documenter")
    def passing(ctx: Context) -> str:
        """You say one thing."""
        return ctx.model("Say it.")

    async with Site(tmp_path, agents=[passing]) as site:
        gate = site.vendors.hold()
        await handed_in(site, passing)
        await asyncio.to_thread(gate.wait_for, 1)
    async with Site(tmp_path) as site:
        [disabled] = await site.seen(AgentDisabled)
        assert "its code is not in the process" in disabled.reason
        [waiting] = await site.seen(RunWaiting)
        assert "The code of the agent passing is not here." in waiting.remedy
    async with Site(tmp_path, agents=[passing]) as site:
        site.vendors.default(Behaviour(text="It."))
        assert await product(site) == "It."
        assert await site.told(AgentEnabled)


async def test_in_a_repository_it_changes_files_and_its_checks_run(tmp_path: Path) -> None:
    @vapora.agent(tools=["file_write", "file_read"])
    async def writer(ctx: AsyncContext) -> str:
        """You write."""
        await ctx.tool("file_write", path="slug.py", content=await ctx.model("Write slug.py."))
        return f"Wrote it on {ctx.project.branch}: {await ctx.tool('file_read', path='slug.py')}"

    async with Site(tmp_path, agents=[writer], sandbox="none") as site:
        site.theirs.commit({"slug.py": "x = 1\n"}, "Begin")
        site.vendors.default(Behaviour(text="x = 2"))
        project = await site.project(Check(name="has-two", command="grep 2 slug.py"))
        task = await site.task(project, agent="writer", task_type=None, role=None)
        assert f"Wrote it on vapora/{task}" in await product(site)
        [end] = await site.told(RunSucceeded)
        assert end.work is not None
        assert end.work.checks is ChecksVerdict.GREEN
        assert [one.name for one in await site.told(ToolUsed)] == ["file_write", "file_read"]
        assert soundness(await site.everything(), WORKSPACE, waiting=[task]) == []


async def test_red_checks_have_the_code_run_again_with_what_they_said_also_after_a_crash(tmp_path: Path) -> None:
    begun: list[str] = []
    answered: list[str] = []

    @vapora.agent(tools=["file_write"])
    async def mender(ctx: AsyncContext) -> str:
        """You write."""
        begun.append(ctx.failed_checks)
        asked = f"Mend: {ctx.failed_checks}" if ctx.failed_checks else "Write slug.py."
        text = await ctx.model(asked)
        await ctx.tool("file_write", path="slug.py", content=text)
        return f"Wrote {text}."

    async with Site(tmp_path, runtime=CrashableRuntime, agents=[mender], sandbox="none") as site:
        site.theirs.commit({"slug.py": "x = 1\n"}, "Begin")
        site.vendors.default(
            lambda received: Behaviour(text="x = 2" if "Mend:" in str(received.body["messages"]) else "x = 3")
        )
        runtime = site.runtime
        assert isinstance(runtime, CrashableRuntime)

        def watch(moment: KillPoint) -> None:
            """Once, in the second round: when its answer is recorded."""
            if moment.address.kind != "log" or moment.method != "append" or moment.stage != "done":
                return
            written = [event.topic for one in moment.args[0] for stream in one.streams for event in stream.events]
            answered.extend(topic for topic in written if topic == ModelCalled.TOPIC)
            if len(answered) == 2:
                runtime.watch = None
                runtime.kill(Address("agent", WORKSPACE, "mender"))

        runtime.watch = watch
        project = await site.project(Check(name="has-two", command="grep 2 slug.py || (echo no two here; exit 1)"))
        await site.task(project, agent="mender", task_type=None, role=None)

        assert await product(site) == "Wrote x = 2."
        assert [one.verdict for one in await site.told(ChecksRan)] == [ChecksVerdict.RED, ChecksVerdict.GREEN]
        assert [one.step for one in await site.told(CodeStepAsked)] == [0, 1, 2, 3]
        # Killed in its second round, it was told the first one, and asked no model again.
        assert [bool(one) for one in begun] == [False, True, False, True]
        assert "no two here" in begun[1]
        assert begun[1] == begun[3]
        assert len(site.vendors.ledger.bills) == 2
        [end] = await site.told(RunSucceeded)
        assert end.work is not None
        assert end.work.checks is ChecksVerdict.GREEN


async def test_code_that_changes_nothing_about_red_checks_hands_in_what_is_red(tmp_path: Path) -> None:
    begun: list[str] = []

    @vapora.agent(tools=["file_write"])
    async def stubborn(ctx: AsyncContext) -> str:
        """You write."""
        begun.append(ctx.failed_checks)
        if not ctx.failed_checks:
            await ctx.tool("file_write", path="slug.py", content="x = 3")
        return "Wrote it."

    async with Site(tmp_path, agents=[stubborn], sandbox="none") as site:
        site.theirs.commit({"slug.py": "x = 1\n"}, "Begin")
        project = await site.project(Check(name="has-two", command="grep 2 slug.py"))
        await site.task(project, agent="stubborn", task_type=None, role=None)
        assert await product(site) == "Wrote it."
        [end] = await site.told(RunSucceeded)
        assert end.work is not None
        assert end.work.checks is ChecksVerdict.RED
        assert (len(begun), len(await site.told(ChecksRan))) == (2, 1)


async def test_a_card_names_only_an_agent_that_takes_it(tmp_path: Path) -> None:
    async with Site(tmp_path, agents=[summariser]) as site:
        with pytest.raises(BadInputError, match="There is no agent 'nobody'"):
            await site.task(await site.project(repo=None), agent="nobody")
        with pytest.raises(BadInputError, match="does no 'code-generation' work"):
            await handed_in(site, summariser, task_type="code-generation")
        with pytest.raises(BadInputError, match="is no developer"):
            await handed_in(site, summariser, role="developer", task_type="document-generation")


async def test_policies_hold_for_tools_written_in_python(tmp_path: Path) -> None:
    """The same gate as for every other tool: a workspace forbids one, and the code is told."""

    @vapora.agent(role="documenter", tools=[post])
    def poster(ctx: Context) -> str:
        """You post."""
        try:
            return ctx.tool(post, text="hello")
        except ToolFailedError as error:
            return str(error)

    POSTED.clear()
    forbid = """@id("no-post") forbid(principal, action == Action::"tool:server", resource)
    when { context.server == "python" && context.tool == "post" };"""
    async with Site(tmp_path, agents=[poster]) as site:
        identity: Any = site.runtime.ref(Address("identity"))
        origin = Origin(PEOPLE, "operator", new_id("cor"))
        await identity.carry_out(origin, SetPolicies(text=forbid), workspace_id=WORKSPACE)
        await handed_in(site, poster)
        assert "You may not use python.post here" in await product(site)
        assert POSTED == []
