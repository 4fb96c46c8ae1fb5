"""From events to spans: what a task was doing, from its submission to its landing, as the log tells it. A pure fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from events import DomainEvent, Recorded, routing, run, task
from events.work import CommandResult
from vapora import trace_ids as ids

# To be raised with every change of the fold or of its state: what an older one saved is then left aside.
FOLD_VERSION = 1

Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took from `started` to `ended` (UTC). `links`: spans of other traces that it belongs with, as
    (trace id, span id). `error`: what went wrong; None: nothing."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    started: datetime
    ended: datetime
    attributes: Attributes
    error: str | None = None
    kind: Literal["internal", "client"] = "internal"
    links: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class Begun:
    """A span that has not ended. `request_id`: of the append that it began with, where that was a request's own."""

    name: str
    at: datetime
    correlation: str
    span_id: int
    attributes: dict[str, str | int | float | bool] = field(default_factory=dict)
    request_id: str | None = None


@dataclass(slots=True)
class State:
    """`tasks`, `runs`: by id. `waits`: of tasks for an agent and of runs, by stream. `calls`: of models, by run and
    then by call and attempt. `to_land`: when tasks were accepted whose work has not landed, by id."""

    tasks: dict[str, Begun] = field(default_factory=dict)
    runs: dict[str, Begun] = field(default_factory=dict)
    waits: dict[str, Begun] = field(default_factory=dict)
    calls: dict[str, dict[str, Begun]] = field(default_factory=dict)
    to_land: dict[str, Begun] = field(default_factory=dict)


_TO_DO = (task.TaskReopened, task.TaskRejected, task.TaskRecalled, task.TaskReleased, task.TaskRequeued)
_CALL_ENDS = (run.ModelCalled, run.ModelCallFailed, run.ModelCallLost, run.ModelCallWithdrawn)
_RUN_ENDS = (run.RunSucceeded, run.RunFailed, run.RunCancelled)
_TASK_ENDS = (task.TaskCompleted, task.TaskApproved, task.TaskFailed, task.TaskArchived)
_EVENTS: tuple[type[DomainEvent], ...] = (
    task.TaskSubmitted,
    task.TaskAssigned,
    task.AttemptRequested,
    task.TaskSentToReview,
    task.TaskLanded,
    task.LandingRefused,
    *_TO_DO,
    *_TASK_ENDS,
    routing.ProviderSelected,
    run.RunStarted,
    run.RunWaiting,
    run.RunContinued,
    run.SetupRan,
    run.ToolUsed,
    run.ChecksRan,
    *_RUN_ENDS,
    *_CALL_ENDS,
)
TOPICS: tuple[str, ...] = tuple(sorted(one.TOPIC for one in _EVENTS))


