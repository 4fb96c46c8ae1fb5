"""An agent: brings runs to their end, step by step, each step an event.

What is recorded is never asked for again: a run that was killed goes on behind its last answer and its last tool call.
Everything the agent knows stands in the run's stream, so it holds nothing that a crash could take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from actors.agent import taking_over, tool_calls
from actors.agent.beginning import begin
from actors.agent.code import next_of_code
from actors.agent.means import BudgetWatch, Means, PastWorkPort, Router, StepLimits, Texts, folds_of
from actors.agent.model_calls import ask_model, resolve
from actors.agent.permission import Permission
from actors.agent.prompts import run_started
from actors.agent.run_under_way import RunUnderWay
from actors.agent.waiting_for_money import FIRST_RETRY_S
from actors.follower import cancel
from actors.messages import Assignment
from actors.work_messages import WorkplacesPort
from vapora import journal
from vapora.agents.installed import Crew
from vapora.backoff import Backoff
from vapora.catalog import RoleManifest
from vapora.catalog.manifests import Artifact
from vapora.clock import Clock, Sleep
from vapora.domain import run as rules
from vapora.domain.cell import Rest, together
from vapora.domain.heartbeat import Pulse
from vapora.domain.model_quality import Evidence
from vapora.domain.next_step import Ask, Fail, Finish
from vapora.domain.run import Run
from vapora.domain.run_end import summary_of
from vapora.domain.work import AwaitAnswer, Continue, RunChecks, SetUp, UseTool, Wait, next_action
from vapora.errors import ConflictError, CorruptLogError, LogError, UnavailableError, VaporaError
from vapora.log.client import LogClient
from vapora.objects import Where
from vapora.observability import live
from vapora.ports import ToolGatewayPort
from vapora.trace_ids import run_span

_LONGEST_RETRY_S = 30.0
_REVIEW = Artifact(name="review.md", kind="review")


class Agent:
    """`texts` keeps what a run's events name. `workplaces`: where runs with a repository work. `snapshots`: where folds
    of long runs are saved. `rehearsal_steps`, `permission`, `gateway`: see `Means`; without the second
    the policies that ship."""

    def __init__(
        self,
        agent_id: str,
        log: LogClient,
        router: Router,
        budget_watch: BudgetWatch,
        roles: Callable[[str], RoleManifest],
        texts: Texts,
        clock: Clock,
        snapshots: Where | None = None,
        sleep: Sleep = asyncio.sleep,
        *,
        workplaces: WorkplacesPort | None = None,
        rehearsal_steps: int | None = None,
        permission: Permission | None = None,
        limits: StepLimits | None = None,
        gateway: ToolGatewayPort | None = None,
        past_work: PastWorkPort | None = None,
        crew: Crew | None = None,
        evidence: Callable[[str, bool], tuple[Evidence, ...]] | None = None,
    ) -> None:
        runs, projects, tool_servers = folds_of(log, snapshots)
        self._means = Means(
            log,
            runs,
            projects,
            tool_servers,
            router,
            budget_watch,
            roles,
            texts,
            clock,
            sleep,
            workplaces,
            rehearsal_steps,
            permission or Permission(),
            past_work,
            limits or StepLimits(),
            gateway,
            crew or Crew(),
            evidence,
        )
        self._runs: dict[str, RunUnderWay] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._journal = structlog.get_logger(f"agent/{agent_id}")

    async def start(self) -> None:
        """Nothing to rebuild: the coordinator sends again what is assigned and not ended."""

    async def stop(self) -> None:
        for task in list(self._tasks.values()):
            await cancel(task)
        await self._means.folds.settled()
        await self._means.projects.settled()
        await self._means.tool_servers.settled()
        if self._means.past_work is not None:
            self._means.past_work.close()

    async def health(self) -> dict[str, Any]:
        paused = sorted(run_id for run_id, one in self._runs.items() if one.paused)
        return {"runs": sorted(self._tasks), "paused": paused}

    async def rest(self, run_ids: Sequence[str]) -> Rest:
        """Of these runs: at rest where each waits for a person, or for a moment."""
        if missing := [one for one in run_ids if one not in self._runs]:
            return Rest(f"{missing[0]} has not reached its agent yet")
        return together(self._runs[one].rest for one in run_ids)

    async def pulse(self, run_ids: Sequence[str]) -> tuple[Pulse, ...]:
        """How each of these runs is that it has; an answer at all says that it lives."""
        known = [self._runs[run_id] for run_id in run_ids if run_id in self._runs]
        return tuple(await asyncio.gather(*(one.pulse() for one in known)))

    async def let_go(self, run_ids: Sequence[str]) -> None:
        """Others go on with these runs: what is out for them is left to whoever asked last."""
        for run_id in run_ids:
            await cancel(self._tasks.get(run_id))

    async def perform(self, assignments: Sequence[Assignment]) -> None:
        """Bring these runs to their end; those that are under way already are left alone."""
        for assignment in assignments:
            if assignment.run_id not in self._runs:
                one = self._runs[assignment.run_id] = RunUnderWay(self._means, assignment)
                task = asyncio.create_task(self._perform(one), name=one.id)
                self._tasks[one.id] = task
                task.add_done_callback(self._performed)

    async def cancel(self, assignment: Assignment, reason: str) -> None:
        """End the run without a result. A call of a model that is out is waited for: its money is spent. A tool is
        ended."""
        await self.perform([assignment])
        self._runs[assignment.run_id].call_off(reason)

    async def pause(self, run_ids: Sequence[str]) -> None:
        """No new call of a model and no new tool goes out for these runs, until they are resumed. What is out comes to
        its end, and is recorded."""
        for run_id in run_ids:
            if run_id in self._runs:
                self._runs[run_id].pause()

    async def resume(self, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            if run_id in self._runs:
                self._runs[run_id].resume()

    # --- one run ---

    def _performed(self, task: asyncio.Task[None]) -> None:
        self._runs.pop(task.get_name(), None)
        self._tasks.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._journal.error("run left as it is until it is sent again", run=task.get_name(), error=repr(error))

    async def _perform(self, one: RunUnderWay) -> None:
        """Its lines in the journal name the run, and what it does belongs to the run's span."""
        given = one.assignment
        correlation = given.origin.correlation
        with (
            journal.bound(correlation=correlation, task=given.task.id, run=given.run_id),
            live.under(correlation, run_span(given.run_id)),
        ):
            await self._bring_to_end(one)

    async def _bring_to_end(self, one: RunUnderWay) -> None:
        try:
            await self._to_its_end(one)
        finally:
            if one.body is not None:
                one.body.close()

    async def _to_its_end(self, one: RunUnderWay) -> None:
        """Until the run has ended. What passes by itself is waited for; anything else ends the run as failed."""
        failure: str | None = None
        pauses = iter(Backoff(FIRST_RETRY_S, longest_s=_LONGEST_RETRY_S))
        while True:
            try:
                one.moved()
                run = await one.load()
                if taking_over.is_anothers(one, run):
                    self._journal.info("another agent has it now", run=one.id)
                    return
                if failure is None:
                    await one.equip(run)
                if run.ended is None:
                    run = await (self._go_on(one, run) if failure is None else self._fail(one, run, failure))
                if not taking_over.is_anothers(one, run):
                    await self._left(one, run)
                return
            except Exception as error:
                if _passes(error):
                    # Somebody was restarted, or recorded something for this run: look again at what stands.
                    self._journal.info("looking again", run=one.id, why=str(error))
                elif failure is None:
                    if isinstance(error, VaporaError):
                        self._journal.warning("run failed", run=one.id, why=str(error))
                    else:
                        self._journal.exception("run failed", run=one.id)
                    failure = f"{error}" or type(error).__name__
                    continue
                else:
                    raise
            await asyncio.sleep(next(pauses))

    async def _go_on(self, one: RunUnderWay, run: Run) -> Run:
        if run.started is None:
            run = await self._start(one, run)
        held = False  # the next call is chosen and paid for, and the router knows that it was not sent
        while run.ended is None and not taking_over.is_anothers(one, run):
            ours = taking_over.is_ours(one, run)
            gives_back = not ours or one.called_off is not None or one.paused
            if held and run.open_call is not None and gives_back:
                run, held = await self._give_back(one, run, run.open_call.call_id), False
            elif run.open_call is not None and not held:
                run, held = await resolve(one, run)
            elif not ours:
                run = await taking_over.take_over(one, run)
            elif one.called_off is not None:
                run = await one.end(run, rules.cancel(run, one.called_off))
            else:
                run, held = await self._act(one, run, held)
        return run

    async def _start(self, one: RunUnderWay, run: Run) -> Run:
        await one.until_resumed()
        with one.at("start", limit_s=self._means.limits.tool_s):
            return await (self._start_bare(one, run) if one.called_off is not None else begin(one, run))

    async def _start_bare(self, one: RunUnderWay, run: Run) -> Run:
        """For a run that ends before it has done anything."""
        begun = run_started(one.assignment, (), await self._means.router.is_simulated(one.assignment.origin.workspace))
        return one.begin(run, rules.start(run, begun))

    async def _give_back(self, one: RunUnderWay, run: Run, call_id: str) -> Run:
        """The next call is paid for, and does not go out now. Where what was held went with the router that held it,
        the call's outcome is unknown."""
        if one.called_off is not None and await self._means.router.drop(one.assignment.origin, call_id):
            return await one.end(run, rules.cancel(run, one.called_off))
        if one.called_off is None and await self._means.router.withdraw(call_id):
            return await one.load()
        return run

    async def _act(self, one: RunUnderWay, run: Run, held: bool) -> tuple[Run, bool]:
        """One action, and whether the call after it is paid for."""
        if one.by_code:
            run, action = await next_of_code(one, run)
        else:
            action = next_action(run, paused=one.paused)
        match action:
            case None:
                pass  # something came from outside: looked at next
            case Ask() as ask:
                return await ask_model(one, run, ask, held)
            case UseTool() as use:
                run = await tool_calls.use_tool(one, run, use)
            case SetUp():
                run = await tool_calls.set_up(one, run)
            case RunChecks() as checks:
                run = await tool_calls.run_checks(one, run, checks)
            case AwaitAnswer() as question:
                run = await tool_calls.await_answer(one, run, question)
            case Wait() as reason:
                run = await tool_calls.wait(one, run, reason)
            case Continue():
                run = await one.append(run, rules.resume(run))
            case Finish() as end:
                run = await self._finish(one, run, end)
            case Fail(reason=reason, counts=counts):
                run = await one.end(run, rules.fail(run, reason, counts=counts))
        return run, held

    async def _fail(self, one: RunUnderWay, run: Run, reason: str) -> Run:
        """It says nothing about the agent (R17): no model could answer, or something here is broken."""
        if run.started is None:
            run = await self._start_bare(one, run)
        return await one.end(run, rules.fail(run, reason, counts=False))

    async def _finish(self, one: RunUnderWay, run: Run, end: Finish) -> Run:
        text = await one.keep(end.text) if isinstance(end.text, str) else end.text
        artifact = _REVIEW if end.review is not None else one.manifest.artifact
        events = rules.succeed(
            run,
            artifact_name=artifact.name,
            artifact_kind=artifact.kind,
            text=text,
            summary=await one.reading(run, lambda: summary_of(one.text(text))),
            work=end.work,
            review=end.review,
        )
        return await one.end(run, events)

    async def _left(self, one: RunUnderWay, run: Run) -> None:
        if self._means.workplaces is not None and run.started is not None and run.started.workplace is not None:
            await self._means.workplaces.end(one.place)


def _passes(error: Exception) -> bool:
    """Whether trying again may do; what is damaged stays damaged."""
    return isinstance(error, UnavailableError | ConflictError | LogError) and not isinstance(error, CorruptLogError)
