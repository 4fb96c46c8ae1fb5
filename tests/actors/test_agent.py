from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.agent import Agent
from actors.agent.means import RUN_FOLD
from actors.agent.prompts import run_started
from actors.budget_manager import BudgetManager
from actors.llm_router import LLMRouter
from actors.log_writer import LogWriter
from actors.messages import Assignment, Call, CallOutcome, NoProvider, Settled, Unanswerable
from events import Recorded
from events.budget import BudgetSet, SpendReleased, SpendUnknown
from events.content import Content
from events.ids import PROVIDERS, BoardType, Provider, Review, WaitReason, project_stream, run_stream
from events.project import ProjectCreated, ProjectEdited
from events.routing import ProviderSelected
from events.run import (
    ArtifactRecorded,
    ModelCalled,
    ModelCallFailed,
    ModelCallLost,
    ModelCallWithdrawn,
    RunCancelled,
    RunContinued,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunWaiting,
)
from tests.actors.kit import (
    WORKSPACE,
    Line,
    ScriptedClient,
    everything,
    ledger_of,
    log_writer,
    manager,
    of_kind,
    passed,
    seen,
)
from tests.waiting import DEADLINE_S
from vapora.catalog import ROLE_IDS, role
from vapora.clock import now
from vapora.commands import SetBudget
from vapora.domain.audit import violations
from vapora.domain.model_quality import Evidence
from vapora.domain.pricing import PriceBook
from vapora.domain.task import Task
from vapora.errors import NotFoundError, UnavailableError
from vapora.llm.catalogue import catalogue
from vapora.log.client import LogClient
from vapora.log.folds import StreamFolds
from vapora.ports import LogWriterPort, Origin
from vapora.records import Batch

RUN = run_stream("task-1.1")
ENDS = (RunSucceeded, RunFailed, RunCancelled)


ROLE = role("architect")  # it has three steps


def assignment(role_id: str = "architect") -> Assignment:
    task = Task(
        id="task-1",
        project_id="p",
        title="Do it",
        description="All of it.",
        type=BoardType.FEATURE,
        task_type=role(role_id).task_types[0],
        task_type_reason="",
        role=None,
        priority=50,
        review=Review.NONE,
        deadline=None,
        context={},
        blocked_by=(),
    )
    return Assignment("task-1.1", role_id, role_id, task, Origin(WORKSPACE, f"agent:{role_id}", "cor-7", 3))


class InlineTexts:
    """Texts stand in their events."""

    def content(self, text: str) -> Content:
        return Content(text=text, size=len(text.encode()))

    def text(self, content: Content) -> str:
        if content.text is None:
            raise NotFoundError("no such text")
        return content.text


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def log_of(port: LogWriterPort) -> LogClient:
    return LogClient(port, WORKSPACE)


@dataclass
class Actors:
    """What one process holds; `port` is its way to the log."""

    port: LogWriterPort
    clients: dict[Provider, ScriptedClient]
    money: BudgetManager = field(init=False)
    budget_watch: Any = None  # the router's way to the money, if it is another one
    router: LLMRouter = field(init=False)
    agents: list[Agent] = field(default_factory=list)

    async def start(self) -> None:
        self.money = manager(log_of(self.port), now, patience_s=0.05)
        await self.money.start()
        self.router = self.new_router()

    def new_router(self) -> LLMRouter:
        return LLMRouter(
            self.clients,
            money=lambda _: self.budget_watch or self.money,
            keep=lambda _, text: Content(text=text, size=len(text)),
            clock=now,
            catalogue=catalogue(),
            prices=PriceBook(),
            timeout_s=30,
            margin_s=60,
        )

    def agent(self, router: Any = None, snapshots: Path | None = None, **more: Any) -> Agent:
        log = log_of(self.port)
        made = Agent("architect", log, router or self.router, self.money, role, InlineTexts(), now, snapshots, **more)
        self.agents.append(made)
        return made

    async def kill(self) -> None:
        """As if the process were gone: nothing that it had in hand goes on."""
        for agent in self.agents:
            await agent.stop()
        await self.money.stop()


@asynccontextmanager
async def open_system(*providers: Provider) -> AsyncIterator[tuple[Actors, LogClient, LogWriter]]:
    async with log_writer(now) as writer:
        system = Actors(writer, {one: ScriptedClient(one) for one in providers or PROVIDERS})
        await system.start()
        yield system, log_of(writer), writer
        await system.kill()


