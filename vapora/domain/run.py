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
    AskedCall,
    ChecksRan,
    CodeStepAsked,
    ModelCalled,
    ModelCallFailed,
    ModelCallLost,
    ModelCallWithdrawn,
    QuestionAsked,
    RunCancelled,
    RunContinued,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunTakenOver,
    RunWaiting,
    SetupRan,
    ToolBegun,
    ToolsOffered,
    ToolUsed,
    Verdict,
)
from events.work import Work
from vapora.domain import answer

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 8
# So often the same call with the same result in a row, and the model is told so.
MOST_REPEATS = 5
# So often a run goes on with another agent; then it is the run that does not let agents advance.
MOST_TAKEN_OVER = 3


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A provider was chosen and its money reserved, but no outcome is recorded."""

    call_id: str
    step: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Checked:
    """Checks that ran when the run had so many `answers`."""

    answers: int
    ran: ChecksRan


@dataclass(frozen=True, slots=True)
class Run:
    """`version`: events in the stream. `answers`: one a finished step, in order. `attempts`: per step, how often
    a provider was chosen, so that the next attempt has a number of its own.

    Of the step under way: `unusable`: answers that do not end it; `maybe_billed`: calls without an answer that may have
    been billed; `last_failure`: what the last call without an answer failed of.

    With tools: `offered`: those of servers; `begun_tool`: a call that went out, of which no result is recorded;
    `used`: all tool calls with their results, in order; `question`: one that no person has answered yet;
    `head`: the newest commit that is recorded, None before the first; `repeats`: how often the last call was made with
    the same result, in a row; `warned`: how many answers there were each time that the model was told of that.
    `code_steps`: what the code of an agent written in Python asked for, in order.
    `busy_ms`: what models, tools and commands took; waiting for people is no part of it. `started` names the agent that
    has it now; `epoch` is where the log gave it to that one, 0 for the first, and `taken_over` how often that was.
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
    setup: SetupRan | None = None
    offered: ToolsOffered | None = None
    begun_tool: ToolBegun | None = None
    used: tuple[ToolUsed, ...] = ()
    code_steps: tuple[CodeStepAsked, ...] = ()
    question: QuestionAsked | None = None
    checked: tuple[Checked, ...] = ()
    head: str | None = None
    repeats: int = 0
    warned: tuple[int, ...] = ()
    cost_microusd: int = 0
    busy_ms: int = 0
    artifact: Content | None = None
    ended: RunSucceeded | RunFailed | RunCancelled | None = None
    epoch: int = 0
    taken_over: int = 0

    def next_attempt(self, step: int) -> int:
        return self.attempts[step] + 1 if step < len(self.attempts) else 1


def initial() -> Run:
    return Run()


def evolve(run: Run, event: DomainEvent) -> Run:
    """The run after `event`; events that do not concern its progress only count."""
    version = run.version + 1
    match event:
        case RunStarted():
            return replace(run, version=version, started=event)
        case RunTakenOver():
            started = run.started and run.started.model_copy(update={"agent_id": event.agent_id})
            taken_over = run.taken_over + 1
            return replace(run, version=version, started=started, epoch=event.handed_over_at, taken_over=taken_over)
        case ProviderSelected(call_id=call_id, step=step, attempt=attempt):
            attempts = (*run.attempts, *(0,) * (step + 1 - len(run.attempts)))
            attempts = (*attempts[:step], attempt, *attempts[step + 1 :])
            return replace(run, version=version, open_call=OpenCall(call_id, step, attempt), attempts=attempts)
        case ModelCalled():
            return _answered(run, event)
        case ModelCallFailed():
            billed = run.maybe_billed + event.booked
            return replace(run, version=version, maybe_billed=billed, last_failure=event, open_call=None)
        case ModelCallLost():
            return replace(run, version=version, maybe_billed=run.maybe_billed + 1, open_call=None)
        case ModelCallWithdrawn():
            return replace(run, version=version, open_call=None)
        case ToolsOffered():
            return replace(run, version=version, offered=event)
        case CodeStepAsked():
            return replace(run, version=version, code_steps=(*run.code_steps, event))
        case ToolBegun():
            return replace(run, version=version, begun_tool=event)
        case SetupRan() | ToolUsed() | QuestionAsked() | ChecksRan():
            return _worked(replace(run, version=version), event)
        case RunWaiting(reason=reason):
            return replace(run, version=version, waiting=reason)
        case RunContinued():
            repeats = 0 if run.waiting is WaitReason.RUNAWAY else run.repeats
            return replace(run, version=version, waiting=None, repeats=repeats)
        case ArtifactRecorded(content=content):
            return replace(run, version=version, artifact=content)
        case RunSucceeded() | RunFailed() | RunCancelled():
            return replace(run, version=version, ended=event, open_call=None, waiting=None, question=None)
        case _:
            return replace(run, version=version)


