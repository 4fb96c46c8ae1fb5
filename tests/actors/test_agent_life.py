"""Agents that are silent or stuck, in one process: noticed, replaced, back as healthy, nothing done or paid twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.agent import Agent
from actors.agent.means import StepLimits
from actors.messages import Call, CallOutcome
from actors.runtime.base import Actor, Address, Runtime
from events.agent import AgentReadmitted, AgentSuspended
from events.budget import SpendReserved, SpendUnknown
from events.ids import Provider
from events.run import ModelCalled, ModelCallLost, RunFailed, RunSucceeded, RunTakenOver
from events.task import TaskAssigned, TaskCompleted, TaskHandedOver, TaskWaiting
from projections.audit import entries
from projections.decisions import why
from tests.actors.kit import passed
from tests.actors.life_site import LIMITS, WORKSPACE, Deaf, LifeSite, open_site
from tests.waiting import DEADLINE_S
from vapora import views
from vapora.commands import ChangeSettings, DrainAgent, EditAgent, SetBudget
from vapora.domain.heartbeat import Pulse
from vapora.testing import FakeVendors
from vapora.testing.soundness import soundness


class Frozen:
    """The way to the router of an agent that gets so many answers and then waits for one that never comes. `thaw`: it
    is let go on after all, as a process that was only stopped."""

    def __init__(self, router: Any, answers: int) -> None:
        self._router = router
        self._left = answers
        self.waits = asyncio.Event()
        self.thaw = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._router, name)

    async def complete(self, call: Call) -> CallOutcome:
        if self._left == 0:
            self.waits.set()
            await self.thaw.wait()
        self._left = max(0, self._left - 1)
        outcome: CallOutcome = await self._router.complete(call)
        return outcome


class Unstoppable(Agent):
    """Cannot be told to stop, as a process beyond a network that is cut."""

    async def stop(self) -> None: ...


def deaf(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
    return Deaf()


async def check_done_once(site: LifeSite, task_ids: list[str]) -> None:
    """Every task ended well once, no step was answered twice, and log and money agree."""
    log = await site.events()
    assert soundness(log, WORKSPACE) == []
    done = [one.event.task_id for one in log if isinstance(one.event, TaskCompleted)]
    assert sorted(done) == sorted(task_ids)
    answers = Counter(one.event.call_id for one in log if isinstance(one.event, ModelCalled))
    assert set(answers.values()) == {1}


async def test_a_silent_agent_is_suspended_and_its_work_done_by_another_who_says_so_on_the_card(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.ways["developer"] = [deaf]
        other = await site.second()
        task_id = await site.submit()
        [suspended] = await site.of(AgentSuspended)
        assert (suspended.agent_id, suspended.cause, suspended.misses) == ("developer", "silent", 3)
        assert [one.run_id for one in suspended.runs] == [f"{task_id}.1"]
        [over] = await site.of(TaskHandedOver)
        assert (over.from_agent, over.agent_id, over.run_id) == ("developer", other, f"{task_id}.1")
        assert over.reason == f"developer {suspended.reason}; the work went to {other}"
        await site.of(TaskCompleted)
        [back] = await site.of(AgentReadmitted)
        assert back.agent_id == "developer"

        card = await site.card(task_id)
        assert (card.state, card.assigned_agent, card.handed_over) == ("done", other, over.reason)
        assert [(one.agent_id, one.state) for one in card.runs] == [(other, "succeeded")]
        reasons = [one.reason for one in (await site.read(lambda rows: why(rows, task_id))).decisions]
        assert any(over.reason in one for one in reasons)
        assert (await site.agent_state("developer")).state == "idle"
        await check_done_once(site, [task_id])


async def test_who_was_suspended_and_readmitted_stands_in_the_audit_with_the_misses(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.ways["developer"] = [deaf]
        await site.second()
        await site.submit()
        await site.of(AgentReadmitted)
        of_agent = views.AuditFilter(resource="agent:developer")
        told = [one.details for one in await site.read(lambda rows: entries(rows, of_agent))]
        assert any("suspended: it did not answer" in one and "3 heartbeats missed" in one for one in told)
        assert any(one.startswith("readmitted after") for one in told)


async def test_while_it_is_out_it_is_offline_with_the_reason_and_gets_no_work(tmp_path: Path) -> None:
    async with open_site(tmp_path, agent_start_s=0.2) as site:
        # It does not answer at its next start either, so that it stays out.
        site.ways["developer"] = [deaf] * 100
        other = await site.second()
        first = await site.submit()
        [suspended] = await site.of(AgentSuspended)
        state = await site.agent_state("developer")
        assert (state.state, state.reason) == ("offline", suspended.reason)
        second = await site.submit()
        await site.of(TaskCompleted, 2)
        assert {(await site.card(one)).assigned_agent for one in (first, second)} == {other}


async def test_where_there_is_no_other_the_agent_is_started_anew_and_goes_on_with_its_own_work(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.ways["developer"] = [deaf]
        task_id = await site.submit()
        [over] = await site.of(TaskHandedOver)
        assert (over.from_agent, over.agent_id) == ("developer", "developer")
        await site.of(TaskCompleted)
        assert site.started.count("developer") == 2
        await check_done_once(site, [task_id])


async def test_until_it_is_back_the_card_says_what_its_work_waits_for(tmp_path: Path) -> None:
    async with open_site(tmp_path, agent_start_s=0.2) as site:
        site.limits = LIMITS
        routers: list[Frozen] = []

        def frozen(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
            routers.append(Frozen(runtime.ref(Address("router")), 1))
            return site.agent(address, runtime, router=routers[-1])

        site.ways["developer"] = [frozen, *[deaf] * 100]
        task_id = await site.submit()
        [suspended] = await site.of(AgentSuspended)
        waiting = (await site.card(task_id)).waiting
        assert waiting is not None
        assert waiting.reason == "paused"
        assert f"developer {suspended.reason}" in waiting.remedy
        site.ways["developer"].clear()
        await site.of(TaskCompleted)
        assert (await site.card(task_id)).waiting is None


async def test_a_stuck_agent_is_replaced_and_what_was_recorded_is_not_asked_again(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.limits = LIMITS
        site.ways["developer"] = [
            lambda site, address, runtime: site.agent(
                address, runtime, router=Frozen(runtime.ref(Address("router")), 1)
            )
        ]
        other = await site.second()
        task_id = await site.submit()
        [suspended] = await site.of(AgentSuspended)
        assert suspended.cause == "stuck"
        assert suspended.reason.startswith("did not advance for")
        [held] = suspended.runs
        assert (held.doing, held.name, held.stuck) == ("model", f"{task_id}.1/1", True)
        [taken] = await site.of(RunTakenOver)
        assert (taken.from_agent, taken.agent_id) == ("developer", other)
        await site.of(TaskCompleted)
        await check_done_once(site, [task_id])
        # What was held for the second step and never sent was given back, and cost nothing.
        assert [one for one in await site.events() if isinstance(one.event, SpendUnknown)] == []


async def test_an_agent_that_comes_back_late_finds_its_run_with_another_and_leaves_it_alone(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.limits = LIMITS
        routers: list[Frozen] = []
        old: list[Agent] = []

        def cut_off(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
            routers.append(Frozen(runtime.ref(Address("router")), 1))
            agent = site.agent(address, runtime, router=routers[0])
            agent.__class__ = Unstoppable
            old.append(agent)
            return agent

        slow: list[Frozen] = []

        def waits(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
            slow.append(Frozen(runtime.ref(Address("router")), 0))
            return site.agent(address, runtime, router=slow[0])

        other = await site.second()
        site.ways = {"developer": [cut_off], other: [waits]}
        task_id = await site.submit()
        await site.of(RunTakenOver)
        # It goes on as if nothing had been, while the other is in the middle of the run.
        routers[0].thaw.set()

        async with asyncio.timeout(DEADLINE_S):
            while (await old[0].health())["runs"]:
                await asyncio.sleep(0)
        slow[0].thaw.set()
        [done] = await site.of(RunSucceeded)
        assert done.agent_id == other
        await site.of(TaskCompleted)
        await check_done_once(site, [task_id])


async def test_a_call_that_never_returns_is_given_up_booked_at_its_worst_case_and_asked_anew(tmp_path: Path) -> None:
    with FakeVendors() as vendors:
        environ = vendors.environ(Provider.OPENAI)
        async with open_site(tmp_path, environ, rehearsal_steps=None, call_timeout_s=600) as site:
            # The first call takes what it takes to load a vendor's SDK.
            site.limits = StepLimits(model_s=5, tool_s=1, other_s=30)
            other = await site.second()
            with vendors.hold() as gate:
                task_id = await site.submit()
                await asyncio.to_thread(gate.wait_for, 1)
                [lost] = await site.of(ModelCallLost)
            [suspended] = await site.of(AgentSuspended)
            assert suspended.runs[0].name == lost.call_id
            [unknown] = await site.of(SpendUnknown)
            assert (unknown.call_id, unknown.attempt) == (lost.call_id, lost.attempt)
            await site.of(TaskCompleted)
            assert (await site.card(task_id)).assigned_agent == other
            await check_done_once(site, [task_id])
            log = await site.events()
            reserved = [one.event for one in log if isinstance(one.event, SpendReserved)]
            assert [one.attempt for one in reserved if one.call_id == lost.call_id] == [1, 2]
            assert {one.charge.agent_id for one in reserved if one.attempt == 2} == {other}


async def test_a_drained_agent_ends_what_it_has_and_gets_nothing_new(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        routers: list[Frozen] = []

        def held(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
            routers.append(Frozen(runtime.ref(Address("router")), 0))
            return site.agent(address, runtime, router=routers[-1])

        site.ways["developer"] = [held]
        first = await site.submit("First")
        await site.of(TaskAssigned)
        await site.people.dispatch(site.origin(), DrainAgent(reason="new machine"), "developer")
        second = await site.submit("Second")
        state = await site.agent_state("developer")
        assert (state.state, state.running, state.reason) == ("draining", 1, "new machine")
        await passed(lambda: bool(routers))
        routers[0].thaw.set()
        await site.of(TaskCompleted)
        assert (await site.card(first)).assigned_agent == "developer"
        assert (await site.agent_state("developer")).state == "disabled"
        # Enabled again, it takes what waited.
        assert (await site.card(second)).state == "todo"
        await site.people.dispatch(site.origin(), EditAgent(enabled=True), "developer")
        await site.of(TaskCompleted, 2)


async def test_what_a_drained_agent_has_not_ended_within_the_limit_goes_to_another(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.ways["developer"] = [
            lambda site, address, runtime: site.agent(
                address, runtime, router=Frozen(runtime.ref(Address("router")), 1)
            )
        ]
        task_id = await site.submit()
        await site.of(ModelCalled)
        other = await site.second()
        await site.people.dispatch(site.origin(), DrainAgent(limit_s=0), "developer")
        [over] = await site.of(TaskHandedOver)
        assert over.reason == f"developer was drained, and had 0 s to end what it had; the work went to {other}"
        await site.of(TaskCompleted)
        assert (await site.agent_state("developer")).state == "disabled"
        await check_done_once(site, [task_id])
        assert [one for one in await site.events() if isinstance(one.event, AgentSuspended)] == []


async def test_a_limit_of_runs_that_a_person_set_holds_and_the_card_says_why_it_waits(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        routers: list[Frozen] = []

        def held(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
            routers.append(Frozen(runtime.ref(Address("router")), 0))
            return site.agent(address, runtime, router=routers[-1])

        site.ways["developer"] = [held]
        await site.people.dispatch(site.origin(), ChangeSettings(most_runs_of={"developer": 1}))
        first, second = await site.submit("First"), await site.submit("Second")
        other = await site.submit("Other", role="tester", task_type="unit-test")
        [waiting] = await site.of(TaskWaiting)
        assert (waiting.task_id, waiting.reason) == (second, "paused")
        assert "The role developer has 1 runs at once" in waiting.remedy
        await site.of(TaskCompleted)
        assert (await site.card(other)).state == "done"
        await passed(lambda: bool(routers))
        routers[0].thaw.set()
        await site.of(TaskCompleted, 3)
        assert {(await site.card(one)).state for one in (first, second)} == {"done"}


async def test_a_run_that_stops_every_agent_ends_as_failed_and_says_nothing_about_them(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.limits = LIMITS
        other = await site.second()

        def always(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
            return site.agent(address, runtime, router=Frozen(runtime.ref(Address("router")), 0))

        site.ways = {"developer": [always] * 20, other: [always] * 20}
        await site.submit()
        [failed] = await site.of(RunFailed)
        assert not failed.counts
        assert "no agent could bring it forward" in failed.reason
        assert len(await site.of(TaskHandedOver, 4)) == 4


async def test_an_agent_that_waits_for_a_provider_or_a_person_is_left_alone(tmp_path: Path) -> None:
    with FakeVendors() as vendors:
        environ = vendors.environ(Provider.OPENAI)
        async with open_site(tmp_path, environ, rehearsal_steps=None) as site:
            site.limits = LIMITS
            asked = [0]

            class Counting(Agent):
                async def pulse(self, run_ids: Sequence[str]) -> tuple[Pulse, ...]:
                    asked[0] += 1
                    told = await super().pulse(run_ids)
                    assert all(one.limit_s is None for one in told if asked[0] > 3)
                    return told

            def counted(site: LifeSite, address: Address, runtime: Runtime) -> Actor:
                agent = site.agent(address, runtime)
                agent.__class__ = Counting
                return agent

            site.ways["developer"] = [counted]
            await site.system.budgets(WORKSPACE).set_budget(
                site.origin(), "workspace", WORKSPACE, SetBudget(monthly_limit_cents=0)
            )
            task_id = await site.submit()
            async with asyncio.timeout(DEADLINE_S):
                while (await site.card(task_id)).waiting is None:
                    await asyncio.sleep(0.05)
            async with asyncio.timeout(DEADLINE_S):
                while asked[0] < 10:
                    await asyncio.sleep(0.05)
            assert [one for one in await site.events() if isinstance(one.event, AgentSuspended)] == []