async def _idle(agent: Agent) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await agent.health())["runs"]:
            await asyncio.sleep(0)


async def events_of_run(log: LogClient) -> list[Recorded]:
    return await log.read(RUN)


@pytest.mark.parametrize("role_id", ROLE_IDS)
async def test_each_of_the_twelve_works_through_its_steps_and_leaves_its_artifact(role_id: str) -> None:
    async with open_system() as (system, log, _):
        await system.agent().perform([assignment(role_id)])
        await seen(log, RunSucceeded)
        manifest = role(role_id)
        [begun] = await of_kind(log, RunStarted)
        answers = await of_kind(log, ModelCalled)
        [artifact] = await of_kind(log, ArtifactRecorded)
        assert begun.steps == tuple(step.name for step in manifest.steps)
        assert [one.step for one in answers] == list(range(len(manifest.steps)))
        assert (artifact.name, artifact.kind, artifact.content) == (
            manifest.artifact.name,
            manifest.artifact.kind,
            answers[-1].answer,
        )
        recorded = await everything(log)
        assert {one.correlation for one in recorded} == {"cor-7"}
        assert not (await ledger_of(log)).open
        asked = [request for client in system.clients.values() for request in client.requests]
        assert all(request.system == manifest.prompt for request in asked)
        last = max(asked, key=lambda request: len(request.messages))
        assert [message.role for message in last.messages[:2]] == ["user", "assistant"][: len(last.messages)]


async def test_a_run_costs_one_append_to_begin_and_one_a_step_and_one_to_end_where_its_card_is_not_known() -> None:
    async with open_system() as (system, log, _):
        await system.agent().perform([assignment("architect")])
        await seen(log, RunSucceeded)
        appends = {one.request_id for one in await everything(log)}
        assert len(appends) == _APPENDS


async def test_the_same_assignment_again_does_not_start_a_second_run() -> None:
    async with open_system() as (system, log, _):
        agent = system.agent()
        await agent.perform([assignment(), assignment()])
        await agent.perform([assignment()])
        await seen(log, RunSucceeded)
        await agent.perform([assignment()])
        await _idle(agent)
        assert len(await of_kind(log, RunSucceeded)) == len(await of_kind(log, RunStarted)) == 1


_APPENDS = 2 + len(ROLE.steps)


@pytest.mark.parametrize("killed_after", range(1, _APPENDS + 1))
async def test_a_run_killed_after_any_append_goes_on_behind_its_last_answer(killed_after: int) -> None:
    """The process dies when the append stands, before anybody in it knows."""
    async with log_writer(now) as writer:
        log, clients = log_of(writer), {Provider.ANTHROPIC: ScriptedClient(Provider.ANTHROPIC)}
        line = Line(writer)
        line.dies_after = killed_after
        first = Actors(line, clients)
        await first.start()
        await first.agent().perform([assignment()])
        await line.dead.wait()
        await first.kill()
        answered = len(await of_kind(log, ModelCalled))
        asked = len(clients[Provider.ANTHROPIC].requests)
        assert asked == answered

        second = Actors(writer, clients)
        await second.start()
        await second.agent().perform([assignment()])
        if killed_after < _APPENDS:
            await seen(log, RunSucceeded)
        await _check_ended_well(log, clients[Provider.ANTHROPIC])
        await second.kill()


@pytest.mark.parametrize("killed_in", range(len(ROLE.steps)))
async def test_a_run_killed_during_a_call_books_the_lost_answer_and_asks_anew(killed_in: int) -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        client = system.clients[Provider.ANTHROPIC]
        first = Actors(system.port, {Provider.ANTHROPIC: ScriptedClient(Provider.ANTHROPIC)})
        await first.start()
        dying = first.clients[Provider.ANTHROPIC]
        dying.answers = killed_in
        await first.agent().perform([assignment()])
        await dying.asked(killed_in + 1)
        await first.kill()
        await system.agent().perform([assignment()])
        await seen(log, RunSucceeded)
        [lost] = await of_kind(log, ModelCallLost)
        [booked] = await of_kind(log, SpendUnknown)
        assert (lost.call_id, lost.step) == (booked.call_id, killed_in)
        await _check_ended_well(log, client)


