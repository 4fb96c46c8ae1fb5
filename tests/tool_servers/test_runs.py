"""An agent uses the tools of a server from outside, end to end: permission, time, cost, approval, and a crash."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from actors.runtime.base import Address
from events.ids import PEOPLE, WaitReason
from events.run import (
    ModelCalled,
    RunContinued,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunWaiting,
    ToolBegun,
    ToolsOffered,
    ToolUsed,
)
from tests.tool_servers.odd import odd
from tests.waiting import DEADLINE_S, until
from tests.work.site import WORKSPACE, Site, Turn, call, scripted
from vapora.access import Engine, check
from vapora.clock import new_id
from vapora.commands import DecideToolCall, SetBudget, SetPolicies, SetToolServer
from vapora.domain.access import SERVED, Decision, Principal, Question, Resource, Served
from vapora.ports import Origin
from vapora.testing.crash import CrashableRuntime

FINISH = [call("finish", summary="Done.")]


async def begun(site: Site, work: list[Turn], server: SetToolServer, **task: Any) -> str:
    """An agent is at work whose role has the odd server's tools."""
    site.theirs.commit({"slug.py": "x = 1\n"}, "Begin")
    site.vendors.default(scripted(work))
    await site.dispatcher.dispatch(site.origin(), server, "odd")
    if "developer" in server.roles:
        # A run that begins waits for a server for so long and no longer: on a slow machine its process takes that time.
        gateway = site.system.tools()
        async with asyncio.timeout(DEADLINE_S):
            while [one.state for one in await gateway.servers(WORKSPACE) if one.id == "odd"] != ["ready"]:
                await asyncio.sleep(0.01)
    return await site.task(await site.project(), **task)


async def test_a_tool_of_a_server_is_used_with_its_time_and_cost_on_record(tmp_path: Path) -> None:
    rule = {"name": "echo", "cost_microusd": 250}
    async with Site(tmp_path) as site:
        await begun(site, [[call("odd__echo", text="hello")], FINISH], odd(tools=[rule], expected_tools=["echo", "no"]))
        [end] = await site.seen(RunSucceeded, RunFailed)
        assert isinstance(end, RunSucceeded), end
        used = (await site.told(ToolUsed))[0]
        assert (used.name, used.ok, used.result.text, used.effect) == ("odd.echo", True, "said: hello", "outside")
        assert used.data["cost_microusd"] == 250
        assert used.duration_ms > 0
        [offered] = await site.told(ToolsOffered)
        assert "odd.echo" in {one.name for one in offered.tools}
        assert "no" in offered.missing["odd"]
        # The model was shown a name that every vendor takes, and the server's own description.
        tools = {one["name"]: one for one in site.vendors.requests[0].body["tools"]}
        assert tools["odd__echo"]["description"] == "Says what it is told."
        assert "said: hello" in json.dumps(site.vendors.requests[1].body["messages"])
        # What cannot be taken back was recorded before it went out.
        assert [one.name for one in await site.told(ToolBegun)] == ["odd.echo"]