def _answered(run: Run, event: ModelCalled) -> Run:
    usable = answer.judge(event) is answer.Verdict.USABLE
    return replace(
        run,
        version=run.version + 1,
        cost_microusd=run.cost_microusd + event.cost_microusd,
        busy_ms=run.busy_ms + event.latency_ms,
        open_call=None,
        answers=(*run.answers, event) if usable else run.answers,
        unusable=() if usable else (*run.unusable, event),
        maybe_billed=0 if usable else run.maybe_billed,
        last_failure=None if usable else run.last_failure,
    )


def _worked(run: Run, event: SetupRan | ToolUsed | QuestionAsked | ChecksRan) -> Run:
    match event:
        case SetupRan(results=results):
            return replace(run, setup=event, busy_ms=run.busy_ms + sum(one.duration_ms for one in results))
        case QuestionAsked():
            return replace(run, question=event)
        case ChecksRan(results=results):
            busy = run.busy_ms + sum(one.duration_ms for one in results)
            return replace(run, checked=(*run.checked, Checked(len(run.answers), event)), busy_ms=busy)
        case ToolUsed():
            repeats = run.repeats + 1 if run.used and _same(run.used[-1], event) else 1
            return replace(
                run,
                used=(*run.used, event),
                question=None,
                begun_tool=None,
                head=event.commit or run.head,
                repeats=repeats,
                warned=(*run.warned, len(run.answers)) if repeats == MOST_REPEATS else run.warned,
                busy_ms=run.busy_ms + event.duration_ms,
            )


def _same(one: ToolUsed, other: ToolUsed) -> bool:
    """Whether they were asked the same and said the same."""
    return (one.name, one.arguments, one.ok, one.result) == (other.name, other.arguments, other.ok, other.result)


def fold(events: Sequence[DomainEvent]) -> Run:
    run = initial()
    for event in events:
        run = evolve(run, event)
    return run


def start(run: Run, begun: RunStarted) -> tuple[DomainEvent, ...]:
    return () if run.started else (begun,)


def take_over(run: Run, agent_id: str, handed_over_at: int) -> tuple[DomainEvent, ...]:
    """The agent to which the run was handed over goes on with it; the one before records nothing more."""
    begun = _begun(run)
    if run.ended or run.epoch >= handed_over_at:
        return ()
    return (
        RunTakenOver(
            run_id=begun.run_id,
            task_id=begun.task_id,
            agent_id=agent_id,
            from_agent=begun.agent_id,
            handed_over_at=handed_over_at,
        ),
    )


def wait(run: Run, reason: WaitReason, remedy: str, call: AskedCall | None = None) -> tuple[DomainEvent, ...]:
    """Says what the run waits for; once a reason, not with every try. `call`: what a person is asked about."""
    begun = _begun(run)
    if run.ended or run.waiting == reason:
        return ()
    return (RunWaiting(run_id=begun.run_id, task_id=begun.task_id, reason=reason, remedy=remedy, call=call),)


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


def resume(run: Run) -> tuple[DomainEvent, ...]:
    """What it waited for is there."""
    begun = _begun(run)
    return (RunContinued(run_id=begun.run_id, task_id=begun.task_id),) if run.waiting and not run.ended else ()


def succeed(
    run: Run,
    *,
    artifact_name: str,
    artifact_kind: str,
    text: Content,
    summary: str,
    work: Work | None = None,
    review: Verdict | None = None,
) -> tuple[DomainEvent, ...]:
    """`text` is the work product, or what is said of the `work` on the branch."""
    begun = _begun(run)
    if run.ended:
        return ()
    artifact = ArtifactRecorded(
        run_id=begun.run_id,
        task_id=begun.task_id,
        name=artifact_name,
        kind=artifact_kind,
        content=text,
        simulated=begun.simulated,
    )
    return artifact, RunSucceeded(
        run_id=begun.run_id,
        task_id=begun.task_id,
        agent_id=begun.agent_id,
        role=begun.role,
        task_type=begun.task_type,
        summary=summary,
        work=work,
        review=review,
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