async def _check_ended_well(log: LogClient, client: ScriptedClient) -> None:
    recorded = await everything(log)
    assert sum(isinstance(one.event, ENDS) for one in recorded) == 1
    answers = await of_kind(log, ModelCalled)
    assert [one.step for one in answers] == list(range(len(ROLE.steps)))
    assert not (await ledger_of(log)).open
    assert not violations(recorded, WORKSPACE)
    lost = await of_kind(log, ModelCallLost)
    assert {(one.call_id, one.attempt) for one in lost} == {
        (one.call_id, one.attempt) for one in await of_kind(log, SpendUnknown)
    }
    # What was recorded is never asked again.
    lengths = [len(request.messages) for request in client.requests]
    assert len(set(lengths)) == len(lengths)


async def test_a_call_whose_reservation_expired_before_the_run_resumed_is_marked_as_lost_all_the_same() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        first = Actors(system.port, {Provider.ANTHROPIC: ScriptedClient(Provider.ANTHROPIC)})
        await first.start()
        first.clients[Provider.ANTHROPIC].gate.clear()
        await first.agent().perform([assignment()])
        await first.clients[Provider.ANTHROPIC].asked(1)
        await first.kill()
        again = manager(log, lambda: now() + timedelta(hours=1))
        await again.start()
        await seen(log, SpendUnknown)
        await again.stop()
        system.money = manager(log, now)
        await system.money.start()
        await system.agent().perform([assignment()])
        await seen(log, RunSucceeded)
        assert len(await of_kind(log, ModelCallLost)) == len(await of_kind(log, SpendUnknown)) == 1


async def test_an_agent_that_is_replaced_during_a_call_joins_it() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        client = system.clients[Provider.ANTHROPIC]
        client.gate.clear()
        first, second = system.agent(), system.agent()
        await first.perform([assignment()])
        await client.asked(1)
        await first.stop()
        await second.perform([assignment()])
        client.gate.set()
        await seen(log, RunSucceeded)
        assert not await of_kind(log, ModelCallLost)
        assert len(client.requests) == len(ROLE.steps)


class _LateReplies:
    """Money whose reply to the first settlement is withheld until `gate` opens, though it is settled."""

    def __init__(self, money: BudgetManager) -> None:
        self._money = money
        self._first = True
        self.gate = asyncio.Event()

    async def settle(self, *asked: Any) -> Settled:
        first, self._first = self._first, False
        settled = await self._money.settle(*asked)
        if first:
            await self.gate.wait()
        return settled

    def __getattr__(self, method: str) -> Any:
        return getattr(self._money, method)


async def test_an_agent_that_is_replaced_while_its_answer_is_recorded_uses_what_is_held_for_the_next_step() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        money = _LateReplies(system.money)
        system.budget_watch = money
        first, second = system.agent(), system.agent()
        await first.perform([assignment()])
        await seen(log, ModelCalled)
        await first.stop()
        await second.perform([assignment()])
        await seen(log, RunSucceeded)
        money.gate.set()
        assert not await of_kind(log, ModelCallLost)
        assert not await of_kind(log, SpendUnknown)
        assert len(system.clients[Provider.ANTHROPIC].requests) == len(ROLE.steps)


class _Restarting:
    """A router that is another one, which knows nothing, as soon as the first answer has come. `then` is done first."""

    def __init__(self, system: Actors, then: Callable[[], Awaitable[None]] | None = None) -> None:
        self._system = system
        self._router = system.router
        self._then = then

    async def complete(self, call: Call) -> CallOutcome:
        outcome = await self._router.complete(call)
        if self._router is self._system.router:
            self._router = self._system.new_router()
            if self._then is not None:
                await self._then()
        return outcome

    def __getattr__(self, method: str) -> Any:
        return getattr(self._router, method)


async def test_what_a_router_held_before_it_was_restarted_is_booked_and_the_step_is_asked_anew() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        await system.agent(_Restarting(system)).perform([assignment()])
        await seen(log, RunSucceeded)
        assert len(await of_kind(log, ModelCallLost)) == 1
        await _check_ended_well(log, system.clients[Provider.ANTHROPIC])


async def test_what_a_router_held_before_it_was_restarted_is_booked_where_the_run_is_cancelled() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        agent = system.agent(_Restarting(system, lambda: agent.cancel(assignment(), "recalled")))
        await agent.perform([assignment()])
        await seen(log, RunCancelled)
        assert len(await of_kind(log, ModelCalled)) == 1
        assert len(await of_kind(log, SpendUnknown)) == len(await of_kind(log, ModelCallLost)) == 1
        assert not (await ledger_of(log)).open


