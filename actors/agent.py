"""An agent: brings runs to their end, step by step, each step an event.

What is recorded is never asked for again: a run that was killed goes on behind its last answer. Everything the agent knows
stands in the run's stream, so it holds nothing that a crash could take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog

from actors.follower import cancel
from actors.messages import Answered, Assignment, Call, NoProvider, Outcome, OutOfBudget
from actors.script import call_for, run_started, summary_of
from events import DomainEvent
from events.content import Content
from events.ids import WaitReason, run_stream
from vapora.catalog import RoleManifest
from vapora.clock import Clock
from vapora.domain import run as rules
from vapora.domain.run import Run
from vapora.errors import UnavailableError, VaporaError, VersionConflictError
from vapora.log.client import LogClient
from vapora.ports import Origin

_RETRY_S = 0.5
_LONGEST_SLEEP_S = 60.0


class Router(Protocol):
    """What an agent asks of the router."""

    async def complete(self, call: Call) -> Outcome: ...
    async def attach(self, call_id: str) -> Outcome | bool: ...
    async def drop(self, origin: Origin, call_id: str) -> None: ...
    async def is_simulated(self) -> bool: ...


class Purse(Protocol):
    """What an agent asks of the budget manager: to book the call whose answer a crash took."""

    async def book_unknown(self, origin: Origin, call_id: str, attempt: int, reason: str, along: Any = ()) -> int: ...


class Agent:
    """`text` reads the content that a run's events name."""

    def __init__(
        self,
        agent_id: str,
        log: LogClient,
        router: Router,
        purse: Purse,
        roles: Callable[[str], RoleManifest],
        text: Callable[[Content], str],
        clock: Clock,
    ) -> None:
        self._id = agent_id
        self._log = log
        self._router = router
        self._purse = purse
        self._roles = roles
        self._text = text
        self._clock = clock
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._cancelled: dict[str, str] = {}
        self._journal = structlog.get_logger(f"agent/{agent_id}")

    async def start(self) -> None:
        """Nothing to rebuild: the coordinator sends again what is assigned and not ended."""

    async def stop(self) -> None:
        for task in list(self._runs.values()):
            await cancel(task)

    async def health(self) -> dict[str, Any]:
        return {"runs": sorted(self._runs)}

    async def perform(self, assignments: Sequence[Assignment]) -> None:
        """Bring these runs to their end; those that are under way already are left alone."""
        for assignment in assignments:
            if assignment.run_id not in self._runs:
                task = asyncio.create_task(self._perform(assignment), name=assignment.run_id)
                self._runs[assignment.run_id] = task
                task.add_done_callback(lambda _, run_id=assignment.run_id: self._runs.pop(run_id, None))

    async def cancel(self, assignment: Assignment, reason: str) -> None:
        """End the run without a result. A call that is out is waited for: its money is spent."""
        self._cancelled[assignment.run_id] = reason
        await self.perform([assignment])

    # --- one run ---

    async def _perform(self, assignment: Assignment) -> None:
        while True:
            try:
                run = await self._load(assignment.run_id)
                if run.ended is None:
                    await self._go_on(assignment, run)
                self._cancelled.pop(assignment.run_id, None)
                return
            except (UnavailableError, VersionConflictError) as error:
                # Somebody was restarted, or recorded something for this run: look again at what stands.
                self._journal.info("looking again", run=assignment.run_id, why=str(error))
                await asyncio.sleep(_RETRY_S)
            except VaporaError as error:
                self._journal.exception("run failed", run=assignment.run_id)
                run = await self._load(assignment.run_id)
                await self._append(assignment, run, rules.fail(run, str(error), counts=False))
                return

    async def _go_on(self, assignment: Assignment, run: Run) -> None:
        manifest = self._roles(assignment.role)
        if run.started is None:
            begun = run_started(assignment, manifest, await self._router.is_simulated())
            run = await self._append(assignment, run, rules.start(run, begun))
        held = False  # the next call is chosen and paid for, and the router knows that it was not sent
        while run.ended is None:
            if run.open_call is not None and not held:
                run, held = await self._resolve(assignment, run)
            elif assignment.run_id in self._cancelled:
                if held and run.open_call is not None:
                    await self._router.drop(assignment.origin, run.open_call.call_id)
                reason = self._cancelled[assignment.run_id]
                run = await self._append(assignment, run, rules.cancel(run, reason))
            elif len(run.answers) == len(manifest.steps):
                run = await self._finish(assignment, manifest, run)
            else:
                run, held = await self._step(assignment, manifest, run)

    async def _step(self, assignment: Assignment, manifest: RoleManifest, run: Run) -> tuple[Run, bool]:
        """Have the next step answered, or wait for what it lacks; whether the step after it is paid for."""
        outcome = await self._router.complete(call_for(assignment, manifest, run, self._text))
        for event in outcome.events:
            run = rules.evolve(run, event)
        if isinstance(outcome, Answered):
            return run, outcome.held
        return await self._obstacle(assignment, run, outcome), False

    async def _obstacle(self, assignment: Assignment, run: Run, outcome: Outcome) -> Run:
        """Show what the run waits for, and wait; or end it if waiting is in vain."""
        match outcome:
            case OutOfBudget(remedy=remedy, contended=contended, until=until):
                run = await self._append(assignment, run, rules.wait(run, WaitReason.BUDGET, remedy))
                if not contended:
                    await self._until(assignment, until, "budget.set")
            case NoProvider(remedy=remedy, retry_at=retry_at):
                run = await self._append(assignment, run, rules.wait(run, WaitReason.PROVIDER, remedy))
                await self._until(assignment, retry_at)
            case _:
                reason = getattr(outcome, "reason", "no answer")
                run = await self._append(assignment, run, rules.fail(run, reason, counts=False))
        return run

    async def _until(self, assignment: Assignment, instant: datetime | None, *topics: str) -> None:
        """Sleep until `instant`, an event of one of the `topics`, or a cancellation."""
        head = await self._log.head()
        while assignment.run_id not in self._cancelled:
            left = _LONGEST_SLEEP_S if instant is None else (instant - self._clock()).total_seconds()
            if left <= 0:
                return
            pause = min(left, 1.0 if not topics else 5.0)
            if not topics:
                await asyncio.sleep(pause)
                continue
            polled = await self._log.poll(head, 1, pause, topics)
            if polled.events:
                return
            head = polled.position

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
            await self._purse.book_unknown(assignment.origin, call.call_id, call.attempt, "answer lost", along)
        return await self._load(assignment.run_id), False

    async def _finish(self, assignment: Assignment, manifest: RoleManifest, run: Run) -> Run:
        answer = run.answers[-1].answer
        events = rules.succeed(
            run,
            artifact_name=manifest.artifact.name,
            artifact_kind=manifest.artifact.kind,
            work=answer,
            summary=summary_of(self._text(answer)),
        )
        return await self._append(assignment, run, events)

    async def _load(self, run_id: str) -> Run:
        return rules.fold([recorded.event for recorded in await self._log.read(run_stream(run_id))])

    async def _append(self, assignment: Assignment, run: Run, events: tuple[DomainEvent, ...]) -> Run:
        if events:
            await self._log.append(assignment.origin, (run_stream(assignment.run_id), run.version, events))
        for event in events:
            run = rules.evolve(run, event)
        return run