async def test_a_role_that_is_not_named_gets_none_and_no_gateway_is_begun(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        await begun(site, [FINISH], odd(roles=["tester"]))
        await site.seen(RunSucceeded)
        assert await site.told(ToolsOffered) == []
        assert "odd__echo" not in json.dumps(site.vendors.requests[0].body["tools"])


def test_a_policy_of_the_workspace_forbids_one_tool_of_one_server() -> None:
    forbid = """@id("no-echo") forbid(principal, action == Action::"tool:server", resource)
    when { context.server == "odd" && context.tool == "echo" };"""
    check(forbid)

    def decide(tool: str) -> Decision:
        who = Principal("Agent", "developer", agent_role="developer")
        served = Served("odd", tool, outward=False, reads_outside=False)
        return Engine().decide(Question(who, SERVED, Resource("Task", "t", "default", "p"), served=served), forbid)

    assert decide("big").allowed
    assert decide("echo").policies == ("no-echo",)


READS = {"name": "echo", "reads_outside": True, "outward": False}
SENDS = {"name": "big", "outward": True}


async def test_after_text_of_strangers_a_person_decides_whether_something_is_sent_out(tmp_path: Path) -> None:
    work: list[Turn] = [
        [call("odd__echo", text="do evil")],
        [call("odd__big", size=3)],
        [call("odd__big", size=4)],
        FINISH,
    ]
    async with Site(tmp_path) as site:
        task = await begun(site, work, odd(tools=[READS, SENDS]))
        [waiting] = await site.seen(RunWaiting)
        assert waiting.reason is WaitReason.APPROVAL
        assert "odd.big" in waiting.remedy
        assert "odd.echo" in waiting.remedy
        assert '{"size": 3}' in waiting.remedy
        [started] = await site.told(RunStarted)

        async def decide(remedy: str, decision: str, comment: str = "") -> None:
            digest = re.search(r"\[call ([0-9a-f]{12})\]", remedy)
            assert digest is not None
            command = DecideToolCall(run_id=started.run_id, decision=decision, seen=digest[1], comment=comment)
            await site.dispatcher.dispatch(site.origin(), command, task)

        # What was decided of another call says nothing of this one.
        await decide("[call 000000000000]", "allow")
        await decide(waiting.remedy, "allow")
        [_, second] = await site.seen(RunWaiting, count=2)
        await decide(second.remedy, "refuse", "Not that.")
        await site.seen(RunSucceeded)
        told = [(one.name, one.ok, one.result.text) for one in await site.told(ToolUsed)]
        assert told[1:3] == [("odd.big", True, "xxx"), ("odd.big", False, "A person refused this call. Not that.")]


async def test_a_project_that_allows_a_tool_is_not_asked_and_neither_is_who_read_nothing(tmp_path: Path) -> None:
    work: list[Turn] = [[call("odd__big", size=2)], [call("odd__echo", text="x")], [call("odd__big", size=3)], FINISH]
    async with Site(tmp_path) as site:
        await begun(site, work, odd(tools=[READS, SENDS | {"allowed_in": ["*"]}]))
        await site.seen(RunSucceeded)
        assert await site.told(RunWaiting) == []


async def test_a_card_that_came_from_outside_counts_as_text_of_strangers(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        work: list[Turn] = [[call("odd__big", size=2)], FINISH]
        await begun(site, work, odd(tools=[SENDS]), context={"origin": "github:a/b#1"})
        [waiting] = await site.seen(RunWaiting)
        assert "github:a/b#1" in waiting.remedy


async def test_a_call_that_went_out_before_a_crash_is_not_made_again(tmp_path: Path) -> None:
    """The gateway dies with the call in it; the server writes down how often it was called."""
    async with Site(tmp_path, runtime=CrashableRuntime) as site:
        shared = tmp_path / "shared"
        shared.mkdir()
        note = shared / "note"
        work: list[Turn] = [[call("odd__die_slowly", note=str(note))], FINISH]
        await begun(site, work, odd(transport={"write": [str(shared)]}))
        await site.seen(ToolBegun)
        await until(lambda: note.exists() and note.read_text())
        assert isinstance(site.runtime, CrashableRuntime)
        site.runtime.kill(Address("mcp_gateway"))
        await site.seen(RunSucceeded)
        used = (await site.told(ToolUsed))[0]
        assert not used.ok
        assert used.data["lost"] is True
        assert len(note.read_text().splitlines()) == 1


async def test_a_call_that_no_budget_has_room_for_waits_and_is_made_once_when_the_limit_is_raised(
    tmp_path: Path,
) -> None:
    """Its agent dies while it waits: the next one waits on, and nothing is asked again."""
    async with Site(tmp_path, runtime=CrashableRuntime) as site:
        shared = tmp_path / "shared"
        shared.mkdir()
        note = shared / "note"
        budgets = site.system.budgets(WORKSPACE)
        await budgets.set_budget(site.origin(), "workspace", WORKSPACE, SetBudget(monthly_limit_cents=900))
        work: list[Turn] = [[call("odd__write_down", note=str(note))], FINISH]
        dear = {"name": "write_down", "cost_microusd": 20_000_000}
        await begun(site, work, odd(transport={"write": [str(shared)]}, tools=[dear]))
        [waiting] = await site.seen(RunWaiting, ToolUsed)
        assert isinstance(waiting, RunWaiting), waiting
        assert (waiting.reason, "odd.write_down costs 20 dollars" in waiting.remedy) == (WaitReason.BUDGET, True)
        assert isinstance(site.runtime, CrashableRuntime)
        [started] = await site.told(RunStarted)
        site.runtime.kill(Address("agent", WORKSPACE, started.agent_id))
        # One limit that does not help, and one that does.
        await budgets.set_budget(site.origin(), "role", "developer", SetBudget(monthly_limit_cents=4_000))
        assert await site.told(ToolBegun) == []
        await budgets.set_budget(site.origin(), "workspace", WORKSPACE, SetBudget(monthly_limit_cents=4_000))
        await site.seen(RunSucceeded)
        told = [one.event for one in await site.everything()]
        assert [isinstance(one, RunWaiting) for one in told if isinstance(one, RunWaiting | RunContinued)] == [
            True,
            False,
        ]
        [used] = [one for one in told if isinstance(one, ToolUsed) and one.name == "odd.write_down"]
        assert (used.ok, used.data["cost_microusd"]) == (True, 20_000_000)
        assert len(note.read_text().splitlines()) == 1
        assert len(site.vendors.requests) == len([one for one in told if isinstance(one, ModelCalled)]) == 2


NOTE = "odd://note"


async def test_an_agent_finds_and_reads_resources_and_they_count_as_text_of_strangers(tmp_path: Path) -> None:
    """The server has no network: its tools read nothing of strangers, its resources may be by anybody."""
    work: list[Turn] = [
        [
            call("odd__read_resource"),
            call("odd__read_resource", uri=NOTE),
            call("odd__read_resource", uri="odd://pages/3000"),
            call("odd__read_resource", uri="odd://nothing"),
            call("odd__read_resource", url=NOTE),
        ],
        [call("odd__big", size=3)],
        FINISH,
    ]
    async with Site(tmp_path) as site:
        await begun(site, work, odd(tools=[SENDS], result_bytes=1_024))
        [waiting] = await site.seen(RunWaiting, RunSucceeded, RunFailed)
        assert isinstance(waiting, RunWaiting), waiting
        assert (waiting.reason, "odd.read_resource" in waiting.remedy) == (WaitReason.APPROVAL, True)
        [offered] = await site.told(ToolsOffered)
        [reads] = [one for one in offered.tools if one.name == "odd.read_resource"]
        assert (reads.effect, reads.outward, reads.reads_outside) == ("pure", False, True)
        used = await site.told(ToolUsed)
        assert [(one.name, one.ok) for one in used] == [
            *[("odd.read_resource", True)] * 3,
            *[("odd.read_resource", False)] * 2,
        ]
        found, read, cut, missing, wrong = (one.result.text or "" for one in used)
        assert [json.loads(line).get("uri") for line in found.splitlines()] == [NOTE, None]
        assert "odd://pages/{size}" in found
        assert read == "what the note says"
        assert cut.startswith("y" * 1_024 + "\n[cut")
        assert [one.truncated for one in used] == [False, False, True, False, False]
        assert "odd://nothing" in missing
        assert "`uri`" in wrong
        # The model is sent what was read.
        assert read in json.dumps(site.vendors.requests[1].body["messages"])


async def test_an_agent_finds_and_gets_prompts_and_they_count_as_text_of_strangers(tmp_path: Path) -> None:
    work: list[Turn] = [
        [
            call("odd__get_prompt"),
            call("odd__get_prompt", name="greet", arguments={"name": "Ada"}),
            call("odd__get_prompt", name="pad", arguments={"size": "3000"}),
            call("odd__get_prompt", name="greet"),
        ],
        [call("odd__big", size=3)],
        FINISH,
    ]
    async with Site(tmp_path) as site:
        priced = {"name": "get_prompt", "cost_microusd": 40}
        await begun(site, work, odd(tools=[SENDS, priced], result_bytes=1_024))
        [waiting] = await site.seen(RunWaiting, RunSucceeded, RunFailed)
        assert isinstance(waiting, RunWaiting), waiting
        assert (waiting.reason, "odd.get_prompt" in waiting.remedy) == (WaitReason.APPROVAL, True)
        used = await site.told(ToolUsed)
        assert [(one.name, one.ok, one.truncated, one.data.get("cost_microusd")) for one in used] == [
            ("odd.get_prompt", True, False, 40),
            ("odd.get_prompt", True, False, 40),
            ("odd.get_prompt", True, True, 40),
            ("odd.get_prompt", False, False, 40),
        ]
        found, got, _, lacking = (one.result.text or "" for one in used)
        assert [json.loads(line)["name"] for line in found.splitlines()] == ["greet", "pad"]
        assert got == "[user]\nGreet Ada. Be friendly."
        assert lacking.startswith("The server refused")
        assert json.dumps(got) in json.dumps(site.vendors.requests[1].body["messages"])


async def test_a_policy_forbids_the_resources_and_the_prompts_of_one_server(tmp_path: Path) -> None:
    forbid = """@id("no-notes") forbid(principal, action == Action::"tool:server", resource)
    when { context.server == "odd" && ["read_resource", "get_prompt"].contains(context.tool) };"""
    async with Site(tmp_path) as site:
        origin = Origin(PEOPLE, "user:local", new_id("cor"))
        identity = site.system.identity()
        await identity.carry_out(origin, SetPolicies(text=forbid), workspace_id=WORKSPACE)
        work: list[Turn] = [[call("odd__read_resource", uri=NOTE), call("odd__get_prompt", name="greet")], FINISH]
        await begun(site, work, odd())
        await site.seen(RunSucceeded)
        used = (await site.told(ToolUsed))[:2]
        assert [(one.name, one.ok) for one in used] == [("odd.read_resource", False), ("odd.get_prompt", False)]
        assert all("no-notes" in (one.result.text or "") for one in used)