async def test_a_log_that_is_away_for_a_moment_only_delays_the_run() -> None:
    async with log_writer(now) as writer:
        line = Line(writer)
        line.cut.extend(["after", "", "before"])
        system = Actors(line, {Provider.OLLAMA: ScriptedClient(Provider.OLLAMA)})
        await system.start()
        await system.agent().perform([assignment()])
        await seen(log_of(writer), RunSucceeded)
        assert len(await of_kind(log_of(writer), RunStarted)) == 1
        await system.kill()


async def test_a_run_that_waited_many_thousand_times_goes_on_from_what_was_saved_of_it(tmp_path: Path) -> None:
    async with open_system() as (system, log, _):
        run_id, origin = assignment().run_id, assignment().origin
        begun = run_started(assignment(), tuple(step.name for step in ROLE.steps), False)
        await log.append(origin, (RUN, 0, [begun]))
        wait = RunWaiting(run_id=run_id, task_id="task-1", reason=WaitReason.PROVIDER, remedy="Wait.")
        told = [wait, RunContinued(run_id=run_id, task_id="task-1")] * 1_000
        for version in range(1, 12_001, 2_000):
            await log.append(origin, (RUN, version, told))
        folds = StreamFolds(log, RUN_FOLD, tmp_path)
        await folds.load(RUN)
        await folds.settled()
        assert [name[:4] for name in names(tmp_path)] == ["run-"]
        agent = system.agent(snapshots=tmp_path)
        await agent.perform([assignment()])
        await seen(log, RunSucceeded)
        recorded = await log.read(RUN, 12_001)
        assert [one.version for one in recorded] == list(range(12_002, 12_002 + len(recorded)))
        assert len([one for one in recorded if isinstance(one.event, ModelCalled)]) == len(ROLE.steps)


class Watched(Line):
    """Says from which position on the agent looks for a limit that is set."""

    def __init__(self, writer: LogWriterPort) -> None:
        super().__init__(writer)
        self.looking: list[int] = []

    async def poll(self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: Sequence[str] = ()) -> Batch:
        if tuple(topics) == (BudgetSet.TOPIC,):
            self.looking.append(after)
        return await super().poll(after, limit, timeout_s, topics)


async def test_a_run_without_budget_says_so_once_and_goes_on_when_the_limit_is_raised() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, writer):
        system.port = port = Watched(writer)
        origin = assignment().origin
        await system.money.set_budget(origin, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=0))
        await system.agent().perform([assignment()])
        [waiting] = await seen(log, RunWaiting)
        assert isinstance(waiting.event, RunWaiting)
        assert waiting.event.reason is WaitReason.BUDGET
        # It has been refused again since, and now waits for nothing but a limit. The first one does not help.
        await passed(lambda: len(port.looking) == 1)
        await system.money.set_budget(origin, "role", "tester", SetBudget(monthly_limit_cents=7))
        await passed(lambda: len(port.looking) == 2)
        await system.money.set_budget(origin, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=900))
        # By itself it would ask again when the month is over.
        await seen(log, RunSucceeded)
        assert len(await of_kind(log, RunWaiting)) == len(await of_kind(log, RunContinued)) == 1


async def test_a_run_whose_room_others_hold_goes_on_when_they_are_done() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        client = system.clients[Provider.ANTHROPIC]
        client.gate.clear()
        agent = system.agent()
        await agent.perform([assignment()])
        await client.asked(1)
        origin = assignment().origin
        [held] = (await ledger_of(log)).open.values()
        limit = SetBudget(monthly_limit_cents=held.amount_microusd // 10_000 + 2)
        await system.money.set_budget(origin, "workspace", WORKSPACE, limit)
        other = assignment()
        other = Assignment("task-2.1", other.agent_id, other.role, _renamed(other.task), origin)
        await agent.perform([other])
        [waiting] = await seen(log, RunWaiting)
        assert "waits its turn" in waiting.event.remedy  # type: ignore[attr-defined]
        await system.money.set_budget(origin, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=900))
        client.gate.set()
        await seen(log, RunSucceeded, 2)


def _renamed(task: Task) -> Task:
    return replace(task, id="task-2")


