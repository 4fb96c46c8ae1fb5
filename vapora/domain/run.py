"""A run: one agent's attempt at one task. The fold says what is recorded, so that a killed run goes on after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from events import DomainEvent
from events.content import Content
from events.ids import WaitReason
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
from vapora.domain.answer import Verdict, judge

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 3


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A provider was chosen and its money reserved, but no outcome is recorded."""

    call_id: str
    step: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Run:
    """`version`: events in the stream. `answers`: one a finished step, in order. `attempts`: per step, how often
    a provider was chosen, so that the next attempt has a number of its own.

    Of the step under way: `unusable`: answers that do not end it; `maybe_billed`: calls without an answer that may have
    been billed; `last_failure`: what the last call without an answer failed of.
    """

    version: int = 0
    started: RunStarted | None = None
    answers: tuple[ModelCalled, ...] = ()
    unusable: tuple[ModelCalled, ...] = ()
    maybe_billed: int = 0
    last_failure: ModelCallFailed | None = None
    open_call: OpenCall | None = None
    attempts: tuple[int, ...] = ()
    waiting: WaitReason | None = None
    ended: RunSucceeded | RunFailed | RunCancelled | None = None

    def next_attempt(self, step: int) -> int:
        return self.attempts[step] + 1 if step < len(self.attempts) else 1


def initial() -> Run:
    return Run()


def evolve(run: Run, event: DomainEvent) -> Run:
    """The run after `event`; events that do not concern its progress only count."""
    run = replace(run, version=run.version + 1)
    match event:
        case RunStarted():
            return replace(run, started=event)
        case ProviderSelected(call_id=call_id, step=step, attempt=attempt):
            attempts = (*run.attempts, *(0,) * (step + 1 - len(run.attempts)))
            attempts = (*attempts[:step], attempt, *attempts[step + 1 :])
            return replace(run, open_call=OpenCall(call_id, step, attempt), attempts=attempts)
        case ModelCalled() if judge(event) is not Verdict.USABLE:
            return replace(run, unusable=(*run.unusable, event), open_call=None)
        case ModelCalled():
            run = replace(run, unusable=(), maybe_billed=0, last_failure=None)
            return replace(run, answers=(*run.answers, event), open_call=None)
        case ModelCallFailed():
            return replace(run, maybe_billed=run.maybe_billed + event.booked, last_failure=event, open_call=None)
        case ModelCallLost():
            return replace(run, maybe_billed=run.maybe_billed + 1, open_call=None)
        case ModelCallWithdrawn():
            return replace(run, open_call=None)
        case RunWaiting(reason=reason):
            return replace(run, waiting=reason)
        case RunContinued():
            return replace(run, waiting=None)
        case RunSucceeded() | RunFailed() | RunCancelled():
            return replace(run, ended=event, open_call=None, waiting=None)
        case _:
            return run


def fold(events: Sequence[DomainEvent]) -> Run:
    run = initial()
    for event in events:
        run = evolve(run, event)
    return run


def start(run: Run, begun: RunStarted) -> tuple[DomainEvent, ...]:
    return () if run.started else (begun,)


def wait(run: Run, reason: WaitReason, remedy: str) -> tuple[DomainEvent, ...]:
    """Says what the run waits for; once a reason, not with every try."""
    begun = _begun(run)
    if run.ended or run.waiting == reason:
        return ()
    return (RunWaiting(run_id=begun.run_id, task_id=begun.task_id, reason=reason, remedy=remedy),)


def lose_call(run: Run) -> tuple[DomainEvent, ...]:
    """The answer of the open call is gone."""
    begun, call = _begun(run), run.open_call
    if call is None or run.ended:
        return ()
    return (
        ModelCallLost(
            run_id=begun.run_id, task_id=begun.task_id, call_id=call.call_id, step=call.step, attempt=call.attempt
        ),
    )


def succeed(
    run: Run, *, artifact_name: str, artifact_kind: str, work: Content, summary: str
) -> tuple[DomainEvent, ...]:
    """Every step has its answer: the last one is the work product."""
    begun = _begun(run)
    if run.ended:
        return ()
    artifact = ArtifactRecorded(
        run_id=begun.run_id,
        task_id=begun.task_id,
        name=artifact_name,
        kind=artifact_kind,
        content=work,
        simulated=begun.simulated,
    )
    return artifact, RunSucceeded(
        run_id=begun.run_id,
        task_id=begun.task_id,
        agent_id=begun.agent_id,
        role=begun.role,
        task_type=begun.task_type,
        summary=summary,
        simulated=begun.simulated,
    )


def fail(run: Run, reason: str, *, counts: bool) -> tuple[DomainEvent, ...]:
    """`counts`: false where it says nothing about the agent (R17)."""
    begun = _begun(run)
    if run.ended:
        return ()
    return (
        RunFailed(
            run_id=begun.run_id,
            task_id=begun.task_id,
            agent_id=begun.agent_id,
            role=begun.role,
            task_type=begun.task_type,
            reason=reason,
            counts=counts,
            simulated=begun.simulated,
        ),
    )


def cancel(run: Run, reason: str) -> tuple[DomainEvent, ...]:
    begun = _begun(run)
    if run.ended:
        return ()
    return (
        RunCancelled(
            run_id=begun.run_id,
            task_id=begun.task_id,
            agent_id=begun.agent_id,
            reason=reason,
            simulated=begun.simulated,
        ),
    )


def _begun(run: Run) -> RunStarted:
    if run.started is None:
        raise ValueError("the run has not started")
    return run.started