class LogSpans:
    """Mutable: `evolve` folds a workspace's log into it, and gives the spans that end with an event. `ratio`: how many
    traces have live spans, on which the first span of a task hangs then."""

    def __init__(self, ratio: float, state: State | None = None) -> None:
        self._ratio = ratio
        self.state = state or State()

    def evolve(self, recorded: Recorded) -> tuple[Span, ...]:
        """Events that it does not need give none; nor does an end whose beginning it has not seen."""
        match recorded.event:
            case task.TaskSubmitted() as event:
                attributes = {"vapora.task": event.task_id, "vapora.task_type": event.task_type}
                self._begin_task(recorded, event.task_id, "task", attributes)
                return ()
            case task.TaskAssigned() as event:
                return self._waited(recorded, {"vapora.agent": event.agent_id, "vapora.policy": event.policy})
            case task.AttemptRequested(task_id=task_id) | task.TaskReopened(task_id=task_id):
                self._begin_task(recorded, task_id, "task again", {"vapora.task": task_id})
                return ()
            case task.TaskRejected() | task.TaskRecalled() | task.TaskReleased() | task.TaskRequeued():
                waited = self._waited(recorded, {})
                self._wait(recorded, {"vapora.reason": recorded.topic})
                return waited
            case task.TaskSentToReview() as event:
                self._wait(recorded, {"vapora.reason": f"review by {event.reviewer}"})
                return ()
            case task.TaskLanded() | task.LandingRefused() as event:
                return self._landing(recorded, event)
            case task.TaskCompleted() | task.TaskApproved() | task.TaskFailed() | task.TaskArchived() as event:
                return self._end_task(recorded, event)
        return self._evolve_run(recorded)

    def _evolve_run(self, recorded: Recorded) -> tuple[Span, ...]:
        match recorded.event:
            case run.RunStarted() as event:
                self.state.runs[event.run_id] = _begun(recorded, "run", ids.run_span(event.run_id), _of_run(event))
            case run.RunWaiting() as event:
                self._wait(recorded, {"vapora.reason": str(event.reason)})
            case run.RunContinued():
                return self._waited(recorded, {})
            case routing.ProviderSelected() as event:
                self._begin_call(recorded, event)
            case run.ModelCalled() | run.ModelCallFailed() | run.ModelCallLost() | run.ModelCallWithdrawn() as event:
                return self._end_call(recorded, event)
            case run.ToolUsed() as event:
                error = None if event.ok else "the tool said that it failed"
                attributes = {"gen_ai.tool.name": event.name, "vapora.step": event.step}
                return self._part(
                    recorded, event.run_id, f"execute_tool {event.name}", event.duration_ms, attributes, error
                )
            case run.SetupRan() as event:
                error = None if event.ok else "a command of the setup failed"
                return self._part(recorded, event.run_id, "setup", _ms(event.results), {"reused": event.reused}, error)
            case run.ChecksRan() as event:
                attributes = {"vapora.verdict": str(event.verdict), "vapora.round": event.round}
                return self._part(recorded, event.run_id, "check", _ms(event.results), attributes, None)
            case run.RunSucceeded() | run.RunFailed() | run.RunCancelled() as event:
                return self._end_run(recorded, event)
        return ()

    # --- tasks ---

    def _begin_task(self, recorded: Recorded, task_id: str, name: str, attributes: dict[str, Any]) -> None:
        if task_id not in self.state.tasks:
            begun = _begun(recorded, name, ids.span_id_of(recorded.stream, recorded.position), attributes)
            begun.request_id = None if recorded.causation else recorded.request_id
            self.state.tasks[task_id] = begun
        self._wait(recorded, {})

    def _end_task(self, recorded: Recorded, event: Any) -> tuple[Span, ...]:
        waited = self._waited(recorded, {})
        begun = self.state.tasks.pop(event.task_id, None)
        if isinstance(event, task.TaskArchived):
            self.state.to_land.pop(event.task_id, None)
        elif begun is not None and (getattr(event, "work", None) or getattr(event, "head", None)):
            self.state.to_land[event.task_id] = Begun(
                "landing", recorded.recorded_at, begun.correlation, begun.span_id, {"vapora.task": event.task_id}
            )
        if begun is None:
            return waited
        begun.attributes["vapora.end"] = recorded.topic
        error = "it failed" if isinstance(event, task.TaskFailed) else None
        return (*waited, self._ended(begun, recorded, None, error))

    def _landing(self, recorded: Recorded, event: task.TaskLanded | task.LandingRefused) -> tuple[Span, ...]:
        known = self.state.to_land.get(event.task_id)
        attributes: dict[str, Any] = {"vapora.task": event.task_id}
        error = None
        if isinstance(event, task.LandingRefused):
            attributes["error.type"], error = event.kind, f"not landed: {event.kind}"
        else:
            attributes["vapora.strategy"] = event.strategy
            self.state.to_land.pop(event.task_id, None)
        begun = _begun(recorded, "landing", ids.span_id_of(recorded.stream, recorded.position), attributes)
        if known is not None and known.correlation == recorded.correlation:
            # Else a person merged it, maybe long after; then it did not take that long.
            begun.at = known.at
        return (self._ended(begun, recorded, known, error),)

    # --- runs ---

    def _end_run(
        self, recorded: Recorded, event: run.RunSucceeded | run.RunFailed | run.RunCancelled
    ) -> tuple[Span, ...]:
        waited = self._waited(recorded, {})
        lost = [
            self._ended(one, recorded, self.state.runs.get(event.run_id), "its run ended first", "client")
            for one in self.state.calls.pop(event.run_id, {}).values()
        ]
        begun = self.state.runs.pop(event.run_id, None)
        if begun is None:
            return (*waited, *lost)
        begun.attributes["vapora.end"] = recorded.topic
        error = "the run failed" if isinstance(event, run.RunFailed) else None
        return (*waited, *lost, self._ended(begun, recorded, self.state.tasks.get(event.task_id), error))

    def _part(
        self, recorded: Recorded, run_id: str, name: str, ms: int, attributes: dict[str, Any], error: str | None
    ) -> tuple[Span, ...]:
        """What is recorded at its end, with the time that it took."""
        owner = self.state.runs.get(run_id)
        begun = _begun(recorded, name, ids.span_id_of(recorded.stream, recorded.position), attributes)
        begun.at -= timedelta(milliseconds=ms)
        return (self._ended(begun, recorded, owner, error),)

    # --- calls of models ---

    def _begin_call(self, recorded: Recorded, event: routing.ProviderSelected) -> None:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": str(event.provider),
            "gen_ai.request.model": event.model,
            "vapora.policy": event.policy,
            "vapora.fallback": event.fallback_reason is not None,
            "vapora.step": event.step,
            "vapora.attempt": event.attempt,
            "vapora.simulated": event.simulated,
        }
        span_id = ids.call_span(event.run_id, event.call_id, event.attempt)
        calls = self.state.calls.setdefault(event.run_id, {})
        calls[f"{event.call_id} {event.attempt}"] = _begun(recorded, f"chat {event.model}", span_id, attributes)

    def _end_call(self, recorded: Recorded, event: Any) -> tuple[Span, ...]:
        calls = self.state.calls.get(event.run_id, {})
        begun = calls.pop(f"{event.call_id} {event.attempt}", None)
        if begun is None or isinstance(event, run.ModelCallWithdrawn):
            return ()  # nothing went out
        error = None
        match event:
            case run.ModelCalled():
                begun.at = recorded.recorded_at - timedelta(milliseconds=event.latency_ms)
                begun.attributes |= {
                    "gen_ai.usage.input_tokens": event.tokens.input,
                    "gen_ai.usage.output_tokens": event.tokens.output,
                    "vapora.cost_microusd": int(event.cost_microusd),
                    "vapora.finish": event.finish,
                }
            case run.ModelCallFailed():
                begun.attributes["error.type"] = error = event.error
            case _:
                begun.attributes["error.type"] = error = "lost"
        return (self._ended(begun, recorded, self.state.runs.get(event.run_id), error, "client"),)

    # --- parts ---

    def _wait(self, recorded: Recorded, attributes: dict[str, Any]) -> None:
        span_id = ids.span_id_of(recorded.stream, f"{recorded.position} waited")
        self.state.waits.setdefault(recorded.stream, _begun(recorded, "waited", span_id, attributes))

    def _waited(self, recorded: Recorded, attributes: dict[str, Any]) -> tuple[Span, ...]:
        begun = self.state.waits.pop(recorded.stream, None)
        if begun is None:
            return ()
        begun.attributes |= attributes
        kind, _, name = recorded.stream.partition(":")
        owner = (self.state.tasks if kind == "task" else self.state.runs).get(name)
        return (self._ended(begun, recorded, owner, None),)

    def _ended(
        self,
        begun: Begun,
        recorded: Recorded,
        owner: Begun | None,
        error: str | None,
        kind: Literal["internal", "client"] = "internal",
    ) -> Span:
        """`owner`: what it is a part of. Where that belongs to another request, it is linked, and no parent."""
        parent: int | None = None
        links: tuple[tuple[int, int], ...] = ()
        if owner is not None and owner.correlation == begun.correlation:
            parent = owner.span_id
        elif owner is not None:
            links = ((ids.trace_id_of(owner.correlation), owner.span_id),)
        elif begun.request_id is not None and ids.goes_on(begun.correlation, self._ratio):
            parent = ids.append_span(begun.request_id)
        return Span(
            name=begun.name,
            trace_id=ids.trace_id_of(begun.correlation),
            span_id=begun.span_id,
            parent_id=parent,
            started=min(begun.at, recorded.recorded_at),
            ended=recorded.recorded_at,
            attributes={
                **begun.attributes,
                "vapora.workspace": recorded.workspace,
                "vapora.correlation": begun.correlation,
                "vapora.position": recorded.position,
            },
            error=error,
            kind=kind,
            links=links,
        )


def _begun(recorded: Recorded, name: str, span_id: int, attributes: dict[str, Any]) -> Begun:
    return Begun(name, recorded.recorded_at, recorded.correlation, span_id, dict(attributes))


def _of_run(event: run.RunStarted) -> dict[str, Any]:
    return {
        "vapora.run": event.run_id,
        "vapora.task": event.task_id,
        "vapora.agent": event.agent_id,
        "vapora.role": event.role,
        "vapora.task_type": event.task_type,
        "vapora.purpose": event.purpose,
        "vapora.simulated": event.simulated,
    }


def _ms(results: tuple[CommandResult, ...]) -> int:
    return sum(one.duration_ms for one in results)