class _Grudging:
    """A router that says no a number of times before it lets a call through to the real one."""

    def __init__(self, router: LLMRouter, *noes: Any) -> None:
        self._router = router
        self._noes = list(noes)
        self.asked = 0

    async def complete(self, call: Call) -> CallOutcome:
        self.asked += 1
        if self._noes:
            said = self._noes.pop(0)
            if isinstance(said, Exception):
                raise said
            made: CallOutcome = said()
            return made
        return await self._router.complete(call)

    async def attach(self, call_id: str) -> CallOutcome | bool:
        return await self._router.attach(call_id)

    async def drop(self, origin: Origin, call_id: str) -> bool:
        return await self._router.drop(origin, call_id)

    async def is_simulated(self, workspace: str) -> bool:
        return False


def _nobody(seconds: float) -> Any:
    return lambda: NoProvider((), "Nobody answers.", now() + timedelta(seconds=seconds))


async def test_a_run_without_a_provider_says_so_once_and_tries_again_by_itself() -> None:
    async with open_system() as (system, log, _):
        router = _Grudging(system.router, _nobody(0.02), _nobody(0.02), _nobody(0))
        await system.agent(router).perform([assignment()])
        await seen(log, RunSucceeded)
        [waiting] = await of_kind(log, RunWaiting)
        assert (waiting.reason, waiting.remedy) == (WaitReason.PROVIDER, "Nobody answers.")
        assert len(await of_kind(log, RunContinued)) == 1


async def test_a_run_that_no_model_can_do_fails_without_blaming_the_agent() -> None:
    async with open_system() as (system, log, _):
        router = _Grudging(system.router, lambda: Unanswerable((), "too long for all"))
        await system.agent(router).perform([assignment()])
        [ended] = await seen(log, RunFailed)
        assert isinstance(ended.event, RunFailed)
        assert (ended.event.reason, ended.event.counts) == ("too long for all", False)


@pytest.mark.parametrize("error", [UnavailableError("restarting"), KeyError("bug")])
async def test_what_passes_is_tried_again_and_what_does_not_ends_the_run(error: Exception) -> None:
    async with open_system() as (system, log, _):
        await system.agent(_Grudging(system.router, error)).perform([assignment()])
        [ended] = await seen(log, RunSucceeded if isinstance(error, UnavailableError) else RunFailed)
        assert ended.stream == RUN


async def test_a_role_that_is_gone_fails_the_run_instead_of_leaving_it_to_wait_for_ever() -> None:
    async with open_system() as (system, log, _):
        lost = assignment()
        await system.agent().perform([Assignment(lost.run_id, lost.agent_id, "wizard", lost.task, lost.origin)])
        [ended] = await seen(log, RunFailed)
        assert "no role 'wizard'" in ended.event.reason  # type: ignore[attr-defined]
        assert [one.topic for one in await events_of_run(log)] == ["run.started", "run.failed"]


async def test_a_run_cancelled_before_it_began_is_recorded_as_such() -> None:
    async with open_system() as (system, log, _):
        await system.agent().cancel(assignment(), "recalled")
        await seen(log, RunCancelled)
        assert [one.topic for one in await events_of_run(log)] == ["run.started", "run.cancelled"]
        assert not any(client.requests for client in system.clients.values())


@pytest.mark.parametrize("why", ["budget", "provider"])
async def test_a_run_cancelled_while_it_waits_ends_at_once(why: str) -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        router: Any = system.router
        if why == "budget":
            command = SetBudget(monthly_limit_cents=0)
            await system.money.set_budget(assignment().origin, "workspace", WORKSPACE, command)
        else:
            router = _Grudging(system.router, _nobody(3_600))
        agent = system.agent(router)
        await agent.perform([assignment()])
        await seen(log, RunWaiting)
        await agent.cancel(assignment(), "recalled")
        [ended] = await seen(log, RunCancelled, timeout_s=8)  # sooner than by the end of its poll
        assert ended.event.reason == "recalled"  # type: ignore[attr-defined]


async def test_a_run_cancelled_during_a_call_keeps_the_answer_it_paid_for_and_gives_the_next_ones_money_back() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        client = system.clients[Provider.ANTHROPIC]
        client.gate.clear()
        agent = system.agent()
        await agent.perform([assignment()])
        await client.asked(1)
        await agent.cancel(assignment(), "recalled")
        assert not await of_kind(log, RunCancelled)
        client.gate.set()
        await seen(log, RunCancelled)
        assert len(await of_kind(log, ModelCalled)) == 1
        assert [one.reason for one in await of_kind(log, SpendReleased)] == ["never sent"]
        assert not (await ledger_of(log)).open
        assert not await of_kind(log, ModelCallFailed)
        await agent.cancel(assignment(), "recalled")
        await agent.perform([assignment()])
        await _idle(agent)
        assert sum(isinstance(one.event, ENDS) for one in await everything(log)) == 1


