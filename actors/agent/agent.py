"""An agent: brings runs to their end, step by step, each step an event.

What is recorded is never asked for again: a run that was killed goes on behind its last answer. Everything the agent
knows stands in the run's stream, so it holds nothing that a crash could take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog

from actors.agent.prompts import call_for, run_started, summary_of
from actors.follower import cancel
from actors.messages import Answered, Assignment, Call, CallOutcome, NoProvider, OutOfBudget
from events import DomainEvent
from events.budget import BudgetSet
from events.content import Content
from events.ids import WaitReason, run_stream
from events.run import ModelCalled
from vapora.catalog import RoleManifest
from vapora.clock import Clock, Sleep
from vapora.domain import run as rules
from vapora.domain.next_step import Ask, Fail, Finish, next_step, without_another
from vapora.domain.run import Run
from vapora.errors import ConflictError, CorruptLogError, LogError, UnavailableError
from vapora.log.client import LogClient
from vapora.log.folds import Fold, StreamFolds
from vapora.ports import Origin

_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 30.0
# Clocks may be set, and budgets turn by the calendar: no sleep is longer than this.
_LONGEST_SLEEP_S = 60.0
_POLL_S = 10.0
# A run that waits for a provider over a weekend tries, and tells of it, many thousand times.
_RUN = Fold("run", rules.FOLD_VERSION, Run, lambda run, event: rules.evolve(run or rules.initial(), event))

T = TypeVar("T")


class Router(Protocol):
    """What an agent asks of the router."""

    async def complete(self, call: Call) -> CallOutcome: ...
    async def attach(self, call_id: str) -> CallOutcome | bool: ...
    async def drop(self, origin: Origin, call_id: str) -> bool: ...
    async def is_simulated(self) -> bool: ...


class BudgetWatch(Protocol):
    """What an agent asks of the budget manager: to book the call whose answer a crash took."""

    async def book_unknown(self, origin: Origin, call_id: str, attempt: int, reason: str, along: Any = ()) -> int: ...


class Agent:
    """`text` reads the content that a run's events name. `snapshots`: where folds of long runs are saved."""

    def __init__(
        self,
        agent_id: str,
        log: LogClient,
        router: Router,
        budget_watch: BudgetWatch,
        roles: Callable[[str], RoleManifest],
        text: Callable[[Content], str],
        clock: Clock,
        snapshots: Path | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._id = agent_id
        self._log = log
        self._folds = StreamFolds(log, _RUN, snapshots)
        self._router = router
        self._budget_watch = budget_watch
        self._roles = roles
        self._text = text
        self._clock = clock
        self._sleep = sleep
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._cancelled: dict[str, str] = {}
        self._called_off: dict[str, asyncio.Event] = {}
        self._journal = structlog.get_logger(f"agent/{agent_id}")

    async def start(self) -> None:
        """Nothing to rebuild: the coordinator sends again what is assigned and not ended."""

    async def stop(self) -> None:
        for task in list(self._runs.values()):
            await cancel(task)
        await self._folds.settled()

    async def health(self) -> dict[str, Any]:
        return {"runs": sorted(self._runs)}

    async def perform(self, assignments: Sequence[Assignment]) -> None:
        """Bring these runs to their end; those that are under way already are left alone."""
        for assignment in assignments:
            if assignment.run_id not in self._runs:
                self._called_off[assignment.run_id] = asyncio.Event()
                task = asyncio.create_task(self._perform(assignment), name=assignment.run_id)
                self._runs[assignment.run_id] = task
                task.add_done_callback(self._performed)

    async def cancel(self, assignment: Assignment, reason: str) -> None:
        """End the run without a result. A call that is out is waited for: its money is spent."""
        self._cancelled[assignment.run_id] = reason
        await self.perform([assignment])
        self._called_off[assignment.run_id].set()

    # --- one run ---

    def _performed(self, task: asyncio.Task[None]) -> None:
        for known in (self._runs, self._cancelled, self._called_off):
            known.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._journal.error("run left as it is until it is sent again", run=task.get_name(), error=repr(error))

    async def _perform(self, assignment: Assignment) -> None:
        """Until the run has ended. What passes by itself is waited for; anything else ends the run as failed."""
        failure: str | None = None
        pause = _FIRST_RETRY_S
        while True:
            try:
                run = await self._load(assignment.run_id)
                if run.ended is None:
                    await (self._go_on(assignment, run) if failure is None else self._fail(assignment, run, failure))
                return
            except Exception as error:
                if _passes(error):
                    # Somebody was restarted, or recorded something for this run: look again at what stands.
                    self._journal.info("looking again", run=assignment.run_id, why=str(error))
                elif failure is None:
                    self._journal.exception("run failed", run=assignment.run_id)
                    failure = f"{error}" or type(error).__name__
                    continue
                else:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_RETRY_S)

    async def _go_on(self, assignment: Assignment, run: Run) -> None:
        manifest = self._roles(assignment.role)
        if run.started is None:
            run = await self._begin(assignment, run, tuple(step.name for step in manifest.steps))
        held = False  # the next call is chosen and paid for, and the router knows that it was not sent
        while run.ended is None:
            if run.open_call is not None and not held:
                run, held = await self._resolve(assignment, run)
            elif assignment.run_id in self._cancelled:
                if held and run.open_call is not None:
                    held = False
                    if not await self._router.drop(assignment.origin, run.open_call.call_id):
                        continue  # what was held went with the router that held it: its outcome is unknown
                reason = self._cancelled[assignment.run_id]
                run = await self._append(assignment, run, rules.cancel(run, reason))
            else:
                match next_step(run):
                    case Finish(work=work):
                        run = await self._finish(assignment, manifest, run, work)
                    case Fail(reason=reason, counts=counts):
                        run = await self._append(assignment, run, rules.fail(run, reason, counts=counts))
                    case Ask() as ask:
                        run, held = await self._step(assignment, manifest, run, ask, held)

    async def _step(
        self, assignment: Assignment, manifest: RoleManifest, run: Run, ask: Ask, held: bool
    ) -> tuple[Run, bool]:
        """Have the next step answered, or wait for what it lacks; whether the step after it is paid for.

        `held`: this step is.
        """
        # Taken before asking, so that a limit raised while the answer is "no" is not missed. Only once the card says
        # that it waits: until then the run asks again at once.
        seen = await self._log.head() if run.waiting else None
        call = await self._reading(run, lambda: call_for(assignment, manifest, run, ask, self._text, held=held))
        outcome = await self._router.complete(call)
        for event in outcome.events:
            run = rules.evolve(run, event)
        if isinstance(outcome, Answered):
            return run, outcome.held
        return await self._obstacle(assignment, run, outcome, seen), False

    async def _obstacle(self, assignment: Assignment, run: Run, outcome: CallOutcome, seen: int | None) -> Run:
        """Show what the run waits for, and wait; or end it if waiting is in vain."""
        if isinstance(next_step(run), Fail):
            return run
        refused = without_another(run)
        if refused is not None and not (isinstance(outcome, OutOfBudget) and outcome.contended):
            # The other model was a second chance, not something to wait for.
            return await self._append(assignment, run, rules.fail(run, refused.reason, counts=refused.counts))
        match outcome:
            case OutOfBudget(remedy=remedy, contended=contended, until=until):
                run = await self._append(assignment, run, rules.wait(run, WaitReason.BUDGET, remedy))
                if contended:
                    await self._unless_called_off(assignment, self._sleep(_FIRST_RETRY_S))
                elif seen is not None:
                    await self._until(assignment, until, seen)
            case NoProvider(remedy=remedy, retry_at=retry_at):
                run = await self._append(assignment, run, rules.wait(run, WaitReason.PROVIDER, remedy))
                await self._until(assignment, retry_at)
            case _:
                run = await self._fail(assignment, run, getattr(outcome, "reason", "no answer"))
        return run

    async def _until(self, assignment: Assignment, instant: datetime | None, seen: int | None = None) -> None:
        """Until `instant`, the run is called off, or, with `seen`, a limit was set after that position."""
        while assignment.run_id not in self._cancelled:
            left = _LONGEST_SLEEP_S if instant is None else (instant - self._clock()).total_seconds()
            if left <= 0:
                return
            if seen is None:
                await self._unless_called_off(assignment, self._sleep(min(left, _LONGEST_SLEEP_S)))
                continue
            polling = self._log.poll(seen, 1, min(left, _POLL_S), (BudgetSet.TOPIC,))
            polled = await self._unless_called_off(assignment, polling)
            if polled is None or polled.events:
                return
            seen = polled.position

    async def _unless_called_off(self, assignment: Assignment, waiting: Coroutine[Any, Any, Any]) -> Any:
        """What it waits for; None as soon as the run is called off."""
        ours = asyncio.ensure_future(waiting)
        off = asyncio.ensure_future(self._called_off[assignment.run_id].wait())
        try:
            await asyncio.wait((ours, off), return_when=asyncio.FIRST_COMPLETED)
            return ours.result() if ours.done() else None
        finally:
            ours.cancel()
            off.cancel()

    async def _resolve(self, assignment: Assignment, run: Run) -> tuple[Run, bool]:
        """A call was chosen and paid for, but no outcome is recorded: join it, use it, or count it as lost."""
        call = run.open_call
        if call is None:
            return run, False
        known = await self._router.attach(call.call_id)
        if known is True:
            return run, True
        if known is False:
            along = ((run_stream(assignment.run_id), run.version, rules.lose_call(run)),)
            await self._budget_watch.book_unknown(assignment.origin, call.call_id, call.attempt, "answer lost", along)
        now = await self._load(assignment.run_id)
        if known is False and now.open_call == call:
            # Its money was closed before (it expired meanwhile, or was handed back unsent): only the mark is missing.
            now = await self._append(assignment, now, rules.lose_call(now))
        return now, False

    async def _begin(self, assignment: Assignment, run: Run, steps: tuple[str, ...]) -> Run:
        begun = run_started(assignment, steps, await self._router.is_simulated())
        return await self._append(assignment, run, rules.start(run, begun))

    async def _fail(self, assignment: Assignment, run: Run, reason: str) -> Run:
        """It says nothing about the agent (R17): no model could answer, or something here is broken."""
        if run.started is None:
            run = await self._begin(assignment, run, ())
        return await self._append(assignment, run, rules.fail(run, reason, counts=False))

    async def _reading(self, run: Run, work: Callable[[], T]) -> T:
        """In a thread where earlier answers must be fetched, from the disk or across the network; most stand inline."""
        if all(one.answer.text is not None for one in run.answers):
            return work()
        return await asyncio.to_thread(work)

    async def _finish(self, assignment: Assignment, manifest: RoleManifest, run: Run, work: ModelCalled) -> Run:
        events = rules.succeed(
            run,
            artifact_name=manifest.artifact.name,
            artifact_kind=manifest.artifact.kind,
            work=work.answer,
            summary=await self._reading(run, lambda: summary_of(self._text(work.answer))),
        )
        return await self._append(assignment, run, events)

    async def _load(self, run_id: str) -> Run:
        return (await self._folds.load(run_stream(run_id))).state or rules.initial()

    async def _append(self, assignment: Assignment, run: Run, events: tuple[DomainEvent, ...]) -> Run:
        if events:
            await self._log.append(assignment.origin, (run_stream(assignment.run_id), run.version, events))
        for event in events:
            run = rules.evolve(run, event)
        return run


def _passes(error: Exception) -> bool:
    """Whether trying again may do; what is damaged stays damaged."""
    return isinstance(error, UnavailableError | ConflictError | LogError) and not isinstance(error, CorruptLogError)