@pytest.mark.parametrize("name", ["gpt-6.1-terra", "openai/gpt-6.1-terra"])
async def test_the_model_that_a_person_chose_answers_every_step(name: str) -> None:
    async with open_system() as (system, log, _):
        await system.agent().perform([replace(assignment(), model=name)])
        await seen(log, RunSucceeded)
        assert {(one.provider, one.model) for one in await of_kind(log, ModelCalled)} == {("openai", "gpt-6.1-terra")}
        [begun] = await of_kind(log, RunStarted)
        assert begun.model == name


async def test_where_quality_is_learned_the_better_model_answers_and_the_log_says_of_how_many_runs() -> None:
    asked: list[tuple[str, bool]] = []

    def evidence(task_type: str, simulated: bool) -> tuple[Evidence, ...]:
        asked.append((task_type, simulated))
        return (Evidence("anthropic/claude-opus-5-5", 40, 4.0), Evidence("openai/gpt-6.1-terra", 40, 40.0))

    async with open_system() as (system, log, _):
        await system.agent(evidence=evidence).perform([assignment()])
        await seen(log, RunSucceeded)
        assert {one.model for one in await of_kind(log, ModelCalled)} == {"gpt-6.1-terra"}
        choices = await of_kind(log, ProviderSelected)
        assert {one.policy for one in choices} == {"learned"}, "also of the step whose money was held ahead"
        [opus] = [one for one in choices[0].candidates if one.model == "claude-opus-5-5"]
        assert (opus.baseline, opus.runs, round(opus.quality, 2)) == (0.95, 40, 0.27)
        assert asked == [("architecture-design", False)], "once: no run changes its model for what others did meanwhile"


async def test_a_project_is_shown_to_the_providers_on_its_list_and_to_no_other() -> None:
    async with open_system(Provider.ANTHROPIC, Provider.OPENAI) as (system, log, _):
        created = ProjectCreated(project_id="p", name="P", providers=("openai",))
        await log.append(assignment().origin, (project_stream("p"), 0, [created]))
        await system.agent().perform([assignment()])
        await seen(log, RunSucceeded)
        assert not system.clients[Provider.ANTHROPIC].requests


async def test_a_provider_that_is_taken_off_the_list_gets_nothing_more_of_the_run() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        client = system.clients[Provider.ANTHROPIC]
        client.gate.clear()
        origin = assignment().origin
        await log.append(origin, (project_stream("p"), 0, [ProjectCreated(project_id="p", name="P")]))
        await system.agent().perform([assignment()])
        await client.asked(1)
        await log.append(origin, (project_stream("p"), 1, [ProjectEdited(project_id="p", providers=("ollama",))]))
        client.gate.set()
        [failed] = await seen(log, RunFailed)
        assert "the project is not shown to anthropic" in failed.event.reason  # type: ignore[attr-defined]
        assert len(client.requests) == 1
        assert not (await ledger_of(log)).open


async def test_a_run_that_is_paused_gives_the_money_held_ahead_back_and_goes_on_when_resumed() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        client = system.clients[Provider.ANTHROPIC]
        client.gate.clear()
        agent = system.agent()
        await agent.perform([assignment()])
        await client.asked(1)
        await agent.pause([assignment().run_id])
        client.gate.set()
        await seen(log, RunWaiting)
        assert not (await ledger_of(log)).open
        assert len(await of_kind(log, ModelCallWithdrawn)) == 1
        await agent.resume([assignment().run_id])
        await seen(log, RunSucceeded)
        assert len(client.requests) == len(ROLE.steps)
        assert not await of_kind(log, ModelCallLost)


async def test_a_run_that_is_assigned_while_paused_begins_when_it_is_resumed() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        agent = system.agent()
        await agent.perform([replace(assignment(), paused=True)])
        assert (await agent.health())["paused"] == [assignment().run_id]
        assert not await events_of_run(log)
        await agent.resume([assignment().run_id])
        await seen(log, RunSucceeded)
